"""Tunnel: a public address for this machine, by ngrok's or Cloudflare's program where one is installed (`up --tunnel`).

Each says, on an address of its own on this machine, which public URL it was given. It gets none of our secrets, but it
sees the requests, as any proxy does.
"""

import shutil
import socket
import threading
import time
from typing import Final
from urllib.parse import urlsplit

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from ringback.children import tunnel_child
from ringback.supervisor import Child
from ringback.vendor import TunnelError, Vendor

log = structlog.get_logger()

_GIVEN_S: Final = 30.0
_ASK_S: Final = 2.0
_PAUSE_S: Final = 0.2
_NGROK_API_PORTS: Final = range(4040, 4050)  # it takes the next one where others of its kind run


_GET_IT: Final = {
    Vendor.NGROK: "install the ngrok agent (ngrok's download page), then once: ngrok config add-authtoken <yours>",
    Vendor.CLOUDFLARED: "install cloudflared (Cloudflare's download page); it needs no account",
}
_MEND_IT: Final = {
    Vendor.NGROK: "does it know your account (ngrok config add-authtoken <yours>)?",
    Vendor.CLOUDFLARED: "a quick tunnel wants that there is no config.yml in its folder .cloudflared",
}


class Tunnel:
    """One way in: the program as a child, and the public URL that it was given."""

    def __init__(self, vendor: Vendor, target: str, wanted: str | None = None) -> None:
        """Lead to `target`, such as http://127.0.0.1:8000, from the public URL that is wanted, or from any.

        Raises TunnelError where the program is not installed, or cannot have the URL that is wanted.
        """
        program = shutil.which(vendor)
        if program is None:
            raise TunnelError(f"--tunnel {vendor}: there is no program {vendor} in PATH; {_GET_IT[vendor]}")
        if wanted and vendor is Vendor.CLOUDFLARED:
            raise TunnelError(
                "RINGBACK_PUBLIC_URL: a quick tunnel of cloudflared gets an address of its own each time; leave it "
                "unset, or run your named tunnel beside `ringback up` without --tunnel"
            )
        self._vendor = vendor
        self._target = target
        self._metrics_port = _free_port()
        self.url = ""
        self.child: Child = tunnel_child(vendor, [program, *self._options(wanted)])
        self.child.ready = self._await_url
        self.child.started_again = threading.Thread(target=self._compare, daemon=True).start

    def _options(self, wanted: str | None) -> list[str]:
        if self._vendor is Vendor.NGROK:
            url = ["--url", wanted] if wanted else []
            return ["http", self._target, *url, "--log=stderr", "--log-level=warn"]
        metrics = f"127.0.0.1:{self._metrics_port}"
        return ["tunnel", "--no-autoupdate", "--loglevel", "warn", "--metrics", metrics, "--url", self._target]

    def _await_url(self) -> None:
        """Wait until the program has its public URL. Raises TunnelError where it ends, or has none in time."""
        deadline = time.monotonic() + _GIVEN_S
        while not (url := self._ask()):
            if not self.child.runs:
                raise TunnelError(f"--tunnel {self._vendor}: it has ended (see above); {_MEND_IT[self._vendor]}")
            if time.monotonic() > deadline:
                raise TunnelError(
                    f"--tunnel {self._vendor}: no public URL within {_GIVEN_S:.0f} s; {_MEND_IT[self._vendor]}"
                )
            time.sleep(_PAUSE_S)
        self.url = url

    def _compare(self) -> None:
        """Say so where the program has been started again and now has another URL."""
        before = self.url
        try:
            self._await_url()
        except TunnelError as error:
            log.error("tunnel.lost", reason=str(error))
            return
        if self.url != before:
            log.error("tunnel.moved", now=self.url, before=before, mend="start `ringback up` again, and paste its URLs")

    def _ask(self) -> str | None:
        with httpx.Client(timeout=_ASK_S, trust_env=False) as client:
            try:
                return self._ask_ngrok(client) if self._vendor is Vendor.NGROK else self._ask_cloudflared(client)
            except httpx.HTTPError:
                return None  # it does not answer yet

    def _ask_ngrok(self, client: httpx.Client) -> str | None:
        """Look through the agents that run here for the one that leads to us ("Agent API", "List Tunnels")."""
        for port in _NGROK_API_PORTS:
            try:
                listed = _Listed.model_validate_json(client.get(f"http://127.0.0.1:{port}/api/tunnels").content)
            except (httpx.HTTPError, ValidationError):
                continue  # nobody, or somebody else
            for one in listed.tunnels:
                if one.public_url.startswith("https://") and _port(one.config.addr) == _port(self._target):
                    return one.public_url
        return None

    def _ask_cloudflared(self, client: httpx.Client) -> str | None:
        """Ask at its metrics address, once it is connected: before, its name leads nowhere."""
        address = f"http://127.0.0.1:{self._metrics_port}"
        if client.get(f"{address}/ready").status_code != httpx.codes.OK:
            return None
        try:
            host = _Quick.model_validate_json(client.get(f"{address}/quicktunnel").content).hostname
        except ValidationError:
            return None
        return f"https://{host}" if host else None


class _Config(BaseModel):
    addr: str


class _Endpoint(BaseModel):
    public_url: str
    config: _Config


class _Listed(BaseModel):
    """What ngrok's agent lists, as far as we look at it."""

    tunnels: list[_Endpoint]


class _Quick(BaseModel):
    """What cloudflared says of its quick tunnel."""

    hostname: str


def _port(address: str) -> int | None:
    """Give the port of `http://localhost:8000` or `localhost:8000`."""
    try:
        return urlsplit(address if "//" in address else f"//{address}").port
    except ValueError:
        return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
