"""Direct calls: handlers call providers at once; with a key once, whatever is retried, is killed or never answered."""

import asyncio
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from ringback.clients.configured import Configured
from ringback.clients.transport import AsyncHttpTransport
from ringback.outbox.queue import record_of
from ringback.outbox.record import SendState
from ringback.sender.doubts import Doubts
from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.commands import ringback
from tests.support.misbehaving import Manner, Misbehaving, answers, hangs, misbehaving, resets
from tests.support.service import ROOT, TOKEN, Service, free_port, kill, running, wait_for
from tests.support.simulated import Simulated, simulated

KEY, SECRET = "the-api-key", "the-api-secret"
LOGIN = {
    "RINGBACK_TOKENS": f"acme:{TOKEN}",
    "RINGBACK_HANDLERS": "tests.support.handlers.direct_calls",
    "RINGBACK_MOCEAN_API_KEY": KEY,
    "RINGBACK_MOCEAN_API_SECRET": SECRET,
    "RINGBACK_MYCOOLSMS_USERNAME": "name",
    "RINGBACK_MYCOOLSMS_PASSWORD": "word",
    "RINGBACK_VOICE_DEADLINE": "5s",
}
ACCEPTED = b'{"messages":[{"status":0,"receiver":"60123456789","msgid":"m1"}]}'
THROTTLED = b'{"messages":[{"status":32,"err_msg":"Kwyjibo to 60198765432"}]}'
MANY = 300  # with a socket left open by each, a worker would soon have hundreds
REFUSED = b'{"messages":[{"status":27,"err_msg":"Kwyjibo to 60198765432"}]}'


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    with simulated(tmp_path_factory.mktemp("simulator")) as there:
        yield there


@pytest.fixture(scope="module")
def calling(redis_url: str, simulator: Simulated) -> Iterator[Service]:
    """Yield a service whose handlers call the simulator."""
    urls = {
        "RINGBACK_MOCEAN_URL": f"{simulator.url}/rest/2",
        "RINGBACK_MYCOOLSMS_URL": f"{simulator.url}/api-socket.php",
    }
    with running(redis_url, queues="events,voice", **LOGIN, **urls) as service:
        yield service


@contextmanager
def calling_server(redis_url: str, *manners: Manner, **settings: str) -> Iterator[tuple[Service, Misbehaving]]:
    """Run a service whose handlers call a server that does this with one request after another, the last for ever."""
    left = list(manners)

    def manner(connection: Any, stopped: threading.Event) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(connection, stopped)

    with misbehaving(manner) as server:
        urls = {"RINGBACK_MOCEAN_URL": server.url, "RINGBACK_MYCOOLSMS_URL": server.url}
        with running(redis_url, queues="events", **{**LOGIN, **urls, **settings}) as service:
            yield service, server


def noted(service: Service, name: str, text: str, least: int = 1) -> list[dict[str, Any]]:
    """Wait until a handler has noted so much of the message with this text, and return it."""

    def found() -> list[dict[str, Any]] | None:
        listed = cast("list[bytes]", service.redis.lrange(f"{service.prefix}:noted:{name}", 0, -1))
        notes = [one for one in map(json.loads, listed) if json.loads(one["event"])["data"].get("text") == text]
        return notes if len(notes) >= least else None

    return wait_for(found, f"{least} notes of {name}", 40)


def done(service: Service, text: str) -> None:
    """Let the handler of the message with this text end well from now on."""
    service.redis.set(f"{service.prefix}:done:{text}", "1")


def got(simulator: Simulated, text: str) -> list[dict[str, Any]]:
    """Return what a phone got that has this text."""
    return [one for one in simulator.got("60123456789") if text in json.dumps(one["content"])]


def letter(service: Service, handler: str) -> str:
    """Wait for a handler's dead letter, and return all that is kept of it."""

    def found() -> str | None:
        named = [one["id"] for one in service.dead_letters() if f"{handler} on" in one["description"]]
        return named[0] if named else None

    return service.ringback("dead", "show", wait_for(found, f"the dead letter of {handler}")).stdout


def form_of(request: bytes) -> dict[str, str]:
    return dict(parse_qsl(request.partition(b"\r\n\r\n")[2].decode()))


@pytest.mark.parametrize(
    ("keyword", "name"), [pytest.param("SYNC", "sync", id="sync"), pytest.param("ASYNC", "patient", id="async")]
)
def test_a_handler_has_the_result_at_once(calling: Service, simulator: Simulated, keyword: str, name: str) -> None:
    text = calling.sms(keyword)
    (note,) = noted(calling, name, text)
    messages = got(simulator, text)
    assert [(one["provider"], one["message_id"]) for one in messages] == list(
        zip(("mocean", "mycoolsms"), note["ids"], strict=True)
    )


