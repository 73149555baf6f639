"""Lookup: events and requests by how their ids begin, in a real stream; and what a person types of what was printed."""

from collections.abc import Iterator

import pytest
from redis import Redis

from ringback.reading.entries import Entries
from ringback.reading.stream import Stream
from ringback.schemas.keys import Keys
from ringback.terminal.choose import ChoiceError

KEYS = Keys("lookup")
MANY = 500  # more than a page
EVENTS = {
    "1700000000000-0": "3045c8aaaaaaaaaaaaaaaaaaaaaaaaaa",
    "1700000000000-1": "3045d1bbbbbbbbbbbbbbbbbbbbbbbbbb",
    "1700000000000-10": "17000cccccccccccccccccccccccccccc",
    "1700000001234-0": "9f9f9fdddddddddddddddddddddddddd",
    "1700000002000-0": "9f9f9fdddddddddddddddddddddddddd",  # a repeat that came when the first was forgotten
    **{f"1800000000000-{number}": f"eeee{number:028x}" for number in range(MANY)},
}


@pytest.fixture(scope="module")
def redis(redis_url: str) -> Iterator[Redis]:
    """Return a Redis whose stream has these events."""
    client = Redis.from_url(redis_url)
    for entry_id, event_id in EVENTS.items():
        client.xadd(KEYS.events, {"id": event_id}, entry_id)
    client.set(KEYS.seen("3045c8aaaaaaaaaaaaaaaaaaaaaaaaaa"), "1700000000000-0")
    client.set(KEYS.seen("trimmed"), "1600000000000-0")
    yield client
    client.delete(KEYS.events)


@pytest.mark.parametrize(
    ("typed", "entry_id"),
    [
        pytest.param("3045c8aaaaaaaaaaaaaaaaaaaaaaaaaa", "1700000000000-0", id="an event's id that is remembered"),
        pytest.param("3045d1bbbbbbbbbbbbbbbbbbbbbbbbbb", "1700000000000-1", id="one that is not"),
        pytest.param("3045c8", "1700000000000-0", id="its beginning"),
        pytest.param("3045d", "1700000000000-1", id="another's, on the last page"),
        pytest.param("17000c", "1700000000000-10", id="one that begins like the entries"),
        pytest.param("9f9f", "1700000002000-0", id="two entries of one event: the newer"),
        pytest.param("1700000000000-1", "1700000000000-1", id="an entry's id, and the beginning of another"),
        pytest.param("1700000001", "1700000001234-0", id="an entry's beginning"),
        pytest.param("1700000001234", "1700000001234-0", id="an entry's time"),
        pytest.param("1700000001234-", "1700000001234-0", id="an entry's time and hyphen"),
        pytest.param("eeee00000000000000000000000001f3", "1800000000000-499", id="the newest"),
    ],
)
def test_an_event(redis: Redis, typed: str, entry_id: str) -> None:
    assert Stream(redis, KEYS).entry_ids([typed]) == [entry_id]


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        pytest.param("3045", "2 events have ids that begin with 3045: 3045d1bbbbbbbbbbbbbbbbbbbbbbbbbb, "
                     "3045c8aaaaaaaaaaaaaaaaaaaaaaaaaa; write more of it", id="two"),
        pytest.param("17000000000", "3 events have ids that begin with 17000000000: 1700000000000-0, 1700000000000-1, "
                     "1700000000000-10; write more of it", id="entries"),
        pytest.param("eeee", "more than 5 events have ids that begin with eeee, such as "
                     f"{', '.join(f'eeee{number:028x}' for number in range(499, 494, -1))}; write more of it",
                     id="many"),
        pytest.param("beef", "no event beef in the stream; it may have been trimmed", id="none"),
        pytest.param("trimmed", "no event trimmed in the stream; it may have been trimmed", id="one that is trimmed"),
        pytest.param("045c8aaa", "no event 045c8aaa in the stream; it may have been trimmed", id="its middle"),
        pytest.param("1800000000000-500", "no event 1800000000000-500 in the stream; it may have been trimmed",
                     id="no entry"),
        pytest.param("9" * 5000, f"no event {'9' * 5000} in the stream; it may have been trimmed", id="no number"),
        pytest.param("--------", "no event -------- in the stream; it may have been trimmed", id="hyphens"),
    ],
)  # fmt: skip
def test_no_event(redis: Redis, typed: str, error: str) -> None:
    with pytest.raises(ChoiceError) as raised:
        Stream(redis, KEYS).entry_ids([typed])
    assert str(raised.value) == error


def test_several_events_in_their_order_each_once(redis: Redis) -> None:
    typed = ["9f9f9f", "1700000000000-1", "3045d1", "3045c8"]
    assert Stream(redis, KEYS).entry_ids(typed) == ["1700000002000-0", "1700000000000-1", "1700000000000-0"]


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("1", ["1700000000000-0", "1700000000000-1", "1700000000000-10"]),
        ("17000000000", ["1700000000000-0", "1700000000000-1", "1700000000000-10"]),
        ("1700000000000-1", ["1700000000000-1", "1700000000000-10"]),
        ("1700000000000-0", ["1700000000000-0"]),
        ("1700000000000-00", []),
        ("01700000000000", []),
        ("x-1", []),
        ("", []),
    ],
)
def test_entries_by_their_beginning(redis: Redis, typed: str, ids: list[str]) -> None:
    found = [entry_id for entry_id, _ in Entries(redis, KEYS.events).beginning(typed)]
    assert found[: len(ids)] == ids
    assert bool(found) is bool(ids)
    assert all(one.startswith(typed) for one in found)
