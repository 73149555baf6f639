"""Limits: what is too large, too slow, too much or no HTTP at all is turned away, and honest callers notice nothing."""

import asyncio
import socket
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from starlette.types import Message

from ringback.receiver.app import make_app
from ringback.receiver.http.protocol import MAX_HEAD, MAX_HEADERS
from ringback.receiver.metrics import REFUSALS
from ringback.receiver.serve import raise_open_files
from ringback.schemas.settings import Settings
from ringback.schemas.tokens import Token
from tests.support.service import TOKEN, free_port, resident_kib, running, wait_for
from tests.support.sockets import AUTH, BODY, DLR, Receiver, chunked, heard, receiving, request, statuses, takes

pytestmark = pytest.mark.timed

TIMEOUT_S = 2.0


@pytest.fixture(scope="module")
def receiver(redis_url: str) -> Iterator[Receiver]:
    """Give a receiver with a short request timeout."""
    with receiving(redis_url, RINGBACK_REQUEST_TIMEOUT=f"{TIMEOUT_S}s", RINGBACK_VOICE_DEADLINE="100ms") as started:
        yield started


FIELDS = [f"X-{number}: 1" for number in range(MAX_HEADERS - 3)]  # Host, Connection and Content-Length are the others


@pytest.mark.parametrize(
    ("pieces", "codes"),
    [
        pytest.param([request()], [200], id="an honest one"),
        pytest.param([request(DLR, f"X-Long: {'x' * (MAX_HEAD - 200)}")], [401], id="a long header"),
        pytest.param([request(DLR, f"X-Long: {'x' * MAX_HEAD}")], [431], id="too long a header"),
        pytest.param([request(DLR, f"X-Long: {'x' * 300_000}")], [431], id="far too long a header"),
        pytest.param([request(f"{DLR}?x={'x' * MAX_HEAD}")], [431], id="too long a URL"),
        pytest.param([f"POST /{'x' * MAX_HEAD}".encode(), b"x"], [431], id="a URL without end"),
        pytest.param([b"POST / HTTP/1.1\r\n", b"X-Long: " + b"x" * MAX_HEAD], [431], id="a header without end"),
        pytest.param([b"POST / HTTP/1.1\r\n", *[b"X: " + b"x" * 1000 + b"\r\n"] * 17], [431], id="headers without end"),
        pytest.param([b"POST / HTTP/1.1\r\n" + b"a:\r\n" * (MAX_HEADERS + 2)], [431], id="many headers without end"),
        pytest.param([request(DLR, *FIELDS)], [401], id="many headers"),
        pytest.param([request(DLR, *FIELDS, "X: 1")], [431], id="too many headers"),
        pytest.param([request(f"{DLR}\0")], [400], id="NUL in the URL"),
        pytest.param([request(DLR, "X: \0")], [400], id="NUL in a header"),
        pytest.param([request(f"/webhooks/mocean/voice/collect/%00{AUTH}", body=b"mocean-call-uuid=1&a=%00")], [200],
                     id="NUL, escaped"),
        pytest.param([request(DLR, "Content-Length: 3", "Transfer-Encoding: chunked")], [400], id="two lengths"),
        pytest.param([request(DLR, "Content-Length: 3", "Content-Length: 4")], [400], id="two different lengths"),
        pytest.param([request(DLR, "Content-Length: -1")], [400], id="a length below zero"),
        pytest.param([request(DLR, "Content-Length: 99999999999999999999")], [400], id="no length at all"),
        pytest.param([request(DLR + AUTH, "Content-Length: 1099511627776")], [413], id="a terabyte"),
        pytest.param([request(DLR + AUTH, "Content-Length: 300000", "Expect: 100-continue", body=b"")], [413],
                     id="asked before it is sent"),
        pytest.param([request(DLR, "Transfer-Encoding : chunked")], [400], id="a space before the colon"),
        pytest.param([request(DLR, "Transfer-Encoding: chunked, identity")], [400], id="chunked, but not last"),
        pytest.param([request(DLR + AUTH, "Transfer-Encoding: chunked", body=b"x\r\n")], [400], id="no chunk"),
        pytest.param([request(DLR, "Upgrade: websocket", "Connection: Upgrade", body=b"")], [401], id="an upgrade"),
        pytest.param([b"GARBAGE\r\n\r\n"], [400], id="garbage"),
        pytest.param([b"\x16\x03\x01\x02\x00\x01\x00"], [400], id="TLS"),
        pytest.param([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], [400], id="HTTP/2"),
    ],
)  # fmt: skip
def test_what_is_no_good_request(receiver: Receiver, pieces: list[bytes], codes: list[int]) -> None:
    started = time.monotonic()
    assert statuses(receiver.say(*pieces)) == codes
    assert time.monotonic() - started < TIMEOUT_S / 2


