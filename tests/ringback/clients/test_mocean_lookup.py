"""Mocean's number lookup, at once and later: what the arguments send, and what each answer means."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from ringback.clients.exchange import Call, ProviderAnswer
from ringback.clients.mocean.codes import LOOKUP
from ringback.clients.mocean.lookup import LookupAsked, LookupResult, lookup, lookup_later
from ringback.receiver.parsing.callbacks import Normalised
from ringback.receiver.parsing.fields import Fields
from ringback.receiver.providers.mocean.lookup import number_lookup
from ringback.schemas.address import parse_address
from ringback.schemas.event_data import Carrier, LookupCompleted, Ported
from ringback.schemas.tables.lookup_errors import LOOKUP_ERRORS
from tests.support.mocean_calls import (
    ACCOUNT,
    ANY_ANSWER,
    HTTP_STATUSES,
    PUBLIC,
    answer,
    check_outcome,
    error_of,
    invalid_by,
    posted,
    told,
)

NUMBER = "60123456789"
NOW = lookup(ACCOUNT, NUMBER)
LATER = lookup_later(PUBLIC, NUMBER)
URL = "https://us.example/webhooks/mocean/number-lookup?token=t0ken"
BOTH = [pytest.param(NOW, "lookup", id="at once"), pytest.param(LATER, "lookup_later", id="later")]


@pytest.mark.parametrize(
    ("call", "operation", "form"),
    [
        pytest.param(NOW, "lookup", {}, id="at once"),
        pytest.param(lookup(PUBLIC, NUMBER), "lookup", {}, id="at once, though there is a public URL"),
        pytest.param(lookup(ACCOUNT, "+60 12-345 6789"), "lookup", {}, id="a number as people write it"),
        pytest.param(lookup(ACCOUNT, parse_address("0060123456789")), "lookup", {}, id="the address of an event"),
        pytest.param(LATER, "lookup_later", {"mocean-nl-url": URL}, id="later"),
        pytest.param(
            lookup_later(PUBLIC, NUMBER, context={"order": "4 2"}),
            "lookup_later",
            {"mocean-nl-url": f"{URL}&ctx.order=4+2"},
            id="later with a context",
        ),
        pytest.param(
            lookup_later(ACCOUNT, NUMBER, callback_url="https://x.example/nl"),
            "lookup_later",
            {"mocean-nl-url": "https://x.example/nl"},
            id="later, to the caller's URL",
        ),
    ],
)
def test_what_is_sent(call: Call[Any], operation: str, form: dict[str, str]) -> None:
    assert posted(call.request, "/nl") == {"mocean-to": NUMBER} | form
    assert (call.request.operation, call.request.has_effect) == (operation, True)


NO_NUMBER = "number: not a phone number with its country code; write such as +60123456789"


@pytest.mark.parametrize(
    ("pair", "arguments", "words"),
    [
        pytest.param(lookup, {"number": "63001"}, NO_NUMBER, id="a short code"),
        pytest.param(lookup, {"number": ""}, NO_NUMBER, id="no number"),
        pytest.param(lookup_later, {"number": "ACME"}, NO_NUMBER, id="a name"),
        pytest.param(
            lookup_later,
            {"number": NUMBER},
            "callback_url: missing; write it, or set RINGBACK_PUBLIC_URL",
            id="nowhere for the result",
        ),
        pytest.param(
            lookup_later,
            {"number": NUMBER, "callback_url": "x"},
            "callback_url: not a web address; write https://host/path",
            id="a URL that is none",
        ),
    ],
)
def test_wrong_arguments(pair: Callable[..., Call[Any]], arguments: dict[str, Any], words: str) -> None:
    assert invalid_by(pair, ACCOUNT, **arguments) == words


# At once

U_MOBILE = {"country": "MY", "name": "U Mobile", "network_code": 50218, "mcc": "502", "mnc": "18"}
MAXIS = {"country": "MY", "name": "Maxis Mobile", "network_code": 50212, "mcc": "502", "mnc": "12"}
SAMPLE = {
    "status": 0,
    "msgid": "test0412143224000022.0002",
    "to": NUMBER,
    "current_carrier": U_MOBILE,
    "original_carrier": MAXIS,
    "ported": "ported",
}
U_MOBILE_XML, MAXIS_XML = (
    "".join(f"<{name}>{value}</{name}>" for name, value in carrier.items()) for carrier in (U_MOBILE, MAXIS)
)
SDK_XML = f"""<?xml version="1.0"?>
<result>
    <status>0</status><msgid>CPASS.0002</msgid><to>{NUMBER}</to>
    <current_carrier>{U_MOBILE_XML}</current_carrier>
    <original_carrier>{MAXIS_XML}</original_carrier>
    <ported>ported</ported><reachable>reachable</reachable>
