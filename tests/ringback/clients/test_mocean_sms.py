"""Mocean's SMS: what the arguments send, and what each answer means, for one receiver and for several."""

import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.clients.accounts import MoceanAccount
from ringback.clients.bodies import read_fields
from ringback.clients.errors import InvalidRequestError, PartialError, RefusedError, SendError
from ringback.clients.exchange import Call, ProviderAnswer
from ringback.clients.mocean.codes import SMS
from ringback.clients.mocean.sms import NOTHING_SENT, Sent, binary, flash, send, send_many
from ringback.schemas.address import parse_address
from tests.support.mocean_calls import (
    ACCOUNT,
    ANY_ANSWER,
    BEARER,
    HTTP_STATUSES,
    PUBLIC,
    answer,
    check_outcome,
    error_of,
    invalid_by,
    posted,
    told,
)

ONE, TWO, THREE = "60123456789", "60198765432", "60123456780"
TEXT: dict[str, Any] = {"to": ONE, "from_": "ACME", "text": "private words"}
DATA: dict[str, Any] = {"to": ONE, "from_": "ACME", "data": "030616ae966c6f"}
MANY: dict[str, Any] = {"to": [ONE, TWO, THREE], "from_": "ACME", "text": "private words"}
ADDRESSED = {"mocean-from": "ACME", "mocean-to": ONE}
SENT = ADDRESSED | {"mocean-text": "private words"}
URL = "https://us.example/webhooks/mocean/delivery-report?token=t0ken"
ALL = [
    pytest.param(send, "sms", TEXT, id="sms"),
    pytest.param(flash, "flash", TEXT, id="flash"),
    pytest.param(binary, "binary", DATA, id="binary"),
    pytest.param(send_many, "sms_many", MANY, id="sms_many"),
]
Pair = Callable[..., Call[Any]]


@pytest.mark.parametrize(
    ("pair", "arguments", "form"),
    [
        pytest.param(send, TEXT, SENT, id="text"),
        pytest.param(send, TEXT | {"text": "á 👍&=+"}, SENT | {"mocean-text": "á 👍&=+"}, id="a text that is no GSM 7"),
        pytest.param(send, TEXT | {"to": "+60 12-345 6789"}, SENT, id="a number as people write it"),
        pytest.param(send, TEXT | {"to": parse_address("0060123456789")}, SENT, id="the address of an event"),
        pytest.param(send, TEXT | {"from_": "+60198765432"}, SENT | {"mocean-from": TWO}, id="from a number"),
        pytest.param(send, TEXT | {"from_": "63001"}, SENT | {"mocean-from": "63001"}, id="from a short code"),
        pytest.param(
            flash, TEXT, SENT | {"mocean-mclass": "1", "mocean-alt-dcs": "1"}, id="flash needs both mclass and alt-dcs"
        ),
        pytest.param(
            binary,
            DATA | {"udh": "0605040b8423f0"},
            ADDRESSED | {"mocean-text": "030616AE966C6F", "mocean-coding": "2", "mocean-udh": "0605040B8423F0"},
            id="binary, the document's data and header",
        ),
        pytest.param(
            binary,
            DATA | {"data": b"\x00\xff", "udh": b"\x01\x02"},
            ADDRESSED | {"mocean-text": "00FF", "mocean-coding": "2", "mocean-udh": "0102"},
            id="binary of bytes",
        ),
        pytest.param(
            binary,
            DATA,
            ADDRESSED | {"mocean-text": "030616AE966C6F", "mocean-coding": "2"},
            id="binary without a header is still 8-bit",
        ),
        pytest.param(send_many, MANY, SENT | {"mocean-to": f"{ONE},{TWO},{THREE}"}, id="several receivers"),
        pytest.param(send_many, MANY | {"to": ["+60 12-345 6789", ONE]}, SENT, id="one receiver twice"),
    ],
)
def test_what_is_sent(pair: Pair, arguments: dict[str, Any], form: dict[str, str]) -> None:
    assert posted(pair(ACCOUNT, **arguments).request, "/sms") == form