def test_a_refusal_is_a_problem(receiver: Receiver) -> None:
    head, _, body = receiver.say(request(DLR, f"X-Long: {'x' * MAX_HEAD}")).partition(b"\r\n\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    assert body == b'{"title": "URL and headers too large", "status": 431}'
    assert {name: headers[name] for name in (b"content-type", b"content-length", b"connection")} == {
        b"content-type": b"application/problem+json", b"content-length": b"%d" % len(body), b"connection": b"close"
    }  # fmt: skip
    assert b"date" in headers


@pytest.mark.parametrize("kind", ["unknown account", "wrong token", "no token", "empty token", "not ASCII", "no Basic"])
def test_no_entry_looks_the_same_for_all(receiver: Receiver, kind: str) -> None:
    receiver.service.trigger("mocean/delivery-report")  # from here on this address is known, and not limited
    answers = {
        "unknown account": request(DLR, "Authorization: Basic bm9ib2R5OnRoZS1zZWNyZXQtb2YtYWNtZQ=="),
        "wrong token": request(f"{DLR}?token=wrong"),
        "no token": request(DLR),
        "empty token": request(f"{DLR}?token=&token={TOKEN}"),  # the first counts
        "not ASCII": request(DLR, "Authorization: Basic /////////w=="),
        "no Basic": request(DLR, "Authorization: Basic \xff\xfe"),
    }
    without_date = [line for line in receiver.say(answers[kind]).split(b"\r\n") if not line.startswith(b"date: ")]
    assert without_date == [
        b"HTTP/1.1 401 Unauthorized", b"content-type: application/problem+json", b"content-length: 42",
        b'www-authenticate: Basic realm="ringback"', b"connection: close", b"",
        b'{"title": "No valid token", "status": 401}',
    ]  # fmt: skip


def test_trailers_are_no_headers(receiver: Receiver) -> None:
    # Base64 of acme:the-secret-of-acme. All in one piece: so it is parsed before the app looks at the headers.
    trailer = b"Authorization: Basic YWNtZTp0aGUtc2VjcmV0LW9mLWFjbWU=\r\n"
    head = request(DLR, "Transfer-Encoding: chunked", body=b"")
    assert statuses(receiver.say(head + chunked(BODY) + b"0\r\n" + trailer + b"\r\n")) == [401]
    good = request(DLR, "Transfer-Encoding: chunked", trailer.decode().strip(), body=b"")
    assert statuses(receiver.say(good + chunked(BODY) + b"0\r\nX: 1\r\n\r\n")) == [200]


@pytest.mark.parametrize("auth", [AUTH, ""], ids=["right token", "no token"])
@pytest.mark.parametrize(
    "line", [b"a:\r\n" * 256, b"X: " + b"x" * 1000 + b"\r\n", b"x" * 1000], ids=["short", "many", "one"]
)
def test_trailers_without_end(receiver: Receiver, auth: str, line: bytes) -> None:
    before = resident_kib(receiver.pid)
    head = request(DLR + auth, "Transfer-Encoding: chunked", body=b"")
    with receiver.connect() as connection:
        connection.sendall(head + chunked(BODY) + b"0\r\nX: ")
        assert not takes(connection, line * 64 * 1024)  # 64 MiB
    assert resident_kib(receiver.pid) - before < 16 * 1024


@pytest.mark.parametrize("name", ["mycoolsms/delivery-report", "mocean/voice/answer"])
def test_64_mib_in_chunks(receiver: Receiver, name: str) -> None:
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1024):
            sent += 65536
            yield b"x" * 65536

    receiver.service.trigger("mocean/delivery-report")  # what the first request needs is there before
    before = resident_kib(receiver.pid)
    answer = receiver.service.request("POST", name, content=body())
    assert abs(resident_kib(receiver.pid) - before) < 16 * 1024
    if name == "mocean/voice/answer":  # it hears out what it does not keep, so that the answer is sure to arrive
        assert (answer.status_code, answer.json()[0]["action"]) == (200, "say")
    else:
        assert (answer.status_code, answer.headers["connection"]) == (413, "close")
        assert sent < 16 * 1024 * 1024


