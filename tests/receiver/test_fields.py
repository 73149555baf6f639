"""Fields: the same parameter in the many forms that providers send it in."""

from typing import Any

import pytest
from msgspec.structs import replace

from ringback.receiver.parsing.callbacks import Need
from ringback.receiver.parsing.fields import Fields, Repeated
from ringback.receiver.parsing.nesting import fold
from ringback.receiver.parsing.numbers import Written, whole
from ringback.receiver.parsing.values import amount, choice, country, limited
from ringback.schemas.address import parse_address

READERS = ("text", "word", "integer", "boolean")


OBJECT: dict[str, Any] = {"a": 1}
ODD = "unreadable:x"
FRACTION = "number:fraction"


@pytest.mark.parametrize(
    ("value", "reads"),
    [
        pytest.param("1", ("1", "1", 1, True), id="form string"),
        pytest.param(1, ("1", "1", 1, True), id="JSON number"),
        pytest.param("007", ("007", "007", 7, ODD), id="leading zeros"),
        pytest.param(" 7 ", (" 7 ", "7", 7, ODD), id="space around"),
        pytest.param("-7", ("-7", "-7", -7, ODD), id="negative"),
        pytest.param("+7", ("+7", "+7", 7, ODD), id="plus"),
        pytest.param("1.5", ("1.5", "1.5", ODD, ODD), id="fraction in a text"),
        pytest.param("9" * 18, ("9" * 18, "9" * 18, 10**18 - 1, ODD), id="the largest number"),
        pytest.param("1" * 19, ("1" * 19, "1" * 19, ODD, ODD), id="too large a number"),
        pytest.param("1" * 100_000, ("1" * 100_000, "1" * 100_000, ODD, ODD), id="too long a number"),
        pytest.param("1e400", ("1e400", "1e400", ODD, ODD), id="too large an exponent"),
        pytest.param("nan", ("nan", "nan", ODD, ODD), id="not a number"),
        pytest.param("1_0", ("1_0", "1_0", ODD, ODD), id="Python's own writing"),
        pytest.param("١", ("١", "١", ODD, ODD), id="digits of another script"),
        pytest.param("two", ("two", "two", ODD, ODD), id="word"),
        pytest.param(True, ("true", "true", ODD, True), id="JSON true"),
        pytest.param("False", ("False", "False", ODD, False), id="form false"),
        pytest.param("0", ("0", "0", 0, False), id="zero"),
        pytest.param("", ("", None, None, None), id="empty"),
        pytest.param("  ", ("  ", None, None, None), id="blank"),
        pytest.param(None, (None, None, None, None), id="null"),
        pytest.param({}, (None, None, None, None), id="empty object"),
        pytest.param([], (None, None, None, None), id="empty array"),
        pytest.param(OBJECT, (ODD, ODD, ODD, ODD), id="object"),
        pytest.param([1], (ODD, ODD, ODD, ODD), id="array"),
        pytest.param(Repeated(["1", "2"]), ("1", "1", 1, True), id="sent twice: the first"),
    ],
)
def test_scalars(value: Any, reads: tuple[Any, ...]) -> None:
    """What each reader gives, or how it flags what is there and not of its kind."""
    assert tuple(read(value, reader) for reader in READERS) == reads


def read(value: Any, reader: str) -> Any:
    """Return what a reader gives, or its one flag; reading changes nothing."""
    fields = Fields({"x": value})
    found = getattr(fields, reader)("x")
    assert (fields.raw, found is None or not fields.flags) == ({"x": value}, True)
    return fields.flags[0] if fields.flags else found


