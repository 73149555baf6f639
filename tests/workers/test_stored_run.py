"""StoredRun: whatever waits comes back as it was, with the event's bytes as they were received."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.workers.failures.stored_run import StoredRun, StoredRunError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
RECORDS = st.builds(
    StoredRun,
    handler=TEXTS,
    event_id=TEXTS,
    key=TEXTS,
    event=st.binary(),
    advanced=st.none() | st.booleans(),
    attempts=st.integers(0, 1000),
    errors=st.lists(TEXTS, max_size=10).map(tuple),
    replay=st.booleans(),
    letter=st.none() | TEXTS,
)


@given(RECORDS)
def test_it_comes_back_as_it_was(record: StoredRun) -> None:
    stored = record.dump()
    assert StoredRun.load(stored) == record
    probed = StoredRun.load(b"!" + stored)
    assert probed.probe
    assert probed.dump() == stored, "a trial run is noted as any other"


@given(st.binary())
def test_any_other_bytes_are_refused(stored: bytes) -> None:
    with pytest.raises(StoredRunError, match="a waiting run cannot be read"):
        StoredRun.load(stored)


@pytest.mark.parametrize("stored", [b"", b"[]\n{}", b"1", b'{"handler":"h"}\n{}', b'{"a":' * 100_000])
def test_what_is_no_record(stored: bytes) -> None:
    with pytest.raises(StoredRunError):
        StoredRun.load(stored)


def test_the_event_is_kept_as_it_is_and_little_is_added() -> None:
    event = b'{"id": "1",\n "text": "\xff"}'
    stored = StoredRun("handlers.greet", "1", "5-0", event).dump()
    assert stored == b'{"handler":"handlers.greet","event_id":"1","key":"5-0"}\n' + event


def test_the_same_run_is_one_member_and_others_are_not() -> None:
    one = StoredRun("h", "1", "5-0", b"{}")
    assert one.dump() == StoredRun("h", "1", "5-0", b"{}").dump()
    assert one.dump() != StoredRun("h", "1", "5-0 again", b"{}").dump()


def test_a_failure_adds_an_attempt_and_the_last_errors_are_kept() -> None:
    record = StoredRun("h", "1", "5-0", b"{}", probe=True)
    for number in range(12):
        record = record.failed(f"Error{number}")
    assert (record.attempts, record.probe) == (12, False)
    assert record.errors == tuple(f"Error{number}" for number in range(2, 12))
