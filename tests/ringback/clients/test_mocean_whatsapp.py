"""Mocean's "Send WhatsApp": the JSON that goes out, and its answers."""

import asyncio
import json
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import given

from ringback import wa
from ringback.clients.exchange import JSON, ProviderAnswer, Request
from ringback.clients.mocean.client import AsyncMocean, Mocean
from ringback.clients.mocean.codes import WHATSAPP
from ringback.clients.mocean.whatsapp import WhatsAppSent, send
from ringback.schemas.address import parse_address
from tests.support.mocean_calls import (
    ACCOUNT,
    ANY_ANSWER,
    BEARER,
    HTTP_STATUSES,
    PUBLIC,
    SIGNATURE,
    URL,
    answer,
    check_outcome,
    error_of,
    invalid_by,
    told,
)

TO, FROM = "+60 19-876 5432", "+60 12-345 6789"
PARTIES = {"mocean-from": "60123456789", "mocean-to": "60198765432"}
HELLO = {"type": "text", "text": "Hello."}


def posted_json(request: Request) -> dict[str, object]:
    assert (request.method, request.url, request.query) == ("POST", f"{URL}/send-message/whatsapp", {})
    fields: dict[str, object] = json.loads(request.body)
    return fields


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        pytest.param({}, {}, id="a text"),
        pytest.param({"to": parse_address("60198765432")}, {}, id="an event's address"),
        pytest.param({"content": wa.text("Hello.")}, {}, id="a text of wa"),
        pytest.param(
            {"content": wa.image("https://a_link.com/image.png", caption="Look")},
            {"mocean-content": {"type": "image", "rich_media_url": "https://a_link.com/image.png", "text": "Look"}},
            id="an image",
        ),
        pytest.param(
            {"content": wa.template("test_template", language="en")},
            {"mocean-content": {"type": "template", "wa_template": {"name": "test_template", "language": "en"}}},
            id="a template",
        ),
        pytest.param(
            {"content": wa.raw({"type": "poll", "answers": ["a", 1]})},
            {"mocean-content": {"type": "poll", "answers": ["a", 1]}},
            id="what the document does not know",
        ),
        pytest.param(
            {"callback_url": "https://o.example/s"}, {"mocean-event-url": "https://o.example/s"}, id="reports"
        ),
    ],
)
def test_a_message_says(arguments: dict[str, object], fields: dict[str, object]) -> None:
    request = send(ACCOUNT, **{"to": TO, "from_": FROM, "content": "Hello."} | arguments).request  # type: ignore[arg-type]

    assert posted_json(request) == SIGNATURE | PARTIES | {"mocean-content": HELLO} | fields
    assert (request.headers, request.operation, request.has_effect) == ({"Content-Type": JSON}, "whatsapp", True)


def test_a_token_takes_the_place_of_key_and_secret() -> None:
    request = send(BEARER, to=TO, from_=FROM, content="Hello.").request

    assert posted_json(request) == PARTIES | {"mocean-content": HELLO}
    assert request.headers == {"Content-Type": JSON, "Authorization": "Bearer TOKEN"}


def test_an_emoji_is_escaped() -> None:
    request = send(ACCOUNT, to=TO, from_=FROM, content=wa.reaction("😀", reply_to="MESSAGE_ID")).request

    assert rb'"text":"\ud83d\ude00"' in request.body


def test_reports_come_back_with_the_context() -> None:
    url = posted_json(send(PUBLIC, to=TO, from_=FROM, content="Hi", context={"order": "4 2"}).request)[
        "mocean-event-url"
    ]

    assert isinstance(url, str)
    assert urlsplit(url)[:3] == ("https", "us.example", "/webhooks/mocean/whatsapp-delivery-status")
    assert parse_qsl(urlsplit(url).query) == [("token", "t0ken"), ("ctx.order", "4 2")]