@pytest.mark.parametrize(
    ("reader", "value", "found", "flags"),
    [
        pytest.param("text", Written("1.50"), "1.50", [], id="a text is as written"),
        pytest.param("word", Written("1.50"), "1.50", [FRACTION], id="a word with a fraction"),
        pytest.param("word", Written("60123456789.0"), "60123456789", [FRACTION], id="a word that is whole"),
        pytest.param("word", Written("6.0123456789e10"), "60123456789", [FRACTION], id="an exponent"),
        pytest.param("word", Written("1e3"), "1000", [FRACTION], id="a short exponent"),
        pytest.param("word", Written("1e999999"), "1e999999", [FRACTION], id="not written out"),
        pytest.param("word", "1.0", "1.0", [], id="a word in a text is a word"),
        pytest.param("integer", Written("1.0"), 1, [FRACTION], id="integer"),
        pytest.param("integer", "1.0", 1, [FRACTION], id="integer in a text"),
        pytest.param("integer", "0.0", 0, [FRACTION], id="zero"),
        pytest.param("integer", "2e2", 200, [FRACTION], id="integer with an exponent"),
        pytest.param("integer", Written("0.5"), None, [FRACTION, ODD], id="no integer"),
        pytest.param("boolean", Written("1.0"), True, [FRACTION], id="boolean"),
    ],
)
def test_numbers_with_a_fraction(reader: str, value: Any, found: Any, flags: list[str]) -> None:
    fields = Fields({"x": value})
    assert (getattr(fields, reader)("x"), fields.flags) == (found, flags)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("0", "0"), ("007", "007"), ("-7", "-7"), ("+7", "7"), ("1.0", "1"), ("1.", "1"), (".0", "0"), ("0e9999", "0"),
        ("12.50e1", "125"), ("10e-1", "1"), ("0.5e1", "5"), ("0.001e3", "1"), ("1.5", None), (".5", None),
        ("1e-1", None), ("1e39", "1" + "0" * 39), ("1e40", None), ("1e9999", None), ("1e99999", None),
        ("", None), (".", None), ("e1", None), ("1e", None), ("1 ", None), ("0x1", None), ("-", None),
        ("12345678901234567.0", "12345678901234567"), ("1" * 65, None),
    ],
)  # fmt: skip
def test_whole(text: str, digits: str | None) -> None:
    assert whole(text) == digits


def test_a_flag_of_its_own() -> None:
    fields = Fields({"x": "y", "z": {"a": 1}})
    read_ones = (fields.integer("x", "odd:x"), fields.boolean("x", "odd:x"), fields.word("z", "odd:z"))
    assert (read_ones, fields.flags) == ((None, None, None), ["odd:x", "odd:z"])


def test_absent() -> None:
    fields = Fields({})
    assert [getattr(fields, reader)("x") for reader in READERS] == [None, None, None, None]


@pytest.mark.parametrize(
    ("raw", "tree"),
    [
        pytest.param({"a": 1}, {"a": 1}, id="nothing to fold"),
        pytest.param({"a[b]": 1, "a[c]": 2}, {"a": {"b": 1, "c": 2}}, id="brackets"),
        pytest.param({"a.b": 1, "a.c": 2}, {"a": {"b": 1, "c": 2}}, id="dots"),
        pytest.param({"a[b][c]": 1, "a.b.d": 2}, {"a": {"b": {"c": 1, "d": 2}}}, id="both, deeper"),
        pytest.param({"a": 1, "a[b]": 2}, {"a": 1}, id="a plain value keeps its name"),
        pytest.param({"a[b]": 2, "a": 1}, {"a": 1}, id="a plain value keeps its name, whatever the order"),
        pytest.param({"a": {"x": 1}, "a[b]": 2}, {"a": {"x": 1}}, id="so does an object"),
        pytest.param({"a[b]": {"x": 1}, "a[b][c]": 2}, {"a": {"b": {"x": 1}}}, id="so does an object below"),
        pytest.param({"a[b]": 1, "a[b][c]": 2}, {"a": {"b": 1}}, id="a value on the way"),
        pytest.param({"a[0][p]": 1, "a[1][p]": 2}, {"a": {"0": {"p": 1}, "1": {"p": 2}}}, id="indices"),
        pytest.param({"a[]": 1}, {"a": {"": 1}}, id="empty brackets"),
        pytest.param({"a[b": 1, ".a": 2, "a..b": 3, "a]": 4}, {"a[b": 1, ".a": 2, "a..b": 3, "a]": 4}, id="no nesting"),
    ],
)
def test_fold(raw: dict[str, Any], tree: dict[str, Any]) -> None:
    before = repr(raw)
    assert (fold(raw), repr(raw)) == (tree, before)


