"""The workers, each with a backlog to empty and a job or handler that does nothing."""

import json
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, cast

from redis import Redis
from redis.typing import EncodableT

from benchmarks.contestants.rq_jobs import QUEUE
from benchmarks.contestants.servers import KEYS, RINGBACK_SERVER, ringback_command, ringback_settings
from benchmarks.dlr import fields
from benchmarks.ingest import put, serving
from benchmarks.machine import HERE, Bench, BenchError, Store
from benchmarks.results import RINGBACK
from ringback.reading.progress import backlog
from ringback.schemas.keys import EVENTS_QUEUE

# How many jobs the worker has in hand at once. 300 was the quickest here, of 1, 50, 100, 300 and 1,000.
BULLMQ_CONCURRENCY: Final = 300
BULLMQ: Final = "BullMQ worker"
RQ_SIMPLE: Final = "RQ SimpleWorker"
RQ_FORK: Final = "RQ Worker (forks)"
_FRESH_ID: Final = b"benchmark00000000000"
_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker: how to give it a backlog, how to start it, how to see how much it has finished."""

    name: str
    fill: Callable[[Bench, int], None]
    command: Callable[[Store], Sequence[str]]
    finished: Callable[[Redis], int]
    environment: Callable[[Store], dict[str, str]] = lambda _store: {}


def _fill_rq(bench: Bench, count: int) -> None:
    bench.load([sys.executable, "-m", "benchmarks.contestants.rq_fill", bench.store.url, str(count)], 60)


def _fill_bullmq(bench: Bench, count: int) -> None:
    script = str(HERE / "contestants" / "bullmq_fill.js")
    bench.load(["node", script, str(bench.store.port), str(count), json.dumps(fields(""))], 60)


def _rq(worker_class: str) -> Callable[[Store], Sequence[str]]:
    def command(store: Store) -> Sequence[str]:
        options = ["--url", store.url, "--worker-class", worker_class, "--logging_level", "WARNING", QUEUE]
        return [sys.executable, "-m", "rq.cli", "worker", *options]

    return command


def _finished_by_rq(redis: Redis) -> int:
    return redis.zcard(f"rq:finished:{QUEUE}")


def _bullmq(store: Store) -> list[str]:
    return ["node", str(HERE / "contestants" / "bullmq_worker.js"), str(store.port), str(BULLMQ_CONCURRENCY)]


RQ_WORKER: Final = Worker(RQ_SIMPLE, _fill_rq, _rq("rq.SimpleWorker"), _finished_by_rq)
RQ_FORKING: Final = Worker(RQ_FORK, _fill_rq, _rq("rq.Worker"), _finished_by_rq)
BULLMQ_WORKER: Final = Worker(
    BULLMQ,
    _fill_bullmq,
    _bullmq,
    lambda redis: redis.zcard("bull:dlr:completed"),
    lambda _store: {"NODE_ENV": "production"},
)


@contextmanager
def ringback_worker(bench: Bench) -> Iterator[Worker]:
    """Give Ringback's drain worker; while it is in use a receiver stands by, which rings for a backlog."""
    with serving(bench, RINGBACK_SERVER) as receiver:
        yield Worker(
            RINGBACK,
            lambda bench, count: _fill_ringback(bench.store.client, receiver.port, count),
            lambda _store: ringback_command("worker", EVENTS_QUEUE),
            finished_by_ringback,
            lambda store: ringback_settings(store, RINGBACK_HANDLERS="benchmarks.contestants.handlers"),
        )


def _fill_ringback(redis: Redis, port: int, count: int) -> None:
    """Have the receiver store one report, copy it with fresh ids, and send another last, which rings.

    Copies, since a million requests would take minutes; a worker reads nothing but the stream's entries.
    """
    _sent(port, _FRESH_ID.decode())
    entry = _only_entry(redis)
    redis.delete(KEYS.events, KEYS.bell, KEYS.rq_queue(EVENTS_QUEUE))
    for start in range(0, count - 1, _AT_ONCE):
        with redis.pipeline(transaction=False) as pipeline:
            for number in range(start, min(start + _AT_ONCE, count - 1)):
                pipeline.xadd(KEYS.events, _copied(entry, number))
            pipeline.execute()
    _sent(port, secrets.token_hex(8))


def _sent(port: int, msgid: str) -> None:
    if not put(port, msgid):
        raise BenchError("Ringback refused a report")


def _copied(entry: dict[bytes, bytes], number: int) -> dict[EncodableT, EncodableT]:
    """Give an entry like this one, with ids that no other has."""
    fresh = secrets.token_hex(len(entry[b"id"]) // 2).encode()
    msgid = b"%0*d" % (len(_FRESH_ID), number)
    event = entry[b"event"].replace(entry[b"id"], fresh).replace(_FRESH_ID, msgid)
    copied: dict[EncodableT, EncodableT] = dict(entry.items())
    return copied | {b"id": fresh, b"event": event}


def _only_entry(redis: Redis) -> dict[bytes, bytes]:
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrange(KEYS.events))
    if len(entries) != 1:
        raise BenchError(f"{len(entries)} entries in the stream, where one was sent")
    return entries[0][1]


def finished_by_ringback(redis: Redis) -> int:
    """Count what the handlers' group has read and has not pending."""
    found = backlog(redis, KEYS)
    return found.read - found.pending if found else 0
