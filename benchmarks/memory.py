"""Memory: what an event, a dedupe key and a message's status take in the store."""

from statistics import mean
from typing import Final, cast

from benchmarks.contestants.servers import KEYS, RINGBACK_SERVER
from benchmarks.ingest import serving
from benchmarks.load import fire
from benchmarks.machine import Bench, BenchError
from benchmarks.results import Memory

_LOAD_S: Final = 1
_SAMPLE: Final = 500


def memory(bench: Bench) -> Memory:
    """Store some thousand reports and ask the store."""
    redis = bench.store.client
    bench.store.empty()
    with serving(bench, RINGBACK_SERVER) as receiver:
        fire(bench, receiver.port, _LOAD_S)
    events = redis.xlen(KEYS.events)
    whole = cast("int", redis.memory_usage(KEYS.events, samples=0))
    return Memory(
        events=events,
        stream_an_event=whole / events,
        dedupe_key=_mean(bench, f"{KEYS.prefix}:seen:*"),
        message_hash=_mean(bench, f"{KEYS.prefix}:message:*"),
    )


def _mean(bench: Bench, pattern: str) -> float:
    """Give the mean of the keys that fit the pattern, or of as many as will do."""
    sizes: list[int] = []
    for key in bench.store.client.scan_iter(match=pattern, count=1000):
        sizes.append(cast("int", bench.store.client.memory_usage(key, samples=0)))
        if len(sizes) == _SAMPLE:
            break
    if not sizes:
        raise BenchError(f"there is no key {pattern}")
    return mean(sizes)