@pytest.mark.parametrize(
    ("value", "part", "flags"),
    [
        pytest.param({"a": 1}, {"a": 1}, [], id="object"),
        pytest.param(' {"a": 1}', {"a": 1}, [], id="JSON in a string"),
        pytest.param('{"a": 0.10, "b": 1e3}', {"a": "0.10", "b": "1e3"}, [], id="numbers as written"),
        pytest.param(
            '{"a": "\\ud83d"}', {"a": "\ufffd"}, ["encoding:surrogate"], id="JSON in a string, half a surrogate pair"
        ),
        pytest.param('{"a": "\\ud83d\\udc4d"}', {"a": "👍"}, [], id="JSON in a string with a surrogate pair"),
        pytest.param('{"a": "\\\\ud83d"}', {"a": "\\ud83d"}, [], id="no escape but its text"),
        pytest.param(
            '{country: "MY", name: "Foo, Inc", mcc: 502, mnc: null}',
            {"country": "MY", "name": "Foo, Inc", "mcc": "502"},
            [],
            id="names without quotes",
        ),
        pytest.param(
            "{country=MY, name=Foo, Inc: Bar, mcc=502, mnc=}",
            {"country": "MY", "name": "Foo, Inc: Bar", "mcc": "502", "mnc": ""},
            [],
            id="no quotes at all",
        ),
        pytest.param('{\n  country: "MY",\n  mcc: 502,\n}', {"country": "MY", "mcc": "502"}, [], id="over lines"),
        pytest.param("{}", {}, [], id="an empty object in a string"),
        pytest.param("{broken", {}, [ODD], id="broken JSON"),
        pytest.param("{odd}", {}, [ODD], id="a brace that is no object"),
        pytest.param("{a={b=1}}", {}, [ODD], id="nested without quotes"),
        pytest.param('{a: "x" y}', {}, [ODD], id="more after the quotes"),
        pytest.param("{a=" + "," * 1000 + "}", {}, [ODD], id="too long without quotes"),
        pytest.param('{"a": NaN}', {}, [ODD], id="what is no JSON"),
        pytest.param("[" * 100_000, {}, [ODD], id="a deep array"),
        pytest.param('{"a":' * 100_000, {}, [ODD], id="a deep object"),
        pytest.param("text", {}, [ODD], id="text"),
        pytest.param(7, {}, [ODD], id="number"),
        pytest.param([1], {}, [ODD], id="array"),
        pytest.param([], {}, [], id="empty array"),
        pytest.param(" ", {}, [], id="blank"),
        pytest.param(None, {}, [], id="null"),
    ],
)
def test_part(value: Any, part: dict[str, Any], flags: list[str]) -> None:
    fields = Fields({"x": value})
    below = fields.part("x")
    below.flag("odd")
    below.flag("odd")
    assert (below.raw, fields.flags) == (part, [*flags, "odd"])


@pytest.mark.parametrize(
    ("raw", "parts", "flags"),
    [
        pytest.param({"x": [{"a": 1}, {"a": 2}]}, [{"a": 1}, {"a": 2}], [], id="array"),
        pytest.param({"x": '[{"a": 1}]'}, [{"a": 1}], [], id="JSON in a string"),
        pytest.param({"x[0][a]": "1", "x[1][a]": "2"}, [{"a": "1"}, {"a": "2"}], [], id="form with indices"),
        pytest.param({"x": [1, {"a": 1}]}, [{"a": 1}], [ODD], id="what is no object is left out"),
        pytest.param({"x": [None, {"a": 1}, {}]}, [{"a": 1}, {}], [], id="so is null"),
        pytest.param({"x": {"a": 1, "b": 2}}, [], [ODD], id="an object"),
        pytest.param({"x": "[broken"}, [], [ODD], id="broken JSON"),
        pytest.param({"x": "text"}, [], [ODD], id="text"),
        pytest.param({"x": []}, [], [], id="empty"),
        pytest.param({"x": ""}, [], [], id="empty text"),
        pytest.param({}, [], [], id="absent"),
    ],
)
def test_parts(raw: dict[str, Any], parts: list[dict[str, Any]], flags: list[str]) -> None:
    fields = Fields(raw)
    assert ([part.raw for part in fields.parts("x")], fields.flags) == (parts, flags)


