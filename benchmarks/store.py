"""Store: what one Valkey does. Commits by group size, then what comes after them: drains, trims, keys that run out.

Here the store has the measured core, and whoever works it the other one. By the clock it mostly waits, for its disk and
for whoever works it; how much it can do is told by its processor time.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median
from typing import Final, cast

from redis import Redis

from benchmarks.commits import INBOUND, KEYS, REPORT, groups
from benchmarks.contestants.servers import ringback_command, ringback_settings
from benchmarks.contestants.workers import finished_by_ringback
from benchmarks.machine import Bench, BenchError, Cores, until
from benchmarks.meter import Reading
from benchmarks.results import StoreCost, StoreKept, StoreResults, StoreWork
from ringback.schemas.keys import EVENTS_QUEUE
from ringback.schemas.settings import Settings
from ringback.workers.sweep import Sweep

_KINDS: Final = {REPORT: "report", INBOUND: "inbound SMS"}
WAIT_MS: Final = 20
# Names that what is computed of them knows (benchmarks.capacity).
REPORT_KEPT: Final = _KINDS[REPORT]
INBOUND_KEPT: Final = _KINDS[INBOUND]
DRAINED: Final = f"{REPORT_KEPT}, drained, a quick handler, 1 worker"
TRIMMED: Final = f"{REPORT_KEPT}, trimmed"
RUN_OUT: Final = f"{REPORT_KEPT}, its two keys run out"
DRAINED_SLOWLY: Final = f"{REPORT_KEPT}, drained, a handler of {WAIT_MS} ms, 4 workers"
# Handlers that wait: what they are, their module, milliseconds, how many events, how many workers.
_WAITING: Final = (
    ("a handler", "benchmarks.contestants.waiting", 1, 3_000, 2),
    ("a handler", "benchmarks.contestants.waiting", WAIT_MS, 800, 4),
    ("an async handler", "benchmarks.contestants.waiting_together", WAIT_MS, 5_000, 1),
)
_KEYS_OF_A_REPORT: Final = 2
_TTL_S: Final = 4
_LOOK_S: Final = 0.05
_LONGEST_S: Final = 120.0
_EARLY, _LATE = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class _Commits:
    """One way to commit events."""

    sample: str
    group: int
    connections: int = 1
    repeated: bool = False

    @property
    def name(self) -> str:
        what = f"{_KINDS[self.sample]}, {'repeated' if self.repeated else 'new'}"
        return f"{what}, {self.group} a commit" + (f", {self.connections} at once" if self.connections > 1 else "")

    def events(self, most: int) -> int:
        """Give how many to commit: fewer where each waits for the disk."""
        return min(most, 2_000 * self.group * self.connections)


_WAYS: Final = (
    *(_Commits(sample, group) for sample in _KINDS for group in (1, 8, 64, 256)),
    _Commits(REPORT, 1, connections=8),
    _Commits(REPORT, 8, connections=8),
    _Commits(REPORT, 64, connections=8),
    *(_Commits(sample, 64, repeated=True) for sample in _KINDS),
)


COMMITTED: Final = _Commits(REPORT, 8, connections=8).name


def store(bench: Bench, rounds: int, events: int) -> StoreResults:
    """Measure each piece of work in turn, several times round."""
    with _store_alone(bench):
        commits: dict[str, list[StoreCost]] = {way.name: [] for way in _WAYS}
        after: dict[str, list[StoreCost]] = {}
        kept: dict[str, list[StoreKept]] = {name: [] for name in _KINDS.values()}
        for _ in range(rounds):
            for way in _WAYS:
                bench.store.empty()
                commits[way.name].append(_commit(bench, way, way.events(events)))
            for sample, name in _KINDS.items():
                drained, trimmed, left = _life(bench, sample, events)
                after.setdefault(f"{name}, drained, a quick handler, 1 worker", []).append(drained)
                after.setdefault(f"{name}, trimmed", []).append(trimmed)
                kept[name].append(left)
            for handler, module, wait_ms, fewer, workers in _WAITING:
                by = "1 worker" if workers == 1 else f"{workers} workers"
                name = f"{REPORT_KEPT}, drained, {handler} of {wait_ms} ms, {by}"
                after.setdefault(name, []).append(_drained_slowly(bench, module, wait_ms, fewer, workers))
            after.setdefault(RUN_OUT, []).append(_run_out(bench, events))
    return StoreResults(
        commits=[StoreWork.of(name, found) for name, found in commits.items()],
        after=[StoreWork.of(name, found) for name, found in after.items()],
        kept=[_middle(found) for found in kept.values()],
    )


@contextmanager
def _store_alone(bench: Bench) -> Iterator[None]:
    """Give the measured core to the store's main thread for a while."""
    if bench.cores.measured is None or bench.cores.rest is None:
        yield
        return
    os.sched_setaffinity(bench.store.pid, bench.cores.measured)
    try:
        yield
    finally:
        os.sched_setaffinity(bench.store.pid, bench.cores.rest)