def test_pipelined_requests_are_answered_in_their_order(receiver: Receiver) -> None:
    kept = request().replace(b"Connection: close\r\n", b"")
    large = request(DLR + AUTH, body=b'{"x": "%s"}' % (b"x" * 200_000)).replace(b"Connection: close\r\n", b"")
    wrong = request(DLR).replace(b"Connection: close\r\n", b"")
    assert statuses(receiver.say(kept + large + wrong + kept * 100 + request())) == [200, 422, 401, *[200] * 101]


def test_half_a_request_after_a_whole_one(receiver: Receiver) -> None:
    kept = request().replace(b"Connection: close\r\n", b"")
    started = time.monotonic()
    assert statuses(receiver.say(kept + request()[:40])) == [200, 408]
    assert TIMEOUT_S <= time.monotonic() - started < TIMEOUT_S + 2


def test_garbage_after_a_whole_one(receiver: Receiver) -> None:
    kept = request().replace(b"Connection: close\r\n", b"")
    started = time.monotonic()
    assert statuses(receiver.say(kept + b"GARBAGE\r\n\r\n")) == [200, 400]
    assert statuses(receiver.say(kept + b"\x16\x03\x01\x02")) == [200, 400]
    assert time.monotonic() - started < TIMEOUT_S / 2


def test_bytes_that_begin_no_request_keep_no_connection_open(receiver: Receiver) -> None:
    kept = request().replace(b"Connection: close\r\n", b"")
    started = time.monotonic()
    with receiver.connect() as connection:
        connection.sendall(kept)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        connection.sendall(b"\r\n")
        assert heard(connection) == b""
    assert time.monotonic() - started < 2 * TIMEOUT_S + 2


async def slow_sender(port: int, first: bytes, drop: bytes, ended: Counter[str]) -> None:
    """Send a beginning, and then a byte now and then, until the server has enough. What it said before a reset counts.

    These are no streams: when a write fails, asyncio's transport closes and loses what has come but is not read yet.
    """
    loop = asyncio.get_running_loop()
    answer = b""
    with socket.socket() as connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, ("127.0.0.1", port))

        async def trickle() -> None:
            with suppress(ConnectionError):  # the server has enough; what it said is still to be read
                await loop.sock_sendall(connection, first)
                while drop:
                    await loop.sock_sendall(connection, drop)
                    await asyncio.sleep(0.5)

        async with asyncio.timeout(TIMEOUT_S * 4), asyncio.TaskGroup() as tasks:
            trickling = tasks.create_task(trickle())
            with suppress(ConnectionError):
                while piece := await loop.sock_recv(connection, 65536):
                    answer += piece
            trickling.cancel()
    ended[f"{statuses(answer)}"] += 1


KINDS = [
    (b"", b"", "[]"),  # a connection and not a byte
    (b"POST", b"", "[408]"),
    (b"POST / HTTP/1.1\r\nX: ", b"x", "[408]"),
    (request(DLR + AUTH)[:-10], b"", "[408]"),
    (request(f"{DLR}{AUTH}&x", "Transfer-Encoding: chunked", body=b""), b"1\r\nx\r\n", "[408]"),
    (request(f"{DLR}?x", "Content-Length: 100000", body=b"").replace(b"close", b"keep-alive"), b"x", "[401]"),
]