@pytest.mark.parametrize(
    ("raw", "address", "flags"),
    [
        pytest.param({"x": "60123456789"}, "60123456789", [], id="string"),
        pytest.param({"x": 60123456789}, "60123456789", [], id="number"),
        pytest.param({"x": {"type": "phone_number", "id": 60123456789}}, "60123456789", [], id="Contact"),
        pytest.param({"x": '{"type": "phone_number", "id": "63001"}'}, "63001", [], id="Contact as JSON in a string"),
        pytest.param({"x": "{type=phone_number, id=63001}"}, "63001", [], id="Contact without quotes"),
        pytest.param({"x[type]": "phone_number", "x[id]": "63001"}, "63001", [], id="Contact in a form"),
        pytest.param({"x": "{odd}"}, "{odd}", [ODD], id="a brace that is no JSON"),
        pytest.param({"x": " ", "y": "63001"}, "63001", [], id="blank: the next name"),
        pytest.param({"x": {"type": "x"}, "y": "63001"}, "63001", [ODD], id="Contact without an id: the next name"),
        pytest.param({"x": None}, None, [], id="null"),
        pytest.param({"x": ["63001"]}, None, [ODD], id="array"),
        pytest.param({}, None, [], id="absent"),
        pytest.param({"x": "6.01e10"}, "6.01e10", [], id="a name that looks like a number"),
    ],
)
def test_address(raw: dict[str, Any], address: str | None, flags: list[str]) -> None:
    fields = Fields(raw)
    assert fields.address("x", "y") == (parse_address(address) if address else None)
    assert fields.flags == flags


@pytest.mark.parametrize(
    ("value", "digits", "flags"),
    [
        pytest.param(Written("60123456789.0"), "60123456789", [FRACTION], id="fraction"),
        pytest.param(Written("6.0123456789e10"), "60123456789", [FRACTION], id="exponent"),
        pytest.param(Written("6.3001E+4"), "63001", [FRACTION], id="short code"),
        pytest.param("60123456789.0", "60123456789", [FRACTION], id="in a text"),
        pytest.param(" 6.0123456789E10", "60123456789", [FRACTION], id="an exponent in a text, after a space"),
        pytest.param({"id": Written("60123456789.0")}, "60123456789", [FRACTION], id="in a Contact"),
        pytest.param(Written("601234567.5"), None, [FRACTION], id="not whole"),
        pytest.param(Written("1e999999"), None, [FRACTION], id="not written out"),
    ],
)
def test_an_address_with_a_fraction(value: Any, digits: str | None, flags: list[str]) -> None:
    sent = str(value["id"] if isinstance(value, dict) else value)
    fields = Fields({"x": value})
    found = fields.address("x")
    assert (found, fields.flags) == (replace(parse_address(digits or sent), raw=sent), flags)
    assert found is not None
    assert type(found.raw) is str


@pytest.mark.parametrize(
    ("need", "raw", "met"),
    [
        pytest.param(Need(("a",)), {"a": 0}, True, id="zero is a value"),
        pytest.param(Need(("a",)), {"a": False}, True, id="false is a value"),
        pytest.param(Need(("a",)), {"a": " "}, False, id="blank"),
        pytest.param(Need(("a",)), {"a": {"id": "1"}}, False, id="an object for a scalar"),
        pytest.param(Need(("a",)), {"a": ["1"]}, False, id="an array for a scalar"),
        pytest.param(Need(("a",), may_be_empty=True), {"a": ""}, True, id="empty, and may be"),
        pytest.param(Need(("a",), may_be_empty=True), {"a": None}, False, id="null, though it may be empty"),
        pytest.param(Need(("a",), may_be_empty=True), {"a": {}}, False, id="an object, though it may be empty"),
        pytest.param(Need(("a",), addresses=("a",)), {"a": {"id": "1"}}, True, id="a Contact, and may be"),
        pytest.param(Need(("a",), addresses=("a",)), {"a": {"type": "x"}}, False, id="a Contact without an id"),
        pytest.param(
            Need(("a", "b"), addresses=("b",)), {"a": {"id": "1"}}, False, id="a Contact that is none of the addresses"
        ),
        pytest.param(Need(("a", "b")), {"b": "1"}, True, id="one of two"),
        pytest.param(Need(("a", "b")), {"c": "1"}, False, id="none of two"),
        pytest.param(Need(("a.b.c",)), {"a": {"b": {"c": "1"}}}, True, id="nested"),
        pytest.param(Need(("a.b.c",)), {"a[b][c]": "1"}, True, id="nested in a form"),
        pytest.param(Need(("a.b.c",)), {"a": '{"b": {"c": "1"}}'}, True, id="nested in JSON in a string"),
        pytest.param(Need(("a.b.c",)), {"a": "1"}, False, id="a scalar on the way"),
    ],
)
def test_need(need: Need, raw: dict[str, Any], met: bool) -> None:
    assert need.met(Fields(raw)) is met


