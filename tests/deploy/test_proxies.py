"""nginx and Caddy, set up as in deploy/, before a real receiver: who called is right, and no log has the token."""

import re
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from ringback.receiver.providers import CALLBACKS
from ringback.schemas.settings import Settings
from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.machines import HAS_NAMESPACES
from tests.support.proxies import Proxy, await_proxy, caddy, nginx
from tests.support.service import TOKEN, Service, free_port, running, wait_for
from tests.support.tools import DEPLOY, check, documents, tool


@pytest.fixture(scope="module")
def behind(redis_url: str) -> Iterator[Service]:
    """Give a receiver that believes a proxy on 127.0.0.1, and lets in 127.0.0.2 alone."""
    settings = {"RINGBACK_TRUSTED_PROXIES": "127.0.0.1", "RINGBACK_ALLOW_IPS": "127.0.0.2"}
    with running(redis_url, queues="", **settings) as started:
        yield started


@pytest.mark.parametrize("proxy_of", [nginx, caddy])
def test_behind_a_proxy(proxy_of: Any, behind: Service, tmp_path: Path) -> None:
    with proxy_of(tmp_path, f"127.0.0.1:{behind.port}") as proxy:
        await_proxy(proxy)
        wire = build(find("mocean/inbound-sms"), {})
        asked = {"params": {"token": TOKEN}, "headers": wire.headers, "content": wire.body}
        with proxy.client("127.0.0.2") as allowed, proxy.client("127.0.0.3") as other:
            before = len(behind.stored())
            assert allowed.request(wire.method, wire.path, **asked).status_code == 200
            assert len(behind.stored()) == before + 1

            # Whatever a caller writes there, it is judged by the address that it has.
            spoofed = {**wire.headers, "x-forwarded-for": "127.0.0.2"}
            assert other.request(wire.method, wire.path, **{**asked, "headers": spoofed}).status_code == 403

            # Nothing but the callbacks, and of the admin port nothing.
            paths = ("/", "/livez", "/metrics", "/readyz", "/docs")
            assert [allowed.get(path).status_code for path in paths] == [404] * 5

            # A body that is too large for the receiver reaches it all the same: a call gets its fallback.
            large = allowed.post("/webhooks/mocean/voice/answer", params={"token": TOKEN}, content=b"x" * 300_000)
            assert (large.status_code, large.json()[0]["action"]) == (200, "say")
        wait_for(lambda: "/webhooks/mocean/inbound-sms" in proxy.logged, "the line of the log")
        assert TOKEN not in proxy.logged


def test_nginx_keeps_a_token_in_the_path_to_itself(behind: Service, tmp_path: Path) -> None:
    with nginx(tmp_path, f"127.0.0.1:{behind.port}") as proxy:
        await_proxy(proxy)
        with proxy.client("127.0.0.2") as client:
            for path in (
                f"mocean/inbound-sms%3Ftoken={TOKEN}", f"mocean/{TOKEN}", f"mocean/voice/collect/{TOKEN}",
                f"mocean/inbound-sms/{TOKEN}", f"mocean/inbound-sms;token={TOKEN}", f"mocean/{TOKEN}/answer",
            ):  # fmt: skip
                client.post(f"/webhooks/{path}", params={"token": TOKEN})
            for callback in CALLBACKS:
                client.get(f"/webhooks/{callback.name.replace('{step}', 'menu')}", params={"token": TOKEN})
        names = {callback.name.removesuffix("/{step}") for callback in CALLBACKS}
        lines = [f'"GET /webhooks/{name}" 200' for name in names]
        wait_for(lambda: all(line in proxy.logged for line in lines), "the lines of the log")
        assert TOKEN not in proxy.logged


