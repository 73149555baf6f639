"""Mocean's queries: balance, pricing, message status. What the arguments ask, and what each answer means."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from ringback.clients.codes import Codes
from ringback.clients.exchange import Call, ProviderAnswer
from ringback.clients.mocean.codes import BALANCE, MESSAGE_STATUS, PRICING
from ringback.clients.mocean.queries import Balance, MessageReport, Price, balance, message_status, pricing
from tests.support.mocean_calls import (
    ACCOUNT,
    ANY_ANSWER,
    BEARER,
    HTTP_STATUSES,
    answer,
    check_outcome,
    error_of,
    invalid_by,
    queried,
    told,
)

BALANCE_CALL = balance(ACCOUNT)
PRICING_CALL = pricing(ACCOUNT)
STATUS_CALL = message_status(ACCOUNT, "cust1")
ALL = [
    pytest.param(BALANCE_CALL, "balance", BALANCE, id="balance"),
    pytest.param(PRICING_CALL, "pricing", PRICING, id="pricing"),
    pytest.param(STATUS_CALL, "message_status", MESSAGE_STATUS, id="message status"),
]


@pytest.mark.parametrize(
    ("call", "operation", "path", "query"),
    [
        pytest.param(BALANCE_CALL, "balance", "/account/balance", {}, id="balance"),
        pytest.param(PRICING_CALL, "pricing", "/account/pricing", {}, id="pricing"),
        pytest.param(
            pricing(ACCOUNT, mcc="502", mnc="01"),
            "pricing",
            "/account/pricing",
            {"mocean-mcc": "502", "mocean-mnc": "01"},
            id="pricing of a network, with its zero",
        ),
        pytest.param(
            pricing(ACCOUNT, mcc="344", mnc="030"),
            "pricing",
            "/account/pricing",
            {"mocean-mcc": "344", "mocean-mnc": "030"},
            id="pricing of a network of three digits",
        ),
        pytest.param(
            pricing(ACCOUNT, mcc="502"), "pricing", "/account/pricing", {}, id="pricing of a country: all are asked for"
        ),
        *(
            pytest.param(
                pricing(ACCOUNT, type=service),  # type: ignore[arg-type]
                "pricing",
                "/account/pricing",
                {"mocean-type": service},
                id=f"pricing of {service}",
            )
            for service in ("sms", "number-lookup", "verify", "SMS")
        ),
        pytest.param(STATUS_CALL, "message_status", "/report/message", {"mocean-msgid": "cust1"}, id="message status"),
    ],
)
def test_what_is_asked(call: Call[Any], operation: str, path: str, query: dict[str, str]) -> None:
    assert queried(call.request, path) == query
    assert (call.request.operation, call.request.has_effect) == (operation, False)


def test_the_token_goes_into_a_header_alone() -> None:
    request = balance(BEARER).request
    assert (request.headers, request.query) == ({"Authorization": "Bearer TOKEN"}, {"mocean-resp-format": "json"})


MCC = "mcc: not a mobile country code; write three digits such as 502"
MNC = "mnc: not one mobile network code; write two or three digits such as 01"


@pytest.mark.parametrize(
    ("pair", "arguments", "words"),
    [
        pytest.param(pricing, {"mcc": "50"}, MCC, id="MCC of two digits"),
        pytest.param(pricing, {"mcc": "5020"}, MCC, id="MCC of four digits"),
        pytest.param(pricing, {"mcc": ""}, MCC, id="an empty MCC"),
        pytest.param(pricing, {"mcc": 502}, MCC, id="MCC as a number"),
        pytest.param(pricing, {"mcc": "502", "mnc": 13}, MNC, id="MNC as a number"),
        pytest.param(pricing, {"mcc": "Default"}, MCC, id="MCC that is a word"),
        pytest.param(pricing, {"mcc": "５０２"}, MCC, id="MCC in other digits"),
        pytest.param(pricing, {"mnc": "01"}, "mnc: without mcc; write both", id="MNC alone"),
        pytest.param(pricing, {"mcc": "502", "mnc": "1"}, MNC, id="MNC without its zero"),
        pytest.param(pricing, {"mcc": "502", "mnc": "0100"}, MNC, id="MNC of four digits"),
        pytest.param(pricing, {"mcc": "502", "mnc": "13,19"}, MNC, id="two MNCs"),
        pytest.param(
            pricing, {"type": "voice"}, "type: unknown; write one of number-lookup, sms, verify", id="another service"
        ),
        pytest.param(message_status, {"message_id": ""}, "message_id: empty", id="no message id"),
        pytest.param(
            message_status,
            {"message_id": "\ud800"},
            "message_id: has half of a surrogate pair; write whole characters",
            id="half of a pair",
        ),
    ],
)
def test_wrong_arguments(pair: Callable[..., Call[Any]], arguments: dict[str, Any], words: str) -> None:
    assert invalid_by(pair, ACCOUNT, **arguments) == words


# Balance


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param('{"status": 0, "value": 100.0000}', "100.0000", id="the document's sample"),
        pytest.param({"status": "0", "value": "100.0000"}, "100.0000", id="texts"),
        pytest.param({"status": 0, "value": 0}, "0", id="nothing left"),
        pytest.param({"status": 0, "value": -1.5}, "-1.5", id="less than nothing"),
        pytest.param('{"status": 0, "value": 0.1000000000000000055}', "0.1000000000000000055", id="exact"),
        pytest.param(
            '<?xml version="1.0" encoding="UTF-8"?>\n<result><status>0</status><value>100.0000</value></result>',
            "100.0000",
            id="XML of the SDK's tests",
        ),
    ],
)
def test_balance(body: object, value: str, status: int) -> None:
    result = BALANCE_CALL.result(answer(body, status))
    assert isinstance(result, Balance)
    assert str(result.value) == value
    assert result.raw.keys() == {"status", "value"}


# Pricing

SAMPLE = """{
  "status": 0,
  "destinations":[
    {"country": "Default", "operator": "Default", "mcc": "Default", "mnc": "Default", "price": "0.0100",
     "currency": "MYR"},
    {"country": "Malaysia", "operator": "Default", "mcc": "502", "mnc": "Default", "price": "0.0040",
     "currency": "MYR"},
    {"country": "Malaysia", "operator": "Celcom", "mcc": "502", "mnc": "13,19", "price": "0.0020", "currency": "MYR"}
  ]
}"""


def priced(
    price: str,
    country: str | None = None,
    operator: str | None = None,
    mcc: str | None = None,
    mnc: tuple[str, ...] = (),
) -> Price:
    return Price(country, operator, mcc, mnc, Decimal(price), "MYR", {})


def without_raw(prices: tuple[Price, ...]) -> list[Price]:
    assert all({"price", "currency"} <= price.raw.keys() for price in prices)
    return [
        Price(price.country, price.operator, price.mcc, price.mnc, price.price, price.currency, {}) for price in prices
    ]


@pytest.mark.parametrize("status", HTTP_STATUSES)
def test_the_documents_prices(status: int) -> None:
    assert without_raw(PRICING_CALL.result(answer(SAMPLE, status))) == [
        priced("0.0100"),
        priced("0.0040", "Malaysia", mcc="502"),
        priced("0.0020", "Malaysia", "Celcom", "502", ("13", "19")),
    ]


def test_the_documents_prices_of_a_country() -> None:
    assert without_raw(pricing(ACCOUNT, mcc="502").result(answer(SAMPLE))) == [
        priced("0.0040", "Malaysia", mcc="502"),
        priced("0.0020", "Malaysia", "Celcom", "502", ("13", "19")),
    ]
    assert pricing(ACCOUNT, mcc="262").result(answer(SAMPLE)) == ()
    assert len(pricing(ACCOUNT, mcc="502", mnc="13").result(answer(SAMPLE))) == 3, "what Mocean filters is kept whole"


def row(**fields: object) -> dict[str, object]:
    return {
        "country": "Malaysia",
        "operator": "Celcom",
        "mcc": "502",
        "mnc": "13",
        "price": "0.1",
        "currency": "MYR",
    } | fields


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        pytest.param({}, priced("0.1", "Malaysia", "Celcom", "502", ("13",)), id="texts"),
        pytest.param(
            {"price": 0.1, "mcc": 502, "mnc": 13}, priced("0.1", "Malaysia", "Celcom", "502", ("13",)), id="numbers"
        ),
        pytest.param({"mnc": 3, "mcc": 262}, priced("0.1", "Malaysia", "Celcom", "262", ("03",)), id="a lost zero"),
        pytest.param({"mnc": "030"}, priced("0.1", "Malaysia", "Celcom", "502", ("030",)), id="a kept zero"),
        pytest.param({"mnc": "16, 10"}, priced("0.1", "Malaysia", "Celcom", "502", ("16", "10")), id="a blank between"),
        pytest.param({"mnc": "01%2C02%2C07"}, priced("0.1", "Malaysia", "Celcom", "502", ("01", "02", "07")), id="%2C"),
        pytest.param(
            {"country": "Tanzania+%28United+Republic+of%29", "operator": "MIC+%28T%29+Ltd%2E+%28Tigo%29"},
            priced("0.1", "Tanzania (United Republic of)", "MIC (T) Ltd. (Tigo)", "502", ("13",)),
            id="URL-encoded names",
        ),
        pytest.param(
            {"country": "Xfera+Moviles%2C+S%2EA%2E", "operator": "Telef%C3%B3nica"},
            priced("0.1", "Xfera Moviles, S.A.", "Telefónica", "502", ("13",)),
            id="URL-encoded beyond ASCII",
        ),
        pytest.param(
            {"country": "A + B 100%41", "operator": "C 50%"},
            priced("0.1", "A + B 100%41", "C 50%", "502", ("13",)),
            id="what has spaces is not URL-encoded",
        ),
        pytest.param(
            {"country": "%zz%", "operator": "%ff"}, priced("0.1", "%zz%", "\ufffd", "502", ("13",)), id="no encoding"
        ),
        pytest.param(
            {"country": "default", "operator": "", "mcc": "DEFAULT", "mnc": None},
            priced("0.1"),
            id="default, otherwise",
        ),
    ],
)
def test_price(fields: dict[str, object], price: Price) -> None:
    given_row = row(**fields)
    body = {"status": 0, "destinations": [given_row]}
    assert without_raw(PRICING_CALL.result(answer(body))) == [price]
    xml = "".join(f"<{name}>{'' if value is None else value}</{name}>" for name, value in given_row.items())
    xml = f"<result><status>0</status><destinations><destination>{xml}</destination></destinations></result>"
    assert without_raw(PRICING_CALL.result(answer(xml))) == [price]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"status": 0, "destinations": []}, id="JSON"),
        pytest.param("<result><status>0</status><destinations/></result>", id="XML"),
    ],
)
def test_no_prices(body: object) -> None:
    assert PRICING_CALL.result(answer(body)) == ()


# Message status


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize(
    ("code", "meaning"), [(1, "success"), (2, "failed"), (3, "expired"), (4, "pending"), (5, "not_found")]
)
def test_message_status(code: int, meaning: Any, status: int) -> None:
    fields: dict[str, object] = {
        "status": 0,
        "message_status": code,
        "msgid": "cust20013050311050614001",
        "credit_deducted": "1",
    }
    report = MessageReport("cust20013050311050614001", meaning, Decimal(1), fields)
    assert STATUS_CALL.result(answer(fields, status)) == report
    xml = "<result>" + "".join(f"<{name}>{value}</{name}>" for name, value in fields.items()) + "</result>"
    texts: dict[str, object] = {name: str(value) for name, value in fields.items()}
    assert STATUS_CALL.result(answer(xml, status)) == MessageReport(
        "cust20013050311050614001", meaning, Decimal(1), texts
    )


@pytest.mark.parametrize(
    ("fields", "message_id", "credit"),
    [
        pytest.param({"msgid": "c", "credit_deducted": 0}, "c", Decimal(0), id="a number"),
        pytest.param(
            {"msgid": "c", "credit_deducted": "0.0000"}, "c", Decimal("0.0000"), id="as the SDK's tests have it"
        ),
        pytest.param({"msgid": "c"}, "c", None, id="no credit"),
        pytest.param({"msgid": "c", "credit_deducted": ""}, "c", None, id="an empty credit"),
        pytest.param({"credit_deducted": 1}, "cust1", Decimal(1), id="no message id: the one asked for"),
    ],
)
def test_message_reports(fields: dict[str, object], message_id: str, credit: Decimal | None) -> None:
    whole = {"status": 0, "message_status": "1", **fields}
    assert STATUS_CALL.result(answer(whole)) == MessageReport(message_id, "success", credit, whole)


# Errors of all of them


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize(("call", "operation", "codes"), ALL)
def test_every_code(call: Call[Any], operation: str, codes: Codes, status: int) -> None:
    for code, known in codes.items():
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


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, "UnavailableError"),
        (400, "RefusedError"),
        (401, "UnauthorizedError"),
        (429, "ThrottledError"),
        (500, "UnavailableError"),
    ],
)
@pytest.mark.parametrize(("call", "operation", "codes"), ALL)
@pytest.mark.parametrize(
    "body",
    [
        "",
        "OK",
        "{}",
        "[0]",
        '{"status": 0}',
        '{"status": 0',
        '{"value": 1}',
        '{"status": 0, "value": "x", "message_status": "x", "destinations": "x"}',
        '{"status": 0, "value": NaN, "message_status": 6, "destinations": [{"mcc": "502"}]}',
        '{"status": 0, "value": "Infinity", "message_status": 0, "destinations": [{"price": "x"}]}',
        "<html><body>Bad Gateway</body></html>",
        "<result><status>0</status></result>",
    ],
)
def test_unreadable(call: Call[Any], operation: str, codes: Codes, body: str, status: int, kind: str) -> None:
    """A query that brought nothing readable has changed nothing: it is never in doubt."""
    error = error_of(call, answer(body, status))
    assert (type(error).__name__, error.operation, error.sent) == (kind, operation, "no")


@given(given_answer=ANY_ANSWER)
def test_any_answer(given_answer: ProviderAnswer) -> None:
    for call in (BALANCE_CALL, PRICING_CALL, pricing(ACCOUNT, mcc="502"), STATUS_CALL):
        check_outcome(call, given_answer)
