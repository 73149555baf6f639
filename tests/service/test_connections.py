"""Connections: odd ones that are honest are served; what one may make a receiver hold, and for how long, is bounded."""

import asyncio
import gzip
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from ringback.logs.bounded import BoundedLog
from ringback.receiver.http.answers import Answer, answer
from ringback.receiver.http.protocol import MAX_IN_A_ROW, Connection
from ringback.receiver.http.server import protocol_factory
from ringback.receiver.metrics import Refusals
from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.service import ROOT, clean_environment, resident_kib, wait_for
from tests.support.sockets import AUTH, BODY, DLR, Receiver, chunked, heard, receiving, request, statuses, takes

pytestmark = pytest.mark.timed

TIMEOUT_S = 2.0
ANSWER = f"/webhooks/mocean/voice/answer{AUTH}"
CALL = b"mocean-call-uuid=1"
FORM = "Content-Type: application/x-www-form-urlencoded"
KEPT = request().replace(b"Connection: close\r\n", b"")


@pytest.fixture(scope="module")
def receiver(redis_url: str) -> Iterator[Receiver]:
    """Run a receiver with a short request timeout, and workers for calls."""
    chosen = {"RINGBACK_REQUEST_TIMEOUT": f"{TIMEOUT_S}s", "RINGBACK_HANDLERS": "tests.support.handlers.phone"}
    with receiving(redis_url, queues="voice,voice", **chosen) as started:
        yield started


def lines(*headers: str, version: str = "1.1", path: str = DLR + AUTH, body: bytes = BODY) -> bytes:
    """Write a request with these headers and no others."""
    return "\r\n".join([f"POST {path} HTTP/{version}", *headers, "", ""]).encode("latin-1") + body


