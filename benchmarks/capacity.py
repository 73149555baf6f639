"""Capacity: what so many events a second need, computed from what one of each was measured to do.

The tables of `docs/scaling.md`. All events are taken for reports, each of a message of its own: the dearest kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from benchmarks.results import RINGBACK, Results, StoreResults, StoreWork
from benchmarks.store import COMMITTED, DRAINED, DRAINED_SLOWLY, INBOUND_KEPT, REPORT_KEPT, RUN_OUT, TRIMMED, WAIT_MS
from ringback.schemas.settings import Settings
from ringback.workers.handling.lanes import ASYNC_TOGETHER

LOAD: Final = 0.6
THREADS: Final[int] = Settings.model_fields["threads"].default
_RATES: Final = (100, 1_000, 10_000)
_HOUR: Final = 3_600
_DAY: Final = 24 * _HOUR
_FREE: Final = 1.5  # of the memory a third stays free for the rewrite

Table = tuple[list[str], list[list[str]]]


@dataclass(frozen=True, slots=True)
class Each:
    """What one of each does, and what an event takes."""

    receiver: float
    worker: float
    commit_us: float
    quick_us: float
    slow_us: float
    log: float
    received: float
    sent: float
    stream_and_message: float
    dedupe: float

    @classmethod
    def of(cls, results: Results, store: StoreResults) -> "Each | None":
        """Take the figures from a run; None where it did not measure all of them."""
        receiver = results.taken(RINGBACK)
        worker = next((one.median_per_second for one in results.handling if one.name == RINGBACK), None)
        if receiver is None or worker is None:
            return None
        work: dict[str, StoreWork] = {one.name: one for one in (*store.commits, *store.after)}
        kept = {one.name: one for one in store.kept}
        later = (work[TRIMMED], work[RUN_OUT])
        whole = (work[COMMITTED], work[DRAINED], *later)
        dedupe = kept[INBOUND_KEPT].keys
        return cls(
            receiver=receiver.median.requests_per_second,
            worker=worker,
            commit_us=work[COMMITTED].store_us,
            quick_us=sum(one.store_us for one in whole),
            slow_us=sum(one.store_us for one in (work[COMMITTED], work[DRAINED_SLOWLY], *later)),
            log=sum(one.log_bytes for one in whole),
            received=sum(one.received_bytes for one in whole),
            sent=sum(one.sent_bytes for one in whole),
            stream_and_message=kept[REPORT_KEPT].stream + kept[REPORT_KEPT].keys - dedupe,
            dedupe=dedupe,
        )

    def memory(self, rate: float, retention_s: float, dedup_s: float) -> float:
        """Give the bytes that events of such a rate take in all."""
        return rate * (self.stream_and_message * retention_s + self.dedupe * dedup_s)

    def servers(self, rate: float, us: float) -> int:
        """Give how many stores such a rate keeps busy, none above its planned load."""
        return max(1, ceil(rate * us / 1e6 / LOAD))


def one_of_each(results: Results, store: StoreResults) -> Table | None:
    """Say what one of each does on its core, and what to plan with."""
    each = Each.of(results, store)
    if each is None:
        return None
    rows = [
        ("a receiver: callbacks/s", each.receiver),
        ("a drain worker, a handler that does nothing: events/s", each.worker),
        ("one Redis, commits alone: events/s", 1e6 / each.commit_us),
        ("one Redis, commits, a quick handler's drain, trim, expiry: events/s", 1e6 / each.quick_us),
        (f"one Redis, the same with a handler of {WAIT_MS} ms: events/s", 1e6 / each.slow_us),
    ]
    shown = [[name, f"{figure:,.0f}", _rounded(LOAD * figure)] for name, figure in rows]
    return ["", "at its limit", f"plan with {LOAD:.0%}"], shown


def needed(results: Results, store: StoreResults) -> Table | None:
    """Say how many of each so many events a second need."""
    each = Each.of(results, store)
    if each is None:
        return None

    def workers(wait_s: float, together: int = 1) -> list[str]:
        return [f"{max(2, ceil(rate / LOAD / (together / (wait_s + together / each.worker)))):,}" for rate in _RATES]

    rows: list[tuple[str, Sequence[str]]] = [
        ("receivers", [f"{max(2, ceil(rate / LOAD / each.receiver)):,}" for rate in _RATES]),
        ("workers, a handler that does nothing", workers(0)),
        ("workers, 1 ms", workers(0.001)),
        ("workers, 20 ms", workers(0.020, THREADS)),
        ("workers, 20 ms, async", workers(0.020, ASYNC_TOGETHER)),
        ("workers, 200 ms, async", workers(0.200, ASYNC_TOGETHER)),
        ("Redis servers, quick or async handlers", [f"{each.servers(rate, each.quick_us):,}" for rate in _RATES]),
        (f"Redis servers, handlers of {WAIT_MS} ms", [f"{each.servers(rate, each.slow_us):,}" for rate in _RATES]),
        ("log written, MB/s", [f"{rate * each.log / 1e6:,.1f}" for rate in _RATES]),
        ("to all Redis servers, Mbit/s", [_rounded(rate * each.received * 8 / 1e6) for rate in _RATES]),
        ("from all Redis servers, Mbit/s", [_rounded(rate * each.sent * 8 / 1e6) for rate in _RATES]),
        ("to each replica, if any, Mbit/s", [_rounded(rate * each.log * 8 / 1e6) for rate in _RATES]),
    ]
    return ["events/s", *(f"{rate:,}" for rate in _RATES)], [[name, *figures] for name, figures in rows]


def kept(results: Results, store: StoreResults) -> Table | None:
    """Say what memory and disk so many events a second take, by how long they are kept."""
    each = Each.of(results, store)
    if each is None:
        return None
    rows = []
    for retention, retention_s, dedup, dedup_s in (
        ("7d", 7 * _DAY, "48h", 2 * _DAY),
        ("48h", 2 * _DAY, "48h", 2 * _DAY),
        ("24h", _DAY, "36h", 1.5 * _DAY),
        ("2h", 2 * _HOUR, "36h", 1.5 * _DAY),
        ("10m", _HOUR / 6, "1h", _HOUR),
    ):
        takes = [each.memory(rate, retention_s, dedup_s) for rate in _RATES]
        rows.append([f"`{retention}`, `{dedup}`", *(_size(_FREE * one) for one in takes)])
    return ["`RINGBACK_RETENTION`, `RINGBACK_DEDUP_TTL`", *(f"{rate:,}/s" for rate in _RATES)], rows


def _rounded(figure: float) -> str:
    """Give two figures that count: more would claim too much."""
    if figure < 10:
        return f"{figure:.1f}"
    digits = len(str(int(figure))) - 2
    return f"{round(figure, -digits):,.0f}"


def _size(size: float) -> str:
    for unit, of in (("TB", 1e12), ("GB", 1e9)):
        if size >= of:
            return f"{_rounded(size / of)} {unit}"
    return f"{_rounded(size / 1e6)} MB"