@pytest.mark.parametrize(("pair", "operation", "arguments"), ALL)
@pytest.mark.parametrize(
    ("account", "options", "form"),
    [
        pytest.param(
            ACCOUNT,
            {"schedule": datetime(2007, 3, 2, 0, 55, tzinfo=UTC)},
            {"mocean-schedule": "2007-03-02 08:55:00"},
            id="schedule, in Malaysia's time with leading zeros",
        ),
        pytest.param(ACCOUNT, {"validity": 1}, {"mocean-validity": "1"}, id="validity of a second"),
        pytest.param(ACCOUNT, {"validity": 300}, {"mocean-validity": "300"}, id="validity"),
        pytest.param(ACCOUNT, {"context": {"order": "42"}}, {}, id="a context and no URL"),
        pytest.param(
            ACCOUNT,
            {"callback_url": "https://x.example/dlr"},
            {"mocean-dlr-mask": "1", "mocean-dlr-url": "https://x.example/dlr"},
            id="a callback URL",
        ),
        pytest.param(PUBLIC, {}, {"mocean-dlr-mask": "1", "mocean-dlr-url": URL}, id="our callback URL"),
        pytest.param(
            PUBLIC,
            {"context": {"order": "4 2"}},
            {"mocean-dlr-mask": "1", "mocean-dlr-url": f"{URL}&ctx.order=4+2"},
            id="a context",
        ),
    ],
)
def test_options(
    pair: Pair,
    operation: str,
    arguments: dict[str, Any],
    account: MoceanAccount,
    options: dict[str, Any],
    form: dict[str, str],
) -> None:
    request = pair(account, **arguments, **options).request
    assert posted(request, "/sms") == posted(pair(ACCOUNT, **arguments).request, "/sms") | form
    assert (request.operation, request.has_effect) == (operation, True)


def test_the_token_goes_into_a_header_alone() -> None:
    request = send(BEARER, **TEXT).request
    assert request.headers["Authorization"] == "Bearer TOKEN"
    assert b"mocean-api" not in request.body


HEX = "not hex; write bytes, or two hex digits an octet"


@pytest.mark.parametrize(("pair", "operation", "arguments"), ALL)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        pytest.param({"from_": ""}, "from_: empty; write the number, short code or name that sends", id="no sender"),
        pytest.param({"validity": 0}, "validity: not positive; write seconds", id="no validity"),
        pytest.param({"validity": -1}, "validity: not positive; write seconds", id="negative validity"),
        pytest.param(
            {"schedule": datetime(2024, 1, 1)},  # noqa: DTZ001
            "schedule: a time without a zone; write datetime(…, tzinfo=…)",
            id="naive schedule",
        ),
        pytest.param(
            {"callback_url": "x"}, "callback_url: not a web address; write https://host/path", id="callback URL"
        ),
    ],
)
def test_wrong_options(
    pair: Pair, operation: str, arguments: dict[str, Any], wrong: dict[str, Any], words: str
) -> None:
    assert invalid_by(pair, ACCOUNT, **arguments | wrong) == words


