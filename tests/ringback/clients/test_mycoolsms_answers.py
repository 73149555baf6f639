"""My-Cool-SMS's answers otherwise: numbers as text, what is left out, errors by their code."""

from dataclasses import fields as fields_of
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import pytest

from ringback.clients.errors import (
    InDoubtError,
    NoCreditError,
    RefusedError,
    SendError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
)
from ringback.clients.exchange import Call
from ringback.clients.mycoolsms.codes import BY_FUNCTION
from ringback.clients.mycoolsms.inquiries import HLR_STATUS, HlrStatus
from ringback.schemas.event_data import Encoding, Status
from ringback.schemas.tables.mycoolsms_status import WORD
from tests.support.mycoolsms_calls import (
    BALANCE,
    ID,
    INCOMING,
    KEY,
    LOOKUP,
    MAILING,
    MAILING_REPORT,
    NORMALIZE,
    OUTBOUND,
    RECENT,
    REPORT,
    REPORTS,
    SEND,
    answer,
    each_call,
    refused,
)

TAIPEI: Final = timezone(timedelta(hours=8))

DELIVERED: Final = "SMS_STATUS_DELIVERED"

# Variants


def test_numbers_and_booleans_may_be_text() -> None:
    written = {
        "success": "true",
        "smsid": 1234,
        "senderidenabled": "false",
        "unicode": "1",
        "numchars": "16",
        "escapenumchars": " 0 ",
        "smscount": "3",
        "charge": "0.1120",
        "balance": 752,
        "prefix": 49,
    }
    result = SEND.result(answer(written))
    assert (result.message_id, result.sender_is_shown, result.encoding) == ("1234", False, Encoding.UCS2)
    assert (result.characters, result.escaped, result.parts, result.prefix) == (16, 0, 3, "49")
    assert (str(result.charge), result.balance) == ("0.1120", Decimal(752))


@pytest.mark.parametrize("success", [True, "true", "TRUE", 1, "1"])
def test_success(success: object) -> None:
    assert BALANCE.result(answer({"success": success, "balance": "1.50"})).value == Decimal("1.50")


def test_what_an_answer_leaves_out_is_none() -> None:
    result = SEND.result(answer({"success": True, "smsid": ID, "bodygsm7": None, "timestamp": "2013-04-02 22:27:22"}))
    left_out = {item.name: getattr(result, item.name) for item in fields_of(result)} | {"raw": None}
    assert {name: value for name, value in left_out.items() if value is not None} == {
        "message_id": ID,
        "recipient": "+491234567890",
    }


@pytest.mark.parametrize(
    ("call", "body"),
    [
        pytest.param(SEND, {"success": True}, id="an SMS without an id"),
        pytest.param(SEND, {"success": True, "smsid": ""}, id="an SMS with an empty id"),
        pytest.param(SEND, {"smsid": ID}, id="an SMS without success"),
        pytest.param(SEND, {"success": None, "smsid": ID}, id="success null"),
        pytest.param(SEND, {"success": "maybe", "smsid": ID}, id="success maybe"),
        pytest.param(SEND, {"success": True, "smsid": ID, "errorcode": 107}, id="a success with a code"),
        pytest.param(MAILING, {"success": True}, id="a mailing without a key"),
        pytest.param(INCOMING, {"success": True}, id="no messages"),
        pytest.param(INCOMING, {"success": True, "messages": [{}]}, id="a message without an id"),
        pytest.param(BALANCE, {"success": True, "balance": "much"}, id="a balance that is no number"),
        pytest.param(REPORT, {"success": True, "smsid": ID}, id="a report without a status"),
        pytest.param(MAILING_REPORT, {"success": True}, id="a mailing's report without a total"),
        pytest.param(REPORTS, {"success": True, "reports": [{"status": DELIVERED}]}, id="a report of which SMS?"),
        pytest.param(REPORTS, {"success": True, "reports": None}, id="no reports"),
        pytest.param(RECENT, {"success": True, "reports": [{}]}, id="a recent report without a status"),
        pytest.param(OUTBOUND, {"success": True, "messages": [{"smsid": ID}]}, id="an outbound SMS to nobody"),
        pytest.param(LOOKUP, {"success": True, "number": "1"}, id="a lookup without a status"),
        pytest.param(NORMALIZE, {"success": True}, id="no number"),
    ],
)
def test_what_lacks_the_answer_is_unreadable(call: Call[Any], body: dict[str, Any]) -> None:
    with pytest.raises(SendError) as caught:
        call.result(answer(body))
    assert type(caught.value) is (InDoubtError if call.request.has_effect else UnavailableError)