def test_a_voice_handler_answers_with_what_it_was_told(calling: Service) -> None:
    (said,) = calling.trigger("mocean/voice/answer", **{"mocean-to": "60311111111"}).json()
    assert said["text"].startswith("You have ")


def test_an_async_voice_handler_sends_once(calling: Service, simulator: Simulated) -> None:
    (said,) = calling.trigger("mocean/voice/answer", **{"mocean-to": "60322222222"}).json()
    (message,) = got(simulator, "after the call")
    assert said["text"] == f"Sent {message['message_id']}."


@pytest.mark.parametrize(
    ("keyword", "handler", "words"),
    [
        pytest.param(
            "SYNC-IN-ASYNC", "sync_in_async",
            "ctx.mocean blocks, and this handler is async; write await ctx.async_mocean.…(…)", id="sync in async",
        ),
        pytest.param(
            "ASYNC-IN-SYNC", "async_in_sync",
            "ctx.async_mycoolsms is for async handlers, and this one is not; write ctx.mycoolsms.…(…)",
            id="async in sync",
        ),
    ],
)  # fmt: skip
def test_the_wrong_kind_of_client_is_an_error_at_once(calling: Service, keyword: str, handler: str, words: str) -> None:
    text = calling.sms(keyword)
    assert words in letter(calling, handler)
    assert len(noted(calling, handler.replace("_", "-"), text)) == 1


def test_a_key_is_for_one_call(calling: Service, simulator: Simulated) -> None:
    text = calling.sms("KEYS")
    (note,) = noted(calling, "keys", text)
    first, repeated, other = note["ids"]
    assert first == repeated != other
    assert len(got(simulator, text)) == 2
    assert note["words"] == [
        "mocean flash: this key was used for mocean sms; take another key for each call (nothing was sent)",
        "mycoolsms sendSms: this key was used for mocean sms; take another key for each call (nothing was sent)",
        "mocean balance: changes nothing, so there is nothing to do once; call it without key= (nothing was sent)",
        "mocean media: changes nothing, so there is nothing to do once; call it without key= (nothing was sent)",
        "mocean client: key: not a text of 1 to 200 characters; write what tells this call from the others of this "
        'handler, such as key="otp" (nothing was sent)',
    ]


@pytest.mark.parametrize(
    ("keyword", "name"),
    [
        pytest.param("ONCE", "once", id="sync"),
        pytest.param("ASYNC-ONCE", "patient-once", id="async"),
        pytest.param("ONCE-COOL", "once-cool", id="My-Cool-SMS"),
    ],
)
def test_a_retry_has_the_result_of_the_first_attempt(
    calling: Service, simulator: Simulated, keyword: str, name: str
) -> None:
    text = calling.sms(keyword)
    notes = noted(calling, name, text, 3)
    done(calling, text)
    (message,) = got(simulator, text)
    assert {note["message_id"] for note in notes} == {message["message_id"]}

    def reported() -> list[dict[str, Any]]:
        return [one for one in calling.events() if one["data"].get("message_id") == message["message_id"]]

    context = wait_for(reported, "a report")[0]["data"]["context"]
    assert context["order"] == "42"
    record = record_of(calling.redis, calling.keys, context["send"])
    assert record is not None
    assert (record.state, record.message_id) == (SendState.ACCEPTED, message["message_id"])
    assert record.draft.kind == "direct"
    assert calling.redis.zcard(calling.keys.outbox_doubt) == calling.redis.zcard(calling.keys.outbox_direct) == 0


