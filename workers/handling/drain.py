"""Drain: the RQ job that the doorbell rings for. It reads the stream in batches and runs handlers until it is empty."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Retry
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer

from ringback.schemas.keys import DRAIN_JOB, EVENTS_QUEUE, Keys
from ringback.workers.handling.handling import Handling
from ringback.workers.handling.ledger import Ledger
from ringback.workers.intake.entry import Entry
from ringback.workers.intake.handover import NEXT, Handover
from ringback.workers.intake.partitions import PartitionIntake
from ringback.workers.intake.shared import Batch, Intake, SharedIntake
from ringback.workers.rq import clock
from ringback.workers.running.runner import MAX_TOGETHER
from ringback.workers.runtime import Runtime, runtime

log = structlog.get_logger()

RUNG_TTL_MS: Final = 2_000
LINGER_MS: Final = 300
MAX_BATCH: Final = 256
_BATCH_S: Final = 0.05
# A batch that takes longer was meant for quicker handlers; the rest of it is for others too.
_LONGEST_BATCH_S: Final = 0.1
# Short, so that a handler that takes long soon lets others ring; longer than a batch and a linger.
_HELD_TTL_MS: Final = 1_000
_HOLD_S: Final = 0.3
_CALL_S: Final = 0.1
_LOOK_S: Final = 5.0
_ABANDONED_RUNS: Final = 1000
_FAILURE_TTL_S: Final = 24 * 3600


def drain() -> None:
    """Run the handlers on everything in the stream. RQ runs this; it ends when the stream is empty."""
    Drain(runtime.get()).run()


def ring(redis: Redis, keys: Keys) -> None:
    """Push a drain job, unless one waits already."""
    queue = Queue(EVENTS_QUEUE, connection=redis, serializer=JSONSerializer, default_timeout=-1)
    if queue.count == 0:
        redis.set(keys.bell, "rung", px=RUNG_TTL_MS)
        queue.enqueue(
            DRAIN_JOB,
            result_ttl=0,
            failure_ttl=_FAILURE_TTL_S,
            description=DRAIN_JOB,
            retry=Retry(max=_ABANDONED_RUNS),
        )


class Drain:
    """One run of the drain."""

    def __init__(self, run: Runtime) -> None:
        self._run = run
        self._redis = run.redis
        self._keys = run.keys
        handover = Handover(run)
        self._intake: Intake = PartitionIntake(run) if run.settings.partitions else SharedIntake(run, handover)
        self._ledger = Ledger(run.redis, run.keys, handover)
        self._handling = Handling(run, self._ledger, self._intake.holds, self._held_up)
        self._hand: deque[Entry] = deque()
        self._batch = 1
        self._looked = -_LOOK_S
        self._held = -_HOLD_S
        self._called = -_CALL_S

    def run(self) -> None:
        """Drain until the stream is empty or the process is asked to stop."""
        try:
            while not self._run.stop.requested:
                self._hold_bell()
                self._look()
                batch = self._intake.read(self._batch, block_ms=LINGER_MS)
                if batch.entries:
                    self._work(batch)
                elif self._leave():
                    break
        finally:
            self._ledger.write()
            self._intake.close()
            self._redis.delete(self._keys.bell)
            self._handling.close()

    def _hold_bell(self) -> None:
        """Keep others from ringing, for as long as this drain reads."""
        now = time.monotonic()
        if now - self._held < _HOLD_S:
            return
        self._held = now
        self._redis.set(self._keys.bell, self._run.consumer, px=_HELD_TTL_MS)

    def _leave(self) -> bool:
        """Let go of the bell, and look once more: what was stored before that did not ring."""
        self._redis.delete(self._keys.bell)
        self._held = -_HOLD_S
        batch = self._intake.read(self._batch, block_ms=None)
        if batch.entries:
            self._hold_bell()
            self._work(batch)
        return not batch.entries

    def _work(self, batch: Batch) -> None:
        """Run the handlers on a batch; what is not started when the process is to stop goes back for others."""
        if batch.orphaned:
            self._again(batch.entries)
            return
        if len(batch.entries) == self._batch:
            self._call_for_help(batch)
        began = time.perf_counter()
        started = 0
        for entry in self._to_start(batch.entries):
            started += 1
            self._handling.handle(entry)
            self._ledger.write_if_due()
            if self._hand and time.perf_counter() - began > _LONGEST_BATCH_S and not self._run.settings.partitions:
                self._leave_the_rest()
                ring(self._redis, self._keys)
        # Only what runs one after another decides how much one worker takes at once.
        mean = (time.perf_counter() - began) / max(1, started)
        largest = MAX_TOGETHER if self._handling.handle_async() else MAX_BATCH
        self._batch = max(1, min(largest, 2 * self._batch, int(_BATCH_S / max(mean, 1e-6))))
        self._ledger.write()

    def _to_start(self, entries: list[Entry]) -> Iterator[Entry]:
        """Give the entries one by one, as long as they are this drain's and it is not to stop."""
        self._hand = deque(entries)
        while self._hand:
            if self._run.stop.requested:
                self._intake.give_back(list(self._hand))
                return
            entry = self._hand.popleft()
            if self._intake.holds(entry):
                yield entry
            else:
                log.warning("claim.lost", entry_id=entry.id, event_id=entry.event_id)

    def _leave_the_rest(self) -> None:
        """Leave what is not started of the batch to whoever comes, save where that would break an order."""
        while self._hand and not self._run.settings.partitions:
            self._ledger.leave(self._hand.popleft().id, NEXT)
        self._ledger.write()

    def _held_up(self) -> None:
        """Leave what this drain has not started to others, and let them ring: it does not read for a while.

        This is called in the midst of a handler, from a signal. So nothing is logged: the handler may hold the lock.
        """
        # Without Redis all stays as it is; it is tried again when the handler has ended.
        with suppress(RedisError, OSError, StopRequested):
            self._leave_the_rest()
            if self._redis.get(self._keys.bell) in (None, self._run.consumer.encode()):
                ring(self._redis, self._keys)

    def _look(self) -> None:
        """At first and now and then, look which handlers hang, and take over what a worker has died with."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        clock.keep()
        self._handling.look()
        orphans = self._intake.orphans()
        if orphans.entries:
            self._looked = -_LOOK_S  # there may be more
            self._again(orphans.entries)

    def _again(self, entries: list[Entry]) -> None:
        """Run entries that a worker died with, one by one: one of them may be what killed it."""
        for entry in self._to_start(entries):
            self._hold_bell()
            self._handling.handle_alone(replace(entry, already=frozenset(self._ledger.read(entry.id))))

    def _call_for_help(self, batch: Batch) -> None:
        """Ring for another worker if there is more than this one has in its hands."""
        now = time.monotonic()
        if now - self._called < _CALL_S:
            return
        self._called = now
        if self._intake.more_waits(batch):
            ring(self._redis, self._keys)
