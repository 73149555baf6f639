"""Times as the providers write them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ringback.receiver.parsing.fields import Fields
from ringback.receiver.parsing.numbers import Written
from ringback.receiver.parsing.times import IMPRECISE, UNREADABLE, local_time, to_the_second, unix_time

AT = datetime(2023, 7, 23, 15, 7, 24, tzinfo=UTC)
NAIVE = datetime(2018, 12, 30, 23, 59, 59)  # noqa: DTZ001  the provider names no zone
MALAYSIA = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("value", "time", "flags"),
    [
        pytest.param(1690124844, AT, [], id="number"),
        pytest.param("1690124844", AT, [], id="string"),
        pytest.param(Written("1690124844.0"), AT, [], id="JSON number with a fraction"),
        pytest.param(Written("1.690124844e9"), AT, [], id="JSON number with an exponent"),
        pytest.param("1690124844.123456", AT.replace(microsecond=123_456), [], id="exact to the microsecond"),
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
        pytest.param("253402300800000", None, [UNREADABLE], id="the first millisecond after it"),
        pytest.param("1e9999", None, [UNREADABLE], id="a huge exponent"),
        pytest.param("1e-9999", None, [UNREADABLE], id="a tiny exponent"),
        pytest.param("1_690_124_844", None, [UNREADABLE], id="Python's own writing"),
        pytest.param({"seconds": 1690124844}, None, [UNREADABLE], id="object"),
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
        pytest.param("20181230T235959", NAIVE, [], id="ISO 8601, the short form"),
        pytest.param("2018-12-30T23:59:59+08:00", NAIVE.replace(tzinfo=MALAYSIA), [], id="with a zone"),
        pytest.param("2018-12-30T23:59:59Z", NAIVE.replace(tzinfo=UTC), [], id="in UTC"),
        pytest.param("2018-12-30 23:59:59.5", NAIVE.replace(microsecond=500_000), [], id="with a fraction"),
        pytest.param("2018-12-30 23:59", NAIVE.replace(second=0), [IMPRECISE], id="without seconds"),
        pytest.param("20181230T2359", NAIVE.replace(second=0), [IMPRECISE], id="the short form without seconds"),
        pytest.param(
            "2018-12-30 23:59+08:00",
            NAIVE.replace(second=0, tzinfo=MALAYSIA),
            [IMPRECISE],
            id="without seconds, with a zone",
        ),
        pytest.param("2018-12-30T23", None, [IMPRECISE], id="an hour alone"),
        pytest.param("2018-12-30", None, [IMPRECISE], id="a day alone"),
        pytest.param("20181230", None, [IMPRECISE], id="a day alone, the short form"),
        pytest.param(20181230, None, [IMPRECISE], id="a day alone, as a number"),
        pytest.param("2018-W52-7", None, [IMPRECISE], id="a day of a week"),
        pytest.param(None, None, [], id="absent"),
        pytest.param("", None, [], id="empty"),
        pytest.param("30/12/2018 23:59", None, [UNREADABLE], id="another order"),
        pytest.param("2018-02-30 00:00:00", None, [UNREADABLE], id="no such day"),
        pytest.param("0001-01-01 00:00:00", None, [UNREADABLE], id="a time that was never set"),
        pytest.param("1970-01-01 00:00:00", None, [UNREADABLE], id="a UNIX time that was never set"),
        pytest.param("9999-12-31 23:59:59", None, [UNREADABLE], id="the end of time"),
        pytest.param(1690124844, None, [UNREADABLE], id="a UNIX time"),
        pytest.param({"date": "2018-12-30"}, None, [UNREADABLE], id="object"),
    ],
)
def test_local_time(value: Any, time: datetime | None, flags: list[str]) -> None:
    fields = Fields({"x": value})
    assert (local_time(fields, "x"), fields.flags) == (time, flags)
    assert to_the_second(fields) is (IMPRECISE not in flags)
