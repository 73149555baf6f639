"""Drain: the RQ job that the doorbell rings for. It reads the stream in batches and runs handlers until it is empty."""

import time
from dataclasses import replace
from typing import Final, cast

import structlog
from redis import Redis
from redis.exceptions import ResponseError
from rq import Queue, Retry
from rq.serializers import JSONSerializer

from schemas.keys import DRAIN_JOB, EVENTS_QUEUE, HANDLERS_GROUP, Keys
from workers.claims import CLAIM_IDLE_MS, give_back
from workers.handling import Entry, Handling
from workers.ledger import Ledger
from workers.run import MAX_TOGETHER
from workers.runtime import Runtime, runtime

log = structlog.get_logger()

RUNG_TTL_MS: Final = 2_000
LINGER_MS: Final = 300
MAX_BATCH: Final = 256
_BATCH_S: Final = 0.05
# Short, so that a handler that takes long soon lets others ring; longer than a batch and a linger.
_HELD_TTL_MS: Final = 1_000
_HOLD_S: Final = 0.3
_CALL_S: Final = 0.1
_LOOK_S: Final = 5.0
_STALE_AT_ONCE: Final = 16
_MAX_DEATHS: Final = 3
_ABANDONED_RUNS: Final = 1000
_FAILURE_TTL_S: Final = 24 * 3600


def drain() -> None:
    """Run the handlers on everything in the stream. RQ runs this; it ends when the stream is empty."""
    Drain(runtime.get()).run()


def ensure_group(redis: Redis, keys: Keys) -> None:
    """Make the consumer group, from the beginning of the stream, if it is not there."""
    try:
        redis.xgroup_create(keys.events, HANDLERS_GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


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
        self._ledger = Ledger(run.redis, run.keys)
        self._handling = Handling(run, self._ledger)
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
                entries = self._read(block_ms=LINGER_MS)
                if entries:
                    self._work(entries)
                elif self._leave():
                    break
        finally:
            self._ledger.write()
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
        entries = self._read(block_ms=None)
        if entries:
            self._hold_bell()
            self._work(entries)
        return not entries

    def _read(self, block_ms: int | None) -> list[Entry]:
        try:
            reply = self._redis.xreadgroup(
                HANDLERS_GROUP, self._run.consumer, {self._keys.events: ">"}, count=self._batch, block=block_ms
            )
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            ensure_group(self._redis, self._keys)
            return []
        streams = cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", reply or [])
        return [Entry(entry_id.decode(), fields) for _, entries in streams for entry_id, fields in entries]

    def _work(self, entries: list[Entry]) -> None:
        """Run the handlers on a batch; what is not started when the process is to stop goes back for others."""
        if len(entries) == self._batch:
            self._call_for_help(entries[-1])
        began = time.perf_counter()
        started = len(entries)
        for number, entry in enumerate(entries):
            if self._run.stop.requested:
                self._give_back(entries[number:])
                started = number
                break
            self._handling.handle(entry)
            self._ledger.write_if_due()
        # Only what runs one after another decides how much one worker takes at once.
        mean = (time.perf_counter() - began) / max(1, started)
        largest = MAX_TOGETHER if self._handling.handle_async() else MAX_BATCH
        self._batch = max(1, min(largest, 2 * self._batch, int(_BATCH_S / max(mean, 1e-6))))
        self._ledger.write()

    def _look(self) -> None:
        """At first and now and then, look which handlers hang, and take over what a worker has died with."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        self._handling.look()
        reply = self._redis.xautoclaim(
            self._keys.events, HANDLERS_GROUP, self._run.consumer, CLAIM_IDLE_MS, count=_STALE_AT_ONCE
        )
        claimed = cast("list[tuple[bytes, dict[bytes, bytes] | None]]", reply[1])
        if claimed:
            self._looked = -_LOOK_S  # there may be more
            self._again([Entry(entry_id.decode(), fields or {}) for entry_id, fields in claimed])

    def _again(self, entries: list[Entry]) -> None:
        """Run entries that a worker died with, one by one: one of them may be what killed it."""
        for number, entry in enumerate(entries):
            if self._run.stop.requested:
                self._give_back(entries[number:])
                break
            self._hold_bell()
            deaths = self._redis.hincrby(self._keys.suspects, entry.id, 1)
            suspect = replace(entry, already=frozenset(self._ledger.read(entry.id)))
            if deaths >= _MAX_DEATHS:
                log.error("entry.kills_workers", entry_id=entry.id)
                self._handling.bury(suspect, f"its worker died {_MAX_DEATHS} times while handling it")
            else:
                self._handling.handle(suspect)
                self._handling.handle_async()
            self._ledger.write()

    def _give_back(self, entries: list[Entry]) -> None:
        give_back(self._run, [entry.id for entry in entries])

    def _call_for_help(self, last: Entry) -> None:
        """Ring for another worker if there is more than this one has in its hands."""
        now = time.monotonic()
        if now - self._called < _CALL_S:
            return
        self._called = now
        if self._redis.xrange(self._keys.events, min=f"({last.id}", count=1):
            ring(self._redis, self._keys)
