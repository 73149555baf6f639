"""Deliveries: callbacks to the URLs that requests named, repeated as documented, by a clock that runs faster.

Repeated until 200 for 36 hours: delivery reports and lookup results of Mocean; until 2xx for 24 hours: its inbound SMS.
No document says that others are repeated, so they are not. The pauses are *assumed*: a minute, then twice as long each
time, an hour at most.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import structlog

from ringback.wire.sending import Wire

log = structlog.get_logger()

DEFAULT_SCALE: Final = 60.0
KEPT: Final = 1000
AT_ONCE: Final = 8
"""Callbacks at once to one receiver."""

_TIMEOUT_S: Final = 10.0
_FIRST_PAUSE_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 3600.0
_HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Repeats:
    """For how long a callback is repeated, and what ends that."""

    hours: float
    accepts: Callable[[int], bool]


UNTIL_200: Final = Repeats(36, lambda status: status == httpx.codes.OK)
UNTIL_2XX: Final = Repeats(24, httpx.codes.is_success)
ONCE: Final = Repeats(0, httpx.codes.is_success)


@dataclass(frozen=True, slots=True)
class CallbackTry:
    """One attempt: the status that came back, or the name of what went wrong."""

    at: datetime
    status: int | None
    error: str | None = None


@dataclass(slots=True)
class FollowingCallback:
    """A callback that follows a request: what it is, which message it is about, and how often it was tried.

    `url` has secrets in its query; `row` leaves them out.
    """

    name: str
    about: str
    url: str = field(repr=False)
    wire: Wire = field(repr=False)
    tries: list[CallbackTry] = field(default_factory=list)
    ended: bool = False
    accepted: bool = False

    @property
    def origin(self) -> str:
        """Whom it goes to: scheme, host and port."""
        return "/".join(self.url.split("/", 3)[:3]).partition("?")[0]

    def row(self) -> dict[str, object]:
        """Return it for JSON, without the query of its URL."""
        return {
            "callback": self.name,
            "about": self.about,
            "url": self.url.partition("?")[0],
            "state": "accepted" if self.accepted else "given up" if self.ended else "pending",
            "tries": [
                {"at": one.at.isoformat(timespec="milliseconds"), "status": one.status, "error": one.error}
                for one in self.tries
            ],
        }


class Deliveries:
    """All callbacks of a simulator. To be closed."""

    def __init__(
        self, *, scale: float = DEFAULT_SCALE, delay_s: float = 0.3, public: str = "", local: str = ""
    ) -> None:
        """`public`, `local`: URLs that begin with the one are called at the other, which is the same service here."""
        self._scale = scale
        self._public, self._local = public, local
        self.delay_s = delay_s
        self.client = httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False)
        self.callbacks: deque[FollowingCallback] = deque(maxlen=KEPT)
        self._tasks: set[asyncio.Task[Any]] = set()
        # While a receiver is away thousands may be repeated, and requests are to be answered all the same.
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))

    def begin(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Run something in the background until it is done or the simulator stops or is reset."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    def scaled(self, seconds: float) -> float:
        """Return how long seconds of the provider's take here."""
        return seconds / self._scale

    def reached(self, url: str) -> str:
        """Return a callback's URL as it is called from here."""
        rest = url.removeprefix(self._public)
        is_below = bool(self._public) and rest != url and rest.startswith("/")
        return self._local + rest if is_below else url

    async def deliver(self, name: str, about: str, url: str, wire: Wire, repeats: Repeats = ONCE) -> FollowingCallback:
        """Send a callback now; where it is not accepted, go on with that in the background."""
        callback = FollowingCallback(name, about, self.reached(url), wire)
        self.callbacks.append(callback)
        if await self._try(callback, repeats):
            return callback
        if repeats.hours:
            self.begin(self._repeat(callback, repeats))
        else:
            callback.ended = True
        return callback

    def clear(self) -> None:
        """Stop what runs, and forget all callbacks."""
        for task in self._tasks:
            task.cancel()
        self.callbacks.clear()

    async def close(self) -> None:
        """Stop what runs."""
        running = list(self._tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.client.aclose()

    def _end(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("simulator.broken", error=type(error).__name__)  # its words may have numbers and secrets

    async def _repeat(self, callback: FollowingCallback, repeats: Repeats) -> None:
        left = repeats.hours * _HOUR_S
        pause = _FIRST_PAUSE_S
        while pause <= left:
            await asyncio.sleep(self.scaled(pause))
            if await self._try(callback, repeats):
                return
            left -= pause
            pause = min(pause * 2, _LONGEST_PAUSE_S)
        callback.ended = True

    async def _try(self, callback: FollowingCallback, repeats: Repeats) -> bool:
        wire = callback.wire
        async with self._turns[callback.origin]:
            at = datetime.now(UTC)
            try:
                response = await self.client.request(
                    wire.method, callback.url, headers=dict(wire.headers), content=wire.body
                )
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # a URL may be no URL in many ways
                callback.tries.append(CallbackTry(at, None, type(error).__name__))
                return False
        callback.tries.append(CallbackTry(at, response.status_code))
        callback.accepted = callback.ended = repeats.accepts(response.status_code)
        return callback.accepted