@pytest.mark.parametrize(
    ("pair", "arguments", "words"),
    [
        pytest.param(send, TEXT | {"text": ""}, "text: empty", id="no text"),
        pytest.param(flash, TEXT | {"text": ""}, "text: empty", id="no flash text"),
        pytest.param(send_many, MANY | {"text": ""}, "text: empty", id="no text for several"),
        pytest.param(binary, DATA | {"data": ""}, "data: empty", id="no data"),
        pytest.param(binary, DATA | {"data": b""}, "data: empty", id="no bytes"),
        pytest.param(binary, DATA | {"data": "0"}, f"data: {HEX}", id="half an octet"),
        pytest.param(binary, DATA | {"data": "0g"}, f"data: {HEX}", id="no hex"),
        pytest.param(binary, DATA | {"data": "private words"}, f"data: {HEX}", id="a text for data"),
        pytest.param(binary, DATA | {"udh": ""}, "udh: empty", id="an empty header"),
        pytest.param(binary, DATA | {"udh": "x"}, f"udh: {HEX}", id="a header that is no hex"),
        pytest.param(
            send,
            TEXT | {"to": "63001"},
            "to: not a phone number with its country code; write such as +60123456789",
            id="to a short code",
        ),
        pytest.param(send_many, MANY | {"to": []}, "to: 0 receivers; write 1 to 500", id="to nobody"),
        pytest.param(
            send_many,
            MANY | {"to": [f"6012345{number:04}" for number in range(501)]},
            "to: 501 receivers; write 1 to 500",
            id="to 501",
        ),
    ],
)
def test_wrong_arguments(pair: Pair, arguments: dict[str, Any], words: str) -> None:
    assert invalid_by(pair, ACCOUNT, **arguments) == words


def test_500_receivers() -> None:
    numbers = [f"6012345{number:04}" for number in range(500)]
    request = send_many(ACCOUNT, **MANY | {"to": numbers}).request
    assert posted(request, "/sms")["mocean-to"].split(",") == numbers


# Answers to a request to one receiver

SAMPLE = {"messages": [{"status": 0, "receiver": "60173788399", "msgid": "cust20013050311050614001"}]}
FAILED_SAMPLE = {"messages": [{"status": 1, "err_msg": "Authorization failed"}]}
SDK_XML = """<?xml version="1.0"?>
<result><messages><message><status>0</status><receiver>60123456789</receiver><msgid>CPASS.0001</msgid></message>
</messages></result>"""
SDK_ERROR_XML = """<?xml version="1.0" encoding="UTF-8"?>
<result><status>1</status><err_msg>Authorization failed</err_msg></result>"""
FAILED_XML = "<result><messages><message><status>1</status><err_msg>x</err_msg></message></messages></result>"


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize(
    ("body", "message_id", "recipient"),
    [
        pytest.param(SAMPLE, "cust20013050311050614001", "60173788399", id="the document's sample"),
        pytest.param({"messages": [{"status": "0", "receiver": int(ONE), "msgid": 7}]}, "7", ONE, id="other types"),
        pytest.param({"messages": [{"status": 0, "msgid": "m"}]}, "m", ONE, id="no receiver: the one asked for"),
        pytest.param({"messages": {"status": 0, "msgid": "m"}}, "m", ONE, id="an object for a list of one"),
        pytest.param(SDK_XML, "CPASS.0001", ONE, id="XML"),
    ],
)
@pytest.mark.parametrize("pair", [send, flash, binary])
def test_accepted(pair: Pair, body: object, message_id: str, recipient: str, status: int) -> None:
    given_answer = answer(body, status)
    raw = (read_fields(given_answer.body).parts("messages") or [])[0].raw
    call = pair(ACCOUNT, **(DATA if pair is binary else TEXT))
    sent = call.result(given_answer)
    assert sent == Sent(message_id, recipient, raw)
    assert recipient not in repr(sent)


