"""A provider that misbehaves: each way of failing says whether anything may have been sent, and nothing is repeated."""

import asyncio
import gzip
import inspect
import logging
import os
import socket
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ringback.clients import transport
from ringback.clients.errors import (
    InDoubtError,
    InvalidRequestError,
    NoCreditError,
    NotConfiguredError,
    RefusedError,
    SendError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
)
from ringback.clients.mocean.client import AsyncMocean, Mocean
from ringback.workers.running.limits import TimeIsUp, interrupt
from tests.support.misbehaving import Manner, answers, drips, hangs, misbehaving, resets, says
from tests.support.service import wait_for

KEY, SECRET, NUMBER, TEXT = "the-api-key-0001", "the-api-secret-0002", "60198765432", "Kwyjibo ate my homework"
PRIVATE = (KEY, SECRET, NUMBER, NUMBER[-6:], "Kwyjibo")
TIMEOUT = 0.6
ACCEPTED = b'{"messages":[{"status":0,"receiver":"60198765432","msgid":"m1"}]}'

Send = Callable[[str], object]


def blocking(url: str) -> object:
    with Mocean(api_key=KEY, api_secret=SECRET, url=url, timeout=TIMEOUT) as mocean:
        return mocean.sms(to=NUMBER, from_="ACME", text=TEXT)


def from_a_coroutine(url: str) -> object:
    async def send() -> object:
        async with AsyncMocean(api_key=KEY, api_secret=SECRET, url=url, timeout=TIMEOUT) as mocean:
            return await mocean.sms(to=NUMBER, from_="ACME", text=TEXT)

    return asyncio.run(send())


both = pytest.mark.parametrize("send", [blocking, from_a_coroutine])


def failed(send: Send, url: str) -> SendError:
    with pytest.raises(SendError) as caught:
        send(url)
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    told = "".join(traceback.format_exception(error)) + repr(error)
    assert not [one for one in PRIVATE if one in told]
    return error


@both
@pytest.mark.parametrize(
    ("manner", "kind", "sent"),
    [
        pytest.param(says(b""), InDoubtError, "unknown", id="closes after reading"),
        pytest.param(resets, InDoubtError, "unknown", id="resets after reading"),
        pytest.param(hangs, InDoubtError, "unknown", id="hangs"),
        pytest.param(drips, InDoubtError, "unknown", id="drips its answer"),
        pytest.param(
            says(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{"), InDoubtError, "unknown", id="half an answer"
        ),
        pytest.param(says(b"\x16\x03\x01 what?\r\n\r\n"), InDoubtError, "unknown", id="no HTTP"),
        pytest.param(says(b"HTTP/1.1 202 Accep"), InDoubtError, "unknown", id="half a status line"),
        pytest.param(answers("202 Accepted"), InDoubtError, "unknown", id="202 and nothing"),
        pytest.param(answers("202 Accepted", b"OK"), InDoubtError, "unknown", id="202 and no JSON"),
        pytest.param(answers("202 Accepted", b'{"messages":[]}'), InDoubtError, "unknown", id="202 about nobody"),
        pytest.param(
            answers("202 Accepted", b"not gzip", "Content-Encoding: gzip"), InDoubtError, "unknown", id="broken gzip"
        ),
        pytest.param(
            answers("202 Accepted", gzip.compress(b" " * 20_000_000), "Content-Encoding: gzip"),
            InDoubtError,
            "unknown",
            id="20 MB in a small answer",
        ),
        pytest.param(answers("500 Internal Server Error", b"<h1>500</h1>"), InDoubtError, "unknown", id="500"),
        pytest.param(answers("502 Bad Gateway", b"<html>502</html>"), InDoubtError, "unknown", id="502 page"),
        pytest.param(answers("504 Gateway Timeout"), InDoubtError, "unknown", id="504"),
        pytest.param(answers("303 See Other", b"", "Location: /"), InDoubtError, "unknown", id="303"),
        pytest.param(answers("302 Found", b"", "Location: http://127.0.0.1:1/"), RefusedError, "no", id="302"),
        pytest.param(answers("308 Permanent Redirect", b"", "Location: /"), RefusedError, "no", id="308"),
        pytest.param(answers("400 Bad Request"), RefusedError, "no", id="400"),
        pytest.param(answers("401 Unauthorized"), UnauthorizedError, "no", id="401"),
        pytest.param(answers("403 Forbidden", b"<html>no</html>"), UnauthorizedError, "no", id="403 page"),
        pytest.param(answers("404 Not Found"), RefusedError, "no", id="404"),
        pytest.param(answers("413 Content Too Large"), RefusedError, "no", id="413"),
        pytest.param(answers("429 Too Many Requests", b"", "Retry-After: 7"), ThrottledError, "no", id="429"),
        pytest.param(
            answers("500 Internal Server Error", b'{"status":1,"err_msg":"Authorization failed"}'),
            UnauthorizedError,
            "no",
            id="500 with a documented body",
        ),
        pytest.param(
            answers("200 OK", b'{"messages":[{"status":"2","err_msg":"Insufficient balance"}]}'),
            NoCreditError,
            "no",
            id="200 with a documented body",
        ),
        pytest.param(
            answers("202 Accepted", b"<result><messages><message><status>32</status></message></messages></result>"),
            ThrottledError,
            "no",
            id="documented body in XML",
        ),
    ],
)
def test_what_became_of_it_is_said_and_nothing_is_repeated(
    manner: Manner, kind: type[SendError], sent: str, send: Send
) -> None:
    with misbehaving(manner) as server:
        error = failed(send, server.url)

        assert (type(error), error.sent) == (kind, sent)
        assert len(server.requests) == 1
        if kind is ThrottledError and error.http_status == 429:
            assert error.retry_after == 7


@both
@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:1/rest/2", id="connection refused"),
        pytest.param("http://no-such-host.invalid/rest/2", id="no such host"),
    ],
)
def test_what_is_not_reached_was_not_sent(url: str, send: Send) -> None:
    error = failed(send, url)

    assert (type(error), error.sent) == (UnavailableError, "no")


