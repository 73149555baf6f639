"""Tunnel: a public address for this machine, by ngrok's or Cloudflare's program where one is installed (`up --tunnel`).

The public URL is read from what the program itself writes, through a pipe that nobody else has. A port of this machine,
such as that of ngrok's own page, belongs to whoever took it first, and the URL is printed with the token behind it. The
program gets none of our secrets, but it sees the requests, as any proxy does.
"""

import re
import shutil
import threading
import time
from typing import IO, Final

import structlog
from pydantic import BaseModel, ValidationError

from ringback.run.children import tunnel_child
from ringback.run.supervisor import Child
from ringback.run.vendor import TunnelError, Vendor
from ringback.terminal.screen import Screen

log = structlog.get_logger()

_GIVEN_S: Final = 30.0
_PAUSE_S: Final = 0.1
_LONGEST_LINE: Final = 16 * 1024
_URL: Final = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
# cloudflared writes its name in a box, and then that it has a connection: before, the name leads nowhere.
_BOXED: Final = re.compile(r"\|\s+(https://[a-z0-9-]+\.trycloudflare\.com)\s+\|")
_REGISTERED: Final = re.compile(r" INF (Registered tunnel connection|Connection \S+ registered) ")
_CHATTER: Final = re.compile(r"\S+ (INF|DBG) ")
_QUIET_LEVELS: Final = ("debug", "dbug", "info")

_GET_IT: Final = {
    Vendor.NGROK: "install the ngrok agent (ngrok's download page), then once: ngrok config add-authtoken <yours>",
    Vendor.CLOUDFLARED: "install cloudflared (Cloudflare's download page); it needs no account",
}
_FIX: Final = {
    Vendor.NGROK: "does it know your account (ngrok config add-authtoken <yours>)?",
    Vendor.CLOUDFLARED: "a quick tunnel needs its folder .cloudflared to have no config.yml",
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
        self._listening = _Listening(vendor)
        self.url = ""
        self.child: Child = tunnel_child(vendor, [program, *self._options(wanted)])
        self.child.hear = self._hear
        self.child.ready = self._await_url
        self.child.started_again = lambda: threading.Thread(target=self._compare, daemon=True).start()

    def _options(self, wanted: str | None) -> list[str]:
        if self._vendor is Vendor.NGROK:
            url = ["--url", wanted] if wanted else []
            return ["http", self._target, *url, "--log=stdout", "--log-format=json", "--log-level=info"]
        return ["tunnel", "--no-autoupdate", "--loglevel", "info", "--url", self._target]

    def _hear(self, pipe: IO[bytes]) -> None:
        """Listen to a program that was just started, until it ends."""
        self._listening = _Listening(self._vendor)
        threading.Thread(target=self._listening.listen, args=(pipe,), name="tunnel", daemon=True).start()

    def _await_url(self) -> None:
        """Wait until the program has its public URL. Raises TunnelError where it ends, or has none in time."""
        listening = self._listening
        deadline = time.monotonic() + _GIVEN_S
        while not listening.has_url.wait(_PAUSE_S):
            if not self.child.runs:
                listening.has_ended.wait(1)  # what it said last is shown before what we say
                raise TunnelError(f"--tunnel {self._vendor}: it has ended (see above); {_FIX[self._vendor]}")
            if time.monotonic() > deadline:
                raise TunnelError(
                    f"--tunnel {self._vendor}: no public URL within {_GIVEN_S:.0f} s; {_FIX[self._vendor]}"
                )
        self.url = listening.url

    def _compare(self) -> None:
        """Say so where the program has been started again and now has another URL."""
        before = self.url
        try:
            self._await_url()
        except TunnelError as error:
            log.error("tunnel.lost", reason=str(error))
            return
        if self.url != before:
            _moved(self.url, before)


class _Listening:
    """What one run of the program has said so far."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self._stderr = Screen(stderr=True)
        self._named = ""
        self.url = ""
        self.has_url = threading.Event()
        self.has_ended = threading.Event()

    def listen(self, pipe: IO[bytes]) -> None:
        """Read line after line to the end; pass on to stderr what a person may want to see."""
        is_rest = False
        with pipe:
            while line := pipe.readline(_LONGEST_LINE):
                # The rest of a line that is too long is not a line: what is in the middle of one was not said.
                if not is_rest and line.endswith(b"\n"):
                    text = line.decode("utf-8", "replace").rstrip()
                    if not self._takes(text):
                        self._stderr.print(text, soft_wrap=True)
                is_rest = not line.endswith(b"\n")
        self.has_ended.set()

    def _takes(self, text: str) -> bool:
        """Whether a line was for us, or is what the program writes when all is well."""
        return self._takes_ngrok(text) if self._vendor is Vendor.NGROK else self._takes_cloudflared(text)

    def _takes_ngrok(self, text: str) -> bool:
        try:
            said = _Said.model_validate_json(text)
        except ValidationError:
            return not text
        if said.msg == "started tunnel" and _URL.fullmatch(said.url):
            self._give(said.url)
        return said.lvl in _QUIET_LEVELS

    def _takes_cloudflared(self, text: str) -> bool:
        if boxed := _BOXED.search(text):
            self._named = boxed[1]
        if self._named and _REGISTERED.search(text):
            self._give(self._named)
        return not text or _CHATTER.match(text) is not None

    def _give(self, url: str) -> None:
        self.url = self.url or url
        self.has_url.set()
        if url != self.url:  # it has lost its session, and got another one
            _moved(url, self.url)
            self.url = url


class _Said(BaseModel):
    """A line of ngrok's log, as far as we look at it."""

    lvl: str = ""
    msg: str = ""
    url: str = ""


def _moved(now: str, before: str) -> None:
    log.error("tunnel.moved", now=now, before=before, fix="start `ringback up` again, and paste its URLs")
