"""A poller's parts in this process, on a real store and a real simulator; and sends as the outbox would have them."""

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest

from ringback.clients.configured import Configured
from ringback.outbox.draft import Draft
from ringback.polling.committing import PollOutcome
from ringback.polling.pace import PollPace
from ringback.polling.polled_callbacks import PolledCallback
from ringback.polling.poller import Poller
from ringback.schemas.settings import Settings
from tests.support.service import Service, wait_for

AT_ONCE = PollPace(
    between_single_reports=0.0, look=0.05, inbox=0.05, after_error=0.05, longest_after_error=0.2, lock=3.0
)
"""As quick as can be; what was listed counts as old after the usual ten minutes."""
NO_GRACE = PollPace(between_single_reports=0.0, look=0.05, inbox=0.05, grace=0.0)


def sending_to(simulator_url: str, **more: str) -> dict[str, str]:
    """Return the settings of an account that sends to a simulator."""
    return {
        "RINGBACK_TOKENS": "acme:the-secret-of-acme",
        "RINGBACK_MOCEAN_API_KEY": "key",
        "RINGBACK_MOCEAN_API_SECRET": "secret",
        "RINGBACK_MYCOOLSMS_USERNAME": "name",
        "RINGBACK_MYCOOLSMS_PASSWORD": "word",
        "RINGBACK_MOCEAN_URL": f"{simulator_url}/rest/2",
        "RINGBACK_MYCOOLSMS_URL": f"{simulator_url}/api-socket.php",
        **more,
    }


class Asking:
    """A poller of this process, which looks when it is told to."""

    def __init__(self, environment: dict[str, str], redis_url: str, pace: PollPace) -> None:
        self._redis_url = redis_url
        self._pace = pace
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            self._settings = Settings.load()
            self._configured = Configured.load(self._settings)

    def poller(self) -> Poller:
        """Return a poller; make it in the loop that it is to run in."""
        return Poller(self._settings, self._configured, self._redis_url, self._pace)

    def store(self, callback: PolledCallback) -> None:
        """Store what was polled."""

        async def once() -> None:
            poller = self.poller()
            event = await poller.commits.read("acme", callback)
            assert event is not None
            await poller.commits.commit(event, PollOutcome.REPORT)
            await poller.close()

        asyncio.run(once())

    def run_until(self, condition: Callable[[], object], what: str) -> None:
        """Run a poller until something has come of it, and stop it."""

        async def run() -> None:
            poller = self.poller()
            asking = asyncio.create_task(poller.run())
            await asyncio.to_thread(wait_for, condition, what)
            poller.stop()
            await asking

        asyncio.run(run())

    def look(self, what: str, provider: str = "mycoolsms") -> None:
        """Ask once, by a poller that is new each time, as after a restart. Raises what asking raises."""

        async def once() -> None:
            poller = self.poller()
            try:
                for task in poller.tasks():
                    if (task.what, task.provider) == (what, provider):
                        await task.look()
            finally:
                await poller.close()

        asyncio.run(once())


def accepted(service: Service, message_id: str, *, provider: str = "mycoolsms", to: str = "60123456789",
             ago_s: float = 3600, **context: str) -> str:  # fmt: skip
    """Put a send into the outbox that the provider accepted, and whose report is due; return its ref."""
    ref = secrets.token_hex(8)
    at = round((time.time() - ago_s) * 1000)
    draft = Draft("sms", "mocean" if provider == "mocean" else "mycoolsms", "acme", to, {}, "ACME", context)
    fields: dict[Any, Any] = {
        "state": "accepted",
        "send": draft.dump(),
        "noted": at,
        "at": at,
        "message_id": message_id,
    }
    service.redis.hset(service.keys.send(ref), mapping=fields)
    service.redis.zadd(f"{service.keys.awaiting}{provider}:acme", {ref: 0})
    return ref


def asked_next(service: Service, ref: str, provider: str = "mycoolsms") -> float | None:
    """Return in how many minutes a report is asked for next; None where it is not."""
    when: Any = service.redis.zscore(f"{service.keys.awaiting}{provider}:acme", ref)
    return None if when is None else round((when / 1000 - time.time()) / 60, 1)


def counted(service: Service) -> dict[str, int]:
    """Return what came of asking, as it is counted."""
    found: Any = service.redis.hgetall(service.keys.polled)
    return {name.decode(): int(number) for name, number in found.items()}


def told(service: Service, *names: str) -> list[tuple[Any, ...]]:
    """Return of each event of the stream some fields of its data, and whether it moved the message on."""
    rows = []
    for entry in service.stored():
        data = json.loads(entry["event"])["data"]
        rows.append((*(data.get(name) for name in names), entry.get("advanced")))
    return rows
