"""Latency: from sending a request to its handler's run, at a steady rate, and what the processes cost meanwhile."""

import statistics
import time
from pathlib import Path
from typing import Final

from benchmarks.contestants.servers import RINGBACK_SERVER, ringback_command, ringback_settings
from benchmarks.ingest import serving
from benchmarks.load import drip
from benchmarks.machine import Bench, processor_seconds, until
from benchmarks.results import Latency
from ringback.schemas.keys import EVENTS_QUEUE

_WARM_S: Final = 1


def latency(bench: Bench, rate: float, seconds: int) -> Latency:
    """Send `rate` requests a second through a receiver and one drain worker."""
    bench.store.empty()
    times = bench.folder / f"times-{rate:g}"
    settings = ringback_settings(bench.store, RINGBACK_HANDLERS="benchmarks.contestants.timing", BENCH_TIMES=str(times))
    work = ringback_command("work", "--queues", EVENTS_QUEUE)
    with serving(bench, RINGBACK_SERVER) as receiver:
        bench.store.empty()  # of the request that asked whether it serves: it has no time in its context
        with bench.measured("worker", work, **settings) as worker:
            until(times.exists, "the worker")
            warm = drip(bench, receiver.port, _WARM_S, rate)
            until(lambda: _lines(times) >= warm.requests, "the events to be handled")
            before = _used(receiver.pid, worker, bench.store.pid)
            began = time.monotonic_ns()
            load = drip(bench, receiver.port, seconds, rate)
            passed = (time.monotonic_ns() - began) / 1e9
            after = _used(receiver.pid, worker, bench.store.pid)
            until(lambda: _lines(times) >= warm.requests + load.requests, "the events to be handled")
    # wrk does not count what is on its way when its time is up, so that more may be handled than it says.
    noted = [(int(sent), int(handled)) for sent, handled in map(str.split, times.read_text().splitlines())]
    took = [(handled - sent) / 1e6 for sent, handled in noted if sent >= began]
    cuts = statistics.quantiles(took, n=100)
    receiver_share, workers_share, store_share = (
        (used - unused) / passed for unused, used in zip(before, after, strict=True)
    )
    return Latency(
        asked_per_second=rate,
        sent_per_second=load.per_second,
        events=len(took),
        p50_ms=cuts[49],
        p99_ms=cuts[98],
        largest_ms=max(took),
        receiver_share=receiver_share,
        workers_share=workers_share,
        store_share=store_share,
    )


def _used(receiver: int, workers: int, store: int) -> tuple[float, float, float]:
    return processor_seconds(receiver), processor_seconds(workers), processor_seconds(store)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")