LENGTH = f"Content-Length: {len(BODY)}"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"],
                     id="h2c, as Java's clients ask"),
        pytest.param(["Connection: keep-alive, Upgrade", "Upgrade: websocket"], id="websocket"),
        pytest.param(["connection: upgrade", "upgrade: TLS/1.0"], id="TLS"),
        pytest.param(["Upgrade: h2c"], id="without the connection's word"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_an_upgrade_that_we_do_not_do_is_ignored(receiver: Receiver, headers: list[str], is_chunked: bool) -> None:
    redis, keys = receiver.service.redis, receiver.service.keys
    body = b"mocean-msgid=upgrade&mocean-dlr-status=1&mocean-from=60123456789"
    path = "/webhooks/mocean/delivery-report" + AUTH
    stored = []
    for asked in ([], headers):
        redis.flushdb()
        framing = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(body)}"
        sent = lines("Host: x", FORM, *asked, framing, path=path, body=chunked(body, b"") if is_chunked else body)
        assert statuses(receiver.say(sent + request())) == [200, 200]  # the next one is read where this one ends
        event = receiver.service.events()[0]
        stored.append({name: event[name] for name in event if name not in ("time", "receivedat")})
        assert redis.xlen(keys.quarantine) == 0
    assert stored[0] == stored[1]
    assert stored[0]["data"]["raw"] == {
        "mocean-msgid": "upgrade", "mocean-dlr-status": "1", "mocean-from": "60123456789",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        pytest.param(lines("Host: x", LENGTH), [200], id="a whole request"),
        pytest.param(KEPT * 5, [200] * 5, id="five"),
        pytest.param(KEPT + request()[:40], [200], id="one and a half"),
        pytest.param(request()[:40], [], id="half a head"),
        pytest.param(KEPT[:-5], [], id="half a body"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(lines("Host: x", FORM, "Content-Length: 18", path=ANSWER, body=CALL), [200], id="a call"),
        pytest.param(KEPT + b"GARBAGE\r\n\r\n", [200, 400], id="one, and garbage"),
    ],
)  # fmt: skip
def test_who_closes_the_sending_side_is_answered(receiver: Receiver, sent: bytes, codes: list[int]) -> None:
    began = time.monotonic()
    with receiver.connect() as connection:
        connection.sendall(sent)
        connection.shutdown(1)
        assert statuses(heard(connection)) == codes
    assert time.monotonic() - began < TIMEOUT_S / 2


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        pytest.param(lines("Host: x", LENGTH), [200], id="a Host"),
        pytest.param(lines("Host:", LENGTH), [200], id="an empty Host"),
        pytest.param(lines("Host: [::1]:8000", LENGTH), [200], id="an IPv6 Host"),
        pytest.param(lines(LENGTH), [400], id="no Host"),
        pytest.param(lines("Host: x", "Host: x", LENGTH), [400], id="two Hosts"),
        pytest.param(lines("Host: a b", LENGTH), [400], id="a Host with a space"),
        pytest.param(lines("Host: user@x", LENGTH), [400], id="a Host with a user"),
        pytest.param(lines(LENGTH, version="1.0"), [200], id="HTTP/1.0 without a Host"),
        pytest.param(b"GET /livez\r\n\r\n", [400], id="HTTP/0.9"),
        pytest.param(lines("Host: x", LENGTH, version="2.0"), [400], id="HTTP/2.0"),
        pytest.param(lines("Host: x", "Transfer-Encoding: chunked", version="1.0", body=chunked(BODY, b"")), [400],
                     id="chunks in HTTP/1.0"),
        pytest.param(lines("Host: x", "Transfer-Encoding: Chunked", body=chunked(BODY, b"")), [200], id="chunks"),
        pytest.param(lines("Host: x", "Transfer-Encoding: gzip, chunked", body=chunked(BODY, b"")), [501],
                     id="gzip as a transfer coding"),
        pytest.param(lines("Host: x", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked", body=chunked(BODY, b"")),
                     [400], id="two transfer codings in two lines"),
        pytest.param(lines("Host: x", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b""), [400],
                     id="chunked twice"),
        pytest.param(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", [400], id="CONNECT"),
        pytest.param(lines("Host: x", LENGTH, path=f"http://x{DLR}{AUTH}"), [200], id="an absolute target"),
    ],
)  # fmt: skip
def test_what_proxies_read_in_two_ways_is_refused(receiver: Receiver, sent: bytes, codes: list[int]) -> None:
    with receiver.connect() as connection:
        connection.sendall(sent)
        connection.shutdown(1)
        answer = heard(connection)
    assert statuses(answer) == codes
    assert (b"connection: close" in answer) == (codes != [200] or b"HTTP/1.0" in sent)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        pytest.param("/mycoolsms/delivery-report/", 200, id="a slash at the end"),
        pytest.param("//mycoolsms//delivery-report", 200, id="doubled slashes"),
        pytest.param("/mycoolsms/delivery-report%2F", 200, id="an escaped slash at the end"),
        pytest.param("/mycoolsms/delivery-report%0a", 404, id="a line feed at the end"),
        pytest.param("/mycoolsms/delivery-reports", 404, id="another word"),
        pytest.param("/mycoolsms/delivery%0Areport", 404, id="a line feed within"),
        pytest.param("/mocean/voice/answer/", 200, id="a call"),
        pytest.param("//mocean/voice/collect/menu/", 200, id="a step"),
    ],
)
def test_a_slash_more_is_no_other_path(receiver: Receiver, path: str, code: int) -> None:
    body = CALL if "voice" in path else BODY
    sent = lines(
        "Host: x", "Connection: close", f"Content-Length: {len(body)}", path=f"/webhooks{path}{AUTH}", body=body
    )
    answer = receiver.say(sent)
    assert statuses(answer) == [code]
    assert (b'"action"' in answer) == ("voice" in path)
    assert (b"application/problem+json" in answer) == (code == 404)


@dataclass
class Meanwhile:
    """What honest callers saw during a flood: seconds until each answer, and the receiver's memory in KiB."""

    receiver: Receiver
    livez: list[float] = field(default_factory=list)
    callbacks: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    kib: list[int] = field(default_factory=list)

    def look(self) -> None:
        """Ask each thing once."""
        service = self.receiver.service
        self.livez.append(timed(lambda: service.http.get("/livez"))[0])
        report, call = (build(find(name), {}) for name in ("mocean/delivery-report", "mocean/voice/answer"))
        self.callbacks.append(timed(lambda: service.send(report, token="another-secret"))[0])
        seconds, answer = timed(lambda: service.send(call, token="another-secret"))
        self.calls.append(seconds)
        assert "cannot take your call" not in answer.text, "the handler answers, not the fallback"
        self.kib.append(resident_kib(self.receiver.pid))

    def __str__(self) -> str:
        named = {"livez": self.livez, "callbacks": self.callbacks, "calls": self.calls}
        worst = ", ".join(f"{name} p99 {p99(each) * 1000:.0f} ms" for name, each in named.items())
        return f"{len(self.calls)} looks: {worst}; at most {max(self.kib)} KiB"


def timed(ask: Callable[[], httpx.Response]) -> tuple[float, httpx.Response]:
    """Ask; return the seconds that it took, and the answer, which is a 200."""
    began = time.monotonic()
    answer = ask()
    assert answer.status_code == 200
    return time.monotonic() - began, answer


def p99(seconds: list[float]) -> float:
    """Return the time that one in a hundred exceeds."""
    return statistics.quantiles(seconds, n=100)[98]


