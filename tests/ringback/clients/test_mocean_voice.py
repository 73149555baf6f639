"""Mocean's Voice API: dialling with an MC, hanging up, and which answers are a recording."""

import asyncio
import json
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import given

from ringback import mc
from ringback.clients.errors import SendError
from ringback.clients.exchange import ProviderAnswer
from ringback.clients.mocean.client import AsyncMocean, Mocean
from ringback.clients.mocean.codes import RECORDING, VOICE
from ringback.clients.mocean.rich_media import media
from ringback.clients.mocean.voice import Dialled, HungUp, dial, hangup, recording
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
    posted,
    told,
)

TO = "+60 12-345 6789"
HELLO = [mc.say("Hello.")]
SAID = '[{"action":"say","text":"Hello.","language":"en-GB"}]'
CALLED = {"status": 0, "session_uuid": "s1", "call_uuid": "c1"}


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        pytest.param({}, {}, id="least"),
        pytest.param({"to": parse_address("0060123456789")}, {}, id="an event's address"),
        pytest.param({"from_": "+60 19 876 5432"}, {"mocean-from": "60198765432"}, id="from a number"),
        pytest.param({"from_": "63001"}, {"mocean-from": "63001"}, id="from a short code"),
        pytest.param({"callback_url": "https://o.example/s"}, {"mocean-event-url": "https://o.example/s"}, id="status"),
        pytest.param({"commands": mc.say("Hello.")}, {}, id="one action"),
        pytest.param({"commands": {"action": "say", "text": "Hello."}}, {}, id="a dict"),
        pytest.param(
            {"commands": [mc.say("Åß 👍"), mc.record()]},
            {
                "mocean-command": r'[{"action":"say","text":"\u00c5\u00df \ud83d\udc4d","language":"en-GB"},'
                r'{"action":"record"}]'
            },
            id="escapes",
        ),
        pytest.param(
            {"commands": [mc.collect(event_url="https://o.example/c", max=4)]},
            {
                "mocean-command": '[{"action":"collect","event-url":"https://o.example/c","max":4,"min":1,'
                '"timeout":5000}]'
            },
            id="a step elsewhere",
        ),
    ],
)
def test_a_call_says(arguments: dict[str, object], fields: dict[str, str]) -> None:
    request = dial(ACCOUNT, **{"to": TO, "commands": HELLO} | arguments).request  # type: ignore[arg-type]

    assert posted(request, "/voice/dial") == {"mocean-to": "60123456789", "mocean-command": SAID} | fields
    assert (request.operation, request.has_effect) == ("call", True)


def test_callbacks_come_back_with_the_context() -> None:
    commands = [mc.collect(step="menu", max=1, terminators="#"), mc.say("Bye.")]

    fields = posted(dial(PUBLIC, to=TO, commands=commands, context={"order": "4 2"}).request, "/voice/dial")

    status, step = fields["mocean-event-url"], json.loads(fields["mocean-command"])[0]["event-url"]
    assert urlsplit(status)[:3] == ("https", "us.example", "/webhooks/mocean/voice/status")
    assert parse_qsl(urlsplit(status).query) == [("token", "t0ken"), ("ctx.order", "4 2")]
    assert urlsplit(step)[:3] == ("https", "us.example", "/webhooks/mocean/voice/collect/menu")
    assert parse_qsl(urlsplit(step).query) == [("token", "t0ken"), ("ctx.order", "4 2"), ("terminators", "#")]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param({"to": "12345"}, "to: not a phone number", id="a short code is not called"),
        pytest.param({"to": "+60123456789,+60198765432"}, "to: not a phone number", id="two receivers"),
        pytest.param({"from_": " "}, "from_: empty", id="from nobody"),
        pytest.param({"commands": []}, "commands: an MC needs at least one action", id="no action"),
        pytest.param({"commands": "private words"}, "commands: an MC is a list of actions, not str", id="a text"),
        pytest.param({"commands": [{"action": "say"}]}, "commands: action 0, text: is missing", id="a field missing"),
        pytest.param(
            {"commands": [mc.say("a"), {"action": "sing"}]}, "commands: action 1, action:", id="an unknown action"
        ),
        pytest.param(
            {"commands": [mc.say("a"), mc.collect(step="menu", max=1)]},
            "commands: action 1, step: there is no public URL",
            id="a step without a public URL",
        ),
        pytest.param({"callback_url": "us.example"}, "callback_url: not a web address", id="no URL"),
        pytest.param({"context": {"a": "\ud800"}}, "context: has half of a surrogate pair", id="no text"),
    ],
)
def test_a_wrong_call_never_goes_out(arguments: dict[str, object], reason: str) -> None:
    assert invalid_by(dial, ACCOUNT, **{"to": TO, "commands": HELLO} | arguments).startswith(reason)


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"calls": [CALLED]}, id="the document's"),
        pytest.param({"calls": [CALLED | {"status": "0"}]}, id="a text for a status"),
        pytest.param('{"calls":[{"status":0,"receiver": 060123456789,"session_uuid":"s1","call_uuid":"c1"}]}', id="0…"),
        pytest.param(CALLED, id="not in calls"),
        pytest.param({"status": 0, "calls": [CALLED]}, id="a status at each level"),
        pytest.param(
            '<?xml version="1.0"?><result><calls><call><status>0</status><receiver>60123456789</receiver>'
            "<session-uuid>s1</session-uuid><call-uuid>c1</call-uuid></call></calls></result>",
            id="the SDK's XML",
        ),
        pytest.param(
            "<result><calls><call><status>0</status><session_uuid>s1</session_uuid><call_uuid>c1</call_uuid></call>"
            "</calls></result>",
            id="XML with the names of JSON",
        ),
    ],
)
def test_a_call_is_made(body: object, status: int) -> None:
    dialled = dial(ACCOUNT, to=TO, commands=HELLO).result(answer(body, status))

    assert (dialled.session_id, dialled.call_id) == ("s1", "c1")
    assert dialled.recipient in ("60123456789", "060123456789")
    assert "6012" not in repr(dialled)


