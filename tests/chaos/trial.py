"""A trial: send the plan, do the faults, wait until all is quiet, and judge."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from redis import Redis

from ringback.schemas.backlog import Backlog
from ringback.schemas.keys import HANDLERS_GROUP, Keys
from tests.chaos.faults import KILLS, Faults
from tests.chaos.house import House
from tests.chaos.plan import EVERYTHING, Kind, Plan
from tests.chaos.sender import Sender
from tests.chaos.verdict import Verdict, judge

_LOOK_S: Final = 0.2
_BUSY: Final = 1.3
"""How long, in claims, handlers are busy and workers stand still that shall be slower than a claim lasts."""


@dataclass(frozen=True)
class Options:
    """What to do. Times in seconds; `claim_s` is how long a claim lasts."""

    events: int
    seed: int
    rate: float
    busy: int = 2
    hanging: int = 1
    poison: int = 2
    flaky_every: int = 100
    faults: Sequence[str] = KILLS
    pause_s: tuple[float, float] = (1.0, 2.5)
    claim_s: int = 30
    busy_s: float | None = None
    receivers: int = 2
    queues: str = "events,events,events,voice"
    quiet_within_s: float = 180.0
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        """What is sent: so many of each busy kind, and so many that kill their process at first, or in a retry."""
        special = dict.fromkeys((Kind.SLOW, Kind.HOLD, Kind.BLOCKING), self.busy)
        special |= {Kind.HANGING: self.hanging, Kind.POISON: self.poison, Kind.RELAPSE: self.poison}
        return Plan(self.events, self.seed, special, self.flaky_every)


@dataclass
class Outcome:
    """What came of it."""

    options: Options
    faults: Counter[str]
    taken: int
    repeated_requests: int
    verdict: Verdict
    waiting: dict[str, int]
    strays: list[int]
    sent_s: float
    seconds: float

    @property
    def good(self) -> bool:
        """Tell whether every promise was kept and nothing was left behind."""
        return self.verdict.good and not self.waiting and not self.strays and self.taken == self.options.events


def attempt(options: Options, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Do a trial in an empty folder, which keeps what it left: the notes, the log, the store."""
    busy_s = options.busy_s or _BUSY * options.claim_s
    settings = {"RINGBACK_CLAIM_IDLE": f"{options.claim_s}s", "CHAOS_BUSY_S": str(busy_s), **options.settings}
    house = House(folder, options.receivers, options.queues, settings)
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
            waiting = _await_quiet(redis, house, plan, options.quiet_within_s)
            seconds = time.monotonic() - began
            verdict = judge(plan, house.notes, faults.done, redis, house.keys)
    finally:
        if faults.is_alive():
            faults.stop()
        strays = house.close()
    done = Counter(fault.what for fault in faults.done)
    return Outcome(options, done, len(sender.taken), sender.repeated, verdict, waiting, strays, sent_s, seconds)


def _await_quiet(redis: Redis, house: House, plan: Plan, seconds: float) -> dict[str, int]:
    """Wait until nothing is left to do; give what is left all the same."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while (waiting := _waiting(redis, house.keys, plan)) and time.monotonic() < deadline:
        house.look_after_work()
        pause.wait(_LOOK_S)
    return waiting


def _waiting(redis: Redis, keys: Keys, plan: Plan) -> dict[str, int]:
    """Count what is not stored yet, and what has not come to its end."""
    missing = plan.events - redis.xlen(keys.events)
    return ({"not stored": missing} if missing else {}) | unfinished(redis, keys)


_HANDLERS: Final = tuple(f"tests.chaos.handlers.{name}" for name in (*EVERYTHING, *map(str.lower, Kind)))


def unfinished(redis: Redis, keys: Keys, handlers: Sequence[str] = _HANDLERS) -> dict[str, int]:
    """Count what has not come to its end, by where it is. At one moment, since a retry goes from place to place."""
    with redis.pipeline(transaction=True) as pipeline:
        pipeline.xinfo_stream(keys.events)
        pipeline.xinfo_groups(keys.events)
        pipeline.zcard(keys.due)
        pipeline.xpending(keys.due_taken, HANDLERS_GROUP)
        for handler in handlers:
            pipeline.zcard(keys.held(handler))
        stream, groups, due, taken, *held = pipeline.execute()
    behind = Backlog.of(groups) or Backlog()
    counts = {
        "not read": int(behind.delivered != stream["last-generated-id"].decode()),
        "claimed": behind.pending,
        "due": due,
        "due and taken": taken["pending"],
        "held": sum(held),
    }
    return {where: count for where, count in counts.items() if count}
