"""Parse: a row is the bytes of a request and the whole list of callbacks that they hold."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from receiver.door import Query, without_secret
from receiver.fields import Repeated
from receiver.parse import MAX_FIELDS, UndecodableError, parse, parse_query

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass
class Read:
    """One callback: `raw` as sent, `tree` with its nested names folded, what was odd, and its own bytes."""

    raw: dict[str, Any]
    tree: dict[str, Any] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    body: bytes | None = None


def read(content_type: str, body: bytes, query: bytes = b"") -> list[Read]:
    pairs, flags = parse_query(query)
    found = parse(content_type, body, Query.of(pairs, flags).fields, flags)
    return [Read(one.fields.raw, one.fields.tree, one.fields.flags, one.body) for one in found]


def one(raw: dict[str, Any], *flags: str, tree: dict[str, Any] | None = None) -> list[Read]:
    """A request that is one callback, whose nested names, if it has any, fold to `tree`."""
    return [Read(raw, raw if tree is None else tree, list(flags))]


def several(*own: tuple[dict[str, Any], bytes], flags: dict[int, list[str]] | None = None) -> list[Read]:
    """The callbacks of an array, each with its own bytes; `flags` by position."""
    return [Read(raw, raw, (flags or {}).get(at, []), body) for at, (raw, body) in enumerate(own)]


def nested(depth: int) -> bytes:
    return b'{"x": ' * depth + b"1" + b"}" * depth


def in_python(depth: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth):
        value = {"x": value}
    found: dict[str, Any] = value
    return found


BOM = b"\xef\xbb\xbf"
CARRIER = {"mcc": "502", "mnc": "18"}


@pytest.mark.parametrize(
    ("content_type", "body", "query", "callbacks"),
    [
        # forms
        pytest.param(FORM, b"a=1&b=x+y%2B", b"", one({"a": "1", "b": "x y+"}), id="form"),
        pytest.param(f"{FORM}; charset=utf-8", b"a=1", b"", one({"a": "1"}), id="form with a charset"),
        pytest.param("", b"a=1", b"", one({"a": "1"}), id="form without a content type"),
        pytest.param("text/plain", b"a=1", b"", one({"a": "1"}), id="form under another content type"),
        pytest.param(FORM, b"a=&b&=c", b"", one({"a": "", "b": "", "": "c"}), id="empty values and names"),
        pytest.param(FORM, b"&&a=1&&", b"", one({"a": "1"}), id="empty fields are none"),
        pytest.param(FORM, "a=é".encode(), b"", one({"a": "é"}), id="UTF-8, not escaped"),
        pytest.param(FORM, b"a=%F0%9F%91%8D", b"", one({"a": "👍"}), id="UTF-8, escaped"),
        pytest.param(
            FORM, b"a=%E9&b=%C3%A9", b"", one({"a": "é", "b": "Ã©"}, "encoding:latin-1"), id="latin-1, escaped",
        ),
        pytest.param(FORM, b"a=\xe9", b"", one({"a": "é"}, "encoding:latin-1"), id="latin-1, not escaped"),
        pytest.param(FORM, b"a=%ED%A0%BD", b"", one({"a": "í\xa0½"}, "encoding:latin-1"), id="half a pair is no UTF-8"),
        pytest.param(FORM, BOM + b"a=1", b"", one({"a": "1"}), id="form with a byte-order mark"),
        pytest.param(FORM, b"a=%zz%4", b"", one({"a": "%zz%4"}), id="escapes that are none"),
        pytest.param(FORM, b"a=%00", b"", one({"a": "\0"}), id="NUL"),
        pytest.param(FORM, b"a=1\r\n", b"", one({"a": "1\r\n"}), id="line end after a form"),
        pytest.param(
            FORM, b"a=1&a=2&b=3&a=4", b"", one({"a": ["1", "2", "4"], "b": "3"}, "duplicate-field"), id="duplicates"
        ),
        pytest.param(FORM, b"a=1&a=1", b"", one({"a": ["1", "1"]}, "duplicate-field"), id="the same twice"),
        # nesting in forms
        pytest.param(
            FORM, b"c[mcc]=502&c[mnc]=18", b"",
            one({"c[mcc]": "502", "c[mnc]": "18"}, tree={"c": CARRIER}), id="brackets",
        ),
        pytest.param(
            FORM, b"c%5Bmcc%5D=502&c%5Bmnc%5D=18", b"",
            one({"c[mcc]": "502", "c[mnc]": "18"}, tree={"c": CARRIER}), id="brackets, escaped",
        ),
        pytest.param(
            FORM, b"c.mcc=502&c.mnc=18", b"", one({"c.mcc": "502", "c.mnc": "18"}, tree={"c": CARRIER}), id="dots"
        ),
        pytest.param(
            FORM, b"c.mcc=502&c[mnc]=18", b"", one({"c.mcc": "502", "c[mnc]": "18"}, tree={"c": CARRIER}), id="both"
        ),
        pytest.param(
            FORM, b"c[mcc]=502&c[mcc]=503", b"",
            one({"c[mcc]": ["502", "503"]}, "duplicate-field", tree={"c": {"mcc": ["502", "503"]}}), id="nested twice",
        ),
        pytest.param(
            FORM, b"c" + b"[c]" * 101 + b"=1", b"", one({"c" + "[c]" * 101: "1"}), id="too many steps to be nesting"
        ),
        pytest.param(FORM, b'c={"mcc":"502"}', b"", one({"c": '{"mcc":"502"}'}), id="JSON in a field stays a string"),
        # JSON
        pytest.param(
            JSON, b'{"a": 1, "b": {"c": [null, true]}}', b"", one({"a": 1, "b": {"c": [None, True]}}), id="JSON",
        ),
        pytest.param("application/vnd.x+json; charset=utf-8", b'{"a": 1}', b"", one({"a": 1}), id="+json"),
        pytest.param(FORM, b'{"a": 1}', b"", one({"a": 1}), id="JSON under a form's content type"),
        pytest.param("", b'{"a": 1}', b"", one({"a": 1}), id="JSON without a content type"),
        pytest.param(JSON, b" \r\n\t{}\n", b"", one({}), id="space around JSON, no field"),
        pytest.param(JSON, BOM + b'{"a": 1}', b"", one({"a": 1}), id="JSON with a byte-order mark"),
        pytest.param(JSON, '{"é": "👍"}'.encode(), b"", one({"é": "👍"}), id="UTF-8"),
        pytest.param(JSON, b'{"a": "\\ud83d\\udc4d"}', b"", one({"a": "👍"}), id="a surrogate pair"),
        pytest.param(
            JSON, b'{"a": "x\\ud83dy", "\\udc4d": ["\\ud83d"]}', b"",
            one({"a": "x\ufffdy", "\ufffd": ["\ufffd"]}, "encoding:surrogate"), id="halves of surrogate pairs",
        ),
        pytest.param(JSON, b'{"a": "\\u0000"}', b"", one({"a": "\0"}), id="NUL in JSON"),
        pytest.param(
            JSON, b'{"a": 1.50, "b": -0.0, "c": 1e3}', b"", one({"a": 1.5, "b": -0.0, "c": 1000.0}), id="floats",
        ),
        pytest.param(
            JSON, b'{"a": 1e999, "b": -1e999}', b"", one({"a": "1e999", "b": "-1e999"}), id="infinite as text",
        ),
        pytest.param(JSON, b'{"a": %s}' % (b"9" * 1000), b"", one({"a": int("9" * 1000)}), id="a long number"),
        pytest.param(JSON, b'{"a": %s}' % (b"9" * 5000), b"", one({"a": "9" * 5000}), id="too long a number as text"),
        pytest.param(
            JSON, b'{"a": 1, "a": "2", "a": null}', b"", one({"a": [1, "2", None]}, "duplicate-field"), id="duplicates"
        ),
        pytest.param(
            JSON, b'{"a": {"b": 1, "b": 2}}', b"", one({"a": {"b": [1, 2]}}, "duplicate-field"), id="nested duplicates"
        ),
        pytest.param(JSON, b'{"a": [1], "a": [2]}', b"", one({"a": [[1], [2]]}, "duplicate-field"), id="arrays twice"),
        pytest.param(
            JSON, b'{"c.mcc": "502"}', b"", one({"c.mcc": "502"}, tree={"c": {"mcc": "502"}}), id="dots in JSON",
        ),
        pytest.param(JSON, nested(100), b"", one(in_python(100)), id="a hundred deep"),
        pytest.param(
            JSON, b'{"a": "%s"}' % (b"[{" * 200), b"", one({"a": "[{" * 200}), id="brackets in a text are not depth"
        ),
        pytest.param(FORM, b'{"a": 1', b"", one({'{"a": 1': ""}), id="broken JSON under a form's content type"),
        pytest.param(FORM, b"[a]=1", b"", one({"[a]": "1"}), id="a form that begins like JSON"),
        # query
        pytest.param("", b"", b"a=1&b=x+y", one({"a": "1", "b": "x y"}), id="query only"),
        pytest.param(JSON, b" \n", b"a=1", one({"a": "1"}), id="query and a blank body"),
        pytest.param("", BOM, b"a=1", one({"a": "1"}), id="query and a byte-order mark"),
        pytest.param("", b"", b"", one({}), id="nothing"),
        pytest.param("", b"", b"a=%E9", one({"a": "é"}, "encoding:latin-1"), id="latin-1 in the query"),
        pytest.param("", b"", b"a=1&a=2", one({"a": ["1", "2"]}, "duplicate-field"), id="duplicates in the query"),
        pytest.param(
            "", b"", b"c[mcc]=502", one({"c[mcc]": "502"}, tree={"c": {"mcc": "502"}}), id="nested in the query",
        ),
        pytest.param("", b"", b"token=s&ctx.a=1&b=2", one({"b": "2"}), id="secret and context are no fields"),
        pytest.param(FORM, b"a=1", b"b=2", one({"a": "1", "b": "2"}), id="form and query"),
        pytest.param(FORM, b"a=1", b"a=2", one({"a": ["1", "2"]}, "duplicate-field"), id="the form before the query"),
        pytest.param(JSON, b'{"a": 1}', b"b=2", one({"a": 1, "b": "2"}), id="JSON and query"),
        pytest.param(
            JSON, b'{"a": 1}', b"a=2&a=3", one({"a": [1, "2", "3"]}, "duplicate-field"), id="JSON before the query",
        ),
        pytest.param(
            FORM, b"a=%E9", b"b=%E9", one({"a": "é", "b": "é"}, "encoding:latin-1"), id="latin-1 in both, said once"
        ),
        # arrays
        pytest.param(
            JSON, b'[{"a": 1},\n {"a":2} ]', b"", several(({"a": 1}, b'{"a": 1}'), ({"a": 2}, b'{"a":2}')), id="array"
        ),
        pytest.param(
            FORM, b'[{"a": 1}]', b"", several(({"a": 1}, b'{"a": 1}')), id="array under a form's content type",
        ),
        pytest.param(
            JSON, b'[{"a": 1}, 7, "x", null, []]', b"",
            several(({"a": 1}, b'{"a": 1}'), ({}, b"7"), ({}, b'"x"'), ({}, b"null"), ({}, b"[]")),
            id="elements that are no objects have no fields",
        ),
        pytest.param(
            JSON, b'[{"a": 1}, {"b": 2}]', b"c=3",
            several(({"a": 1}, b'{"a": 1}'), ({"b": 2}, b'{"b": 2}')), id="an array does not get the query's",
        ),
        pytest.param(
            JSON, b'[{"a": 1, "a": 2}, {"a": "\\ud800"}, {"a": 3}]', b"",
            several(
                ({"a": [1, 2]}, b'{"a": 1, "a": 2}'), ({"a": "\ufffd"}, b'{"a": "\\ud800"}'), ({"a": 3}, b'{"a": 3}'),
                flags={0: ["duplicate-field"], 1: ["encoding:surrogate"]},
            ),
            id="what is odd about one says nothing of the others",
        ),
        pytest.param(
            JSON, b'["],[", {"a": "]\\""}]', b"",
            several(({}, b'"],["'), ({"a": ']"'}, b'{"a": "]\\""}')), id="brackets in texts",
        ),
    ],
)  # fmt: skip
def test_parse(content_type: str, body: bytes, query: bytes, callbacks: list[Read]) -> None:
    for callback in callbacks:
        callback.body = body if callback.body is None else callback.body
    assert read(content_type, body, query) == callbacks


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        pytest.param(JSON, b'{"a": 1', "the body is not valid JSON", id="broken"),
        pytest.param(JSON, b"a=1", "the body is not valid JSON", id="a form under JSON's content type"),
        pytest.param(JSON, b'{"a": NaN}', "the body is not valid JSON", id="NaN"),
        pytest.param(JSON, b'{"a": -Infinity}', "the body is not valid JSON", id="Infinity"),
        pytest.param(JSON, b'[{"a": 1}, {"a": NaN}]', "the body is not valid JSON", id="NaN in an array"),
        pytest.param(JSON, b'{"a": "\xe9"}', "the body is not valid JSON", id="latin-1"),
        pytest.param(JSON, '{"a": 1}'.encode("utf-16"), "the body is not valid JSON", id="UTF-16"),
        pytest.param(JSON, b"[]", "the body holds no callback", id="an empty array"),
        pytest.param(FORM, b"[]", "the body holds no callback", id="an empty array under a form's content type"),
        pytest.param(JSON, b"7", "the body holds no callback", id="a number"),
        pytest.param(JSON, b"null", "the body holds no callback", id="null"),
        pytest.param(JSON, b'"x"', "the body holds no callback", id="a string"),
        pytest.param(JSON, b"[%s]" % b",".join([b"{}"] * 1001), "more than 1000 callbacks", id="too many callbacks"),
        pytest.param(FORM, b"&".join([b"a=1"] * 1001), "more than 1000 fields", id="too many fields"),
        pytest.param(FORM, b"&".join([b"a=%E9"] * 1001), "more than 1000 fields", id="too many fields in latin-1"),
        pytest.param(JSON, nested(101), "nested more than 100 deep", id="too deep"),
        pytest.param(FORM, nested(101), "nested more than 100 deep", id="too deep under a form's content type"),
        pytest.param(JSON, b'[{"a": 1}, %s]' % nested(101), "nested more than 100 deep", id="too deep in an array"),
        pytest.param(JSON, b"[" * 100_000, "nested more than 100 deep", id="deeper than Python goes"),
        pytest.param(
            JSON, b'{"x": 1, "x": ' * 60 + b"1" + b"}" * 60, "nested more than 100 deep", id="too deep with duplicates"
        ),
    ],
)  # fmt: skip
def test_undecodable(content_type: str, body: bytes, reason: str) -> None:
    with pytest.raises(UndecodableError) as raised:
        read(content_type, body)
    assert str(raised.value) == reason


def test_a_thousand_fields_are_read() -> None:
    body = b"&".join(b"f%d=%d" % (number, number) for number in range(MAX_FIELDS))
    fields = {f"f{number}": str(number) for number in range(MAX_FIELDS)}
    assert read(FORM, body) == [Read(fields, fields, [], body)]


def test_many_duplicates_take_no_time() -> None:
    body = b'{"a":1' + b',"a":1' * 40_000 + b"}"
    (callback,) = read(JSON, body)
    assert (callback.raw, callback.flags) == ({"a": [1] * 40_001}, ["duplicate-field"])


def test_a_repeated_field_is_told_from_an_array() -> None:
    (callback,) = read(JSON, b'{"a": [1], "b": 1, "b": 2}')
    assert (type(callback.raw["a"]), type(callback.raw["b"])) == (list, Repeated)


@pytest.mark.parametrize(
    ("query", "sorted_"),
    [
        pytest.param(b"", Query(None, {}, [], [], 0), id="none"),
        pytest.param(
            b"token=s&ctx.order=42&a=1&ctx.=x&a=2",
            Query("s", {"order": "42", "": "x"}, [("a", "1"), ("a", "2")], [], 5), id="each kind",
        ),
        pytest.param(b"token=s&token=t&ctx.a=1&ctx.a=2", Query("s", {"a": "1"}, [], [], 4), id="the first counts"),
        pytest.param(b"token=%E9", Query("é", {}, [], ["encoding:latin-1"], 1), id="latin-1"),
        pytest.param(b"Token=s&ctx=1", Query(None, {}, [("Token", "s"), ("ctx", "1")], [], 2), id="other names"),
        pytest.param(b"%74oken=s", Query("s", {}, [], [], 1), id="escaped name"),
    ],
)  # fmt: skip
def test_query(query: bytes, sorted_: Query) -> None:
    assert Query.of(*parse_query(query)) == sorted_


@pytest.mark.parametrize("between", [b"&", b"&&"])
def test_of_too_many_parameters_as_many_are_read_as_show_it(between: bytes) -> None:
    query = Query.of(*parse_query(b"token=s" + between + between.join(b"a=%d" % number for number in range(2000))))
    assert query == Query("s", {}, [("a", str(number)) for number in range(1000)], [], 1001)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        pytest.param(b"", "", id="none"),
        pytest.param(b"token=s", "", id="nothing but the secret"),
        pytest.param(b"a=1&token=s&b=x+y%2B&token=t&c", "a=1&b=x+y%2B&c", id="as sent"),
        pytest.param(b"%74oken=s&tok%65n&a=%E9", "a=%E9", id="escaped name"),
        pytest.param(b"a=\xe9 \n", "a=%E9%20%0A", id="what belongs in no URL"),
        pytest.param(b"mytoken=1&token2=2&a=token", "mytoken=1&token2=2&a=token", id="other names"),
    ],
)
def test_without_secret(query: bytes, kept: str) -> None:
    assert without_secret(query) == kept


def test_what_an_array_holds_can_be_read_alone() -> None:
    array = b'[{"a": 1, "a": 2}, {"b": "\\ud800", "c": 1e999}]'
    whole = read(JSON, array)
    assert [read(JSON, callback.body or b"") for callback in whole] == [[callback] for callback in whole]
    assert json.loads(whole[0].body or b"") == {"a": 2}