@pytest.mark.parametrize(
    ("keyword", "name"),
    [pytest.param("ONCE", "once", id="sync"), pytest.param("ASYNC-ONCE", "patient-once", id="async")],
)
def test_a_retry_after_a_refusal_calls_again(redis_url: str, keyword: str, name: str) -> None:
    refusal = answers("400 Bad Request", THROTTLED)
    with calling_server(redis_url, refusal, refusal, answers("202 Accepted", ACCEPTED)) as (service, server):
        text = service.sms(keyword)
        notes = noted(service, name, text, 4)
        done(service, text)
        assert [one.get("error") for one in notes[:3]] == ["ThrottledError", "ThrottledError", None]
        assert {one["message_id"] for one in notes[2:]} == {"m1"}
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("keyword", "name"),
    [pytest.param("ONCE", "once", id="sync"), pytest.param("ASYNC-ONCE", "patient-once", id="async")],
)
def test_a_worker_that_dies_in_the_midst_leaves_the_call_in_doubt(redis_url: str, keyword: str, name: str) -> None:
    with calling_server(redis_url, hangs) as (service, server):
        text = service.sms(keyword)
        (begun,) = noted(service, f"{name}-begins", text)
        wait_for(lambda: server.requests, "the request")
        kill(begun["pid"])

        notes = noted(service, name, text, 3)
        assert {one["error"] for one in notes} == {"InDoubtError"}
        ref = notes[0]["ref"]
        words = notes[0]["words"]
        assert f"`ringback sends settle {ref}`, or `ringback sends again {ref}`" in words
        assert len(server.requests) == 1
        assert service.redis.zrange(service.keys.outbox_doubt, 0, -1) == [ref.encode()]
        url = urlsplit(form_of(server.requests[0])["mocean-dlr-url"])
        assert parse_qs(url.query)["ctx.send"] == [ref]

        report = service.trigger("mocean/delivery-report", **{"mocean-msgid": "other-account"})
        assert report.status_code == 200
        assert service.redis.zcard(service.keys.outbox_doubt) == 1
        wire = build(find("mocean/delivery-report"), {"mocean-msgid": "m7"})
        assert service.send(wire, **{"ctx.send": ref}).status_code == 200
        wait_for(lambda: service.redis.zcard(service.keys.outbox_doubt) == 0, "the report to settle it")
        before = len(noted(service, name, text))
        notes = noted(service, name, text, before + 2)
        done(service, text)
        assert notes[-1]["message_id"] == "m7"
        assert len(server.requests) == 1


def test_what_is_in_doubt_is_called_again_when_a_person_says_so(redis_url: str) -> None:
    with calling_server(redis_url, resets, answers("202 Accepted", ACCEPTED)) as (service, server):
        text = service.sms("ONCE")
        notes = noted(service, "once", text, 3)
        ref = notes[0]["ref"]
        assert {one["error"] for one in notes} == {"InDoubtError"}
        assert len(server.requests) == 1

        (row,) = json.loads(service.ringback("sends", "ls", "--in-doubt", "--json").stdout)
        assert (row["ref"], row["state"], row["kind"], row["provider"]) == (ref, "in_doubt", "direct", "mocean")
        assert row["handler"] == "tests.support.handlers.direct_calls.once"
        shown = json.loads(service.ringback("sends", "show", ref[:8]).stdout)
        assert shown["body"] == {"operation": "sms", "key": "otp"}

        assert service.ringback("sends", "again", ref).returncode == 0
        wait_for(lambda: any("message_id" in one for one in noted(service, "once", text)), "the result")
        done(service, text)
        assert len(server.requests) == 2
        assert service.redis.xlen(service.keys.outbox) == 0


@pytest.mark.parametrize(
    ("words", "message_id", "error"),
    [
        pytest.param(["accepted", "--message-id", "m9"], "m9", None, id="accepted, with its id"),
        pytest.param(["accepted"], None, "was settled as accepted, and its result is not known", id="accepted"),
        pytest.param(["refused"], None, "was settled as refused", id="refused"),
    ],
)
def test_what_is_in_doubt_is_settled_by_hand(
    redis_url: str, words: list[str], message_id: str | None, error: str | None
) -> None:
    with calling_server(redis_url, resets) as (service, server):
        text = service.sms("ONCE")
        (first, *_) = noted(service, "once", text)
        assert service.ringback("sends", "settle", first["ref"], *words).returncode == 0
        if error is None:
            wait_for(lambda: any("message_id" in one for one in noted(service, "once", text)), "the result")
            done(service, text)
            assert noted(service, "once", text)[-1]["message_id"] == message_id
        else:
            assert error in letter(service, "once")
        assert len(server.requests) == 1
        assert service.redis.xlen(service.keys.outbox) == 0


@pytest.mark.parametrize(
    ("keyword", "name"),
    [pytest.param("LATE", "late", id="sync"), pytest.param("ASYNC-LATE", "patient-late", id="async")],
)
def test_a_call_that_outlasts_its_run_is_in_doubt(redis_url: str, keyword: str, name: str) -> None:
    with calling_server(redis_url, hangs) as (service, server):
        text = service.sms(keyword)
        notes = noted(service, name, text, 2)
        assert {one["error"] for one in notes} == {"InDoubtError"}
        assert len(server.requests) == 1


def test_a_replay_sends_nothing_unless_it_is_to(calling: Service, simulator: Simulated) -> None:
    text = calling.sms("REPLAYED")
    (first,) = noted(calling, "replayed", text)
    wait_for(lambda: len(got(simulator, text)) == 2, "both texts")
    event = json.loads(first["event"])["id"]

    settings = {**calling.settings, **LOGIN}
    assert ringback(ROOT, "replay", event, **settings).returncode == 0
    again_ = noted(calling, "replayed", text, 2)[1]
    assert (again_["message_id"], again_["replay"]) == (first["message_id"], True)
    assert "mocean sms: a replay sends nothing; write ringback replay --resend" in letter(calling, "replayed")
    assert len(got(simulator, text)) == 2

    assert ringback(ROOT, "replay", event, "--resend", **settings).returncode == 0
    assert noted(calling, "replayed", text, 3)[2]["message_id"] == first["message_id"]
    wait_for(lambda: len(got(simulator, text)) == 3, "the text without a key")


