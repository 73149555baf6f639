"""Times as the providers write them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from receiver.fields import Fields
from receiver.times import UNREADABLE, local_time, unix_time

AT = datetime(2023, 7, 23, 15, 7, 24, tzinfo=UTC)
NAIVE = datetime(2018, 12, 30, 23, 59, 59)  # noqa: DTZ001  the provider names no zone
MALAYSIA = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("value", "time", "flags"),
    [
        pytest.param(1690124844, AT, [], id="number"),
        pytest.param("1690124844", AT, [], id="string"),
        pytest.param(1690124844.0, AT, [], id="float"),
        pytest.param(1690124844000, AT, [], id="milliseconds"),
        pytest.param("1690124844000", AT, [], id="milliseconds in a string"),
        pytest.param("1690124844.5", AT.replace(microsecond=500_000), [], id="half a second"),
        pytest.param(None, None, [], id="absent"),
        pytest.param("", None, [], id="empty"),
        pytest.param(0, None, [UNREADABLE], id="zero"),
        pytest.param(-1, None, [UNREADABLE], id="negative"),
        pytest.param("yesterday", None, [UNREADABLE], id="no number"),
        pytest.param("nan", None, [UNREADABLE], id="not a number"),
        pytest.param("inf", None, [UNREADABLE], id="infinity"),
        pytest.param("9" * 30, None, [UNREADABLE], id="after the last year"),
    ],
)
def test_unix_time(value: Any, time: datetime | None, flags: list[str]) -> None:
    fields = Fields({"x": value})
    assert (unix_time(fields, "x"), fields.flags) == (time, flags)


@pytest.mark.parametrize(
    ("value", "time", "flags"),
    [
        pytest.param("2018-12-30 23:59:59", NAIVE, [], id="as documented: no zone"),
        pytest.param("2018-12-30+23:59:59", NAIVE, [], id="a + that was not decoded"),
        pytest.param("2018-12-30T23:59:59", NAIVE, [], id="ISO 8601"),
        pytest.param("2018-12-30T23:59:59+08:00", NAIVE.replace(tzinfo=MALAYSIA), [], id="with a zone"),
        pytest.param("2018-12-30T23:59:59Z", NAIVE.replace(tzinfo=UTC), [], id="in UTC"),
        pytest.param(None, None, [], id="absent"),
        pytest.param("", None, [], id="empty"),
        pytest.param("30/12/2018 23:59", None, [UNREADABLE], id="another order"),
        pytest.param("2018-02-30 00:00:00", None, [UNREADABLE], id="no such day"),
        pytest.param(1690124844, None, [UNREADABLE], id="a UNIX time"),
    ],
)
def test_local_time(value: Any, time: datetime | None, flags: list[str]) -> None:
    fields = Fields({"x": value})
    assert (local_time(fields, "x"), fields.flags) == (time, flags)