def test_several_of_which_there_is_one() -> None:
    assert send_many(ACCOUNT, **MANY | {"to": [ONE]}).result(answer(SDK_XML)) == (
        Sent("CPASS.0001", ONE, {"status": "0", "receiver": ONE, "msgid": "CPASS.0001"}),
    )


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize("code", SMS)
def test_every_code(code: int, status: int) -> None:
    """It is refused with its own words, whatever the HTTP status: for one receiver nothing was sent."""
    known = SMS[code]
    for body in (
        {"messages": [{"status": code, "err_msg": f"about {ONE}"}]},
        {"messages": [{"status": str(code), "err_msg": f"about {ONE}", "receiver": ONE}]},
        {"status": code, "err_msg": f"about {ONE}"},
        {"status": code, "err_msg": f"about {ONE}", "messages": []},
        f"<result><status>{code}</status><err_msg>about {ONE}</err_msg></result>",
    ):
        error = error_of(send(ACCOUNT, **TEXT), answer(body, status))
        assert told(error) == {
            "kind": known.reading.error.__name__,
            "operation": "sms",
            "code": code,
            "sent": "no",
            "permanent": known.reading.permanent,
        }
        assert (error.reason, error.description, error.http_status) == (known.text, f"about {ONE}", status)
        assert error.name is not None
        assert known.text.startswith(error.name.rstrip("."))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(FAILED_SAMPLE, id="the document's sample"),
        pytest.param(SDK_ERROR_XML, id="XML of the SDK's tests"),
        pytest.param(FAILED_XML, id="XML, in the list"),
    ],
)
def test_the_samples_of_failures(body: object) -> None:
    error = error_of(send(ACCOUNT, **TEXT), answer(body))
    assert (type(error).__name__, error.code, error.sent, error.permanent) == ("UnauthorizedError", 1, "no", True)


def test_a_code_that_the_document_does_not_have() -> None:
    error = error_of(send(ACCOUNT, **TEXT), answer({"messages": [{"status": 999, "err_msg": "new"}]}))
    assert told(error) == {
        "kind": "RefusedError",
        "operation": "sms",
        "code": 999,
        "sent": "no",
        "permanent": None,
    }
    assert (error.name, error.description) == (None, "new")


BROKEN = [
    pytest.param("", id="empty"),
    pytest.param("OK", id="a word"),
    pytest.param("[]", id="an array"),
    pytest.param("{}", id="no fields"),
    pytest.param('{"status": 0}', id="no messages"),
    pytest.param('{"messages": []}', id="no message"),
    pytest.param('{"messages": ["x"]}', id="a message that is none"),
    pytest.param('{"messages": "x"}', id="messages that are none"),
    pytest.param('{"messages": [{"msgid": "m"}]}', id="no status"),
    pytest.param('{"messages": [{"status": "x", "msgid": "m"}]}', id="a status that is no number"),
    pytest.param('{"messages": [{"status": null, "msgid": "m"}]}', id="status null"),
    pytest.param('{"messages": [{"status": 60123456789, "msgid": "m"}]}', id="a status that is a phone number"),
    pytest.param('{"messages": [{"status": 10000, "msgid": "m"}]}', id="a status too large for a code"),
    pytest.param('{"messages": [{"status": -1, "msgid": "m"}]}', id="a negative status"),
    pytest.param('{"messages": [{"status": 0}]}', id="no message id"),
    pytest.param('{"messages": [{"status": 0, "msgid": ""}]}', id="an empty message id"),
    pytest.param('{"messages": [{"status": 0, "msgid": {}}]}', id="a message id that is an object"),
    pytest.param('{"messages": [{"status": 0, "msgid": "m"', id="broken off"),
    pytest.param("<html><body>Bad Gateway</body></html>", id="a page"),
    pytest.param("<result><messages></messages></result>", id="XML without a message"),
    pytest.param("<result><messages><message><status>0</status></message>", id="XML broken off"),
    pytest.param(b"\xff\xfe", id="no text"),
]
BY_STATUS = [
    (200, "InDoubtError", "unknown"),
    (202, "InDoubtError", "unknown"),
    (400, "RefusedError", "no"),
    (401, "UnauthorizedError", "no"),
    (403, "UnauthorizedError", "no"),
    (404, "RefusedError", "no"),
    (429, "ThrottledError", "no"),
    (500, "InDoubtError", "unknown"),
    (502, "InDoubtError", "unknown"),
]


@pytest.mark.parametrize(("pair", "operation", "arguments"), ALL)
@pytest.mark.parametrize(("status", "kind", "sent"), BY_STATUS)
@pytest.mark.parametrize("body", BROKEN)
def test_unreadable(
    pair: Pair, operation: str, arguments: dict[str, Any], body: str | bytes, status: int, kind: str, sent: str
) -> None:
    """Without a documented body the HTTP status says whether it may have been sent."""
    error = error_of(pair(ACCOUNT, **arguments), answer(body, status))
    assert (type(error).__name__, error.sent, error.operation) == (kind, sent, operation)
    assert error.raw == answer(body).body


