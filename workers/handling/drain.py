"""Drain: the RQ job that the doorbell rings for. It takes events and due runs, and runs handlers until all are done."""

import time
from typing import Final

import structlog
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from ringback.schemas.keys import DRAIN_JOB, EVENTS_QUEUE, Keys
from ringback.workers.handling.handling import Handling
from ringback.workers.handling.ledger import Ledger
from ringback.workers.handling.standing import Standing
from ringback.workers.intake import claims
from ringback.workers.intake.beside import Beside
from ringback.workers.intake.entry import Entry
from ringback.workers.intake.partitions import PartitionIntake
from ringback.workers.intake.shared import Intake, SharedIntake
from ringback.workers.running.lifespans import Lifespans
from ringback.workers.runtime import Runtime, runtime

log = structlog.get_logger()

RUNG_TTL_MS: Final = 2_000
LINGER_MS: Final = 300
MOST_READ: Final = 256
_MOST_LOAD: Final = 256
_RING_TTL_S: Final = 24 * 3600
# So that a pool is not opened for each event of a quiet day.
_LINGER_FOR_LIFESPAN_S: Final = 60.0
# What is due so soon is waited for.
_SOON_S: Final = 1.0
_LOAD_S: Final = 0.2
_MOST_BYTES: Final = 8 * 1024 * 1024
_WORTH_A_LOOK: Final = 0.75
_WEIGHT: Final = 0.3
# Short, so that a drain that has no room soon lets others ring; longer than a linger.
_HELD_TTL_MS: Final = 1_000
_HOLD_S: Final = 0.45
_CALL_S: Final = 0.5
_LOOK_S: Final = 1.0
_RELEASE_S: Final = 0.05
_DUE_S: Final = 0.05
# Between two looks for new events while something runs, and while all that runs is overdue.
_BUSY_S: Final = 0.005
_TURN_S: Final = 0.05
_OVERDUE_MS: Final = 50
_ORPHANS_AT_ONCE: Final = 256


def drain() -> None:
    """Run the handlers on everything that waits. RQ runs this; it ends when there is no more."""
    Drain(runtime.get()).run()


def ring(redis: Redis, keys: Keys) -> None:
    """Push a drain job, unless one waits already."""
    queue = Queue(EVENTS_QUEUE, connection=redis, serializer=JSONSerializer, default_timeout=-1)
    if queue.count == 0:
        redis.set(keys.bell, "rung", px=RUNG_TTL_MS)
        job = queue.enqueue(DRAIN_JOB, result_ttl=0, description=DRAIN_JOB)
        redis.expire(keys.rq_job(job.id), _RING_TTL_S)


