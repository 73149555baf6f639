"""A running `ringback simulate`, and what is asked of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.commands import ringback
from tests.support.service import RINGBACK, ROOT, await_answer, free_port, process, wait_for

MOCEAN_LOGIN = {"mocean-api-key": "key", "mocean-api-secret": "secret"}
COOL_LOGIN = {"username": "name", "password": "word"}


class Simulated:
    """A simulator at an address. `http` waits only a moment for what hangs."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(base_url=self.url, timeout=2, trust_env=False)

    def mocean(self, path: str, **fields: str) -> dict[str, Any]:
        """Post a form to Mocean, for JSON; a dash is written as `_`."""
        named = {f"mocean-{name.strip('_').replace('_', '-')}": value for name, value in fields.items()}
        form = {**MOCEAN_LOGIN, "mocean-resp-format": "json", **named}
        answer: dict[str, Any] = self.http.post(f"/rest/2/{path}", data=form).json()
        return answer

    def sms(self, to: str, url: str, text: str = "Hello") -> dict[str, Any]:
        """Send an SMS by Mocean whose reports go to this URL."""
        return self.mocean("sms", from_="ACME", to=to, text=text, dlr_mask="1", dlr_url=url)

    def whatsapp(self, to: str, url: str) -> dict[str, Any]:
        """Send a WhatsApp text whose reports go to this URL."""
        content = {"type": "text", "text": "Hello"}
        order = {"mocean-from": "60312345678", "mocean-to": to, "mocean-content": content, "mocean-event-url": url}
        answer: dict[str, Any] = self.http.post("/rest/2/send-message/whatsapp", json={**MOCEAN_LOGIN, **order}).json()
        return answer

    def cool(self, function: str, **values: object) -> dict[str, Any]:
        """Ask a function of My-Cool-SMS, in JSON."""
        order = {**COOL_LOGIN, "function": function, **values}
        answer: dict[str, Any] = self.http.post("/api-socket.php", json=order).json()
        return answer

    def control(self, name: str, **order: object) -> dict[str, Any]:
        """Ask the simulator itself."""
        answer: dict[str, Any] = self.http.post(f"/_sim/{name}", json=order).json()
        return answer

    def got(self, to: str) -> list[dict[str, Any]]:
        """Return what a phone got."""
        rows: list[dict[str, Any]] = self.http.get("/_sim/messages", params={"to": to}).json()["messages"]
        return rows

    def callbacks(self, about: str) -> list[dict[str, Any]]:
        """Return the callbacks about a message."""
        rows: list[dict[str, Any]] = self.http.get("/_sim/callbacks", params={"about": about}).json()["callbacks"]
        return rows

    def await_callbacks(self, about: str, number: int) -> list[dict[str, Any]]:
        """Wait until so many callbacks about a message were taken."""

        def taken() -> list[dict[str, Any]]:
            rows = self.callbacks(about)
            return rows if len([one for one in rows if one["state"] == "accepted"]) >= number else []

        return wait_for(taken, f"{number} callbacks")

    def command(self, *words: str, **settings: str) -> Any:
        """Run `ringback sim …` against it, and return its JSON."""
        ended = ringback(ROOT, "sim", *words, "--at", self.url, "--json", **settings)
        assert ended.stdout, ended.stderr
        return json.loads(ended.stdout)


@contextmanager
def simulated(folder: Path, *words: str, port: int | None = None) -> Iterator[Simulated]:
    """Run `ringback simulate` with phones that answer at once and a clock that runs 600 times as fast."""
    port = port or free_port()
    chosen = ("--port", str(port), "--delay", "10ms", "--scale", "600", *words)
    with process([*RINGBACK, "simulate", *chosen], RINGBACK_DATA_DIR=str(folder)):
        there = Simulated(port)
        try:
            await_answer(there.http, "/_sim/faults", who="the simulator")
            yield there
        finally:
            there.http.close()
