"""A trial with replies: SMS come in, a handler answers each, and the simulator counts what phones get meanwhile.

The simulator itself is not killed: it is the judge. Its delivery reports come back to the receivers, which are.
"""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from redis import Redis

from ringback.schemas.keys import Keys
from tests.chaos.faults import KILLS, Faults
from tests.chaos.house import House
from tests.chaos.replies.plan import HANDLERS, ReplyPlan
from tests.chaos.replies.verdict import ReplyVerdict, judge_replies, stored_events
from tests.chaos.sender import Sender
from tests.chaos.trial import unfinished
from tests.support.commands import ringback
from tests.support.outbox import sending_settings, unsent
from tests.support.service import ROOT
from tests.support.simulated import Simulated, simulated

_LOOK_S: Final = 0.2
_BUSY: Final = 1.3
"""How long, in claims, a handler is busy that shall be slower than a claim lasts."""
_CREDIT_AN_SMS: Final = 1
_INBOX_S: Final = 60.0
_ACCOUNT: Final = ("mocean", "acme")


@dataclass(frozen=True)
class ReplyOptions:
    """What to do. Times in seconds; `claim_s` is how long a claim lasts."""

    events: int
    seed: int
    rate: float
    slow: int = 2
    faults: Sequence[str] = KILLS
    pause_s: tuple[float, float] = (1.0, 2.5)
    claim_s: int = 5
    receivers: int = 2
    queues: str = "events,events,voice,sends"
    quiet_within_s: float = 180.0
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def plan(self) -> ReplyPlan:
        """What is sent."""
        return ReplyPlan(self.events, self.seed, self.slow)


@dataclass
class ReplyOutcome:
    """What came of it."""

    options: ReplyOptions
    faults: Counter[str]
    taken: int
    repeated_requests: int
    verdict: ReplyVerdict
    waiting: dict[str, int]
    strays: list[int]
    sent_s: float
    seconds: float

    @property
    def good(self) -> bool:
        """Whether every promise was kept and nothing was left behind."""
        return self.verdict.good and not self.waiting and not self.strays and self.taken == self.options.events


def attempt_replies(options: ReplyOptions, folder: Path, say: Callable[[str], None]) -> ReplyOutcome:
    """Do a trial in an empty folder, which keeps what it left: the log, the store."""
    with simulated(folder, "--credit", str(_CREDIT_AN_SMS * options.events)) as provider:
        settings = {
            **sending_settings(provider.url),
            "RINGBACK_HANDLERS": "tests.chaos.replies.handlers",
            "RINGBACK_CLAIM_IDLE": f"{options.claim_s}s",
            "CHAOS_BUSY_S": str(_BUSY * options.claim_s),
            **options.settings,
        }
        house = House(folder, options.receivers, options.queues, settings)
        return _attempt(options, house, provider, say)


def _attempt(options: ReplyOptions, house: House, provider: Simulated, say: Callable[[str], None]) -> ReplyOutcome:
    plan = options.plan
    faults = Faults(house, options.faults, options.pause_s, _BUSY * options.claim_s, options.seed, say)
    began = time.monotonic()

    def progress(taken: int) -> None:
        if taken % max(1, options.events // 10) == 0:
            say(f"{time.monotonic() - began:6.1f} s  {taken:7,} taken  {len(faults.done):4} faults")

    sender = Sender(plan, house.ports, options.rate, progress)
    try:
        house.start()
        began = time.monotonic()
        if options.faults:
            faults.start()
        asyncio.run(sender.run())
        sent_s = time.monotonic() - began
        if options.faults:
            faults.stop()
        with Redis.from_url(house.url) as redis:
            waiting = _await_end(redis, house, plan, provider, options.quiet_within_s)
            seconds = time.monotonic() - began
            verdict = judge_replies(plan, _inbox(provider), _listed(house, plan.events), redis, house.keys)
    finally:
        if faults.is_alive():
            faults.stop()
        strays = house.close()
    done = Counter(fault.what for fault in faults.done)
    return ReplyOutcome(options, done, len(sender.taken), sender.repeated, verdict, waiting, strays, sent_s, seconds)


def _inbox(provider: Simulated) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = provider.http.get("/_sim/messages", timeout=_INBOX_S).json()["messages"]
    return rows


def _listed(house: House, most: int) -> list[str]:
    """Return the refs that the command line lists in doubt."""
    ended = ringback(ROOT, "sends", "ls", "--in-doubt", "--limit", str(most), "--json", **house.settings)
    assert ended.stdout, ended.stderr
    return [one["ref"] for one in json.loads(ended.stdout)]


def _await_end(redis: Redis, house: House, plan: ReplyPlan, provider: Simulated, seconds: float) -> dict[str, int]:
    """Wait until nothing is left to do, and return what is left all the same."""
    deadline = time.monotonic() + seconds
    pause, course = threading.Event(), _Course(redis, house.keys, provider)
    while (waiting := course.left(plan)) and time.monotonic() < deadline:
        house.look_after_work()
        pause.wait(_LOOK_S)
    return waiting


class _Course:
    """How far a run has come. What was read once, of the stream and of the inbox, is not read again."""

    def __init__(self, redis: Redis, keys: Keys, provider: Simulated) -> None:
        self._redis = redis
        self._keys = keys
        self._provider = provider
        self._after = "-"
        self._stored: Counter[str] = Counter()
        self._sent = 0

    def left(self, plan: ReplyPlan) -> dict[str, int]:
        """Count what is not stored or handled, not sent or told, and which delivery reports have not come."""
        left = unfinished(self._redis, self._keys, HANDLERS) | unsent(self._redis, self._keys, *_ACCOUNT)
        for after, event in stored_events(self._redis, self._keys, self._after):
            self._after = after
            self._stored[event["type"]] += 1
        query = {"after": str(self._sent)}
        self._sent = self._provider.http.get("/_sim/messages", params=query, timeout=_INBOX_S).json()["next"]
        left["not stored"] = plan.events - self._stored["message.received"]
        left["not reported"] = self._sent - self._stored["message.status"]
        return {where: number for where, number in left.items() if number}