class Drain:
    """One run of the drain."""

    def __init__(self, run: Runtime) -> None:
        self._run = run
        self._redis = run.redis
        self._keys = run.keys
        self._intake: Intake = PartitionIntake(run) if run.settings.partitions else SharedIntake(run)
        self._beside = Beside(run)
        self._ledger = Ledger(run)
        self._standing = Standing(run.redis, run.keys, run.registry.aliases)
        self._pace = _Pace(run.settings.threads)
        never = float("-inf")
        self._looked = self._held = self._called = self._released = self._read = never
        self._look_for_due = self._idle_since = never
        self._next_due = float("inf")
        self._linger_s = 0.0

    def run(self) -> None:
        """Drain until nothing is left or the process is asked to stop."""
        run = self._run
        self._standing.look()
        handling = self._handling = Handling(
            run, self._ledger, self._standing, self._intake.holds, in_order=self._intake.in_order
        )
        lifespans = Lifespans(run.registry.lifespans, handling.runner)
        self._linger_s = _LINGER_FOR_LIFESPAN_S if run.registry.lifespans else LINGER_MS / 1000
        try:
            run.state = lifespans.open()
            while not run.stop.requested and self._go_on():
                pass
            self._finish()
        finally:
            self._ledger.write()
            claims.end_turn(run)
            self._redis.delete(self._keys.bell)
            lifespans.close()
            self._run.close_direct()

    def _go_on(self) -> bool:
        """Take what there is room for, and run it. Return whether to go on."""
        self._look()
        handling = self._handling
        now = time.monotonic()
        taken, waits = 0, True
        if not handling.runner.is_worn and (room := self._room(now)):
            self._hold_bell()
            waits = handling.load > 0
            taken = self._take(room, now)
        ended = handling.turn(_BUSY_S if waits else 0.0)
        self._pace.ended(ended, now)
        if handling.load:
            self._ledger.write_if_due()
        else:
            self._ledger.write()
        if taken or ended or handling.is_at_work:
            self._idle_since = time.monotonic()
            return True
        return not self._leave(now)

    def _room(self, now: float) -> int:
        """Return how many entries there is room for; 0 where it is not yet worth looking."""
        handling, pace = self._handling, self._pace
        if self._intake.in_order:
            return MOST_READ if not handling.is_at_work else 0
        room = pace.most_load - handling.load
        if handling.load and (room < pace.most_load * _WORTH_A_LOOK or now - self._read < pace.patience_s):
            return 0
        return max(0, min(MOST_READ, pace.entries(room)))

    def _take(self, room: int, now: float) -> int:
        """Take runs that are due, then new events; wait for these if there is nothing else to do. Return how many."""
        handling = self._handling
        self._read = now
        found: list[Entry] = []
        if now >= self._look_for_due:
            found, wait_s = self._beside.due(max(1, room // 2))  # the rest is for what is new
            self._next_due = now + wait_s
            self._look_for_due = now + max(_DUE_S if wait_s else 0.0, min(wait_s, LINGER_MS / 1000))
        block_ms = None if handling.load or found else self._block_ms(now)
        batch = self._intake.read(room, block_ms)
        self._pace.read(batch.entries, room)
        if batch.orphaned:
            handling.take(found)
            self._alone(batch.entries)
            return len(found) + len(batch.entries)
        if len(batch.entries) == room or (batch.entries and self._intake.in_order):
            self._call_for_help()
        found += batch.entries
        self._pace.made(len(found), handling.take(found))
        return len(found)

    def _block_ms(self, now: float) -> int | None:
        if self._handling.is_at_work:
            return _OVERDUE_MS
        if self._lets_go:
            return round(_RELEASE_S * 1000)
        return max(1, min(LINGER_MS, round((self._look_for_due - now) * 1000)))

    @property
    def _lets_go(self) -> bool:
        """Whether runs are held back that may be run by now."""
        return any(self._standing.may_run(name, probe=False) for name in self._standing.held)

    def _look(self) -> None:
        """Now and then, look how the handlers stand, and for what no worker works on; let go on what was held."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_S:
            self._looked = now
            self._ledger.write()  # else what is held back from here, and not written, would not be seen
            self._standing.look()
            self._handling.take(self._beside.left(MOST_READ))
            self._ledger.write()
            claims.let_go_of_all_but(self._run, self._handling.in_hand)
            if self._beside.are_orphans() and claims.take_turn(self._run):
                try:
                    self._alone_with_orphans()
                finally:
                    claims.end_turn(self._run)
        if self._standing.held and now - self._released >= _RELEASE_S:
            self._released = now
            for handler, most in self._handling.rooms():
                if self._standing.release(handler, most):
                    self._look_for_due = now
            if self._handling.has_no_room:
                self._call_for_help(more_waits=True)

    def _alone_with_orphans(self) -> None:
        """Run what workers died with, when what is at work here has ended: meanwhile another drain takes the rest."""
        while entries := self._beside.orphans(_ORPHANS_AT_ONCE):
            self._alone(entries)
            if self._run.stop.requested:
                return

    def _alone(self, entries: list[Entry]) -> None:
        handling = self._handling
        while handling.is_at_work and not self._run.stop.requested:
            handling.turn(_TURN_S)
            self._ledger.write_if_due()
        left = list(entries)
        while left and not self._run.stop.requested:
            entry = left.pop(0)
            if self._intake.holds(entry):
                handling.run_alone(entry)
            else:
                log.warning("claim.lost", entry_id=entry.id, event_id=entry.event_id)
        # What is not begun is let go of with the process, and is a suspect still.

    def _finish(self) -> None:
        """Leave what has not begun, and wait for what has."""
        self._handling.leave()
        self._ledger.write()
        while self._handling.is_at_work:
            self._handling.turn(_TURN_S)
            self._ledger.write_if_due()
        self._intake.close()

    def _hold_bell(self) -> None:
        """Keep others from ringing, for as long as this drain reads."""
        now = time.monotonic()
        if now - self._held >= _HOLD_S:
            self._held = now
            self._redis.set(self._keys.bell, self._run.consumer, px=_HELD_TTL_MS)

    def _leave(self, now: float) -> bool:
        """Let go of the bell, and look once more: what was stored before that did not ring. Return whether to leave."""
        if self._handling.runner.is_worn:
            ring(self._redis, self._keys)
            return True
        if now - self._idle_since < self._linger_s or self._next_due - now < _SOON_S or self._lets_go:
            return False
        self._redis.delete(self._keys.bell)
        self._held = float("-inf")
        batch = self._intake.read(self._pace.entries(self._pace.most_load), block_ms=None)
        if batch.orphaned:
            self._alone(batch.entries)
        else:
            self._handling.take(batch.entries)
        return not batch.entries

    def _call_for_help(self, *, more_waits: bool = False) -> None:
        """Ring for another worker if there is more than this one has in its hands, which may be known."""
        now = time.monotonic()
        if now - self._called >= _CALL_S:
            self._called = now
            if more_waits or self._intake.more_waits():
                ring(self._redis, self._keys)


class _Pace:
    """How much a drain takes at once: what it does in some `_LOAD_S`, so that others may help, and no more bytes than
    so many.
    """

    def __init__(self, threads: int) -> None:
        self._least = 2 * threads
        self._rate = 0.0
        self._per_entry = 1.0
        self._largest = 0
        self._since = time.monotonic()
        self._ended = 0
        self._read_all = True

    @property
    def most_load(self) -> int:
        """How many runs are to wait or be at work."""
        return max(self._least, min(_MOST_LOAD, int(self._rate * _LOAD_S)))

    @property
    def patience_s(self) -> float:
        """How long not to look for more while something runs."""
        return _BUSY_S if self._read_all else 0.0

    def entries(self, runs: int) -> int:
        """Return how many entries make so many runs."""
        most = int(runs / self._per_entry)
        return max(1, min(most, _MOST_BYTES // self._largest if self._largest else most))

    def ended(self, count: int, now: float) -> None:
        """Note how many runs have ended."""
        self._ended += count
        took = now - self._since
        if took >= _LOAD_S:
            # A pause in which there was nothing to do says nothing of how quick it is.
            if self._ended:
                self._rate += _WEIGHT * (self._ended / took - self._rate)
            self._since, self._ended = now, 0

    def read(self, entries: list[Entry], asked: int) -> None:
        """Note what was read, and how much was asked for."""
        self._read_all = len(entries) < asked
        if entries:
            largest = max(sum(map(len, entry.fields.values())) for entry in entries)
            self._largest = max(largest, self._largest * 7 // 8)

    def made(self, entries: int, runs: int) -> None:
        """Note how many runs so many entries have made."""
        if entries:
            self._per_entry = max(0.1, self._per_entry + _WEIGHT * (runs / entries - self._per_entry))