@pytest.mark.parametrize(
    ("row", "received_at", "flags"),
    [
        pytest.param(
            {"timestamp": "2011-09-20 23:09:03+08", "unixtimestamp": "1316531343.9"},
            datetime(2011, 9, 20, 23, 9, 3, tzinfo=TAIPEI),
            (),
            id="both, less than a second apart",
        ),
        pytest.param(
            {"timestamp": "2011-09-20T15:08:03.9Z", "unixtimestamp": "1316531343.9"},
            datetime(2011, 9, 20, 15, 8, 3, 900000, UTC),
            (),
            id="both, a minute apart",
        ),
        pytest.param(
            {"timestamp": "2011-09-20T15:08:03.8Z", "unixtimestamp": 1316531343.9},
            datetime(2011, 9, 20, 15, 8, 3, 800000, UTC),
            ("time:differs",),
            id="both, more than a minute apart",
        ),
        pytest.param({"timestamp": "2011-09-20T15:08Z"}, datetime(2011, 9, 20, 15, 8, tzinfo=UTC), (), id="one"),
        pytest.param(
            {"timestamp": "2011-09-20 15:08:03", "unixtimestamp": 1316531343},
            datetime(2011, 9, 20, 15, 9, 3, tzinfo=UTC),
            (),
            id="no zone: the other",
        ),
        pytest.param({"timestamp": "now", "unixtimestamp": "1e99"}, None, (), id="neither can be read"),
        pytest.param({"unixtimestamp": "32503680000"}, None, (), id="beyond the year 3000"),
        pytest.param({}, None, (), id="neither"),
    ],
)
def test_when_an_sms_came(row: dict[str, Any], received_at: datetime | None, flags: tuple[str, ...]) -> None:
    (message,) = INCOMING.result(answer({"success": True, "messages": [{"id": "1", **row}]})).messages
    assert (message.received_at, message.flags) == (received_at, flags)


def test_an_empty_inbox() -> None:
    result = INCOMING.result(answer({"success": True, "total": "0", "fetched": 0, "maxid": None, "messages": []}))
    assert (result.messages, result.total, result.fetched, result.newest_id) == ((), 0, 0, None)


@pytest.mark.parametrize(
    ("word", "status", "is_final"),
    [
        pytest.param("SMS_STATUS_QUEUED", Status.QUEUED, False, id="queued"),
        pytest.param("SMS_STATUS_AT_CARRIER", Status.SENT, False, id="at the carrier"),
        pytest.param("SMS_STATUS_DELIVERY_DELAYED", Status.DELAYED, False, id="delayed"),
        pytest.param("SMS_STATUS_DELIVERED", Status.DELIVERED, True, id="delivered"),
        pytest.param("SMS_STATUS_BOUNCED", Status.BOUNCED, True, id="bounced"),
        pytest.param("SMS_STATUS_EXPIRED", Status.EXPIRED, True, id="expired"),
        pytest.param("SMS_STATUS_ERROR", Status.FAILED, True, id="error"),
        pytest.param("sms_status_error", Status.FAILED, True, id="in lower case"),
        pytest.param("UNKNOWN_ID", Status.UNKNOWN, False, id="an id that it does not know"),
        pytest.param("SMS_STATUS_READ", Status.UNKNOWN, False, id="a new status"),
    ],
)
def test_status_words(word: str, status: Status, is_final: bool) -> None:
    one = REPORT.result(answer({"success": True, "smsid": ID, "status": word}))
    (listed,) = REPORTS.result(answer({"success": True, "reports": [{"smsid": ID, "status": word}]}))
    assert (one.status, one.word, one.is_final) == (listed.status, listed.word, listed.is_final)
    assert (one.status, one.word, one.is_final) == (status, word, is_final)


