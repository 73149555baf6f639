"""Against: the receivers of two checkouts in one run, beside bare Starlette; each on its own store's settings.

Figures of two runs are never comparable on a machine with other guests. Ratios are those of the same round, and of
these the median.
"""

from pathlib import Path
from statistics import median
from typing import Final, cast

from redis import Redis

from benchmarks.contestants.servers import BARE, BARE_SERVER, CONSTANT_SERVER, KEYS, ringback_server
from benchmarks.ingest import Contest, compete
from benchmarks.load import require_wrk
from benchmarks.machine import NO_REWRITES, Bench, Others, bench
from benchmarks.results import Ingest
from benchmarks.tree import FilledStore, Tree

_ROW: Final = "{:>4} {:<20} {:>8} {:>7} {:>7} {:>8} {:>7} {:>7} {:>9} {:>8} {:>8} {:>7} {:>7} {:>7}\n"
_HEAD: Final = (
    "conn", "", "req/s", ": bare", ": other", "p50 ms", "p99 ms", ": bare", "receiver", "store", "its core", "store",
    "memory", "log",
)  # fmt: skip
_UNITS: Final = ("", "", "", "", "", "", "", "", "µs", "µs", "", "", "bytes", "bytes")


def against_another(root: Path, contest: Contest, filled: int, *, rewrites: bool = True) -> str:
    """Measure this checkout and another one; return what is to be printed. Raises BenchError."""
    require_wrk()
    own, other = Tree.own(), Tree.at(root)
    others = Others()
    with bench() as made:
        options = () if rewrites else NO_REWRITES
        stores = {tree: FilledStore.prepare(made, tree, filled, options) for tree in (own, other)}
        entries = "".join(f"{tree.name}: an entry of {_entry(made, store):,} bytes\n" for tree, store in stores.items())
        field = {ringback_server(tree, tree.name): store for tree, store in stores.items()}
        found = compete(made, contest, {BARE_SERVER: None, CONSTANT_SERVER: stores[own], **field})
    busy = others.share()
    noise = "" if busy is None else f"other programs used {busy:.0%} of the machine meanwhile\n"
    return entries + _table(found, own.name, other.name) + noise


def _entry(made: Bench, filled: FilledStore) -> int:
    """Return the size of the names and values of one event in the stream."""
    with filled.opened(made) as store:
        ((_, fields),) = cast(
            "list[tuple[bytes, dict[bytes, bytes]]]", Redis.xrevrange(store.client, KEYS.events, count=1)
        )
        return sum(len(name) + len(value) for name, value in fields.items())


def _table(found: list[Ingest], own: str, other: str) -> str:
    """Return a line for each server and number of connections."""
    by_name = {(one.name, one.connections): one for one in found}
    lines = [_ROW.format(*_HEAD), _ROW.format(*_UNITS)]
    for one in found:
        bare, middle = by_name[BARE, one.connections], one.median
        beside = by_name[other, one.connections] if one.name == own else None
        lines.append(
            _ROW.format(
                one.connections,
                one.name,
                f"{middle.requests_per_second:,.0f}",
                "" if one is bare else f"{_ratio(one, bare):.3f}",
                "" if beside is None else f"{_ratio(one, beside):.3f}",
                f"{middle.p50_ms:.2f}",
                f"{middle.p99_ms:.2f}",
                "" if one is bare else f"{_p99_ratio(one, bare):.2f}",
                f"{middle.server_us_a_request:.1f}",
                _shown(middle.store_us_a_request, ".1f"),
                f"{middle.server_share:.0%}",
                f"{middle.store_share:.0%}",
                _shown(middle.stored_bytes_a_request, ",.0f"),
                _shown(middle.log_bytes_a_request, ",.0f"),
            )
        )
    return "".join(lines)


def _ratio(one: Ingest, other: Ingest) -> float:
    pairs = zip(one.rounds, other.rounds, strict=True)
    return median(ours.requests_per_second / theirs.requests_per_second for ours, theirs in pairs)


def _p99_ratio(one: Ingest, other: Ingest) -> float:
    return median(ours.p99_ms / theirs.p99_ms for ours, theirs in zip(one.rounds, other.rounds, strict=True))


def _shown(figure: float | None, how: str) -> str:
    return "" if figure is None else format(figure, how)
