"""Fields: the same parameter in the many forms that providers send it in."""

from typing import Any

import pytest

from receiver.callbacks import Need
from receiver.fields import Fields, Repeated, fold
from receiver.values import amount, choice
from schemas.address import parse_address

READERS = ("text", "word", "integer", "boolean")


@pytest.mark.parametrize(
    ("value", "text", "word", "integer", "boolean"),
    [
        pytest.param("1", "1", "1", 1, True, id="form string"),
        pytest.param(1, "1", "1", 1, True, id="JSON number"),
        pytest.param(1.0, "1.0", "1.0", 1, None, id="JSON float"),
        pytest.param(0.5, "0.5", "0.5", None, None, id="fraction"),
        pytest.param("007", "007", "007", 7, None, id="leading zeros"),
        pytest.param(" 7 ", " 7 ", "7", 7, None, id="space around"),
        pytest.param("-7", "-7", "-7", -7, None, id="negative"),
        pytest.param("1" * 30, "1" * 30, "1" * 30, None, None, id="too long a number"),
        pytest.param("1e400", "1e400", "1e400", None, None, id="infinity"),
        pytest.param("nan", "nan", "nan", None, None, id="not a number"),
        pytest.param(True, "true", "true", None, True, id="JSON true"),
        pytest.param("False", "False", "False", None, False, id="form false"),
        pytest.param("0", "0", "0", 0, False, id="zero"),
        pytest.param("", "", None, None, None, id="empty"),
        pytest.param("  ", "  ", None, None, None, id="blank"),
        pytest.param(None, None, None, None, None, id="null"),
        pytest.param({"a": 1}, None, None, None, None, id="object"),
        pytest.param([1], None, None, None, None, id="array"),
        pytest.param(Repeated(["1", "2"]), "1", "1", 1, True, id="sent twice: the first"),
    ],
)
def test_scalars(value: Any, text: str | None, word: str | None, integer: int | None, boolean: bool | None) -> None:
    fields = Fields({"x": value})
    read = (fields.text("x"), fields.word("x"), fields.integer("x"), fields.boolean("x"))
    assert (read, fields.flags, fields.raw) == ((text, word, integer, boolean), [], {"x": value})


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
    ("value", "part"),
    [
        pytest.param({"a": 1}, {"a": 1}, id="object"),
        pytest.param(' {"a": 1}', {"a": 1}, id="JSON in a string"),
        pytest.param('{"a": "\\ud83d"}', {"a": "\ufffd"}, id="JSON in a string with half a surrogate pair"),
        pytest.param('{"a": "\\ud83d\\udc4d"}', {"a": "👍"}, id="JSON in a string with a surrogate pair"),
        pytest.param("{broken", {}, id="broken JSON"),
        pytest.param("[" * 100_000, {}, id="a deep array"),
        pytest.param('{"a":' * 100_000, {}, id="a deep object"),
        pytest.param("text", {}, id="text"),
        pytest.param([1], {}, id="array"),
        pytest.param(None, {}, id="null"),
    ],
)
def test_part(value: Any, part: dict[str, Any]) -> None:
    fields = Fields({"x": value})
    below = fields.part("x")
    below.flag("odd")
    below.flag("odd")
    assert (below.raw, fields.flags) == (part, ["odd"])


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        pytest.param({"x": [{"a": 1}, {"a": 2}]}, [{"a": 1}, {"a": 2}], id="array"),
        pytest.param({"x": '[{"a": 1}]'}, [{"a": 1}], id="JSON in a string"),
        pytest.param({"x[0][a]": "1", "x[1][a]": "2"}, [{"a": "1"}, {"a": "2"}], id="form with indices"),
        pytest.param({"x": [1, None, {"a": 1}]}, [{"a": 1}], id="what is no object is left out"),
        pytest.param({"x": "[broken"}, [], id="broken JSON"),
        pytest.param({"x": "text"}, [], id="text"),
        pytest.param({}, [], id="absent"),
    ],
)
def test_parts(raw: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    assert [part.raw for part in Fields(raw).parts("x")] == parts


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        pytest.param({"x": "60123456789"}, "60123456789", id="string"),
        pytest.param({"x": 60123456789}, "60123456789", id="number"),
        pytest.param({"x": {"type": "phone_number", "id": 60123456789}}, "60123456789", id="Contact"),
        pytest.param({"x": '{"type": "phone_number", "id": "63001"}'}, "63001", id="Contact as JSON in a string"),
        pytest.param({"x[type]": "phone_number", "x[id]": "63001"}, "63001", id="Contact in a form"),
        pytest.param({"x": "{odd}"}, "{odd}", id="a brace that is no JSON"),
        pytest.param({"x": " ", "y": "63001"}, "63001", id="blank: the next name"),
        pytest.param({"x": {"type": "x"}, "y": "63001"}, "63001", id="Contact without an id: the next name"),
        pytest.param({"x": None}, None, id="null"),
        pytest.param({"x": ["63001"]}, None, id="array"),
        pytest.param({}, None, id="absent"),
    ],
)
def test_address(raw: dict[str, Any], address: str | None) -> None:
    assert Fields(raw).address("x", "y") == (parse_address(address) if address else None)


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
        pytest.param(Need(("a",), may_be_contact=True), {"a": {"id": "1"}}, True, id="a Contact, and may be"),
        pytest.param(Need(("a",), may_be_contact=True), {"a": {"type": "x"}}, False, id="a Contact without an id"),
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
        pytest.param("b", 0, ["unknown:x"], id="unknown"),
        pytest.param("", None, [], id="empty is absent"),
        pytest.param(None, None, [], id="null is absent"),
    ],
)
def test_choice(value: Any, ours: int | None, flags: list[str]) -> None:
    fields = Fields({"x": value})
    assert (choice(fields, "x", {"a": 1}, 0), fields.flags) == (ours, flags)


def test_choice_by_another_name() -> None:
    fields = Fields({"x": "b"})
    assert (choice(fields, "x", {"a": 1}, 0, "colour"), fields.flags) == (0, ["unknown:colour"])


@pytest.mark.parametrize(
    ("value", "decimal"),
    [
        pytest.param("0.010", "0.010", id="keeps its zeros"),
        pytest.param(0.05, "0.05", id="JSON number"),
        pytest.param(5, "5", id="JSON integer"),
        pytest.param(1e-07, "0.0000001", id="no exponent"),
        pytest.param("1E3", "1000", id="no exponent, upper case"),
        pytest.param("-1.5", "-1.5", id="negative"),
        pytest.param("1e999999", None, id="too large to write out"),
        pytest.param("1e-999999", None, id="too small to write out"),
        pytest.param("NaN", None, id="not a number"),
        pytest.param("Infinity", None, id="infinite"),
        pytest.param("1_000", None, id="Python's own writing"),
        pytest.param("١", None, id="digits of another script"),
        pytest.param("1,50", None, id="comma"),
        pytest.param("", None, id="empty"),
        pytest.param(True, None, id="true"),
    ],
)
def test_amount(value: Any, decimal: str | None) -> None:
    assert amount(Fields({"x": value}), "x") == decimal