NO_NUMBER = "not a phone number with its country code; write such as +60123456789"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param({"to": "63001"}, f"to: {NO_NUMBER}", id="to a short code"),
        pytest.param({"from_": "ACME"}, f"from_: {NO_NUMBER}", id="from a name"),
        pytest.param({"from_": ""}, f"from_: {NO_NUMBER}", id="from nobody"),
        pytest.param({"content": ""}, "content: is blank", id="no text"),
        pytest.param(
            {"content": {"type": "text"}},
            "content: neither a text nor what wa makes; write wa.raw({…}) for a dict",
            id="a dict",
        ),
        pytest.param(
            {"callback_url": "o.example"}, "callback_url: not a web address; write https://host/path", id="no URL"
        ),
    ],
)
def test_wrong_arguments_never_go_out(arguments: dict[str, object], reason: str) -> None:
    assert invalid_by(send, ACCOUNT, **{"to": TO, "from_": FROM, "content": "Hello."} | arguments) == reason


def test_half_of_a_surrogate_pair_is_no_text() -> None:
    assert invalid_by(send, ACCOUNT, to=TO, from_=FROM, content="private words \ud800").startswith("content: ")


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"status": 0, "message_id": "d2eaf858"}, id="the document's"),
        pytest.param({"status": "0", "message_id": "d2eaf858"}, id="a text for a status"),
        pytest.param("<result><status>0</status><message_id>d2eaf858</message_id></result>", id="XML"),
    ],
)
def test_a_message_is_accepted(body: object, status: int) -> None:
    sent = send(ACCOUNT, to=TO, from_=FROM, content="Hello.").result(answer(body, status))

    assert sent == WhatsAppSent("d2eaf858", "60198765432", sent.raw)
    assert repr(sent) == "WhatsAppSent(message_id='d2eaf858')"


@pytest.mark.parametrize("code", WHATSAPP)
def test_a_code_of_the_document_is_its_error(code: int) -> None:
    error = error_of(send(ACCOUNT, to=TO, from_=FROM, content="Hello."), answer({"status": code, "err_msg": "no"}))

    assert told(error) == {
        "kind": WHATSAPP[code].reading.error.__name__,
        "operation": "whatsapp",
        "code": code,
        "sent": "no",
        "permanent": WHATSAPP[code].reading.permanent,
    }
    assert error.description == "no"


def test_a_hint_is_kept() -> None:
    body = {"status": 94, "err_msg": "OTT content parameters error", "hint": "Parameter wa_template is missing"}

    error = error_of(send(ACCOUNT, to=TO, from_=FROM, content="Hello."), answer(body))

    assert error.description == "OTT content parameters error: Parameter wa_template is missing"
    assert error.raw == body


@pytest.mark.parametrize(
    ("body", "status", "kind", "sent"),
    [
        pytest.param("", 500, "InDoubtError", "unknown", id="500"),
        pytest.param("", 429, "ThrottledError", "no", id="429"),
        pytest.param('{"status":0,"message_id":"m1",}', 202, "InDoubtError", "unknown", id="a trailing comma"),
        pytest.param({"status": 0}, 202, "InDoubtError", "unknown", id="no id"),
        pytest.param({"message_id": "m1"}, 202, "InDoubtError", "unknown", id="no status"),
    ],
)
def test_without_a_code_the_http_status_decides(body: object, status: int, kind: str, sent: str) -> None:
    given_ = answer(body, status)
    error = error_of(send(ACCOUNT, to=TO, from_=FROM, content="Hello."), given_)

    assert (type(error).__name__, error.sent, error.raw) == (kind, sent, given_.body)


@given(ANY_ANSWER)
def test_any_answer_is_a_result_or_an_error(given_: ProviderAnswer) -> None:
    check_outcome(send(ACCOUNT, to=TO, from_=FROM, content="Hello."), given_)


def test_both_clients_send() -> None:
    bodies: list[bytes] = []

    def provider(wanted: httpx.Request) -> httpx.Response:
        bodies.append(wanted.read())
        return httpx.Response(202, json={"status": 0, "message_id": "m1"})

    async def awaited() -> WhatsAppSent:
        async with AsyncMocean(api_key="KEY", api_secret="SECRET", transport=httpx.MockTransport(provider)) as mocean:
            return await mocean.whatsapp(to=TO, from_=FROM, content=wa.text("Hello."))

    with Mocean(api_key="KEY", api_secret="SECRET", transport=httpx.MockTransport(provider)) as mocean:
        sent = mocean.whatsapp(to=TO, from_=FROM, content="Hello.")

    assert asyncio.run(awaited()) == sent
    assert [json.loads(body) for body in bodies] == [SIGNATURE | PARTIES | {"mocean-content": HELLO}] * 2