def test_the_documents_answer_about_several_calls_is_read_and_in_doubt_for_one() -> None:
    """Its receivers are numbers with a leading zero; we ask for one call, so that two are somebody else's."""
    sample = """{ "calls": [
        { "status": 0, "receiver": 0123456789, "session_uuid": "{session-uuid}", "call_uuid": "{call-uuid}" },
        { "status": 0, "receiver": 0129876543, "session_uuid": "{session-uuid}", "call_uuid": "{call-uuid}" } ] }"""

    error = error_of(dial(ACCOUNT, to=TO, commands=HELLO), answer(sample, 200))

    assert told(error) == {
        "kind": "InDoubtError",
        "operation": "call",
        "code": None,
        "sent": "unknown",
        "permanent": None,
    }
    assert "about one call" in str(error)


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param('{"status": %d, "err_msg": "Authorization failed"}', id="top level"),
        pytest.param('{"calls":[{"status": "%d", "err_msg": "Authorization failed"}]}', id="in calls"),
        pytest.param('{"status": %d, "err_msg": "Authorization failed", "calls": []}', id="beside calls"),
        pytest.param("<result><status>%d</status><err_msg>Authorization failed</err_msg></result>", id="XML"),
        pytest.param(
            "<result><calls><call><status>%d</status><err_msg>Authorization failed</err_msg></call></calls></result>",
            id="XML in calls",
        ),
    ],
)
@pytest.mark.parametrize("code", VOICE)
def test_a_refused_call_was_not_made(code: int, shape: str) -> None:
    error = error_of(dial(ACCOUNT, to=TO, commands=HELLO), answer(shape % code, 200))

    assert told(error) == {
        "kind": VOICE[code].reading.error.__name__,
        "operation": "call",
        "code": code,
        "sent": "no",
        "permanent": VOICE[code].reading.permanent,
    }
    assert error.description == "Authorization failed"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"calls": []}, id="about nobody"),
        pytest.param({"calls": [{"status": 0}]}, id="no ids"),
        pytest.param({"calls": [{"status": 0, "session_uuid": "s1", "call_uuid": ""}]}, id="an empty id"),
        pytest.param('{"calls":[{"status":0,"session_uuid":"s1","call_uuid":"c1",}]}', id="a trailing comma"),
        pytest.param("{}", id="nothing"),
    ],
)
def test_a_call_that_the_answer_does_not_tell_of_is_in_doubt(body: object) -> None:
    given_ = answer(body, 200)
    error = error_of(dial(ACCOUNT, to=TO, commands=HELLO), given_)

    assert (type(error).__name__, error.sent, error.raw) == ("InDoubtError", "unknown", given_.body)


def test_hanging_up_says_which_call() -> None:
    request = hangup(ACCOUNT, "c1").request

    assert posted(request, "/voice/hangup") == {"mocean-call-uuid": "c1"}
    assert (request.operation, request.has_effect) == ("hangup", True)
    assert invalid_by(hangup, ACCOUNT, "") == "call_id: empty"


@pytest.mark.parametrize(
    ("body", "session"),
    [
        pytest.param({"status": 0, "session_uuid": "s1", "call_uuid": "c1"}, "s1", id="the document's"),
        pytest.param({"status": "0"}, None, id="the SDK's"),
        pytest.param("<result><status>0</status></result>", None, id="the SDK's XML"),
    ],
)
def test_a_call_is_ended(body: object, session: str | None) -> None:
    result = hangup(ACCOUNT, "c1").result(answer(body, 200))

    assert result == HungUp(session, "c1", result.raw)