def test_an_answer_about_two_is_none_about_one() -> None:
    body = {"messages": [{"status": 0, "receiver": ONE, "msgid": "1"}, {"status": 0, "receiver": TWO, "msgid": "2"}]}
    error = error_of(send(ACCOUNT, **TEXT), answer(body))
    assert (type(error).__name__, error.sent) == ("InDoubtError", "unknown")


# Answers to a request to several receivers


def ok(number: object, message_id: str = "m") -> dict[str, object]:
    return {"status": 0, "receiver": number, "msgid": message_id}


def no(number: object, code: object = 28) -> dict[str, object]:
    return {"status": code, "receiver": number, "err_msg": "no"}


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([ok(ONE, "1"), ok(TWO, "2"), ok(THREE, "3")], id="in order"),
        pytest.param([ok(THREE, "3"), ok(ONE, "1"), ok(TWO, "2")], id="in another order"),
        pytest.param([ok(int(ONE), "1"), ok(f"+{TWO}", "2"), ok(f"00{THREE}", "3")], id="written in other ways"),
        pytest.param([ok(ONE, "1"), ok(TWO, "2"), ok("60111111111", "4"), ok(THREE, "3")], id="and one more"),
        pytest.param([ok(ONE, "1"), no(ONE), ok(TWO, "2"), ok(THREE, "3")], id="accepted wins over refused"),
    ],
)
def test_all_are_accepted(messages: list[dict[str, object]], status: int) -> None:
    sent = send_many(ACCOUNT, **MANY).result(answer({"messages": messages}, status))
    assert [(one.message_id, one.recipient) for one in sent] == [("1", ONE), ("2", TWO), ("3", THREE)]
    assert all(one.raw in messages for one in sent)


def test_all_are_accepted_in_xml() -> None:
    body = "".join(
        f"<message><status>0</status><receiver>{number}</receiver><msgid>{number[-1]}</msgid></message>"
        for number in (ONE, TWO, THREE)
    )
    sent = send_many(ACCOUNT, **MANY).result(answer(f"<result><messages>{body}</messages></result>"))
    assert [(one.message_id, one.recipient) for one in sent] == [("9", ONE), ("2", TWO), ("0", THREE)]


def partial(messages: list[Any], status: int = 202) -> PartialError:
    error = error_of(send_many(ACCOUNT, **MANY), answer({"messages": messages}, status))
    assert isinstance(error, PartialError)
    assert error.raw == {"messages": messages}
    return error


def parts(error: PartialError) -> tuple[list[str], dict[str, int | None], list[str]]:
    accepted = [one.message_id for one in error.accepted if isinstance(one, Sent)]
    return accepted, {number: one.code for number, one in error.refused.items()}, list(error.in_doubt)