@both
def test_a_server_without_tls_was_not_sent_anything(send: Send) -> None:
    with misbehaving(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        error = failed(send, server.url.replace("http://", "https://"))

        assert (type(error), error.sent) == (UnavailableError, "no")


@both
def test_a_server_that_accepts_no_connection_in_time_was_not_sent_anything(send: Send) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        try:
            error = failed(send, f"http://127.0.0.1:{port}/rest/2")
        finally:
            for one in waiting:
                one.close()

    assert (type(error), error.sent) == (UnavailableError, "no")


def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used() -> None:
    def once(connection: socket.socket, _: object) -> None:
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n%b" % (len(ACCEPTED), ACCEPTED))
        connection.close()
        closed.release()

    closed = threading.Semaphore(0)
    with misbehaving(once) as server, Mocean(api_key=KEY, api_secret=SECRET, url=server.url) as mocean:
        for _ in range(5):
            mocean.sms(to=NUMBER, from_="ACME", text=TEXT)
            assert closed.acquire(timeout=5)

        assert len(server.requests) == server.connections == 5


def test_one_connection_serves_many_requests() -> None:
    with (
        misbehaving(answers("202 Accepted", ACCEPTED)) as server,
        Mocean(api_key=KEY, api_secret=SECRET, url=server.url) as mocean,
    ):
        for _ in range(50):
            mocean.sms(to=NUMBER, from_="ACME", text=TEXT)

        assert (server.connections, len(server.requests)) == (1, 50)


def test_a_client_serves_threads_and_a_forked_child() -> None:
    with (
        misbehaving(answers("202 Accepted", ACCEPTED)) as server,
        Mocean(api_key=KEY, api_secret=SECRET, url=server.url) as mocean,
    ):
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: mocean.sms(to=NUMBER, from_="ACME", text=TEXT), range(80)))
        before = server.connections
        child = os.fork()
        if not child:
            status = 1
            try:
                mocean.sms(to=NUMBER, from_="ACME", text=TEXT)
                status = 0
            finally:
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        mocean.sms(to=NUMBER, from_="ACME", text=TEXT)

        assert ended == 0
        assert before <= 8
        assert (server.connections, len(server.requests)) == (before + 1, 82)


