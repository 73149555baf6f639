"""Waits: handlers that wait, as those do that ask another service.

What one worker does with its default settings, and what an event costs the store beside one of a quick handler.
"""

import sys
import time
from dataclasses import dataclass
from typing import Final

from redis import Redis

from benchmarks.commits import REPORT
from benchmarks.contestants.servers import ringback_command, ringback_settings
from benchmarks.contestants.workers import finished_by_ringback
from benchmarks.machine import Bench, BenchError, processor_seconds, until
from benchmarks.meter import Reading
from benchmarks.results import Waits, WaitsRound
from ringback.schemas.keys import EVENTS_QUEUE

WAIT_MS: Final = 20
_LONGEST_S: Final = 180.0
_IDLE_S: Final = 2.0
_LOOK_S: Final = 0.01
_EARLY, _LATE = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class _Kind:
    """A handler: its module, how long it waits, and how much of the events it is given."""

    name: str
    module: str
    wait_ms: float
    share: float


_KINDS: Final = (
    _Kind("a quick handler", "benchmarks.contestants.waiting", 0, 1),
    _Kind("a handler of 1 ms", "benchmarks.contestants.waiting", 1, 0.2),
    _Kind(f"a handler of {WAIT_MS} ms", "benchmarks.contestants.waiting", WAIT_MS, 0.1),
    _Kind(f"an async handler of {WAIT_MS} ms", "benchmarks.contestants.waiting_together", WAIT_MS, 0.5),
)


def waits(bench: Bench, rounds: int, events: int) -> list[Waits]:
    """Measure each in turn, several times round."""
    found: dict[str, list[WaitsRound]] = {kind.name: [] for kind in _KINDS}
    for _ in range(rounds):
        for kind in _KINDS:
            settings = {"RINGBACK_HANDLERS": kind.module, "BENCH_WAIT_MS": str(kind.wait_ms)}
            found[kind.name].append(drained(bench, REPORT, int(events * kind.share), **settings))
    return [Waits.of(name, rounds) for name, rounds in found.items()]


def drained(bench: Bench, sample: str, events: int, **settings: str) -> WaitsRound:
    """Have one worker empty a backlog of copies of a sample; measure from 10 % to 90 % of it."""
    redis = bench.store.client
    bench.store.empty()
    bench.load([sys.executable, "-m", "benchmarks.commits", bench.store.url, sample, str(events)], _LONGEST_S)
    idle = _idle(redis)
    command, environment = ringback_command("worker", EVENTS_QUEUE), ringback_settings(bench.store, **settings)
    seen = []
    with bench.measured("worker", command, **environment) as pid:
        for share in (_EARLY, _LATE):
            _await_finished(redis, int(share * events))
            seen.append((time.perf_counter(), finished_by_ringback(redis), processor_seconds(pid), Reading.of(redis)))
        _await_finished(redis, events)
    ((began, first, worker_before, before), (ended, last, worker_after, after)) = seen
    if first >= last:
        raise BenchError(f"the worker had finished {first} of {events} events before it could be measured")
    count, seconds = last - first, ended - began
    return WaitsRound(
        events=count,
        events_per_second=count / seconds,
        worker_us=(worker_after - worker_before) / count * 1e6,
        store_us=(after.processor_s - before.processor_s - idle * seconds) / count * 1e6,
    )


def _idle(redis: Redis) -> float:
    """Return what share of a core the store uses when nobody asks it anything."""
    before, began = Reading.of(redis), time.perf_counter()
    time.sleep(_IDLE_S)
    return (Reading.of(redis).processor_s - before.processor_s) / (time.perf_counter() - began)


def _await_finished(redis: Redis, events: int) -> None:
    until(lambda: finished_by_ringback(redis) >= events, f"the drain of {events} events", _LONGEST_S, _LOOK_S)
