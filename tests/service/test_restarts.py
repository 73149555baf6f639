"""A receiver that is stopped and started again: who has reached it is answered, and behind what holds its socket, or
before a second receiver, nobody notices. tests/service/test_scale_out.py has the same for two machines behind nginx.
"""

import errno
import itertools
import os
import secrets
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringback.receiver.http.listen import bind
from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.callers import Caller, calling
from tests.support.proxies import Proxy, await_proxy, caddy
from tests.support.service import (
    RINGBACK,
    ROOT,
    TOKEN,
    Service,
    await_ready,
    clean_environment,
    free_port,
    process,
    wait_for,
)

RESTARTS = 2
WAITING = 50


@pytest.fixture
def service(redis_url: str) -> Iterator[Service]:
    made = Service(redis_url, f"t{secrets.token_hex(4)}", free_port())
    yield made
    made.close()


def stored(service: Service) -> Counter[int]:
    """Count the events by the number in their context."""
    return Counter(int(event["data"]["context"]["n"]) for event in service.events())


def request(number: int) -> bytes:
    body = b"mocean-from=60123456789&mocean-to=63001&mocean-text=%d" % number
    head = f"POST /webhooks/mocean/inbound-sms?token={TOKEN}&ctx.n={number} HTTP/1.1\r\nhost: a\r\n"
    return (
        f"{head}content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    )


def answer(caller: socket.socket) -> tuple[str, bool]:
    """Give the status of an answer without a body, and whether it is the last one."""
    said = b""
    while not said.endswith(b"\r\n\r\n"):
        piece = caller.recv(65536)
        if not piece:
            return "", True
        said += piece
    lines = said.decode().lower().split("\r\n")
    return lines[0].split()[1], "connection: close" in lines


def is_refused(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def test_who_has_reached_a_receiver_is_answered(service: Service) -> None:
    with process([*RINGBACK, "serve"], **service.settings) as receiver, ExitStack() as stack:
        await_ready(service, 0)

        def call() -> socket.socket:
            return stack.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=20))

        kept, silent = call(), call()
        kept.sendall(request(0))
        assert answer(kept) == ("200", False)
        half = call()
        half.sendall(request(1)[:40])
        # While it stands still nobody is accepted: these wait in the backlog, some with their request, some without.
        os.kill(receiver.pid, signal.SIGSTOP)
        prompt, slow = [call() for _ in range(WAITING)], [call() for _ in range(WAITING)]
        for number, caller in enumerate(prompt, 100):
            caller.sendall(request(number))
        receiver.send_signal(signal.SIGTERM)
        os.kill(receiver.pid, signal.SIGCONT)

        assert [answer(caller)[0] for caller in prompt] == ["200"] * WAITING
        wait_for(lambda: is_refused(service.port), "the end of the listening")
        for number, caller in enumerate([kept, *slow], 200):
            caller.sendall(request(number))
        half.sendall(request(1)[40:])
        assert [answer(caller) for caller in (half, kept, *slow)] == [("200", True)] * (WAITING + 2)
        assert answer(silent) == ("", True)
        assert receiver.wait(20) == -signal.SIGTERM
    numbers = [0, 1, *range(100, 100 + WAITING), *range(200, 201 + WAITING)]
    assert stored(service) == Counter(numbers)


def await_answers(caller: Caller, count: int) -> None:
    wait_for(lambda: len(caller.answers) >= count, "answers")


class Holder:
    """Holds a receiver's socket, as systemd does, and starts the receiver again and again."""

    def __init__(self, service: Service) -> None:
        self._held = bind("127.0.0.1", service.port)
        self._environment = clean_environment(**service.settings, RINGBACK_TRUSTED_PROXIES="127.0.0.1")
        self._receiver: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        descriptor = self._held.fileno()
        command = [*RINGBACK, "serve", "--fd", str(descriptor)]
        self._receiver = subprocess.Popen(command, env=self._environment, cwd=ROOT, pass_fds=(descriptor,))

    def stop(self) -> None:
        assert self._receiver is not None
        self._receiver.terminate()
        assert self._receiver.wait(30) == -signal.SIGTERM

    def close(self) -> None:
        if self._receiver is not None and self._receiver.poll() is None:
            self._receiver.kill()
            self._receiver.wait()
        self._held.close()


@pytest.mark.parametrize("proxy_of", [None, caddy], ids=["new connections", "caddy"])
def test_nobody_notices_a_restart_behind_a_socket_that_another_holds(
    service: Service, tmp_path: Path, proxy_of: Any
) -> None:
    with ExitStack() as stack:
        holder = stack.enter_context(closing(Holder(service)))
        holder.start()
        url = f"http://127.0.0.1:{service.port}"
        if proxy_of is not None:
            proxy: Proxy = stack.enter_context(proxy_of(tmp_path, f"127.0.0.1:{service.port}"))
            await_proxy(proxy)
            url = proxy.url
        with calling(url, itertools.count(), keeps_connections=proxy_of is not None) as caller:
            for _ in range(RESTARTS):
                await_answers(caller, len(caller.answers) + 100)
                holder.stop()
                holder.start()
        holder.stop()
    assert caller.failed == []
    assert stored(service) == Counter(caller.taken)


def test_a_descriptor_that_is_no_listening_socket_is_named(service: Service) -> None:
    for descriptor in ("0", "99"):
        done = service.ringback("serve", "--fd", descriptor)
        assert done.returncode == 1
        assert f"--fd {descriptor}: " in done.stderr


@pytest.mark.parametrize("admin_port", ["0", "free"])
def test_a_unix_socket_takes_callbacks(service: Service, tmp_path: Path, admin_port: str) -> None:
    port = str(free_port()) if admin_port == "free" else admin_port
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(str(tmp_path / "ringback.sock"))
        held.listen()
        environment = clean_environment(**service.settings) | {"RINGBACK_ADMIN_PORT": port}
        command = [*RINGBACK, "serve", "--fd", str(held.fileno())]
        with subprocess.Popen(command, env=environment, cwd=ROOT, pass_fds=(held.fileno(),)) as receiver:
            transport = httpx.HTTPTransport(uds=str(tmp_path / "ringback.sock"))
            with httpx.Client(transport=transport, base_url="http://ringback", timeout=30) as client:
                wire = build(find("mocean/inbound-sms"), {"mocean-text": "by a Unix socket"})
                taken = client.request(
                    wire.method, wire.path, params={"token": TOKEN}, headers=wire.headers, content=wire.body
                )
                assert taken.status_code == 200
                assert client.get("/metrics").status_code == 404
            receiver.terminate()
            assert receiver.wait(30) == -signal.SIGTERM
    (entry,) = [one for one in service.stored() if "by a Unix socket" in one["event"]]
    assert entry["type"] == "message.received"