def test_a_thread_that_is_interrupted_leaves_no_connection_to_others() -> None:
    with misbehaving(drips) as server:
        mocean = Mocean(api_key=KEY, api_secret=SECRET, url=server.url)
        raised: list[BaseException] = []

        def send() -> None:
            try:
                mocean.sms(to=NUMBER, from_="ACME", text=TEXT)
            except BaseException as error:  # noqa: BLE001 - what ends a thread from outside is none of Exception
                raised.append(error)

        thread = threading.Thread(target=send)
        thread.start()
        wait_for(lambda: server.requests, "the request")
        interrupt(thread)
        thread.join(20)

        assert [type(error) for error in raised] == [TimeIsUp]
        assert mocean.transport._clients == {}
        raised.clear()
        wait_for(lambda: server.open == 0, "the connection to be closed")


def test_an_async_client_serves_one_event_loop_after_another() -> None:
    with misbehaving(answers("202 Accepted", ACCEPTED)) as server:
        mocean = AsyncMocean(api_key=KEY, api_secret=SECRET, url=server.url)

        async def send() -> None:
            await mocean.sms(to=NUMBER, from_="ACME", text=TEXT)
            await mocean.close()

        for _ in range(3):
            asyncio.run(send())

        assert (server.connections, len(server.requests)) == (3, 3)


def test_an_async_client_lets_go_of_loops_that_are_closed() -> None:
    with misbehaving(answers("202 Accepted", ACCEPTED, "Connection: close")) as server:
        mocean = AsyncMocean(api_key=KEY, api_secret=SECRET, url=server.url)

        async def send() -> None:
            await mocean.sms(to=NUMBER, from_="ACME", text=TEXT)

        for _ in range(5):
            asyncio.run(send())

        assert len(mocean.transport._clients) == 1


def test_the_end_of_an_event_loop_closes_its_connections() -> None:
    with misbehaving(answers("202 Accepted", ACCEPTED)) as server:
        mocean = AsyncMocean(api_key=KEY, api_secret=SECRET, url=server.url)

        async def send() -> None:
            await mocean.sms(to=NUMBER, from_="ACME", text=TEXT)

        for _ in range(5):
            asyncio.run(send())

        wait_for(lambda: server.open == 0, "the connections to be closed")
        assert server.connections == 5


@pytest.mark.parametrize("name", ["httpx", "httpcore", "httpcore.connection", "httpcore.http11"])
def test_nothing_of_a_request_is_logged_at_any_level(caplog: pytest.LogCaptureFixture, name: str) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger=name)
    with misbehaving(answers("202 Accepted", ACCEPTED)) as server:
        blocking(server.url)
        from_a_coroutine(server.url)

    assert [record.name for record in caplog.records if record.name.startswith(("httpx", "httpcore"))] == []


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("ftp://127.0.0.1/rest/2", id="no web address"),
        pytest.param("http://127.0.0.1:99999/rest/2", id="no such port"),
        pytest.param("http://[::1/rest/2", id="no URL at all"),
        pytest.param("https://host/rest/2?key=1", id="with a query"),
        pytest.param("", id="empty"),
    ],
)
def test_an_url_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(NotConfiguredError, match="the URL is not a web address"):
        Mocean(api_key=KEY, api_secret=SECRET, url=url)


def test_wrong_arguments_never_go_out() -> None:
    with misbehaving(answers("202 Accepted", ACCEPTED)) as server, Mocean(api_key=KEY, api_secret=SECRET) as mocean:
        with pytest.raises(InvalidRequestError, match="to: not a phone number") as caught:
            mocean.sms(to="12", from_="ACME", text=TEXT)

        assert isinstance(caught.value, ValueError)
        assert caught.value.permanent
        assert server.requests == []


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_that_is_none_is_refused_at_once(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout: not more than 0"):
        Mocean(api_key=KEY, api_secret=SECRET, timeout=timeout)


def test_a_method_shows_the_arguments_that_it_takes() -> None:
    with Mocean(api_key=KEY, api_secret=SECRET) as mocean:
        assert list(inspect.signature(mocean.sms).parameters)[:3] == ["to", "from_", "text"]
        assert mocean.sms.__doc__ == Mocean.sms.__doc__


def test_the_timeouts_of_a_short_total_are_as_short() -> None:
    assert transport.timeouts(0.5).as_dict() == {"connect": 0.5, "read": 0.5, "write": 0.5, "pool": 0.5}
    assert transport.timeouts(20).as_dict() == {"connect": 3.0, "read": 15.0, "write": 15.0, "pool": 15.0}