def _commit(bench: Bench, way: _Commits, events: int, ttl_s: int | None = None) -> StoreCost:
    """Have a client commit events, on the other core."""
    command = [sys.executable, "-m", "benchmarks.commits", bench.store.url, way.sample, str(events)]
    command += ["--group", str(way.group), "--connections", str(way.connections)]
    if way.repeated:
        command.append("--repeated")
    if ttl_s is not None:
        command += ["--ttl", str(ttl_s)]
    return StoreCost.model_validate_json(bench.load(command, _LONGEST_S)[0])


def _life(bench: Bench, sample: str, events: int) -> tuple[StoreCost, StoreCost, StoreKept]:
    """Commit events, have a worker drain them, trim them; give what the last two cost, and what was kept."""
    redis = bench.store.client
    bench.store.empty()
    empty = bench.store.used()
    _commit(bench, _Commits(sample, 64), events)
    with_stream = bench.store.used()
    bench.store.rewrite()
    rewritten = cast("int", redis.info("persistence")["aof_base_size"])
    drained = _drain(bench, events, 1, RINGBACK_HANDLERS="benchmarks.contestants.handlers")
    settings = Settings(redis_url=bench.store.url, prefix=KEYS.prefix, insecure=True)
    # Below what may be set, so that all of it is to be trimmed.
    settings = settings.model_copy(update={"retention": timedelta(milliseconds=1)})
    sweep = Sweep(redis, settings)
    in_stream, before, began = bench.store.used(), Reading.of(redis), time.perf_counter()
    sweep.sweep()
    seconds, now = time.perf_counter() - began, Reading.of(redis)
    if left := redis.xlen(KEYS.events):
        raise BenchError(f"{left} events were not trimmed")
    stream = (in_stream - bench.store.used()) / events
    kept = StoreKept(
        name=_KINDS[sample],
        event_json=len(groups(sample, 1, 1)[0][0].json.encode()),
        stream=stream,
        keys=(with_stream - empty) / events - stream,
        rewritten_log=rewritten / events,
    )
    return drained, now.cost(before, events, seconds), kept


def _drained_slowly(bench: Bench, module: str, wait_ms: int, events: int, workers: int) -> StoreCost:
    """Have workers drain events that take their time, so that each takes few at once."""
    bench.store.empty()
    _commit(bench, _Commits(REPORT, 64), events)
    return _drain(bench, events, workers, RINGBACK_HANDLERS=module, BENCH_WAIT_MS=str(wait_ms))


def _drain(bench: Bench, events: int, workers: int, **handlers: str) -> StoreCost:
    """Have workers empty the backlog; give what it cost the store from 10 % to 90 % of it."""
    redis = bench.store.client
    settings = ringback_settings(bench.store, **handlers)
    others = replace(bench, cores=Cores(bench.cores.rest, bench.cores.measured))
    seen: list[tuple[float, int, Reading]] = []
    with ExitStack() as started:
        for number in range(workers):
            command = ringback_command("worker", EVENTS_QUEUE)
            started.enter_context(others.measured(f"drain-{number}", command, **settings))
        for share in (_EARLY, _LATE):
            _await_finished(redis, int(share * events))
            seen.append((time.perf_counter(), finished_by_ringback(redis), Reading.of(redis)))
        _await_finished(redis, events)
    ((began, first, before), (ended, last, after)) = seen
    if first >= last:
        raise BenchError(f"the drain had finished {first} of {events} events before it could be measured")
    return after.cost(before, last - first, ended - began)


def _await_finished(redis: Redis, events: int) -> None:
    until(lambda: finished_by_ringback(redis) >= events, f"the drain of {events} events", _LONGEST_S, _LOOK_S)


def _run_out(bench: Bench, events: int) -> StoreCost:
    """Let the keys of events run out; give what that cost beyond the store's idling."""
    redis = bench.store.client
    bench.store.empty()
    idle = [_after_a_second(redis) for _ in range(2)]
    at_rest = idle[1].processor_s - idle[0].processor_s
    _commit(bench, _Commits(REPORT, 256), events, ttl_s=_TTL_S)
    before, began, keys = Reading.of(redis), time.perf_counter(), redis.dbsize()
    until(lambda: redis.dbsize() < events / 100, "the keys to run out", _LONGEST_S, pause=0.5)
    seconds, now = time.perf_counter() - began, Reading.of(redis)
    gone = (keys - redis.dbsize()) // _KEYS_OF_A_REPORT  # on a busy machine some were gone before
    if gone < events / 10:
        raise BenchError(f"{keys} keys of {events} events were left when their end was to be measured")
    cost = now.cost(before, gone, seconds)
    return cost.model_copy(update={"store_us": cost.store_us - at_rest * seconds / gone * 1e6})


def _after_a_second(redis: Redis) -> Reading:
    time.sleep(1.0)
    return Reading.of(redis)


def _middle(found: list[StoreKept]) -> StoreKept:
    """Give the median of each figure."""
    return StoreKept(
        name=found[0].name,
        event_json=found[0].event_json,
        stream=median(one.stream for one in found),
        keys=median(one.keys for one in found),
        rewritten_log=median(one.rewritten_log for one in found),
    )
