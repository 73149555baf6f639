"""Choosing: what a person types on the command line, and the one thing that it names."""

import pytest

from ringback.terminal.choose import ChoiceError, by_beginning, handler_named, short_length

IDS = ["1a", "1a2b3c", "1a2b3d", "1a2b", "2c2c2c2c", *(f"3333-{number}" for number in range(6))]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        pytest.param("2c2c2c2c", "2c2c2c2c", id="whole"),
        pytest.param("2c2c", "2c2c2c2c", id="its beginning"),
        pytest.param("1a2b", "1a2b", id="whole, and the beginning of others"),
        pytest.param("1a", "1a", id="whole, and short"),
    ],
)
def test_an_id(typed: str, found: str) -> None:
    assert by_beginning(typed, IDS, "things", "no such thing") == found


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        pytest.param("1a2b3", "2 things have ids that begin with 1a2b3: 1a2b3c, 1a2b3d; write more of it", id="two"),
        pytest.param("3333", "more than 5 things have ids that begin with 3333, such as 3333-0, 3333-1, 3333-2, "
                     "3333-3, 3333-4; write more of it", id="many"),
        pytest.param("c2c2", "no such thing", id="its middle"),
        pytest.param("2c2c2c2c2", "no such thing", id="more than it"),
        pytest.param("2c2", "no such thing; a beginning needs 4 characters at least", id="too short"),
        pytest.param("", "no such thing; a beginning needs 4 characters at least", id="nothing"),
    ],
)  # fmt: skip
def test_no_id(typed: str, error: str) -> None:
    with pytest.raises(ChoiceError) as raised:
        by_beginning(typed, IDS, "things", "no such thing")
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
        pytest.param("old.greet", "shop.sms.greet", id="an earlier name"),
        pytest.param("hello", "sms.greet", id="an earlier name without its module"),
        pytest.param("tell", "notify", id="the present and an earlier name of one handler"),
        pytest.param("notify", "notify", id="a handler of which nothing is there but its alias"),
    ],
)
def test_a_handler(typed: str, found: str | None) -> None:
    names = ["shop.sms.greet", "shop.sms.greet#2", "shop.sms.alert", "sms.greet"]
    aliases = {"old.greet": "shop.sms.greet", "sms.hello": "sms.greet", "a.tell": "notify", "b.tell": "notify"}
    assert handler_named(typed, [*names, *names], aliases) == found


def test_several_handlers() -> None:
    with pytest.raises(ChoiceError) as raised:
        handler_named("greet", ["b.greet", "a.greet", "b.greet", "c.greet"], {"c.greet": "a.greet"})
    assert str(raised.value) == '--handler "greet": write which of a.greet, b.greet'
