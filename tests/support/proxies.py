"""nginx and Caddy, set up as in deploy/, before a receiver."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.service import await_answer, clean_environment, free_port, process
from tests.support.tools import DEPLOY, check, tool


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
def nginx(folder: Path, *upstreams: str, **changes: str) -> Iterator[Proxy]:
    """Run nginx before receivers, by deploy/nginx.conf; `changes` replace values of its directives."""
    openssl = tool("openssl", "apt-get install openssl")
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
    (folder / "ringback.conf").write_text(changed(text, changes))
    check([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=callbacks.example.com",
           "-keyout", "privkey.pem", "-out", "fullchain.pem"], folder)  # fmt: skip
    with nginx_with(folder, f"include {folder}/ringback.conf;"):
        yield Proxy(f"https://127.0.0.1:{port}", folder)


@contextmanager
def nginx_with(folder: Path, http: str) -> Iterator[None]:
    """Run nginx with these lines in its `http` block, and nothing outside the folder."""
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.getuid() == 0 else ""
    main, log = folder / "nginx.conf", folder / "main.log"
    main.write_text(
        f"{user} daemon off; pid {folder}/nginx.pid; error_log {log}; worker_processes 1; events {{}}\n"
        f"http {{ client_body_temp_path {folder}/body; {temporary}\n{http}\n}}\n"
    )
    command = [tool("nginx", "apt-get install nginx-light"), "-c", str(main), "-e", str(log)]
    check([*command, "-t", "-q"], folder)
    with process(command):
        yield


def changed(text: str, changes: Mapping[str, str]) -> str:
    """Return a proxy's settings with other values of some directives, each of which must stand there once."""
    for directive, value in changes.items():
        text, count = re.subn(rf"(?m)^(\s*{directive} )[^;\n]*", rf"\g<1>{value}", text)
        assert count == 1, directive
    return text


@contextmanager
def caddy(folder: Path, *upstreams: str, **changes: str) -> Iterator[Proxy]:
    """Run Caddy before receivers, by deploy/Caddyfile; `changes` replace values of its directives."""
    program = tool("caddy", "apt-get install caddy")
    port = free_port()
    environment = clean_environment(
        SITE=f"http://127.0.0.1:{port}", OTHER_SITES=f"http://:{port}",
        UPSTREAM=" ".join(upstreams), CADDY_ADMIN=f"127.0.0.1:{free_port()}",
        HOME=str(folder), XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder),
    )  # fmt: skip
    (folder / "Caddyfile").write_text(changed((DEPLOY / "Caddyfile").read_text(), changes))
    file = ["--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    with (folder / "caddy.log").open("w") as log:
        subprocess.run([program, "validate", *file], env=environment, stderr=log, stdout=log, check=True, timeout=60)
        started = subprocess.Popen([program, "run", *file], env=environment, stderr=log, stdout=log)
        try:
            yield Proxy(f"http://127.0.0.1:{port}", folder)
        finally:
            started.terminate()
            started.wait(30)


def await_proxy(proxy: Proxy) -> None:
    with proxy.client("127.0.0.2") as client:
        await_answer(client, "/", 404, "the proxy")