</result>"""
U_MOBILE_CARRIER = Carrier(country="MY", name="U Mobile", network_code="50218", mcc="502", mnc="18")
MAXIS_CARRIER = Carrier(country="MY", name="Maxis Mobile", network_code="50212", mcc="502", mnc="12")


def found(body: object, status: int = 200) -> LookupResult:
    result = NOW.result(answer(body, status))
    assert NUMBER not in repr(result)
    return result


@pytest.mark.parametrize("status", HTTP_STATUSES)
def test_the_documents_result(status: int) -> None:
    assert found(SAMPLE, status) == LookupResult(
        "test0412143224000022.0002", NUMBER, U_MOBILE_CARRIER, MAXIS_CARRIER, Ported.PORTED, SAMPLE
    )


@pytest.mark.parametrize("status", HTTP_STATUSES)
def test_the_sdks_result_in_xml(status: int) -> None:
    result = found(SDK_XML, status)
    assert (result.lookup_id, result.number, result.ported) == ("CPASS.0002", NUMBER, Ported.PORTED)
    assert (result.current_carrier, result.original_carrier) == (U_MOBILE_CARRIER, MAXIS_CARRIER)
    assert result.raw["reachable"] == "reachable"


@pytest.mark.parametrize(
    ("sent", "ported"),
    [
        ("ported", Ported.PORTED),
        ("not_ported", Ported.NOT_PORTED),
        ("unknown", Ported.UNKNOWN),
        ("Ported", Ported.PORTED),
        ("maybe", Ported.UNKNOWN),
        (None, Ported.UNKNOWN),
        ({}, Ported.UNKNOWN),
    ],
)
def test_ported(sent: object, ported: Ported) -> None:
    assert found(SAMPLE | {"ported": sent}).ported is ported


@pytest.mark.parametrize(
    ("fields", "number", "lookup_id"),
    [
        pytest.param({"to": int(NUMBER), "msgid": 7}, NUMBER, "7", id="numbers"),
        pytest.param({"to": None, "msgid": None}, NUMBER, None, id="neither: the number asked for"),
    ],
)
def test_partial_results(fields: dict[str, object], number: str, lookup_id: str | None) -> None:
    result = found(SAMPLE | fields)
    assert (result.number, result.lookup_id) == (number, lookup_id)


@pytest.mark.parametrize(
    ("wire", "carrier"),
    [
        pytest.param(
            {"country": "DE", "name": "o2", "network_code": 26203, "mcc": 262, "mnc": 3},
            Carrier(country="DE", name="o2", network_code="26203", mcc="262", mnc="03"),
            id="03 as 3",
        ),
        pytest.param(
            {"network_code": "344030", "mcc": "344", "mnc": "30"},
            Carrier(country="AG", name="APUA PCS", network_code="344030", mcc="344", mnc="030"),
            id="the table has what is not sent",
        ),
        pytest.param(
            {"country": "ZZ", "name": "New", "network_code": 1, "mcc": "999", "mnc": "001"},
            Carrier(country="ZZ", name="New", network_code="1", mcc="999", mnc="001"),
            id="zeros that came are kept",
        ),
        pytest.param(
            {"country": "ZZ", "name": "New", "mcc": -5, "mnc": 12345},
            Carrier(country="ZZ", name="New"),
            id="no mobile codes",
        ),
        pytest.param({"country": "ZZ", "mcc": "502"}, Carrier(country="ZZ", mcc="502"), id="MCC alone"),
        pytest.param({"name": ["x"], "mcc": {}}, Carrier(), id="nothing that can be read"),
        pytest.param({"country": "", "name": "Unknown", "network_code": 0, "mcc": 0, "mnc": 0}, None, id="network 0"),
        pytest.param({"network_code": "000"}, None, id="network 000"),
        pytest.param({}, None, id="an empty object"),
        pytest.param(None, None, id="null"),
        pytest.param("U Mobile", None, id="a text"),
        pytest.param([U_MOBILE], None, id="an array"),
    ],
)
def test_carrier(wire: object, carrier: Carrier | None) -> None:
    assert found(SAMPLE | {"current_carrier": wire}).current_carrier == carrier
    assert found(SAMPLE | {"original_carrier": wire}).original_carrier == carrier


@pytest.mark.parametrize("mnc", ["18", 18, "03", 3, "030", 30, None, 0])
@pytest.mark.parametrize("mcc", ["502", 502, "262", 262, "344", 1, None])
@pytest.mark.parametrize("code", [50218, "26203", "344030", 99, None, 0])
def test_carriers_are_read_as_the_callbacks(code: object, mcc: object, mnc: object) -> None:
    wire: Any = SAMPLE | {"current_carrier": {"country": "X", "network_code": code, "mcc": mcc, "mnc": mnc}}
    draft = number_lookup(Fields(wire))
    assert isinstance(draft, Normalised)
    assert isinstance(draft.data, LookupCompleted)
    assert found(wire).current_carrier == draft.data.current_carrier


# Later

ASKED = {"status": 0, "msgid": "test0412143224000022.0002", "to": NUMBER}


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize(
    ("body", "raw", "lookup_id"),
    [
        pytest.param(ASKED, ASKED, "test0412143224000022.0002", id="the document's sample"),
        pytest.param({"status": "0", "msgid": 7}, {"status": "0", "msgid": 7}, "7", id="no number: the one asked for"),
        pytest.param(
            f"<result><status>0</status><msgid>CPASS.2</msgid><to>{NUMBER}</to></result>",
            {"status": "0", "msgid": "CPASS.2", "to": NUMBER},
            "CPASS.2",
            id="XML",
        ),
    ],
)
def test_asked(body: object, raw: dict[str, object], lookup_id: str, status: int) -> None:
    asked = LATER.result(answer(body, status))
    assert asked == LookupAsked(lookup_id, NUMBER, raw)
    assert NUMBER not in repr(asked)


# Errors of both


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize("code", LOOKUP)
@pytest.mark.parametrize(("call", "operation"), BOTH)
def test_every_code(call: Call[Any], operation: str, code: int, status: int) -> None:
    known = LOOKUP[code]
    for body in (
        {"status": code, "err_msg": "no"},
        {"status": str(code), "err_msg": "no"},
        f"<result><status>{code}</status><err_msg>no</err_msg></result>",
    ):
        error = error_of(call, answer(body, status))
        assert told(error) == {
            "kind": known.reading.error.__name__,
            "operation": operation,
            "code": code,
            "sent": "no",
            "permanent": known.reading.permanent,
        }
        assert (error.reason, error.description) == (known.text, "no")


def test_events_and_errors_agree_on_what_is_permanent() -> None:
    assert {code: (known.text, known.reading.permanent) for code, known in LOOKUP.items()} == LOOKUP_ERRORS


@pytest.mark.parametrize(
    ("status", "kind", "sent"),
    [
        (200, "InDoubtError", "unknown"),
        (400, "RefusedError", "no"),
        (401, "UnauthorizedError", "no"),
        (429, "ThrottledError", "no"),
        (500, "InDoubtError", "unknown"),
    ],
)
@pytest.mark.parametrize(("call", "operation"), BOTH)
@pytest.mark.parametrize(
    "body",
    ["", "OK", "{}", "[0]", '{"status": 0}', '{"status": 0', '{"msgid": "m"}', "<html>Bad Gateway</html>"],
)
def test_unreadable(call: Call[Any], operation: str, body: str, status: int, kind: str, sent: str) -> None:
    """A lookup costs: it is in doubt where nobody knows whether it was made."""
    error = error_of(call, answer(body, status))
    assert (type(error).__name__, error.operation, error.sent) == (kind, operation, sent)


def test_a_lookup_at_once_needs_its_result_in_the_answer() -> None:
    assert type(error_of(NOW, answer(ASKED))).__name__ == "InDoubtError"


@given(given_answer=ANY_ANSWER)
def test_any_answer(given_answer: ProviderAnswer) -> None:
    check_outcome(NOW, given_answer)
    check_outcome(LATER, given_answer)
