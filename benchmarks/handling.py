"""Handling: how many events a second one worker process takes from a backlog, with a handler that does nothing."""

import time
from typing import Final

from benchmarks.contestants.workers import BULLMQ_WORKER, RQ_FORKING, RQ_WORKER, Worker, ringback_worker
from benchmarks.machine import Bench, BenchError, processor_seconds, resident_mb
from benchmarks.results import Handling, HandlingRound

_START_S: Final = 30.0
_LONGEST_S: Final = 120.0
_SLOWEST_PER_SECOND: Final = 2_000
_LOOK_S: Final = 0.01
_LOOK_OFTEN_S: Final = 0.002
_SHORT: Final = 5_000
_EARLY, _LATE = 0.1, 0.9


def handling(bench: Bench, rounds: int, *, backlog: int, jobs: int, forked: int) -> list[Handling]:
    """Measure each worker in turn, several times round; the slow ones on a backlog that they can manage."""
    with ringback_worker(bench) as ringback:
        field = ((ringback, backlog), (BULLMQ_WORKER, backlog), (RQ_WORKER, jobs), (RQ_FORKING, forked))
        found: dict[str, list[HandlingRound]] = {worker.name: [] for worker, _ in field}
        for _ in range(rounds):
            for worker, count in field:
                found[worker.name].append(once(bench, worker, count))
    return [Handling.of(worker.name, count, found[worker.name]) for worker, count in field]


def growth(bench: Bench, rounds: int, backlogs: tuple[int, ...]) -> list[Handling]:
    """Measure Ringback's worker on backlogs of several sizes, several times round."""
    with ringback_worker(bench) as ringback:
        found: dict[int, list[HandlingRound]] = {count: [] for count in backlogs}
        for _ in range(rounds):
            for count in backlogs:
                found[count].append(once(bench, ringback, count))
    return [Handling.of(ringback.name, count, found[count]) for count in backlogs]


def once(bench: Bench, worker: Worker, count: int) -> HandlingRound:
    """Fill the store, start the worker, and time it from the first events it has finished to the last.

    So its start does not count, whichever language it is in.
    """
    redis = bench.store.client
    bench.store.empty()
    worker.fill(bench, count)
    pause = _LOOK_OFTEN_S if count <= _SHORT else _LOOK_S
    with bench.measured("worker", worker.command(bench.store), **worker.environment(bench.store)) as pid:
        _wait(worker, bench, 1, _START_S, pause)
        used = processor_seconds(pid)
        began, first = time.perf_counter(), worker.finished(redis)
        limit = _LONGEST_S + count / _SLOWEST_PER_SECOND
        memory: list[float] = []
        for share in (_EARLY, _LATE):
            _wait(worker, bench, int(share * count), limit, pause)
            memory.append(resident_mb(pid))
        _wait(worker, bench, count, limit, pause)
        seconds = time.perf_counter() - began
        used = processor_seconds(pid) - used
    if first >= count:
        raise BenchError(f"{worker.name} had finished {count} events before it could be timed")
    return HandlingRound(
        events=count,
        events_per_second=(count - first) / seconds,
        worker_us_an_event=used / (count - first) * 1e6,
        memory_early_mb=memory[0],
        memory_late_mb=memory[1],
    )


def _wait(worker: Worker, bench: Bench, count: int, seconds: float, pause: float) -> None:
    deadline = time.monotonic() + seconds
    while (finished := worker.finished(bench.store.client)) < count:
        if time.monotonic() > deadline:
            raise BenchError(f"{worker.name} had finished {finished} of {count} events after {seconds:g} s")
        time.sleep(pause)
