"""nginx and Caddy, set up as in deploy/, before a real receiver: who called is right, and no log has the token."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from receiver.providers import CALLBACKS
from ringback.samples import find
from ringback.trigger import build
from tests.service import TOKEN, Service, clean_environment, free_port, process, running, wait_for
from tests.tools import DEPLOY, check, tool


@pytest.fixture(scope="module")
def behind(redis_url: str) -> Iterator[Service]:
    """Give a receiver that believes a proxy on 127.0.0.1, and lets in 127.0.0.2 alone."""
    settings = {"RINGBACK_TRUSTED_PROXIES": "127.0.0.1", "RINGBACK_ALLOW_IPS": "127.0.0.2"}
    with running(redis_url, queues="", **settings) as started:
        yield started


class Proxy:
    """A proxy that runs: where it is, and what it has logged."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    @property
    def logged(self) -> str:
        return "".join(file.read_text(errors="replace") for file in self.folder.rglob("*.log"))

    def client(self, address: str) -> httpx.Client:
        """Call from one of this machine's addresses."""
        way = httpx.HTTPTransport(local_address=address, verify=False, trust_env=False)
        return httpx.Client(base_url=self.url, transport=way, timeout=30)


@contextmanager
def nginx(folder: Path, *upstreams: str) -> Iterator[Proxy]:
    program, openssl = tool("nginx", "apt-get install nginx-light"), tool("openssl", "apt-get install openssl")
    port = free_port()
    text = (DEPLOY / "nginx.conf").read_text()
    for before, after in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/ringback": str(folder),
        "/var/log/nginx": str(folder),
    }.items():
        assert before in text
        text = text.replace(before, after)
    servers = re.findall(r" *server 127\.0\.0\.1:8000.*;\n", text)
    assert len(servers) == 2
    for line in servers:
        text = text.replace(line, "".join(line.replace("127.0.0.1:8000", one) for one in upstreams))
    (folder / "ringback.conf").write_text(text)
    check([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=callbacks.example.com",
           "-keyout", "privkey.pem", "-out", "fullchain.pem"], folder)  # fmt: skip
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.getuid() == 0 else ""
    main = folder / "nginx.conf"
    main.write_text(
        f"{user} daemon off; pid {folder}/nginx.pid; error_log {folder}/main.log; worker_processes 1; events {{}}\n"
        f"http {{ client_body_temp_path {folder}/body; {temporary} include {folder}/ringback.conf; }}\n"
    )
    check([program, "-t", "-q", "-c", str(main), "-e", str(folder / "main.log")], folder)
    with process([program, "-c", str(main), "-e", str(folder / "main.log")]):
        yield Proxy(f"https://127.0.0.1:{port}", folder)


@contextmanager
def caddy(folder: Path, *upstreams: str) -> Iterator[Proxy]:
    program = tool("caddy", "apt-get install caddy")
    port = free_port()
    environment = clean_environment(
        SITE=f"http://127.0.0.1:{port}", UPSTREAM=" ".join(upstreams), CADDY_ADMIN=f"127.0.0.1:{free_port()}",
        HOME=str(folder), XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder),
    )  # fmt: skip
    file = ["--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile"]
    with (folder / "caddy.log").open("w") as log:
        subprocess.run([program, "validate", *file], env=environment, stderr=log, stdout=log, check=True, timeout=60)
        started = subprocess.Popen([program, "run", *file], env=environment, stderr=log, stdout=log)
        try:
            yield Proxy(f"http://127.0.0.1:{port}", folder)
        finally:
            started.terminate()
            started.wait(30)


def await_proxy(proxy: Proxy) -> None:
    def serves() -> bool:
        try:
            with proxy.client("127.0.0.2") as client:
                return client.get("/").status_code == 404
        except httpx.TransportError:
            return False

    wait_for(serves, "the proxy")


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
def test_a_proxy_without_its_receiver_keeps_the_token_to_itself(proxy_of: Any, tmp_path: Path) -> None:
    with proxy_of(tmp_path, f"127.0.0.1:{free_port()}") as proxy:
        await_proxy(proxy)
        with proxy.client("127.0.0.2") as client:
            answer = client.post("/webhooks/mocean/inbound-sms", params={"token": TOKEN}, content=b"x")
        assert answer.status_code == 502
        wait_for(lambda: "/webhooks/mocean/inbound-sms" in proxy.logged, "the line of the log")
        assert TOKEN not in proxy.logged