NAMELESS_OK = {"status": 0, "msgid": "m"}
NAMELESS_NO = {"status": 28, "err_msg": "no"}


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize(
    ("messages", "accepted", "refused", "in_doubt", "sent", "permanent"),
    [
        pytest.param(
            [ok(ONE, "1"), no(TWO), ok(THREE, "3")], ["1", "3"], {TWO: 28}, [], "unknown", True, id="one is refused"
        ),
        pytest.param(
            [no(ONE, 5), no(TWO, "28"), no(THREE, 65)],
            [],
            {ONE: 5, TWO: 28, THREE: 65},
            [],
            "no",
            True,
            id="all are refused, each for its own reason",
        ),
        pytest.param(
            [no(ONE, 32), no(TWO, 45), no(THREE, 40)],
            [],
            {ONE: 32, TWO: 45, THREE: 40},
            [],
            "no",
            False,
            id="all are refused for a time",
        ),
        pytest.param(
            [ok(ONE, "1"), no(TWO, 999), no(THREE, 32)],
            ["1"],
            {TWO: 999, THREE: 32},
            [],
            "unknown",
            None,
            id="a code that the document does not have",
        ),
        pytest.param(
            [ok(ONE, "1"), NAMELESS_NO, ok(THREE, "3")],
            ["1", "3"],
            {},
            [TWO],
            "unknown",
            None,
            id="an element without a receiver",
        ),
        pytest.param(
            [ok(ONE, "1"), {"status": 1, "receiver": "", "err_msg": "no"}],
            ["1"],
            {},
            [TWO, THREE],
            "unknown",
            None,
            id="an element with an empty receiver, and fewer than receivers",
        ),
        pytest.param([ok(TWO, "2")], ["2"], {}, [ONE, THREE], "unknown", None, id="one element about one of several"),
        pytest.param(
            [no(TWO)], [], {TWO: 28}, [ONE, THREE], "unknown", True, id="one element, with a receiver, that is refused"
        ),
        pytest.param(
            [NAMELESS_OK, NAMELESS_OK, NAMELESS_OK],
            [],
            {},
            [ONE, TWO, THREE],
            "unknown",
            None,
            id="no element has a receiver",
        ),
        pytest.param(
            [NAMELESS_NO, NAMELESS_NO],
            [],
            {},
            [ONE, TWO, THREE],
            "unknown",
            None,
            id="two without a receiver: which, and what of the third?",
        ),
        pytest.param(
            [{"receiver": ONE, "msgid": "1"}, {"status": 0, "receiver": TWO}, {"status": "x", "receiver": THREE}],
            [],
            {},
            [ONE, TWO, THREE],
            "unknown",
            None,
            id="elements without status, message id, a number for a status",
        ),
        pytest.param(
            [ok(ONE, "1"), no(TWO, 60123456789), no(THREE, 9999)],
            ["1"],
            {THREE: 9999},
            [TWO],
            "unknown",
            None,
            id="a status too large for a code",
        ),
        pytest.param(
            [ok("60111111111"), ok("60122222222")],
            [],
            {},
            [ONE, TWO, THREE],
            "unknown",
            None,
            id="about others",
        ),
        pytest.param([ok(ONE, "1"), no(ONE), "x"], ["1"], {}, [TWO, THREE], "unknown", None, id="accepted and refused"),
    ],
)
def test_partial(
    messages: list[Any],
    accepted: list[str],
    refused: dict[str, int],
    in_doubt: list[str],
    sent: str,
    permanent: bool | None,
    status: int,
) -> None:
    error = partial(messages, status)
    assert parts(error) == (accepted, refused, in_doubt)
    assert (error.sent, error.permanent, error.http_status) == (sent, permanent, status)
    assert error.reason == f"{len(accepted)} accepted, {len(refused)} refused, {len(in_doubt)} in doubt"
    assert all(one.sent == "no" for one in error.refused.values())


def test_what_is_refused_has_its_own_error() -> None:
    refused = partial([ok(ONE), no(TWO, 2), ok(THREE)]).refused[TWO]
    assert told(refused) == {
        "kind": "NoCreditError",
        "operation": "sms_many",
        "code": 2,
        "sent": "no",
        "permanent": True,
    }
    assert (refused.description, refused.raw) == ("no", no(TWO, 2))


def test_a_partial_error_is_whole_again_after_a_pickle() -> None:
    error = partial([ok(ONE, "1"), no(TWO), NAMELESS_NO])
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(again), parts(again)) == (str(error), parts(error))


