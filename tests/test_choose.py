"""Choosing: what a person types on the command line, and the one thing that it names."""

from datetime import UTC, datetime, timedelta

import pytest

from ringback.choose import ChoiceError, by_prefix, handler_named, short_length, since

NOW = datetime(2026, 3, 2, 8, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        pytest.param("1a2b", "1a2b", id="whole"),
        pytest.param("2", "2c", id="its beginning"),
        pytest.param("1a", "1a", id="whole, and the beginning of another"),
    ],
)
def test_an_id(typed: str, found: str) -> None:
    assert by_prefix(typed, ["1a", "1a2b", "1a2c", "2c"], "things") == found


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        pytest.param("1a2", "2 things have ids that begin with 1a2; write more of it", id="several"),
        pytest.param("a2", "none of the things has the id a2", id="its middle"),
        pytest.param("", "none of the things has the id ", id="nothing"),
    ],
)
def test_no_id(typed: str, error: str) -> None:
    with pytest.raises(ChoiceError) as raised:
        by_prefix(typed, ["1a", "1a2b", "1a2c"], "things")
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ("ids", "length"),
    [
        pytest.param([], 8, id="none"),
        pytest.param(["0123456789", "1123456789"], 8, id="different early"),
        pytest.param(["0123456789", "0123456788"], 10, id="different late"),
        pytest.param(["0123456789", "0123456789"], 8, id="the same"),
        pytest.param(["01234567", "0123456789"], 9, id="one the beginning of another"),
    ],
)
def test_how_much_of_an_id_is_clear(ids: list[str], length: int) -> None:
    assert short_length(ids) == length


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        pytest.param("shop.sms.greet", "shop.sms.greet", id="whole"),
        pytest.param("alert", "shop.sms.alert", id="without its module"),
        pytest.param("sms.alert", "shop.sms.alert", id="with some of its module"),
        pytest.param("greet#2", "shop.sms.greet#2", id="the second declaration"),
        pytest.param("sms.greet", "sms.greet", id="whole, and the end of another"),
        pytest.param("lert", None, id="half a word"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_handler(typed: str, found: str | None) -> None:
    names = ["shop.sms.greet", "shop.sms.greet#2", "shop.sms.alert", "sms.greet"]
    assert handler_named(typed, [*names, *names]) == found


def test_several_handlers() -> None:
    with pytest.raises(ChoiceError) as raised:
        handler_named("greet", ["b.greet", "a.greet", "b.greet"])
    assert str(raised.value) == '--handler "greet": write which of a.greet, b.greet'


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        pytest.param("90", NOW - timedelta(seconds=90), id="seconds"),
        pytest.param("2h", NOW - timedelta(hours=2), id="hours"),
        pytest.param("1.5d", NOW - timedelta(days=1.5), id="a day and a half"),
        pytest.param("2026-03-02T08:00:00Z", NOW.replace(minute=0, second=0), id="UTC"),
        pytest.param("2026-03-02t16:00:00.5+08:00", NOW.replace(minute=0, second=0, microsecond=500_000), id="a zone"),
    ],
)
def test_since(typed: str, moment: datetime) -> None:
    assert since(typed, NOW) == moment


@pytest.mark.parametrize(
    "typed", ["", "soon", "-2h", "2 weeks", "2026-03-02", "2026-03-02T08:00:00", "9999999d", "99999999999999d"]
)
def test_no_since(typed: str) -> None:
    with pytest.raises(ChoiceError) as raised:
        since(typed, NOW)
    assert str(raised.value) == (
        f'--since "{typed}": write a duration such as 2h, or a time such as 2026-03-02T08:00:00Z'
    )