@pytest.mark.parametrize("code", VOICE)
def test_a_refused_hangup_ended_nothing(code: int) -> None:
    error = error_of(hangup(ACCOUNT, "c1"), answer({"status": code, "err_msg": "no"}, 200))

    assert (type(error), error.code, error.sent) == (VOICE[code].reading.error, code, "no")


def test_a_recording_is_asked_for_in_the_query() -> None:
    request = recording(ACCOUNT, "c1").call.request

    assert (request.method, request.url, request.has_effect) == ("GET", f"{URL}/voice/rec", False)
    assert request.query == SIGNATURE | {"mocean-call-uuid": "c1"}
    assert recording(BEARER, "c1").call.request.headers == {"Authorization": "Bearer TOKEN"}
    assert invalid_by(recording, ACCOUNT, "") == "call_id: empty"


@pytest.mark.parametrize(
    ("status", "content_type", "is_file"),
    [
        (200, "audio/mpeg", True),
        (200, "Audio/X-WAV; rate=8000", True),
        (200, "application/octet-stream", True),
        (200, "binary/octet-stream", True),
        (404, "audio/mpeg", False),
        (302, "audio/mpeg", False),
        (206, "audio/mpeg", False),
        (200, "application/json", False),
        (200, "text/xml", False),
        (200, "text/html", False),
        (200, "", False),
    ],
)
def test_a_recording_is_known_by_its_content_type(status: int, content_type: str, is_file: bool) -> None:
    assert recording(ACCOUNT, "c1").is_file(ProviderAnswer(status, content_type)) is is_file


@pytest.mark.parametrize(
    ("body", "status", "kind", "code"),
    [
        pytest.param({"status": 0, "calluuid": "c1"}, 200, "UnavailableError", 0, id="not ready yet"),
        pytest.param("<result><status>0</status></result>", 200, "UnavailableError", 0, id="not ready yet, XML"),
        pytest.param({"status": 1, "err_msg": "Authorization failed"}, 200, "UnauthorizedError", 1, id="refused"),
        pytest.param({"status": "7"}, 404, "RefusedError", 7, id="no such call, or not yet"),
        pytest.param("<h1>Welcome</h1>", 200, "UnavailableError", None, id="a page"),
        pytest.param("", 502, "UnavailableError", None, id="502"),
        pytest.param("", 404, "RefusedError", None, id="404"),
        pytest.param("", 429, "ThrottledError", None, id="429"),
    ],
)
def test_what_is_no_recording_is_an_error(body: object, status: int, kind: str, code: int | None) -> None:
    error = error_of(recording(ACCOUNT, "c1").call, answer(body, status))

    assert (type(error).__name__, error.code, error.sent) == (kind, code, "no")


@pytest.mark.parametrize("code", RECORDING)
def test_a_refused_recording(code: int) -> None:
    error = error_of(recording(ACCOUNT, "c1").call, answer({"status": code}, 200))

    assert (type(error), error.permanent) == (
        RECORDING[code].reading.error,
        None if code == 7 else VOICE[code].reading.permanent,
    )


@given(ANY_ANSWER)
def test_any_answer_is_a_result_or_an_error(given_: ProviderAnswer) -> None:
    check_outcome(dial(ACCOUNT, to=TO, commands=HELLO), given_)
    check_outcome(hangup(ACCOUNT, "c1"), given_)
    for fetch in (recording(ACCOUNT, "c1"), media(ACCOUNT, "m1", from_=TO)):
        assert fetch.is_file(given_) in (True, False)
        with pytest.raises(SendError) as caught:
            fetch.call.result(given_)
        assert caught.value.sent == "no"


def test_what_was_dialled_shows_no_number() -> None:
    assert repr(Dialled("s1", "c1", "60123456789", {"to": "60123456789"})) == "Dialled(session_id='s1', call_id='c1')"


def test_both_clients_call_and_hang_up() -> None:
    asked: list[str] = []

    def provider(wanted: httpx.Request) -> httpx.Response:
        asked.append(wanted.url.path)
        return httpx.Response(200, json={"status": 0, "session_uuid": "s1", "call_uuid": "c1"})

    async def awaited() -> tuple[Dialled, HungUp]:
        async with AsyncMocean(api_key="k", api_secret="s", transport=httpx.MockTransport(provider)) as mocean:
            dialled = await mocean.call(to=TO, commands=HELLO)
            return dialled, await mocean.hangup(dialled.call_id)

    with Mocean(api_key="k", api_secret="s", transport=httpx.MockTransport(provider)) as mocean:
        dialled = mocean.call(to=TO, commands=HELLO)
        both = dialled, mocean.hangup(dialled.call_id)

    assert asyncio.run(awaited()) == both
    assert asked == ["/rest/2/voice/dial", "/rest/2/voice/hangup"] * 2