def test_the_list_of_my_cool_sms_settles_a_call(
    redis_url: str, simulator: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        **LOGIN,
        "RINGBACK_MYCOOLSMS_URL": f"{simulator.url}/api-socket.php",
        "RINGBACK_PUBLIC_URL": f"http://127.0.0.1:{free_port()}",  # so that no report settles it
    }
    with running(redis_url, queues="events", **settings) as service:
        text = secrets.token_hex(8)
        wire = build(find("mocean/inbound-sms"), {"mocean-text": text, "mocean-keyword": "ONCE-COOL"})
        assert service.send(wire, **{"ctx.to": "99905000001"}).status_code == 200
        (first, *_) = noted(service, "once-cool", text)
        assert first["error"] == "InDoubtError"

        for name, value in {**service.settings, **settings}.items():
            monkeypatch.setenv(name, value)
        doubts = Doubts(service.redis, service.keys, Configured.load())
        asyncio.run(doubts.look(AsyncHttpTransport()))

        (message,) = [one for one in simulator.got("99905000001") if text in json.dumps(one["content"])]
        wait_for(lambda: any("message_id" in one for one in noted(service, "once-cool", text)), "the result")
        done(service, text)
        assert noted(service, "once-cool", text)[-1]["message_id"] == message["message_id"]
        record = record_of(service.redis, service.keys, first["ref"])
        assert record is not None
        assert (record.state, record.draft.to) == (SendState.ACCEPTED, "99905000001")


def test_what_nobody_comes_back_for_is_listed_in_doubt(redis_url: str) -> None:
    with calling_server(redis_url, hangs) as (service, server):
        service.sms("ONCE")
        wait_for(lambda: server.requests, "the request")
        ((ref, _),) = cast(
            "list[tuple[bytes, float]]", service.redis.zrange(service.keys.outbox_direct, 0, -1, withscores=True)
        )
        service.redis.zadd(service.keys.outbox_direct, {ref: 1})
        wait_for(lambda: service.redis.zrange(service.keys.outbox_doubt, 0, -1) == [ref], "the sweep")
        record = record_of(service.redis, service.keys, ref.decode())
        assert record is not None
        assert record.state is SendState.IN_DOUBT


def test_a_refusal_that_nothing_cures_is_a_dead_letter_at_once(redis_url: str) -> None:
    with calling_server(redis_url, answers("400 Bad Request", REFUSED)) as (service, server):
        text = service.sms("UNCAUGHT")
        kept = letter(service, "uncaught")
        assert "RefusedError" in kept
        assert "mocean sms: code 27" in kept
        traceback, _, _ = kept[kept.index("Traceback") :].partition("(nothing was sent)")  # then comes the event
        private = (KEY, SECRET, TOKEN, text, "60123456789", "60198765432", "Kwyjibo")
        assert [one for one in private if one in traceback] == []
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        pytest.param([], 1000, 1200, id="by the schedule"),
        pytest.param(["Retry-After: 5000"], 5000, 5000, id="as the provider asks"),
    ],
)
def test_a_throttled_run_waits(redis_url: str, headers: list[str], least: float, most: float) -> None:
    with calling_server(redis_url, answers("429 Too Many Requests", b"", *headers)) as (service, _):
        service.sms("UNCAUGHT")
        rows = wait_for(lambda: service.redis.zrange(service.keys.due, 0, -1, withscores=True), "the retry")
        ((_, due),) = cast("list[tuple[bytes, float]]", rows)
        seconds, micros = service.redis.time()
        left = due / 1000 - seconds - micros / 1e6
        assert least - 20 <= left <= most


def test_many_retries_leave_no_socket_and_no_loop(redis_url: str) -> None:
    with calling_server(redis_url, answers("202 Accepted", ACCEPTED)) as (service, server):
        for _ in range(MANY):
            service.sms("MANY")
        for _ in range(3):
            service.sms("BLOCKS")
        wait_for(lambda: service.redis.llen(f"{service.prefix}:many") == MANY, "as many results", 60)
        wait_for(lambda: service.redis.llen(f"{service.prefix}:blocks") == 3, "those of the loops of their own", 60)
        assert len(server.requests) == MANY + 3
        assert service.dead_letters() == []
        assert server.connections < MANY / 5
        wait_for(lambda: server.open == 0, "all connections to be closed")