@pytest.mark.parametrize(
    ("value", "ours", "flags"),
    [
        pytest.param("a", 1, [], id="known"),
        pytest.param(" a ", 1, [], id="known, with space around"),
        pytest.param("A", 1, [], id="in another case"),
        pytest.param("2", 2, [], id="number"),
        pytest.param("02", 2, [], id="number with a zero in front"),
        pytest.param("2.0", 2, [FRACTION], id="number with a fraction"),
        pytest.param(Written("2.0"), 2, [FRACTION], id="JSON number with a fraction"),
        pytest.param("b", 0, ["unknown:x"], id="unknown"),
        pytest.param("3.0", 0, ["unknown:x"], id="unknown number"),
        pytest.param("", None, [], id="empty is absent"),
        pytest.param(None, None, [], id="null is absent"),
        pytest.param({"a": 1}, None, [ODD], id="object"),
    ],
)
def test_choice(value: Any, ours: int | None, flags: list[str]) -> None:
    fields = Fields({"x": value})
    assert (choice(fields, "x", {"a": 1, "2": 2}, 0), fields.flags) == (ours, flags)


def test_choice_by_another_name() -> None:
    fields = Fields({"x": "b"})
    assert (choice(fields, "x", {"a": 1}, 0, "colour"), fields.flags) == (0, ["unknown:colour"])


@pytest.mark.parametrize(
    ("value", "word", "flags"),
    [
        pytest.param("ad", "ad", [], id="known"),
        pytest.param("AD", "ad", [], id="in another case"),
        pytest.param("story", "unknown", ["unknown:source-type"], id="unknown"),
        pytest.param("", None, [], id="empty"),
        pytest.param(["ad"], None, ["unreadable:source_type"], id="array"),
    ],
)
def test_limited(value: Any, word: str | None, flags: list[str]) -> None:
    fields = Fields({"source_type": value})
    assert (limited(fields, "source_type", {"ad", "post"}), fields.flags) == (word, flags)


@pytest.mark.parametrize(
    ("value", "code", "flags"),
    [
        pytest.param("MY", "MY", [], id="code"),
        pytest.param(" gb ", "GB", [], id="in lower case, with space around"),
        pytest.param(None, None, [], id="null"),
        pytest.param("UK", None, ["unknown:country"], id="no code of ISO"),
        pytest.param("USA", None, ["unknown:country"], id="three letters"),
        pytest.param("Malaysia", None, ["unknown:country"], id="name"),
        pytest.param({"code": "MY"}, None, [ODD], id="object"),
    ],
)
def test_country(value: Any, code: str | None, flags: list[str]) -> None:
    fields = Fields({"x": value})
    assert (country(fields, "x"), fields.flags) == (code, flags)


@pytest.mark.parametrize(
    ("value", "decimal", "flags"),
    [
        pytest.param("0.010", "0.010", [], id="keeps its zeros"),
        pytest.param(Written("0.10"), "0.10", [], id="so does a JSON number"),
        pytest.param(Written("12345678901234567.89"), "12345678901234567.89", [], id="keeps its digits"),
        pytest.param(5, "5", [], id="JSON integer"),
        pytest.param(Written("1e-07"), "0.0000001", [], id="no exponent"),
        pytest.param("1E3", "1000", [], id="no exponent, upper case"),
        pytest.param("-1.5", "-1.5", [], id="negative"),
        pytest.param(".50", ".50", [], id="no digit before the point"),
        pytest.param(" 1.5 ", "1.5", [], id="space around"),
        pytest.param("1e999999", None, [ODD], id="too large to write out"),
        pytest.param("1e-999999", None, [ODD], id="too small to write out"),
        pytest.param("1e19", None, [ODD], id="the first one too large"),
        pytest.param("NaN", None, [ODD], id="not a number"),
        pytest.param("Infinity", None, [ODD], id="infinite"),
        pytest.param("1_000", None, [ODD], id="Python's own writing"),
        pytest.param("١", None, [ODD], id="digits of another script"),
        pytest.param("1,50", None, [ODD], id="comma"),
        pytest.param("free", None, [ODD], id="word"),
        pytest.param({"amount": "1"}, None, [ODD], id="object"),
        pytest.param("", None, [], id="empty"),
        pytest.param(None, None, [], id="null"),
        pytest.param(True, None, [ODD], id="true"),
    ],
)
def test_amount(value: Any, decimal: str | None, flags: list[str]) -> None:
    fields = Fields({"x": value})
    assert (amount(fields, "x"), fields.flags) == (decimal, flags)
