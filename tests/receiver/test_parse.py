"""Parse: a row is the bytes of a request and the whole list of callbacks that they hold."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from ringback.receiver.http.door import Query
from ringback.receiver.parsing.fields import Repeated
from ringback.receiver.parsing.numbers import Written
from ringback.receiver.parsing.parse import MAX_FIELDS, UndecodableError, parse, parse_query
from ringback.schemas.callback_parameters import without_secret

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


def multipart(*parts: tuple[Any, ...]) -> bytes:
    """A multipart form with the boundary AbC: of each part name, value, further parameters, further headers."""
    written = b""
    for name, value, *further in parts:
        parameters, *headers = further or [""]
        disposition = f'Content-Disposition: form-data; name="{name}"; {parameters}'.removesuffix("; ")
        written += b"--AbC\r\n" + "\r\n".join([disposition, *headers, "", ""]).encode() + value + b"\r\n"
    return written + b"--AbC--\r\n"


MULTIPART = "multipart/form-data; boundary=AbC"
BROKEN = "the body is not valid multipart/form-data"
WIDE = {
    "utf-16": "utf-16-le", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be", "utf-32": "utf-32-le",
    "utf-32-le": "utf-32-le", "utf-32-be": "utf-32-be",
}  # fmt: skip
UTF_16 = "encoding:utf-16-le"
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
            FORM, b"a=%E9&b=%C3%A9", b"", one({"a": "é", "b": "é"}, "encoding:latin-1"), id="latin-1 in a field",
        ),
        pytest.param(FORM, b"%E9=1", b"", one({"é": "1"}, "encoding:latin-1"), id="latin-1 in a name"),
        pytest.param(FORM, b"a=%93hi%94+%E9", b"", one({"a": "“hi” é"}, "encoding:cp1252"), id="quotes of Windows"),
        pytest.param(FORM, b"a=%81%E9", b"", one({"a": "\x81é"}, "encoding:latin-1"), id="latin-1 with a control"),
        pytest.param(
            FORM, b"a=%C3%A9t%C3&b=%C3%A9&c=%E9", b"",
            one({"a": "ét�", "b": "é", "c": "é"}, "encoding:broken", "encoding:latin-1"), id="a cut character",
        ),
        pytest.param(FORM, "a=é".encode() + b"\xc3", b"", one({"a": "é�"}, "encoding:broken"), id="cut, not escaped"),
        pytest.param(FORM, b"a=%E4%B8%AD%E6%96&b=+1", b"", one({"a": "中�", "b": " 1"}, "encoding:broken"),
                     id="a cut character, of three octets"),
        pytest.param(FORM, b"a=Hi+%F0%9F%98", b"", one({"a": "Hi �"}, "encoding:broken"), id="a cut emoji alone"),
        pytest.param(
            FORM, b"a=%D6l%DF%BB+%E4%F6%FC", b"", one({"a": "Ölß» äöü"}, "encoding:latin-1"),
            id="latin-1 with two octets that could be UTF-8",
        ),
        pytest.param(FORM, b"a=%EF%BF%BD", b"", one({"a": "�"}), id="a replacement character that was sent"),
        pytest.param(FORM, b"a=\xe9", b"", one({"a": "é"}, "encoding:latin-1"), id="latin-1, not escaped"),
        pytest.param(FORM, b"a=%ED%A0%BD", b"", one({"a": "í\xa0½"}, "encoding:latin-1"), id="half a pair is no UTF-8"),
        pytest.param(FORM, BOM + b"a=1", b"", one({"a": "1"}), id="form with a byte-order mark"),
        pytest.param(FORM, BOM + BOM + b"a=1", b"", one({"a": "1"}), id="form with two byte-order marks"),
        pytest.param(FORM, "ａ=1".encode(), b"", one({"ａ": "1"}), id="a name that begins like a byte-order mark"),
        # forms in a declared charset
        pytest.param(
            f"{FORM}; charset=windows-1251", b"a=%CF%F0%E8%E2%E5%F2&b=x+y", b"",
            one({"a": "Привет", "b": "x y"}, "encoding:cp1251"), id="windows-1251",
        ),
        pytest.param(f"{FORM};Charset='CP1251'", b"a=\xcf", b"", one({"a": "П"}, "encoding:cp1251"), id="not escaped"),
        pytest.param(f'{FORM}; charset="windows-1251"', b"a=1", b"", one({"a": "1"}), id="declared, but ASCII"),
        pytest.param(
            f"{FORM}; charset=windows-1251", b"a=%CF%98", b"", one({"a": "П�"}, "encoding:cp1251", "encoding:broken"),
            id="an octet that windows-1251 has not",
        ),
        pytest.param(f"{FORM}; charset=gb2312", b"a=%C4%E3%E9F", b"", one({"a": "你镕"}, "encoding:gbk"), id="GB 2312"),
        pytest.param(
            f"{FORM}; charset=iso-8859-1", b"a=%C3%A9&b=%E9&c=%93", b"",
            one({"a": "é", "b": "é", "c": "“"}, "encoding:utf-8", "encoding:latin-1", "encoding:cp1252"),
            id="latin-1 declared of UTF-8, latin-1, and windows-1252",
        ),
        pytest.param(
            f"{FORM}; charset=us-ascii", b"a=%C3%A9&b=%E9", b"",
            one({"a": "é", "b": "é"}, "encoding:utf-8", "encoding:latin-1"), id="ASCII declared of what is none",
        ),
        pytest.param(f"{FORM}; charset=UTF8", b"a=%E9", b"", one({"a": "é"}, "encoding:latin-1"), id="no UTF-8"),
        *(
            pytest.param(
                f"{FORM}; charset={name}", b"a=%C3%A9+n", b"", one({"a": "é n"}, "encoding:unknown-charset"), id=name,
            )
            for name in ("rot13", "utf-7", "idna", "unicode_escape", "hex", "cp037", "hz", "x" * 100, "\xff")
        ),
        pytest.param(f"{FORM}; charset=", b"a=%C3%A9", b"", one({"a": "é"}), id="no charset"),
        pytest.param(
            f"{FORM}; charset=UTF-16BE", b"mocean-text=%06%2A%063%06%2A&mocean-to=630012&n=&+=O%60Y%7D", b"",
            one({"mocean-text": "تست", "mocean-to": "630012", "n": "", " ": "你好"}, "encoding:utf-16-be"),
            id="texts in UTF-16, all else in ASCII",
        ),
        pytest.param(
            f"{FORM}; charset=UCS-2", b"a=%00H%00i&b=+60123456789&c=%D8%3D%DCM&d=%06%2A%06", b"",
            one({"a": "Hi", "b": " 60123456789", "c": "👍", "d": "ت�"}, "encoding:utf-16-be", "encoding:broken"),
            id="UCS-2, cut",
        ),
        pytest.param(
            f"{FORM}; charset=utf-16", b"a=%FF%FE%E9%00&b=H%00i%00&c=%00H%00i&d=%06%2A", b"",
            one({"a": "é", "b": "Hi", "c": "Hi", "d": "ت"}, "encoding:utf-16"), id="UTF-16 in either order",
        ),
        *(
            pytest.param(
                content_type, "a=%C3%A9&b=é".encode(codec), b"", one({"a": "é", "b": "é"}, f"encoding:{flag}"),
                id=f"a whole form in {codec}, {content_type[-8:]}",
            )
            for content_type in (FORM, f"{FORM}; charset=utf-16")
            for codec, flag in WIDE.items()
        ),
        pytest.param(
            FORM, "a=é".encode("utf-16-be") + b"\0", b"", one({"a": "é�"}, "encoding:broken", "encoding:utf-16-be"),
            id="a whole form in UTF-16, cut",
        ),
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
        # multipart forms
        pytest.param(
            MULTIPART, multipart(("a", b"1"), ("b", b"x\r\ny+%41"), ("a", b"")), b"c=3",
            one({"a": ["1", ""], "b": "x\r\ny+%41", "c": "3"}, "duplicate-field"), id="multipart",
        ),
        pytest.param(
            MULTIPART, multipart(("a", b"%PDF \xff", 'filename="a.pdf"', "Content-Type: application/pdf")), b"",
            one({"a": "%PDF ÿ"}, "encoding:latin-1"), id="a file is a field with its text",
        ),
        pytest.param(
            f"{MULTIPART}; charset=windows-1251",
            multipart(("a", b"\xcf"), ("b", "é".encode(), "", "content-type: text/plain; charset=utf-8")), b"",
            one({"a": "П", "b": "é"}, "encoding:cp1251"), id="a charset for the form, and a part's own",
        ),
        pytest.param(
            MULTIPART, multipart(("é", b"\xe9"), ("b", "é".encode()), ("c", "é".encode() + b"\xc3")), b"",
            one({"é": "é", "b": "é", "c": "é�"}, "encoding:latin-1", "encoding:broken"), id="part by part",
        ),
        pytest.param(
            MULTIPART,
            multipart(("a", b"SGk=", "", "Content-Transfer-Encoding: BASE64"),
                      ("b", b"=C3=A9", "", "Content-Transfer-Encoding: quoted-printable"),
                      ("c", b"=41", "", "Content-Transfer-Encoding: 8bit")), b"",
            one({"a": "Hi", "b": "é", "c": "=41"}), id="encoded for mail",
        ),
        pytest.param(
            "multipart/form-data", multipart(("a", b"1")), b"", one({"a": "1"}, "multipart:no-boundary"),
            id="a Content-Type written by hand",
        ),
        pytest.param(
            MULTIPART, b"\r\n" + multipart(("c[mcc]", b"502"), ("c[mnc]", b"18")) + b"\r\nafter", b"",
            one({"c[mcc]": "502", "c[mnc]": "18"}, tree={"c": CARRIER}), id="nested, and something around it",
        ),
        pytest.param(MULTIPART, b"--AbC--\r\n", b"a=1", one({"a": "1"}), id="no part"),
        pytest.param(MULTIPART, b"a=1&b=2", b"", one({"a": "1", "b": "2"}), id="a form said to be multipart"),
        pytest.param(MULTIPART, b'{"a": 1}', b"", one({"a": 1}), id="JSON said to be multipart"),
        # JSON
        pytest.param(
            JSON, b'{"a": 1, "b": {"c": [null, true]}}', b"", one({"a": 1, "b": {"c": [None, True]}}), id="JSON",
        ),
        pytest.param("application/vnd.x+json; charset=utf-8", b'{"a": 1}', b"", one({"a": 1}), id="+json"),
        pytest.param(FORM, b'{"a": 1}', b"", one({"a": 1}), id="JSON under a form's content type"),
        pytest.param("", b'{"a": 1}', b"", one({"a": 1}), id="JSON without a content type"),
        pytest.param(JSON, b" \r\n\t{}\n", b"", one({}), id="space around JSON, no field"),
        pytest.param(JSON, BOM + b'{"a": 1}', b"", one({"a": 1}), id="JSON with a byte-order mark"),
        pytest.param(JSON, BOM + BOM + b'{"a": 1}', b"", one({"a": 1}), id="JSON with two byte-order marks"),
        *(
            pytest.param(content_type, '{"a": "é👍"}'.encode(codec), b"", one({"a": "é👍"}, f"encoding:{flag}"),
                         id=f"{codec}, {content_type[-8:]}")
            for content_type in (JSON, f"{JSON}; charset=utf-16le")
            for codec, flag in WIDE.items()
        ),
        pytest.param(JSON, '\ufeff\ufeff{"a": 1}'.encode("utf-16-be"), b"", one({"a": 1}, "encoding:utf-16-be"),
                     id="UTF-16 with two byte-order marks"),
        pytest.param(f"{JSON}; charset=latin-1", b'{"a": "\xe9"}', b"", one({"a": "é"}, "encoding:latin-1"),
                     id="latin-1 that says so"),
        pytest.param(f"{JSON}; charset=latin-1", '{"a": "é"}'.encode(), b"", one({"a": "é"}, "encoding:utf-8"),
                     id="UTF-8 that says latin-1"),
        pytest.param(f"{JSON}; charset=utf-16", '{"a": "é"}'.encode(), b"", one({"a": "é"}, "encoding:utf-8"),
                     id="UTF-8 that says UTF-16"),
        pytest.param(f"{JSON}; charset=utf-16", b'{"a": "e"}', b"", one({"a": "e"}), id="ASCII that says UTF-16"),
        pytest.param(f"{JSON}; charset=shift_jis", '{"a": "表"}'.encode("cp932"), b"",
                     one({"a": "表"}, "encoding:cp932"), id="a charset that has backslashes in its characters"),
        pytest.param(
            JSON, b'{"a": "\xe9", "b": ["\xc3\xa9 \xf0\x9f"], "\xe9": "\\ud800"}', b"",
            one({"a": "é", "b": ["é �"], "é": "�"}, "encoding:latin-1", "encoding:broken", "encoding:surrogate"),
            id="latin-1 that says nothing, a cut character, half a pair",
        ),
        pytest.param(JSON, '{"é": "👍"}'.encode(), b"", one({"é": "👍"}), id="UTF-8"),
        pytest.param(JSON, b'{"a": "\\ud83d\\udc4d"}', b"", one({"a": "👍"}), id="a surrogate pair"),
        pytest.param(
            JSON, b'{"a": "x\\ud83dy", "\\udc4d": ["\\ud83d"]}', b"",
            one({"a": "x\ufffdy", "\ufffd": ["\ufffd"]}, "encoding:surrogate"), id="halves of surrogate pairs",
        ),
        pytest.param(JSON, b'{"a": "\\u0000"}', b"", one({"a": "\0"}), id="NUL in JSON"),
        pytest.param(
            JSON, b'{"a": 1.50, "b": -0.0, "c": 1e3}', b"",
            one({"a": "1.50", "b": "-0.0", "c": "1e3"}),
            id="a number with a fraction or an exponent: as written",
        ),
        pytest.param(
            JSON, b'{"a": 1e999, "b": -1e999}', b"", one({"a": "1e999", "b": "-1e999"}), id="infinite as text",
        ),
        pytest.param(
            JSON, b'{"a": 12345678901234567.89, "b": [0.10], "c": -0}', b"",
            one({"a": "12345678901234567.89", "b": ["0.10"], "c": "-0"}), id="not a digit is lost",
        ),
        pytest.param(
            JSON, b'{"a": 1.50, "b": "\\ud83d"}', b"", one({"a": "1.50", "b": "\ufffd"}, "encoding:surrogate"),
            id="a number beside half a surrogate pair",
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
        pytest.param(
            "", b"", b"a=%E9&b=%C3%A9%C3&c=%C3%A9",
            one({"a": "é", "b": "é�", "c": "é"}, "encoding:latin-1", "encoding:broken"), id="the query, field by field",
        ),
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
            JSON, '[{"a": "é"}, 7]'.encode("utf-16-le"), b"",
            several(({"a": "é"}, '{"a": "é"}'.encode()), ({}, b"7"), flags={0: [UTF_16], 1: [UTF_16]}),
            id="an array in UTF-16; its elements alone are in UTF-8",
        ),
        pytest.param(
            f"{JSON}; charset=cp1251", '[{"a": "П"}]'.encode("cp1251"), b"",
            several(({"a": "П"}, '{"a": "П"}'.encode()), flags={0: ["encoding:cp1251"]}), id="an array in windows-1251",
        ),
        pytest.param(
            JSON, b'[{"a": "\xe9"}, {"a": "x"}]', b"",
            several(({"a": "é"}, b'{"a": "\xe9"}'), ({"a": "x"}, b'{"a": "x"}'), flags={0: ["encoding:latin-1"]}),
            id="an array with an element in latin-1",
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
        pytest.param(JSON, b"\xff\xfe{", "the body is not valid JSON", id="UTF-16, cut"),
        pytest.param(MULTIPART, multipart(("a", b"1"))[:-6],
                     "the multipart/form-data is cut short: its last boundary is missing", id="a cut multipart form"),
        pytest.param(MULTIPART.lower(), multipart(("a", b"1")), BROKEN, id="another boundary"),
        pytest.param(MULTIPART, b"--AbC\r\n\xff: 1\r\n\r\n1\r\n--AbC--", BROKEN, id="a part's header that is none"),
        pytest.param(MULTIPART, multipart(("a", b"1", "", *["X: 1"] * 8)), BROKEN, id="too many headers of a part"),
        pytest.param(MULTIPART, multipart(("a" * 5000, b"1")), BROKEN, id="too long a header of a part"),
        pytest.param(MULTIPART, multipart(("a", b"1")) + b"--AbC" + b" " * 9000, BROKEN, id="a padded boundary"),
        pytest.param(f"{MULTIPART}{'x' * 300}", b"--AbC" + b"x" * 300, BROKEN, id="too long a boundary"),
        pytest.param(MULTIPART, b"--AbC\r\n\r\n1\r\n--AbC--", "a part of the multipart/form-data has no name",
                     id="no name"),
        pytest.param(MULTIPART, multipart(("a", b"x", "", "Content-Transfer-Encoding: base64")),
                     "a part of the multipart/form-data is not valid base64", id="no base64"),
        pytest.param(MULTIPART, multipart(("a", b"x", "", "Content-Transfer-Encoding: zip")),
                     "a part of the multipart/form-data has an unknown Content-Transfer-Encoding", id="no encoding"),
        pytest.param(MULTIPART, multipart(*[("a", b"1")] * 201), "more than 200 parts", id="too many parts"),
        pytest.param(MULTIPART, b"--AbC\r\n" + b"\r\n--AbCx" * 9000, "more than 200 parts", id="half boundaries"),
        pytest.param(f"{FORM}; charset=cp1251", b"&".join([b"a=1"] * 1001), "more than 1000 fields",
                     id="too many fields in a declared charset"),
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


def test_a_number_with_a_fraction_is_told_from_a_text() -> None:
    body = b'{"a": 1.50, "b": "1.50", "c": {"d": [1e3]}, "e": "\\ud83d"}'
    (raw,) = [callback.raw for callback in read(JSON, body)]
    assert [type(value) is Written for value in (raw["a"], raw["b"], raw["c"]["d"][0])] == [True, False, True]