async def test_a_thousand_slow_senders_stop_nobody(receiver: Receiver) -> None:
    assert raise_open_files() > 2100, "each end of a connection is an open file"
    latencies: list[float] = []
    is_over = False

    def honest() -> None:
        while not is_over:
            started = time.monotonic()
            assert receiver.service.trigger("mocean/delivery-report").status_code == 200
            latencies.append(time.monotonic() - started)
            time.sleep(0.005)  # it leaves a core to the senders

    ended: Counter[str] = Counter()
    sending = asyncio.create_task(asyncio.to_thread(honest))
    senders = [slow_sender(receiver.service.port, *KINDS[number % 6][:2], ended) for number in range(1000)]
    await asyncio.gather(*senders)
    is_over = True
    await sending
    expected: Counter[str] = Counter()
    for number in range(1000):
        expected[KINDS[number % 6][2]] += 1
    ended["[401]"] += ended.pop("[429]")  # most of those without a token are past the limiter's limit
    assert ended == expected
    assert len(latencies) > 100
    p99 = statistics.quantiles(latencies, n=100)[98]
    print(f"{len(latencies)} honest requests, p50 {statistics.median(latencies):.4f} s, p99 {p99:.4f} s")  # noqa: T201
    assert p99 < 1.0


def test_more_at_once_than_allowed(redis_url: str) -> None:
    # Calls are worked on until their deadline, since there is no worker. Of two accounts one may have half of all.
    with running(redis_url, queues="", RINGBACK_MAX_CONCURRENT="4", RINGBACK_VOICE_DEADLINE="2s") as service:
        with ThreadPoolExecutor(2) as threads:
            calls = [threads.submit(service.trigger, "mocean/voice/answer") for _ in range(2)]
            wait_for(lambda: len(service.stored()) == 2, "both calls to be worked on")
            answer = service.trigger("mocean/delivery-report")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json() == {"title": "Too many requests at once, please repeat", "status": 503}
            started = time.monotonic()
            call = service.trigger("mocean/voice/answer")
            assert (call.status_code, call.json()[0]["action"]) == (200, "say")
            assert time.monotonic() - started < 1
            other = service.request("POST", "mycoolsms/delivery-report", token="another-secret", content=BODY)
            assert other.status_code == 200
            # Those who do not come as far as that are told as ever.
            assert service.request("POST", "mocean/voice/answer", token="x").status_code == 401
            assert service.http.get("/livez").status_code == 200
            assert [one.result().status_code for one in calls] == [200, 200]
        assert service.trigger("mocean/delivery-report").status_code == 200


def test_a_connection_serves_many_requests(receiver: Receiver) -> None:
    with httpx.Client(base_url=receiver.service.http.base_url) as client:
        ports = set()
        for _ in range(50):
            answer = client.post(DLR, params={"token": TOKEN}, content=BODY)
            ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
        assert len(ports) == 1


@pytest.mark.parametrize(
    ("peer", "query", "headers", "outcome"),
    [
        pytest.param("10.0.0.2", AUTH, [], "not_allowed", id="not allowed"),
        pytest.param("10.0.0.1", "?token=x", [], "no_entry", id="wrong token"),
        pytest.param("10.0.0.1", AUTH, [(b"content-length", b"1000000")], "too_large", id="too large"),
    ],
)
async def test_refusals_are_counted(
    peer: str, query: str, headers: list[tuple[bytes, bytes]], outcome: str, tmp_path: Path
) -> None:
    token = Token(account="acme", secret=SecretStr(TOKEN))
    settings = Settings(tokens=(token,), data_dir=tmp_path, allow_ips=(ip_network("10.0.0.1"),))
    registry = CollectorRegistry()
    app = make_app(settings, f"redis://127.0.0.1:{free_port()}", registry)

    async def receive() -> Message:
        raise AssertionError("it is refused unread")

    async def send(message: Message) -> None:
        pass

    scope = {
        "type": "http",
        "method": "POST",
        "path": DLR,
        "server": ("10.0.0.9", 80),
        "client": (peer, 1),
        "headers": headers,
    }
    await app({**scope, "query_string": query.removeprefix("?").encode()}, receive, send)
    name = "ringback_refused_requests_total"
    counts = {each.label: registry.get_sample_value(name, {"outcome": each.label}) for each in REFUSALS}
    assert counts == {**dict.fromkeys(counts, 0.0), outcome: 1.0}