def whole(body: object, status: int) -> SendError:
    error = error_of(send_many(ACCOUNT, **MANY), answer(body, status))
    assert not isinstance(error, PartialError)
    return error


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize("code", SMS)
def test_every_code_about_the_whole_request(code: int, status: int) -> None:
    """Only a code that no receiver changes says that nothing was sent to any of them."""
    known = SMS[code]
    for body in (
        {"status": code, "err_msg": "no"},
        {"messages": [{"status": code, "err_msg": "no"}]},
        f"<result><status>{code}</status><err_msg>no</err_msg></result>",
    ):
        assert told(whole(body, status)) == {
            "kind": known.reading.error.__name__,
            "operation": "sms_many",
            "code": code,
            "sent": "no" if code in NOTHING_SENT else "unknown",
            "permanent": known.reading.permanent,
        }


def test_codes_after_which_some_may_have_been_sent() -> None:
    assert sorted(SMS.keys() - NOTHING_SENT) == [2, 4, 5, 8, 24, 28, 32, 40, 43, 44, 45, 48, 49, 50, 65, 69, 70, 73]
    assert SMS.keys() > NOTHING_SENT


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        pytest.param([{"status": 1, "err_msg": "Authorization failed"}] * 3, 1, id="code 1 for each, no receivers"),
        pytest.param([{"status": "1"}], 1, id="code 1 once"),
        pytest.param([no(ONE, 1), no(TWO, 1), no(THREE, 1)], 1, id="code 1 for each receiver"),
        pytest.param([no(ONE, 1)], 1, id="code 1 with one of the receivers"),
        pytest.param([{"status": 29}] * 3, 29, id="a field that all share, for each"),
    ],
)
def test_nothing_was_sent_to_any(messages: list[dict[str, object]], code: int) -> None:
    error = whole({"messages": messages}, 202)
    assert (type(error), error.code, error.sent) == (SMS[code].reading.error, code, "no")


def test_a_new_code_about_the_whole_request() -> None:
    error = whole({"status": 999}, 202)
    assert (type(error), error.code, error.sent, error.permanent) == (RefusedError, 999, "unknown", None)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"messages": [NAMELESS_OK]}, id="accepted, of whom?"),
        pytest.param({"status": 0, "msgid": "m"}, id="accepted, at the top level"),
        pytest.param({"messages": [{"msgid": "m"}]}, id="nothing known"),
        pytest.param({"messages": [], "status": 0}, id="no messages"),
    ],
)
def test_in_doubt_as_a_whole(body: object) -> None:
    error = whole(body, 202)
    assert (type(error).__name__, error.sent) == ("InDoubtError", "unknown")


anything = st.text(st.characters(), max_size=12)


@given(
    to=anything | st.just(ONE), from_=anything, text=anything, context=st.dictionaries(anything, anything, max_size=2)
)
def test_any_arguments(to: str, from_: str, text: str, context: dict[str, str]) -> None:
    """They are sent as they are, or refused without being quoted."""
    try:
        request = send(PUBLIC, to=to, from_=from_, text=text, context=context).request
    except InvalidRequestError as error:
        assert error.__cause__ is None  # noqa: PT017
        assert error.__context__ is None  # noqa: PT017
        return
    form = posted(request, "/sms")
    assert form["mocean-text"] == text
    assert form["mocean-to"].isdigit()
    came_back = dict(parse_qsl(urlsplit(form["mocean-dlr-url"]).query, keep_blank_values=True))
    assert came_back == {"token": "t0ken"} | {f"ctx.{name}": value for name, value in context.items()}


@given(given_answer=ANY_ANSWER)
def test_any_answer(given_answer: ProviderAnswer) -> None:
    check_outcome(send(ACCOUNT, **TEXT), given_answer)
    check_outcome(flash(ACCOUNT, **TEXT), given_answer)
    check_outcome(binary(ACCOUNT, **DATA), given_answer)
    check_outcome(send_many(ACCOUNT, **MANY), given_answer)


@pytest.mark.parametrize("data", [pytest.param(5, id="a number, not five zeros"), pytest.param(None, id="None")])
def test_binary_takes_bytes_or_hex_alone(data: Any) -> None:
    with pytest.raises(InvalidRequestError, match="data: not hex"):
        binary(ACCOUNT, to="60123456789", from_="ACME", data=data)