def test_counters_may_be_more_than_five_and_text() -> None:
    counted = {word: str(index) for index, word in enumerate(WORD.values())}
    result = MAILING_REPORT.result(answer({"success": "1", "total": "99", **counted}))
    assert (result.total, result.counts, result.group_key) == (99, {key: i for i, key in enumerate(WORD)}, KEY)


@pytest.mark.parametrize(
    ("word", "status"), [*HLR_STATUS.items(), ("HLR_STATUS_NEW", HlrStatus.UNKNOWN), ("hlr_status_ok", HlrStatus.OK)]
)
def test_lookup_words(word: str, status: HlrStatus) -> None:
    result = LOOKUP.result(answer({"success": True, "status": word, "charge": "0"}))
    assert (result.status, result.word, result.charge, result.number) == (status, word, Decimal(0), "+491234567890")


def test_the_document_has_no_other_lookup_words() -> None:
    assert set(HLR_STATUS) == {
        "HLR_STATUS_UNKNOWN_NUMBER",
        "HLR_STATUS_OK",
        "HLR_STATUS_NOT_OK",
        "HLR_STATUS_FAILED",
        "HLR_STATUS_AWAITING_RESPONSE",
    }


# Errors

ERROR_SAMPLE: Final = """{
    "success":false,
    "errorcode":103,
    "errordescription":"Mandatory parameter missing: senderid"
}"""


def test_the_documents_error() -> None:
    error = refused(SEND, ERROR_SAMPLE)
    assert str(error) == "mycoolsms sendSms: code 103: Mandatory parameter missing (nothing was sent)"
    assert (type(error), error.code, error.name) == (RefusedError, 103, "Mandatory parameter missing.")
    assert (error.description, error.sent, error.permanent, error.http_status, error.raw) == (
        "Mandatory parameter missing: senderid",
        "no",
        True,
        200,
        {"success": False, "errorcode": 103, "errordescription": "Mandatory parameter missing: senderid"},
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"success": False, "errorcode": "101", "errordescription": "no"}, id="a code as text"),
        pytest.param({"success": "false", "errorcode": 101, "description": "no"}, id="a description of older clients"),
        pytest.param({"success": 0, "errorcode": " 101 ", "errordescription": "no"}, id="success 0"),
    ],
)
def test_variants_of_an_error(body: dict[str, Any]) -> None:
    error = refused(BALANCE, body)
    assert (type(error), error.code, error.description, error.sent) == (UnauthorizedError, 101, "no", "no")


@each_call
def test_each_code_of_each_function(call: Call[Any]) -> None:
    for code, known in BY_FUNCTION[call.request.operation].items():
        error = refused(call, {"success": False, "errorcode": code, "errordescription": "+491234567890"}, 500)
        assert (type(error), error.permanent) == (known.reading.error, known.reading.permanent)
        assert (error.code, error.reason, error.http_status) == (code, known.text, 500)
        assert error.sent == ("unknown" if call is MAILING and code in (107, 109) else "no")
        assert "1234567890" not in f"{error}{error!r}"


@each_call
@pytest.mark.parametrize("code", [999, None], ids=["an undocumented code", "no code"])
def test_an_error_that_the_document_does_not_have(call: Call[Any], code: int | None) -> None:
    error = refused(call, {"success": False, "errorcode": code})
    assert (type(error), error.code, error.name, error.permanent) == (RefusedError, code, None, None)
    assert error.sent == ("unknown" if call is MAILING else "no")


def test_no_credit() -> None:
    assert type(refused(LOOKUP, {"success": False, "errorcode": 109})) is NoCreditError


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"[]", b"null", b'{"success":'], ids=str)
@pytest.mark.parametrize(
    ("status", "kind", "sent"),
    [
        (200, InDoubtError, "unknown"),
        (500, InDoubtError, "unknown"),
        (404, RefusedError, "no"),
        (403, UnauthorizedError, "no"),
        (429, ThrottledError, "no"),
    ],
)
def test_what_is_no_answer_goes_by_the_http_status(body: bytes, status: int, kind: type[SendError], sent: str) -> None:
    error = refused(SEND, body, status)
    assert (type(error), error.sent, error.raw) == (kind, sent, body)
