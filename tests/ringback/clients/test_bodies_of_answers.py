"""Answers as providers write them, right and wrong: fields out, or unreadable; never a guess or another error."""

import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.clients.bodies import AnswerFields, UnreadableAnswerError, read_fields


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param(b'{"status":0}', {"status": 0}, id="JSON"),
        pytest.param(b'\xef\xbb\xbf {"status":"0"}\n', {"status": "0"}, id="with a byte order mark"),
        pytest.param(b'{"value":100.0000}', {"value": Decimal("100.0000")}, id="money to the last digit"),
        pytest.param(
            b'{"calls":[{"receiver":0123456789,"status":0}]}',
            {"calls": [{"receiver": "0123456789", "status": 0}]},
            id="a number with a leading zero, as the document has it",
        ),
        pytest.param(b"<result><status>0</status></result>", {"status": "0"}, id="XML"),
        pytest.param(
            b'<?xml version="1.0" encoding="UTF-8"?>\n<result>\n <status>1</status>\n <err_msg/>\n</result>',
            {"status": "1", "err_msg": ""},
            id="XML with a declaration and blanks",
        ),
        pytest.param(
            b"<result><messages><message><status>0</status></message><message><status>1</status></message></messages>"
            b"</result>",
            {"messages": [{"status": "0"}, {"status": "1"}]},
            id="XML with a list",
        ),
        pytest.param(
            b"<result><messages><message><status>0</status></message></messages></result>",
            {"messages": [{"status": "0"}]},
            id="XML with a list of one",
        ),
        pytest.param(
            b"<result><verify_request><status>0</status><reqid>r</reqid></verify_request></result>",
            {"status": "0", "reqid": "r"},
            id="XML with a wrapper",
        ),
    ],
)
def test_an_answer_is_read(body: bytes, fields: dict[str, object]) -> None:
    assert read_fields(body).raw == fields


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"  \n", id="blanks"),
        pytest.param(b"OK", id="a word"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'"status"', id="a text"),
        pytest.param(b'{"status":0', id="cut off"),
        pytest.param(b'{"status":0,}', id="a comma too many, as the document has it"),
        pytest.param(b'{"number":"+49"\n"senderid":"+44"}', id="a comma missing, as the document has it"),
        pytest.param(b'{"status":NaN}', id="NaN"),
        pytest.param(b'{"status":"\xff"}', id="no UTF-8"),
        pytest.param(b"[" * 100_000, id="nested for ever"),
        pytest.param(b'{"a":' * 100_000, id="objects nested for ever"),
        pytest.param(b'{"status":' + b"9" * 5000 + b"}", id="a number of 5,000 digits"),
        pytest.param(b"<result>", id="XML cut off"),
        pytest.param(b"<a>" * 100 + b"</a>" * 100, id="XML nested deeply"),
        pytest.param(b"<html><body>502</body>", id="a page"),
        pytest.param(b'<!DOCTYPE a [<!ENTITY b "c">]><result><status>&b;</status></result>', id="XML with entities"),
        pytest.param(b'<?xml version="1.0" encoding="x-none"?><a/>', id="an unknown encoding"),
    ],
)
def test_what_is_no_answer_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableAnswerError):
        read_fields(body)


@given(st.binary() | st.text().map(str.encode) | st.from_regex(rb"[\[{<][\[\]{}<>:,\"0-9a-z&!? =/]*"))
def test_any_bytes_are_fields_or_unreadable(body: bytes) -> None:
    try:
        fields = read_fields(body)
    except UnreadableAnswerError:
        return
    assert isinstance(fields.raw, dict)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_any_value_of_a_field_can_be_asked_for_in_any_type(value: object) -> None:
    fields = AnswerFields(read_fields(json.dumps({"a": value}).encode()).raw)

    fields.text("a"), fields.integer("a"), fields.decimal("a"), fields.flag("a"), fields.part("a"), fields.parts("a")
    for needed in (fields.needed_text, fields.needed_integer, fields.needed_decimal):
        with suppress(UnreadableAnswerError):
            assert needed("a") is not None


@pytest.mark.parametrize(
    ("value", "text", "integer", "decimal", "flag"),
    [
        pytest.param("0", "0", 0, Decimal(0), False, id="a text of digits"),
        pytest.param(0, "0", 0, Decimal(0), False, id="a number"),
        pytest.param(1, "1", 1, Decimal(1), True, id="one"),
        pytest.param(Decimal("0.0500"), "0.0500", None, Decimal("0.0500"), None, id="money"),
        pytest.param("0.05", "0.05", None, Decimal("0.05"), None, id="money as text"),
        pytest.param(True, "true", None, None, True, id="true"),
        pytest.param("TRUE", "TRUE", None, None, True, id="true as text"),
        pytest.param("", "", None, None, None, id="empty"),
        pytest.param(None, None, None, None, None, id="null"),
        pytest.param([], None, None, None, None, id="a list"),
        pytest.param("Infinity", "Infinity", None, None, None, id="no finite number"),
        pytest.param("١٢", "١٢", None, Decimal(12), None, id="digits of another script"),
    ],
)
def test_a_field_is_read_in_the_type_that_is_asked_for(
    value: object, text: str | None, integer: int | None, decimal: Decimal | None, flag: bool | None
) -> None:
    fields = AnswerFields({"a": value})

    assert (fields.text("a"), fields.integer("a"), fields.decimal("a"), fields.flag("a")) == (
        text,
        integer,
        decimal,
        flag,
    )
