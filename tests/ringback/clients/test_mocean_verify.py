"""Mocean's Verify API: codes sent, sent again, and checked."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given

from ringback.clients.exchange import Call, ProviderAnswer
from ringback.clients.mocean.client import AsyncMocean, Mocean
from ringback.clients.mocean.codes import VERIFY
from ringback.clients.mocean.verify import CodeChecked, CodeSent, check, request, request_sms, request_telegram, resend
from tests.support.mocean_calls import (
    ACCOUNT,
    ANY_ANSWER,
    HTTP_STATUSES,
    answer,
    check_outcome,
    error_of,
    invalid_by,
    posted,
    told,
)

TO = "+60 12-345 6789"
PHONE = {"to": TO, "brand": "ACME"}
CHAT = {"to": 4711, "brand": "ACME", "from_": "acme_bot"}
TO_PHONE = {"mocean-to": "60123456789", "mocean-brand": "ACME"}
TO_CHAT = {"mocean-to": "4711", "mocean-brand": "ACME", "mocean-from": "acme_bot"}

Pair = Callable[..., Call[Any]]

CALLS: list[Callable[[], Call[Any]]] = [
    lambda: request(ACCOUNT, to=TO, brand="ACME"),
    lambda: request_sms(ACCOUNT, to=TO, brand="ACME"),
    lambda: request_telegram(ACCOUNT, to=4711, brand="ACME", from_="acme_bot"),
    lambda: resend(ACCOUNT, "R1"),
    lambda: check(ACCOUNT, "R1", "123456"),
]
each_call = pytest.mark.parametrize("call", CALLS, ids=["request", "sms", "telegram", "resend", "check"])


@pytest.mark.parametrize(
    ("pair", "path", "arguments", "fields"),
    [
        pytest.param(request, "/verify/req", PHONE, TO_PHONE, id="PPC"),
        pytest.param(
            request, "/verify/req", PHONE | {"from_": "ACME"}, TO_PHONE | {"mocean-from": "ACME"}, id="PPC from"
        ),
        *(
            pytest.param(
                request,
                "/verify/req",
                PHONE | {"next_event_wait": wait},
                TO_PHONE | {"mocean-next-event-wait": str(wait)},
                id=f"PPC next event wait {wait}",
            )
            for wait in (60, 900)
        ),
        pytest.param(request_sms, "/verify/req/sms", PHONE, TO_PHONE, id="SMS"),
        pytest.param(
            request_sms,
            "/verify/req/sms",
            PHONE | {"from_": "63001"},
            TO_PHONE | {"mocean-from": "63001"},
            id="SMS from",
        ),
        pytest.param(request_telegram, "/verify/req/telegram", CHAT, TO_CHAT, id="Telegram"),
        pytest.param(
            request_telegram,
            "/verify/req/telegram",
            CHAT | {"to": "-100123"},
            TO_CHAT | {"mocean-to": "-100123"},
            id="Telegram, a group",
        ),
        *(
            pytest.param(
                pair, path, least | {name: value}, fields | {f"mocean-{field}": str(value)}, id=f"{path} {name} {value}"
            )
            for pair, path, least, fields in (
                (request, "/verify/req", PHONE, TO_PHONE),
                (request_sms, "/verify/req/sms", PHONE, TO_PHONE),
                (request_telegram, "/verify/req/telegram", CHAT, TO_CHAT),
            )
            for name, field, value in (
                ("code_length", "code-length", 4),
                ("code_length", "code-length", 6),
                ("pin_validity", "pin-validity", 60),
                ("pin_validity", "pin-validity", 3600),
            )
        ),
    ],
)
def test_a_request_for_a_code_says(pair: Pair, path: str, arguments: dict[str, object], fields: dict[str, str]) -> None:
    wanted = pair(ACCOUNT, **arguments).request

    assert posted(wanted, path) == fields
    assert wanted.has_effect


def test_sending_again_and_checking_say() -> None:
    assert posted(resend(ACCOUNT, "R1").request, "/verify/resend/sms") == {"mocean-reqid": "R1"}
    assert posted(check(ACCOUNT, "R1", " 0123\n").request, "/verify/check") == {
        "mocean-reqid": "R1",
        "mocean-code": "0123",
    }


@pytest.mark.parametrize(
    ("pair", "arguments", "reason"),
    [
        *(
            pytest.param(pair, least | wrong, reason, id=f"{pair.__name__} {reason} {list(wrong.values())}")
            for pair, least in ((request, PHONE), (request_sms, PHONE), (request_telegram, CHAT))
            for wrong, reason in (
                ({"brand": ""}, "brand: empty"),
                ({"brand": "\ud800"}, "brand: has half of a surrogate pair; write whole characters"),
                ({"code_length": 3}, "code_length: not 4 or 6"),
                ({"code_length": 5}, "code_length: not 4 or 6"),
                ({"code_length": 7}, "code_length: not 4 or 6"),
                ({"code_length": 4.0}, "code_length: not 4 or 6"),
                ({"pin_validity": 59}, "pin_validity: not 60 to 3600 whole seconds"),
                ({"pin_validity": 3601}, "pin_validity: not 60 to 3600 whole seconds"),
                ({"pin_validity": 60.5}, "pin_validity: not 60 to 3600 whole seconds"),
            )
        ),
        pytest.param(request, PHONE | {"next_event_wait": 59}, "next_event_wait: not 60 to 900 whole seconds", id="59"),
        pytest.param(
            request, PHONE | {"next_event_wait": 901}, "next_event_wait: not 60 to 900 whole seconds", id="901"
        ),
        pytest.param(
            request,
            PHONE | {"to": "63001"},
            "to: not a phone number with its country code; write such as +60123456789",
            id="PPC to a short code",
        ),
        pytest.param(
            request_sms,
            PHONE | {"to": "ACME"},
            "to: not a phone number with its country code; write such as +60123456789",
            id="SMS to a name",
        ),
        pytest.param(
            request,
            PHONE | {"from_": ""},
            "from_: empty; write the number, short code or name that sends",
            id="from nobody",
        ),
        *(
            pytest.param(
                request_telegram,
                CHAT | {"to": to},
                "to: not a chat id of Telegram; write its number",
                id=f"no chat {to!r}",
            )
            for to in ("", "@acme", "1.5", True, "１２", "12\n")
        ),
        pytest.param(request_telegram, CHAT | {"from_": ""}, "from_: empty", id="no bot"),
        pytest.param(resend, {"request_id": ""}, "request_id: empty", id="resend nothing"),
        pytest.param(check, {"request_id": "", "code": "1"}, "request_id: empty", id="check nothing"),
        pytest.param(check, {"request_id": "R1", "code": "  "}, "code: empty", id="check no code"),
    ],
)
def test_wrong_arguments_never_go_out(pair: Pair, arguments: dict[str, object], reason: str) -> None:
    assert invalid_by(pair, ACCOUNT, **arguments) == reason


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize(
    ("call", "body", "result"),
    [
        pytest.param(
            CALLS[0], {"reqid": "R1", "status": 0, "to": "60123456789"}, ("R1", "60123456789", None, None), id="PPC"
        ),
        pytest.param(
            CALLS[0],
            "<result><verify_request><reqid>R1</reqid><status>0</status></verify_request></result>",
            ("R1", "60123456789", None, None),
            id="PPC in the SDK's XML",
        ),
        pytest.param(
            CALLS[1],
            {"reqid": "R1", "status": "0", "to": "60123456789", "is_number_reachable": "unknown"},
            ("R1", "60123456789", "unknown", None),
            id="SMS",
        ),
        pytest.param(CALLS[2], {"reqid": "R1", "status": 0, "to": "4711"}, ("R1", "4711", None, None), id="Telegram"),
        pytest.param(
            CALLS[3],
            {"reqid": "R1", "status": 0, "to": "60123456789", "is_number_reachable": "unknown", "resend_number": "2"},
            ("R1", "60123456789", "unknown", 2),
            id="sent again",
        ),
        pytest.param(
            CALLS[3],
            "<result><reqid>R1</reqid><msgid>M1</msgid><status>0</status><to>60123456789</to>"
            "<resend_number>1</resend_number></result>",
            ("R1", "60123456789", None, 1),
            id="sent again in the SDK's XML",
        ),
    ],
)
def test_a_code_is_sent(
    call: Callable[[], Call[CodeSent]], body: object, result: tuple[object, ...], status: int
) -> None:
    sent = call().result(answer(body, status))

    assert (sent.request_id, sent.recipient, sent.reachable, sent.resend_number) == result
    assert "6012" not in repr(sent)
    assert "4711" not in repr(sent)


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize(
    ("body", "ok", "reason"),
    [
        pytest.param({"reqid": "R1", "status": 0}, True, None, id="right"),
        pytest.param({"status": "0"}, True, None, id="right, a text, without its request"),
        pytest.param({"status": 16, "err_msg": "The code inserted does not match"}, False, "wrong_code", id="wrong"),
        pytest.param({"status": "15", "err_msg": "Too often"}, False, "too_many_attempts", id="wrong too often"),
        pytest.param(
            "<result><verify_check><reqid>R1</reqid><status>0</status><price>0.35</price></verify_check></result>",
            True,
            None,
            id="right in the SDK's XML",
        ),
        pytest.param("<result><status>16</status></result>", False, "wrong_code", id="wrong in XML"),
    ],
)
def test_a_check_is_right_or_wrong(body: object, ok: bool, reason: str | None, status: int) -> None:
    checked = check(ACCOUNT, "R1", "123456").result(answer(body, status))

    assert (checked.ok, bool(checked), checked.reason, checked.request_id) == (ok, ok, reason, "R1")


@each_call
@pytest.mark.parametrize("code", [code for code in VERIFY if code not in (15, 16)])
def test_a_code_of_the_document_is_its_error(code: int, call: Callable[[], Call[Any]]) -> None:
    wanted = call()

    assert told(error_of(wanted, answer({"status": code, "err_msg": "no"}))) == {
        "kind": VERIFY[code].reading.error.__name__,
        "operation": wanted.request.operation,
        "code": code,
        "sent": "no",
        "permanent": VERIFY[code].reading.permanent,
    }


@each_call
def test_one_is_throttled_and_two_is_authorisation(call: Callable[[], Call[Any]]) -> None:
    """Elsewhere 1 is authorisation, and 2 means that the credit does not suffice."""
    assert [type(error_of(call(), answer({"status": code}))).__name__ for code in (1, 2)] == [
        "ThrottledError",
        "UnauthorizedError",
    ]


@each_call
@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"reqid": "R1", "status": 0,}', id="the document's trailing comma"),
        pytest.param('{"reqid": "R1"}', id="no status"),
        pytest.param('{"reqid": "R1", "status": ""}', id="an empty status"),
        pytest.param("OK", id="no JSON"),
    ],
)
def test_what_cannot_be_read_is_in_doubt(body: str, call: Callable[[], Call[Any]]) -> None:
    error = error_of(call(), answer(body, 200))

    assert (type(error).__name__, error.sent, error.raw) == ("InDoubtError", "unknown", body.encode())


@each_call
@given(ANY_ANSWER)
def test_any_answer_is_a_result_or_an_error(call: Callable[[], Call[Any]], given_: ProviderAnswer) -> None:
    check_outcome(call(), given_)


def test_both_clients_have_all_of_it() -> None:
    asked: list[str] = []

    def provider(wanted: httpx.Request) -> httpx.Response:
        asked.append(wanted.url.path)
        return httpx.Response(200, json={"reqid": "R1", "status": 0})

    def names(client: Mocean | AsyncMocean) -> list[object]:
        verify = client.verify
        return [
            verify.request(to=TO, brand="ACME"),
            verify.sms(to=TO, brand="ACME"),
            verify.telegram(to=4711, brand="ACME", from_="acme_bot"),
            verify.resend("R1"),
            verify.check("R1", "123456"),
        ]

    async def awaited() -> list[object]:
        async with AsyncMocean(api_key="k", api_secret="s", transport=httpx.MockTransport(provider)) as client:
            return [await one for one in names(client)]  # type: ignore[misc]

    with Mocean(api_key="k", api_secret="s", transport=httpx.MockTransport(provider)) as mocean:
        blocking = names(mocean)

    assert asyncio.run(awaited()) == blocking
    assert blocking[-1] == CodeChecked(True, None, "R1", {"reqid": "R1", "status": 0})
    assert (
        asked[:5]
        == asked[5:]
        == [
            "/rest/2/verify/req",
            "/rest/2/verify/req/sms",
            "/rest/2/verify/req/telegram",
            "/rest/2/verify/resend/sms",
            "/rest/2/verify/check",
        ]
    )