@pytest.mark.parametrize("proxy_of", [nginx, caddy])
def test_another_name_is_not_answered_with_200(proxy_of: Any, behind: Service, tmp_path: Path) -> None:
    with proxy_of(tmp_path, f"127.0.0.1:{behind.port}") as proxy:
        await_proxy(proxy)
        before = len(behind.stored())
        wire = build(find("mocean/inbound-sms"), {})
        with proxy.client("127.0.0.2") as client:
            headers = {**wire.headers, "host": "callbacks.example.org"}
            answer = client.request(wire.method, wire.path, params={"token": TOKEN}, headers=headers, content=wire.body)
        # Stored, or refused: never a success that nobody has.
        assert (answer.status_code, len(behind.stored()) - before) in {(200, 1), (421, 0)}


def test_caddy_waits_longer_than_the_receiver() -> None:
    """Where Caddy ends a request itself it answers 200."""
    times = dict(re.findall(r"^\s*(\w+) (\d+)s$", (DEPLOY / "Caddyfile").read_text(), re.MULTILINE))
    before = ("read_header", "lb_try_duration", "response_header_timeout")
    longest = (
        sum(int(times[name]) for name in before) + Settings.model_fields["request_timeout"].default.total_seconds()
    )
    assert longest < int(times["read_body"]) < int(times["write"])


def connect(proxy: Proxy, address: str) -> socket.socket:
    """Connect from an address, with TLS where the proxy has it."""
    url = httpx.URL(proxy.url)
    connection = socket.create_connection((url.host, url.port or 0), timeout=30, source_address=(address, 0))
    if url.scheme == "http":
        return connection
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connection)


def half_a_request(proxy: Proxy, address: str) -> socket.socket:
    """Connect from an address and send a request's head; its body does not come."""
    connection = connect(proxy, address)
    target, host = f"/webhooks/mocean/inbound-sms?token={TOKEN}", httpx.URL(proxy.url).netloc.decode()
    head = f"POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def test_an_address_has_so_many_connections_and_no_other_waits_for_it(behind: Service, tmp_path: Path) -> None:
    wire = build(find("mocean/delivery-report"), {})
    asked: dict[str, Any] = {"params": {"token": TOKEN}, "headers": wire.headers, "content": wire.body}
    with nginx(tmp_path, f"127.0.0.1:{behind.port}", limit_conn="ringback_callers 3") as proxy:
        await_proxy(proxy)
        with ExitStack() as held, proxy.client("127.0.0.2") as allowed, proxy.client("127.0.0.3") as greedy:
            for _ in range(3):
                held.enter_context(half_a_request(proxy, "127.0.0.3"))
            # The receiver lets 127.0.0.3 in to nothing: what it says of it is 403, what nginx says 503.
            wait_for(lambda: greedy.request(wire.method, wire.path, **asked).status_code == 503, "the limit")
            assert allowed.request(wire.method, wire.path, **asked).status_code == 200
            held.close()
            wait_for(lambda: greedy.request(wire.method, wire.path, **asked).status_code == 403, "its end")
        assert TOKEN not in proxy.logged