@pytest.mark.parametrize(
    ("kind", "connections", "ended"),
    [
        pytest.param("unread", 1000, 1000, id="pipelines that are not read"),
        pytest.param("trickle", 200, 200, id="bytes that come one by one in both directions"),
        pytest.param("head", 1000, 1000, id="heads without an end"),
        pytest.param("bodies", 1000, 1000, id="bodies without an end, by an account's token"),
        pytest.param("idle", 10_200, 10_200, id="more idle ones than there may be connections"),
    ],
)
def test_a_flood_takes_nothing_from_others(
    receiver: Receiver, kind: str, connections: int, ended: int, record_property: Callable[[str, object], None]
) -> None:
    """Memory stays within 64 MB and comes back; callbacks and calls are answered; the connections are ended."""
    before = Meanwhile(receiver)
    for _ in range(50):
        before.look()
    meanwhile = Meanwhile(receiver)
    words = [sys.executable, "-m", "tests.support.flood", kind, str(receiver.service.port), str(connections), "60"]
    with subprocess.Popen(words, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE) as flood:
        while flood.poll() is None:
            meanwhile.look()
        assert flood.stdout is not None
        told = json.loads(flood.stdout.read())
    most = before.kib[-1] + 16 * 1024
    wait_for(lambda: resident_kib(receiver.pid) < most, "the memory to be given back", seconds=10)
    record_property("measured", f"{kind}: {meanwhile}; before: {before}")
    assert told == {"connections": connections, "ended": ended}
    assert max(meanwhile.kib) - before.kib[-1] < 64 * 1024
    assert p99(meanwhile.callbacks) < 0.1 + p99(before.callbacks)
    assert p99(meanwhile.calls) < 0.1 + p99(before.calls)


def test_a_pipeline_without_end_is_closed_after_its_last_answer(receiver: Receiver) -> None:
    with receiver.connect() as connection:
        connection.sendall(KEPT * (MAX_IN_A_ROW * 2))
        answer = heard(connection)
    assert statuses(answer) == [200] * (MAX_IN_A_ROW + 1)
    assert answer.count(b"connection: close") == 1


def test_the_rest_of_a_body_that_was_refused_is_heard_for_a_while_only(receiver: Receiver) -> None:
    with receiver.connect() as connection:
        connection.sendall(lines("Host: x", "Transfer-Encoding: chunked", path="/x", body=b""))
        assert connection.recv(1000).startswith(b"HTTP/1.1 404")
        assert not takes(connection, b"1\r\nx\r\n" * 1024 * 1024)


def test_many_parameters_without_a_token_are_not_read(receiver: Receiver) -> None:
    odd = request("/webhooks/mocean/inbound-sms?" + "%C3(=%E9&" * 1000)
    plain = request("/webhooks/mocean/inbound-sms?x=1")
    seconds = {plain: math.inf, odd: math.inf}
    for sent in (plain, odd, plain, odd, plain, odd):
        began = time.monotonic()
        for _ in range(100):
            assert statuses(receiver.say(sent)) in ([401], [429])
        seconds[sent] = min(seconds[sent], time.monotonic() - began)  # the machine may have been busy
    assert seconds[odd] < seconds[plain] + 0.1, "less than a millisecond more each"


ODD_JSON = b'{"mocean-call-uuid": "1", "a": [' + b'"\xe9",' * 42_000 + b"1]}"


def test_long_requests_of_an_account_hold_up_no_other(receiver: Receiver) -> None:
    service = receiver.service
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    body = gzip.compress(ODD_JSON[:16_000] + b"1]}")
    with ThreadPoolExecutor(50) as threads:
        sent = [
            threads.submit(service.request, "POST", "mocean/voice/answer", content=body, headers=headers)
            for _ in range(100)
        ]
        beside = Meanwhile(receiver)
        while not all(one.done() for one in sent):
            beside.look()
    assert {one.result().status_code for one in sent} == {200}
    assert max(beside.calls) < 1


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, Answer.PROBE)

    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_keep_alive=75)
    config.load()
    loop = asyncio.get_running_loop()
    state = ServerState()
    connect = protocol_factory(Refusals(CollectorRegistry(), BoundedLog()), lambda _: None)
    server = await loop.create_server(lambda: connect(config=config, server_state=state, app_state={}), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" in await reader.readuntil(b"\r\n\r\n")
        (connection,) = (one for one in state.connections if isinstance(one, Connection))
        connection.end_if_slow(loop.time() + 74, TIMEOUT_S)
        assert not connection.transport.is_closing()
        connection.end_if_slow(loop.time() + 76, TIMEOUT_S)
        assert await reader.read() == b""
        writer.close()
