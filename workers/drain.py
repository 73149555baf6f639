"""Drain: the RQ job that the doorbell rings for. It reads the stream in batches and runs handlers until it is empty."""

import time
import traceback
from dataclasses import dataclass
from typing import Final, cast

import structlog
from pydantic import ValidationError
from redis import Redis
from redis.exceptions import ResponseError
from rq import Queue, Retry
from rq.serializers import JSONSerializer

from schemas.events import EVENTS, Event
from schemas.keys import DRAIN_JOB, EVENTS_QUEUE, HANDLERS_GROUP, Keys
from workers.ledger import Ledger
from workers.letters import Failure
from workers.registry import Handler
from workers.run import Context, Runner
from workers.runtime import Runtime, runtime

log = structlog.get_logger()

BELL_TTL_MS: Final = 10_000
LINGER_MS: Final = 300
CLAIM_IDLE_MS: Final = 30_000
MAX_BATCH: Final = 256
_BATCH_S: Final = 0.05
_LOOK_FOR_STALE_S: Final = 5.0
_STALE_AT_ONCE: Final = 16
_SLOW_S: Final = 0.005
_MAX_DEATHS: Final = 3
# Given back: idle for so long that anyone may take it over at once.
_GIVEN_BACK_MS: Final = 24 * 3600 * 1000
_ABANDONED_RUNS: Final = 1000
_FAILURE_TTL_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the events stream."""

    id: str
    fields: dict[bytes, bytes]

    @property
    def advanced(self) -> bool | None:
        """Tell whether a status moved its message forward; None for other events."""
        value = self.fields.get(b"advanced")
        return None if value is None else value == b"1"


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
        redis.set(keys.bell, "rung", px=BELL_TTL_MS)
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
        self._runner = Runner()
        self._mean_s: dict[str, float] = {}
        self._batch = 1
        self._looked = 0.0

    def run(self) -> None:
        """Drain until the stream is empty or the process is asked to stop."""
        try:
            self._again(self._left_by_a_crash())
            while not self._run.stop.requested:
                self._hold_bell()
                self._take_over()
                entries = self._read(block_ms=LINGER_MS)
                if entries:
                    self._work(entries)
                elif self._leave():
                    break
        finally:
            self._ledger.write()
            self._redis.delete(self._keys.bell)
            self._runner.close()

    def _hold_bell(self) -> None:
        self._redis.set(self._keys.bell, self._run.consumer, px=BELL_TTL_MS)

    def _leave(self) -> bool:
        """Let go of the bell, and look once more: what was stored before that did not ring."""
        self._redis.delete(self._keys.bell)
        entries = self._read(block_ms=None)
        if entries:
            self._hold_bell()
            self._work(entries)
        return not entries

    def _read(self, block_ms: int | None, after: str = ">") -> list[Entry]:
        try:
            reply = self._redis.xreadgroup(
                HANDLERS_GROUP, self._run.consumer, {self._keys.events: after}, count=self._batch, block=block_ms
            )
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            ensure_group(self._redis, self._keys)
            return []
        streams = cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes] | None]]]]", reply or [])
        return [Entry(entry_id.decode(), fields or {}) for _, entries in streams for entry_id, fields in entries]

    def _work(self, entries: list[Entry]) -> None:
        """Run the handlers on a batch; what is not started when the process is to stop goes back for others."""
        if len(entries) == self._batch:
            self._call_for_help(entries[-1])
        began = time.perf_counter()
        for number, entry in enumerate(entries):
            if self._run.stop.requested:
                self._give_back(entries[number:])
                break
            self._handle(entry)
            self._ledger.write_if_due()
        else:
            mean = (time.perf_counter() - began) / len(entries)
            self._batch = max(1, min(MAX_BATCH, 2 * self._batch, int(_BATCH_S / max(mean, 1e-6))))
        self._ledger.write()

    def _handle(self, entry: Entry, already: frozenset[str] = frozenset()) -> None:
        """Run the handlers of one entry that are not done with it."""
        try:
            event = EVENTS.validate_json(entry.fields[b"event"])
        except (KeyError, ValidationError):
            if entry.fields:  # else it was trimmed, and is done
                log.error("entry.unreadable", entry_id=entry.id)
            self._ledger.finish(entry.id)
            return
        for handler in self._run.registry.of_type(event.type):
            if handler.name not in already:
                self._run_handler(handler, entry, event, already)
        self._ledger.finish(entry.id)

    def _run_handler(self, handler: Handler, entry: Entry, event: Event, already: frozenset[str]) -> None:
        context = Context(handler.name, event.id, 1, entry.advanced)
        try:
            if not handler.wants(event, advanced=entry.advanced):
                return
            if self._mean_s.get(handler.name, 1.0) > _SLOW_S:
                self._ledger.write()
            began = time.perf_counter()
            self._runner.run(handler, event, context, handler.subscription.timeout)
            took = time.perf_counter() - began
            self._mean_s[handler.name] = 0.8 * self._mean_s.get(handler.name, took) + 0.2 * took
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler may raise anything; it becomes a retry
            context.log.warning("handler.failed", error=type(error).__name__)
            failure = Failure(handler, event.id, _text(entry), entry.advanced, traceback.format_exc())
            self._ledger.failed(entry.id, failure, already)
        else:
            self._ledger.done(entry.id, handler.name, already)

    def _left_by_a_crash(self) -> list[Entry]:
        """Give what an earlier run of this worker had in its hands when it died."""
        self._batch = MAX_BATCH
        entries = self._read(block_ms=None, after="0")
        self._batch = 1
        return entries

    def _take_over(self) -> None:
        """Take over what another worker had in its hands and has not been heard of since."""
        if time.monotonic() - self._looked < _LOOK_FOR_STALE_S:
            return
        self._looked = time.monotonic()
        reply = self._redis.xautoclaim(
            self._keys.events, HANDLERS_GROUP, self._run.consumer, CLAIM_IDLE_MS, count=_STALE_AT_ONCE
        )
        claimed = cast("list[tuple[bytes, dict[bytes, bytes] | None]]", reply[1])
        if claimed:
            self._looked = 0.0  # there may be more
            self._again([Entry(entry_id.decode(), fields or {}) for entry_id, fields in claimed])

    def _again(self, entries: list[Entry]) -> None:
        """Run entries that a worker died with, one by one: one of them may be what killed it."""
        for number, entry in enumerate(entries):
            if self._run.stop.requested:
                self._give_back(entries[number:])
                break
            self._hold_bell()
            deaths = self._redis.hincrby(self._keys.suspects, entry.id, 1)
            already = frozenset(self._ledger.read(entry.id))
            if deaths >= _MAX_DEATHS:
                self._bury(entry, already)
            else:
                self._handle(entry, already)
            self._ledger.write()

    def _bury(self, entry: Entry, already: frozenset[str]) -> None:
        """Make dead letters of an entry that has killed its worker each time."""
        event = EVENTS.validate_json(entry.fields[b"event"])
        log.error("entry.kills_workers", event_id=event.id, entry_id=entry.id)
        for handler in self._run.registry.of_type(event.type):
            if handler.name not in already and handler.wants(event, advanced=entry.advanced):
                reason = f"its worker died {_MAX_DEATHS} times while handling it"
                failure = Failure(handler, event.id, _text(entry), entry.advanced, reason, final=True)
                self._ledger.failed(entry.id, failure, already)
        self._ledger.finish(entry.id)

    def _give_back(self, entries: list[Entry]) -> None:
        ids: list[int | bytes | str | memoryview[int]] = [entry.id for entry in entries]
        self._redis.xclaim(
            self._keys.events, HANDLERS_GROUP, self._run.consumer, 0, ids, idle=_GIVEN_BACK_MS, justid=True
        )

    def _call_for_help(self, last: Entry) -> None:
        """Ring for another worker if there is more than this one has in its hands."""
        if self._redis.xrange(self._keys.events, min=f"({last.id}", count=1):
            ring(self._redis, self._keys)


def _text(entry: Entry) -> str:
    return entry.fields[b"event"].decode()
