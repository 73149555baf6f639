"""Again: how many runs a second one worker does of what failed or is asked for once more, and what takes memory until
then. Handlers do nothing, so that it is Ringback's own work.
"""

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Final, cast

from redis import Redis

from benchmarks.commits import KEYS, REPORT, groups
from benchmarks.contestants.servers import ringback_command, ringback_settings
from benchmarks.contestants.workers import finished_by_ringback
from benchmarks.machine import Bench, BenchError, processor_seconds, until
from benchmarks.results import Again, Repeated, RepeatedRound
from ringback.schemas.keys import EVENTS_QUEUE

RETRIES: Final = "retries of a handler that failed once"
DEAD_RETRY: Final = "`ringback dead retry --all`"
REPLAY: Final = "`ringback replay --all`"
_NOTHING: Final = "benchmarks.contestants.handlers"
_FAILING: Final = "benchmarks.contestants.failing"
_LETTERS: Final = f"{KEYS.rq_prefix}:failed:{EVENTS_QUEUE}"
_LONGEST_S: Final = 180.0
_EARLY, _LATE = 0.1, 0.9


def again(bench: Bench, rounds: int, events: int) -> Again:
    """Measure each in turn, several times round."""
    found: dict[str, list[RepeatedRound]] = {name: [] for name in (RETRIES, DEAD_RETRY, REPLAY)}
    waiting, letters = list[float](), list[float]()
    for _ in range(rounds):
        measured, size = _retried(bench, events)
        found[RETRIES].append(measured)
        waiting.append(size)
        measured, size = _dead_retried(bench, events)
        found[DEAD_RETRY].append(measured)
        letters.append(size)
        found[REPLAY].append(_replayed(bench, events))
    return Again(
        repeated=[Repeated.of(name, events, rounds) for name, rounds in found.items()],
        event_json=len(groups(REPORT, 1, 1)[0][0].json.encode()),
        waiting_bytes=median(waiting),
        letter_bytes=median(letters),
    )


def _retried(bench: Bench, events: int) -> tuple[RepeatedRound, float]:
    """Have a handler fail on each event, then let all be due at once.

    Return what the retries came to, from 10 % to 90 % of them, and the bytes of one that waits.
    """
    redis = bench.store.client
    _fill(bench, events)
    settings = _settings(bench, _FAILING, BENCH_FAILS="once")
    with bench.measured("failing", ringback_command("worker", EVENTS_QUEUE), **settings):
        _await(lambda: redis.zcard(KEYS.due) >= events, "the failures")
    size = cast("int", redis.memory_usage(KEYS.due, samples=0)) / events
    bench.load(ringback_command("retries", "now", "--all"), _LONGEST_S, **settings)
    seen = []
    with bench.measured("retrying", ringback_command("worker", EVENTS_QUEUE), **settings) as pid:
        for share in (_EARLY, _LATE):
            _await(lambda most=(1 - share) * events: _waiting(redis) <= most, "the retries")  # type: ignore[misc]
            seen.append((time.perf_counter(), processor_seconds(pid), _waiting(redis)))
        _await(lambda: not _waiting(redis), "the last retries")
    ((began, before, first), (ended, after, last)) = seen
    if first <= last:
        raise BenchError(f"the worker had done {events - first} of {events} retries before it could be timed")
    done = first - last
    measured = RepeatedRound(runs_per_second=done / (ended - began), worker_us=(after - before) / done * 1e6)
    return measured, size


def _dead_retried(bench: Bench, events: int) -> tuple[RepeatedRound, float]:
    """Have a handler fail for good on each event, then ask for all once more.

    Return what that came to, from the start of the command to the end of the last run, and the bytes of a dead letter.
    """
    redis = bench.store.client
    _fill(bench, events)
    settings = _settings(bench, _FAILING, BENCH_FAILS="always")
    used = bench.store.used()
    with bench.measured("dying", ringback_command("worker", EVENTS_QUEUE), **settings):
        _await(lambda: redis.zcard(_LETTERS) >= events, "the dead letters")
    size = (bench.store.used() - used) / events
    measured = _asked(bench, events, _settings(bench, _FAILING, BENCH_FAILS="never"), "dead", "retry", "--all")
    if left := redis.zcard(_LETTERS):
        raise BenchError(f"{left} dead letters were left")
    return measured, size


def _replayed(bench: Bench, events: int) -> RepeatedRound:
    """Have a handler do with each event, then ask for all once more. Return what that came to, as above."""
    redis = bench.store.client
    _fill(bench, events)
    settings = _settings(bench, _NOTHING)
    with bench.measured("draining", ringback_command("worker", EVENTS_QUEUE), **settings):
        _await(lambda: finished_by_ringback(redis) >= events, "the first runs")
    return _asked(bench, events, settings, "replay", "--all")


def _asked(bench: Bench, events: int, settings: dict[str, str], *words: str) -> RepeatedRound:
    """Run a command that asks for runs, while a worker does them."""
    with bench.measured("worker", ringback_command("worker", EVENTS_QUEUE), **settings) as pid:
        _await(lambda: bool(bench.store.client.scard(f"{KEYS.rq_prefix}:workers:{EVENTS_QUEUE}")), "the worker")
        before, began = processor_seconds(pid), time.perf_counter()
        _, command_s = bench.load(ringback_command(*words), _LONGEST_S, **settings)
        _await(lambda: not _waiting(bench.store.client), "the runs")
        return RepeatedRound(
            runs_per_second=events / (time.perf_counter() - began),
            worker_us=(processor_seconds(pid) - before) / events * 1e6,
            command_us=command_s / events * 1e6,
        )


def _fill(bench: Bench, events: int) -> None:
    bench.store.empty()
    bench.load([sys.executable, "-m", "benchmarks.commits", bench.store.url, REPORT, str(events)], _LONGEST_S)


def _settings(bench: Bench, handlers: str, **more: str) -> dict[str, str]:
    return ringback_settings(bench.store, RINGBACK_HANDLERS=handlers, **more)


def _waiting(redis: Redis) -> int:
    """Count the runs that are due or in the worker's hands."""
    with redis.pipeline(transaction=True) as pipeline:
        pipeline.zcard(KEYS.due)
        pipeline.xlen(KEYS.due_taken)
        return sum(cast("list[int]", pipeline.execute()))


def _await(condition: Callable[[], bool], what: str) -> None:
    until(condition, what, _LONGEST_S)