def test_the_limit_of_an_address_is_half_of_what_a_receiver_works_on() -> None:
    limits = re.findall(r"limit_conn ringback_callers (\d+);", (DEPLOY / "nginx.conf").read_text())
    limits += re.findall(r"ct count over (\d+)", (DEPLOY / "nftables.conf").read_text())
    ingress = next(one for one in documents(DEPLOY / "kubernetes" / "network.yaml") if one["kind"] == "Ingress")
    limits.append(ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/limit-connections"])
    assert limits == [str(Settings.model_fields["max_concurrent"].default // 2)] * 4


CONNECT = """
import socket, sys
for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
    server = socket.create_server((host, 443), family=family, backlog=64)
    held = []
    for _ in range(5):
        try:
            held.append(socket.create_connection((host, 443), timeout=10))
        except ConnectionRefusedError:
            pass
    print(len(held))
"""


def test_the_firewall_limits_the_connections_of_an_address(tmp_path: Path) -> None:
    nft = tool("nft", "apt-get install nftables")
    if not HAS_NAMESPACES:
        pytest.skip("no network of its own to be had here: run it as root")
    rules = (DEPLOY / "nftables.conf").read_text()
    (tmp_path / "nftables.conf").write_text(rules.replace("count over 500", "count over 3"))
    (tmp_path / "connect.py").write_text(CONNECT)
    script = f'ip link set lo up && "{nft}" -f nftables.conf && exec "{sys.executable}" connect.py'
    assert check(["unshare", "--net", "sh", "-c", script], tmp_path).split() == ["3", "3"]


@pytest.mark.parametrize("proxy_of", [nginx, caddy])
def test_a_long_url_is_the_receivers_to_judge(proxy_of: Any, behind: Service, tmp_path: Path) -> None:
    with proxy_of(tmp_path, f"127.0.0.1:{behind.port}") as proxy:
        await_proxy(proxy)
        with proxy.client("127.0.0.2") as client:
            long = {"token": TOKEN, "note": "x" * 14_000, "mocean-msgid": "long", "mocean-dlr-status": "1"}
            assert client.get("/webhooks/mocean/delivery-report", params=long).status_code == 200
            # Longer ones end here or there, and never in an answer that looks like a success.
            too_long = {**long, "note": "x" * 60_000}
            assert client.get("/webhooks/mocean/delivery-report", params=too_long).status_code in {400, 414, 431}
        assert TOKEN not in proxy.logged


@pytest.mark.parametrize(
    ("proxy_of", "changes", "said"),
    [
        pytest.param(nginx, {"client_body_timeout": "1s"}, b"", id="nginx"),
        # It waits for as long as the receiver does, and must not end before: it would answer 200.
        pytest.param(caddy, {"read_body": "3s"}, b"HTTP/1.1 408 Request Timeout", id="Caddy"),
    ],
)
def test_a_body_that_does_not_come_is_not_waited_for(
    proxy_of: Any, changes: dict[str, str], said: bytes, redis_url: str, tmp_path: Path
) -> None:
    settings = {"RINGBACK_REQUEST_TIMEOUT": "1s" if proxy_of is caddy else "20s"}
    with (
        running(redis_url, queues="", **settings) as receiver,
        proxy_of(tmp_path, f"127.0.0.1:{receiver.port}", **changes) as proxy,
    ):
        await_proxy(proxy)
        before = time.monotonic()
        with half_a_request(proxy, "127.0.0.2") as connection:
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        assert answer.partition(b"\r\n")[0] == said
        assert time.monotonic() - before < 15


@pytest.mark.parametrize(
    ("proxy_of", "changes"),
    [
        pytest.param(nginx, {"client_header_timeout": "1s"}, id="nginx"),
        pytest.param(caddy, {"read_header": "1s"}, id="Caddy"),
    ],
)
def test_a_head_that_does_not_come_is_not_waited_for(proxy_of: Any, changes: dict[str, str], tmp_path: Path) -> None:
    with proxy_of(tmp_path, f"127.0.0.1:{free_port()}", **changes) as proxy:
        await_proxy(proxy)
        before = time.monotonic()
        with connect(proxy, "127.0.0.2") as connection:
            connection.sendall(b"POST /webhooks/mocean/inbound-sms HTTP/1.1\r\nHost: a\r\nX-Slow: ")
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        assert b" 200 " not in answer
        assert time.monotonic() - before < 15


@pytest.mark.parametrize("proxy_of", [nginx, caddy])
def test_a_proxy_without_its_receiver_keeps_the_token_to_itself(proxy_of: Any, tmp_path: Path) -> None:
    with proxy_of(tmp_path, f"127.0.0.1:{free_port()}") as proxy:
        await_proxy(proxy)
        with proxy.client("127.0.0.2") as client:
            answer = client.post("/webhooks/mocean/inbound-sms", params={"token": TOKEN}, content=b"x")
        assert answer.status_code == 502
        wait_for(lambda: "/webhooks/mocean/inbound-sms" in proxy.logged, "the line of the log")
        assert TOKEN not in proxy.logged
