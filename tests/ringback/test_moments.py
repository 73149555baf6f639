"""Moments: what the lists and the log print as a time, and all else that a person may type for one."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ringback.terminal.choose import ChoiceError
from ringback.terminal.moments import since, written

NOW = datetime(2026, 3, 2, 8, 15, 30, tzinfo=UTC)
EIGHT = NOW.replace(minute=0, second=0)


@pytest.fixture(autouse=True)
def kuala_lumpur(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be in a zone that is eight hours ahead of UTC."""
    monkeypatch.setenv("TZ", "Asia/Kuala_Lumpur")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        pytest.param("90", NOW - timedelta(seconds=90), id="seconds"),
        pytest.param("2h", NOW - timedelta(hours=2), id="hours"),
        pytest.param("1.5d", NOW - timedelta(days=1.5), id="a day and a half"),
        pytest.param("2026-03-02T08:00:00Z", EIGHT, id="UTC"),
        pytest.param("2026-03-02T08:00:00.000Z", EIGHT, id="as quarantine ls --json"),
        pytest.param("2026-03-02T08:00:00.250000Z", EIGHT.replace(microsecond=250_000), id="as a log line in JSON"),
        pytest.param("2026-03-02t16:00:00.5+08:00", EIGHT.replace(microsecond=500_000), id="a zone"),
        pytest.param("2026-03-02 08:00:00Z", EIGHT, id="as the lists"),
        pytest.param("2026-03-02 08:00:00", EIGHT, id="as the lists, less its zone"),
        pytest.param("2026-03-02T08:00", EIGHT, id="minutes"),
        pytest.param("2026-03-02", NOW.replace(hour=0, minute=0, second=0), id="a date"),
        pytest.param("16:00:00", EIGHT, id="as a log line in a terminal"),
        pytest.param("16:00", EIGHT, id="hours and minutes"),
        pytest.param("16:30", EIGHT.replace(minute=30) - timedelta(days=1), id="yesterday"),
        pytest.param("08:00Z", EIGHT, id="a time of day with a zone"),
        pytest.param("2200-01-01", datetime(2200, 1, 1, tzinfo=UTC), id="to come"),
    ],
)
def test_since(typed: str, moment: datetime) -> None:
    assert since(typed, NOW) == moment


@pytest.mark.parametrize(
    "typed",
    ["", "soon", "-2h", "2 weeks", "2026-13-01", "2026-03-02 8 pm", "25:00", "9999999d", "99999999999999d",
     "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"],
)  # fmt: skip
def test_no_since(typed: str) -> None:
    with pytest.raises(ChoiceError) as raised:
        since(typed, NOW)
    assert str(raised.value) == (
        f'--since "{typed}": write a duration such as 2h, a date such as 2026-03-02, or a time such as '
        "2026-03-02T08:00:00Z"
    )


def test_what_is_printed_can_be_typed() -> None:
    assert written(NOW) == written(NOW.astimezone()) == "2026-03-02 08:15:30Z"
    assert since(written(NOW), NOW) == NOW
