"""Report: `results.json`, the tables between the markers of `docs/performance.md` and `docs/scaling.md`, the plot."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks import capacity
from benchmarks.contestants.servers import BARE
from benchmarks.machine import HERE, ROOT
from benchmarks.plot import plot
from benchmarks.results import (
    CONNECTIONS,
    RINGBACK,
    Again,
    Handling,
    Ingest,
    Replies,
    Results,
    Sends,
    StoreKept,
    StoreWork,
    Waits,
)

RESULTS: Final = HERE / "results.json"
PAGE: Final = ROOT / "docs" / "performance.md"
SCALING: Final = ROOT / "docs" / "scaling.md"
COMPUTED: Final = {"one": capacity.one_of_each, "needed": capacity.needed, "retention": capacity.kept}
PLOT: Final = ROOT / "docs" / "performance.svg"
_NOISE: Final = 0.05
_FULL: Final = 0.9


def write(results: Results) -> list[Path]:
    """Write the figures, the page's tables and the plot; give the files."""
    RESULTS.write_text(results.model_dump_json(indent=2) + "\n")
    pages = {path: path.read_text() for path in (PAGE, SCALING)}
    for name, table in tables(results).items():
        path = SCALING if name in COMPUTED else PAGE
        pages[path] = _put(pages[path], path, name, table)
    for path, page in pages.items():
        path.write_text(page)
    plot(results, PLOT)
    return [RESULTS, *pages, PLOT]


def _put(page: str, path: Path, name: str, table: str) -> str:
    """Put a table between its markers."""
    before, begin, rest = page.partition(f"<!-- bench:{name} -->")
    _, end, after = rest.partition("<!-- /bench -->")
    if not begin or not end:
        raise ValueError(f"{path.name} has no place for {name}: <!-- bench:{name} --> … <!-- /bench -->")
    return f"{before}{begin}\n{table}\n{end}{after}"


def tables(results: Results) -> dict[str, str]:
    """Give what the page shows, by the names of its places."""
    made = {"machine": _machine(results), "ratios": _ratios(results)}
    if results.ingest:
        made["ingest"] = _ingest(results)
        made["taken"] = _taken(results)
    if results.handling:
        made["handling"] = _handling(results.handling)
    if results.backlog:
        made["backlog"] = _backlog(results.backlog)
    if results.latency:
        made["latency"] = _latency(results)
    if results.voice:
        made["voice"] = _voice(results)
    if results.memory:
        made["memory"] = _memory(results)
    if results.sends:
        made["sends"] = _sends(results.sends)
    if results.replies:
        made["replies"] = _replies(results.replies)
        made["replied"] = _replied(results.replies)
    if results.waits:
        made["waits"] = _waits(results.waits)
    if results.again:
        made["again"] = _again(results.again)
        made["waiting"] = _waiting(results.again)
    if results.store:
        made["commits"] = _work(results.store.commits)
        made["after"] = _work(results.store.after)
        made["kept"] = _kept(results.store.kept)
        for name, computed in COMPUTED.items():
            if table := computed(results, results.store):
                made[name] = _table(*table)
    return made


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _machine(results: Results) -> str:
    machine = results.machine
    pinned = (
        "what is measured on one core, the load and the store on another"
        if machine.pinned
        else "nothing pinned to a core: the figures are less steady for it"
    )
    lines = [
        f"- {results.at:%Y-%m-%d %H:%M} UTC, {results.seconds:.0f} s in all, {results.rounds} alternating "
        f"{'round' if results.rounds == 1 else 'rounds'}, load by `wrk`",
        f"- {machine.cores} cores ({machine.processor}, {machine.system}); {pinned}",
        f"- 4 KB are on this machine's disk after {machine.fsync_us:,.0f} µs",
        f"- {', '.join(f'{name} {version}' for name, version in results.versions.items())}",
    ]
    lines += [
        f"- {part}: once more by itself, {later.at:%Y-%m-%d %H:%M} UTC, ringback {later.ringback}"
        + ("" if later.others is None else f"; other programs used {later.others:.0%} of the machine meanwhile")
        for part, later in results.later.items()
    ]
    if machine.others is not None:
        noisy = "; so the figures are noisy" if machine.others > _NOISE else ""
        lines.insert(2, f"- other programs used {machine.others:.0%} of the machine meanwhile{noisy}")
    return "\n".join(lines)


def _ratios(results: Results) -> str:
    rows = []
    if ours := results.taken(RINGBACK):
        for other in results.ingest:
            if other.name == RINGBACK or other.connections != CONNECTIONS:
                continue
            rows.append(
                [
                    f"callbacks taken a second, {CONNECTIONS} connections, Ringback : {other.name}",
                    _times(ours.median.requests_per_second / other.median.requests_per_second),
                    _times(other.median.server_us_a_request / ours.median.server_us_a_request),
                ]
            )
            if other.name == BARE:
                rows.append(
                    [f"p99 under that load, Ringback : {BARE}", _times(ours.median.p99_ms / other.median.p99_ms), ""]
                )
    if handled := next((one for one in results.handling if one.name == RINGBACK), None):
        rows += [
            [
                f"events handled a second, Ringback : {other.name}",
                _times(handled.median_per_second / other.median_per_second),
                _times(other.median_worker_us / handled.median_worker_us),
            ]
            for other in results.handling
            if other.name != RINGBACK
        ]
    if len(results.backlog) > 1:
        small, large = results.backlog[-2], results.backlog[-1]
        rows.append(
            [
                f"time an event, backlog {large.events:,} : {small.events:,}",
                _times(small.median_per_second / large.median_per_second),
                _times(large.median_worker_us / small.median_worker_us),
            ]
        )
    return _table(["", "by the clock", "by processor time"], rows)


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} ×" if ratio >= 20 else f"{ratio:.1f} ×" if ratio >= 2 else f"{ratio:.2f} ×"


def _ingest(results: Results) -> str:
    rows = [
        [
            one.name,
            str(one.connections),
            f"{one.median.requests_per_second:,.0f}",
            f"{one.median.p50_ms:.1f}",
            f"{one.median.p99_ms:.1f}",
            f"{one.median.server_us_a_request:,.0f}",
            _if_known(one.median.store_us_a_request),
            f"{one.median.server_share:.0%}",
            f"{one.median.store_share:.0%}",
            f"{one.median.load_share:.0%}",
            _if_known(one.median.stored_bytes_a_request),
            _if_known(one.median.log_bytes_a_request),
        ]
        for one in results.ingest
    ]
    head = [
        "server", "connections", "requests/s", "p50 ms", "p99 ms", "server's µs a request", "store's µs", "its core",
        "store", "load", "memory a request", "log a request",
    ]  # fmt: skip
    return f"{_table(head, rows)}\n\n{_client(results.ingest)}"


def _if_known(figure: float | None) -> str:
    return "" if figure is None else f"{figure:,.0f}"


def _client(field: list[Ingest]) -> str:
    """Return the sentence on whether the load program was the limit."""
    most = max((one.median for one in field if one.name == BARE), key=lambda one: one.load_share)
    return (
        f"Under bare Starlette, the quickest, the load took up to {most.load_share:.0%} of its core: "
        f"it was {'perhaps' if most.load_share + most.store_share > _FULL else 'not'} the limit."
    )


def _taken(results: Results) -> str:
    """Return how Ringback compares, by the number of connections."""
    counts = sorted({one.connections for one in results.ingest})
    others = dict.fromkeys(one.name for one in results.ingest if one.name != RINGBACK)
    rows = [
        [f"{what}, Ringback : {other}", *(_compared(results, other, count, figure) for count in counts)]
        for what, figure in (("requests/s", _rate), ("p99", _p99))
        for other in others
    ]
    return _table(["", *(f"{count} connections" for count in counts)], rows)


def _compared(results: Results, other: str, connections: int, figure: Callable[[Ingest], float]) -> str:
    ours, theirs = results.taken(RINGBACK, connections), results.taken(other, connections)
    return _times(figure(ours) / figure(theirs)) if ours and theirs else ""


def _rate(one: Ingest) -> float:
    return one.median.requests_per_second


def _p99(one: Ingest) -> float:
    return one.median.p99_ms


def _handling(field: list[Handling]) -> str:
    rows = [
        [one.name, f"{one.events:,}", f"{one.median_per_second:,.0f}", f"{one.median_worker_us:,.0f}"] for one in field
    ]
    return _table(["worker", "backlog", "events/s", "worker's µs an event"], rows)


def _backlog(sizes: list[Handling]) -> str:
    rows = [
        [
            f"{one.events:,}",
            f"{1e6 / one.median_per_second:.0f}",
            f"{one.median_worker_us:.0f}",
            f"{one.rounds[-1].memory_early_mb:.0f}",
            f"{one.rounds[-1].memory_late_mb:.0f}",
        ]
        for one in sizes
    ]
    head = ["backlog", "µs an event", "worker's µs an event", "MB after 10 %", "MB after 90 %"]
    return _table(head, rows)


def _latency(results: Results) -> str:
    rows = [
        [
            f"{one.sent_per_second:,.0f}",
            f"{one.events:,}",
            f"{one.p50_ms:.1f}",
            f"{one.p99_ms:.1f}",
            f"{one.largest_ms:.1f}",
            f"{one.receiver_share:.0%}",
            f"{one.workers_share:.0%}",
            f"{one.store_share:.0%}",
        ]
        for one in results.latency
    ]
    head = ["events/s", "events", "p50 ms", "p99 ms", "largest ms", "receiver", "workers", "store"]
    return _table(head, rows)


def _voice(results: Results) -> str:
    fsync = f"{results.machine.fsync_us / 1000:.2f}"
    rows = [
        [one.name, f"{one.calls:,}", f"{one.p50_ms:.1f}", f"{one.p99_ms:.1f}", f"{one.largest_ms:.1f}", fsync]
        for one in results.voice
    ]
    return _table(["", "calls", "p50 ms", "p99 ms", "largest ms", "the disk's fsync ms"], rows)


def _memory(results: Results) -> str:
    memory = results.memory
    if memory is None:
        return ""
    rows = [
        ["an event in the stream", f"{memory.stream_an_event:,.0f}"],
        ["a dedupe key", f"{memory.dedupe_key:,.0f}"],
        ["a message's status, for reports", f"{memory.message_hash:,.0f}"],
    ]
    return _table(["", "bytes"], rows)


def _waits(kinds: list[Waits]) -> str:
    rows = [
        [one.name, f"{one.events_per_second:,.0f}", f"{one.worker_us:,.0f}", f"{one.store_us:,.0f}"] for one in kinds
    ]
    return _table(["one worker with", "events/s", "worker's µs an event", "store's µs an event"], rows)


def _again(found: Again) -> str:
    rows = [
        [
            one.name,
            f"{one.events:,}",
            f"{one.per_second:,.0f}",
            f"{one.worker_us:,.0f}",
            "" if one.command_us is None else f"{one.command_us:,.0f}",
        ]
        for one in found.repeated
    ]
    return _table(["", "events", "runs/s", "worker's µs a run", "command's µs a run"], rows)


def _waiting(found: Again) -> str:
    rows = [
        ["the JSON of the event", f"{found.event_json:,}"],
        ["a run of it that waits", f"{found.waiting_bytes:,.0f}"],
        ["a dead letter of it", f"{found.letter_bytes:,.0f}"],
    ]
    return _table(["", "bytes"], rows)


def _sends(found: Sends) -> str:
    rows = [[f"{found.client_us:,.0f}", f"{found.bare_us:,.0f}", f"{found.ratio:.2f}", str(found.connections)]]
    head = [f"{found.count:,} sends: µs each", "a bare httpx post", "ratio", "connections"]
    return _table(head, rows)


def _replies(found: Replies) -> str:
    rows = [
        [one.name, f"{one.events_per_second:,.0f}", f"{one.worker_us:,.0f}", f"{one.store_us:,.0f}", ratio]
        for cost in found.costs
        for one, ratio in ((cost.silent, ""), (cost.replying, f"{cost.ratio:.2f}"))
    ]
    return _table(["one worker with", "events/s", "worker's µs an event", "store's µs an event", "ratio"], rows)


def _replied(found: Replies) -> str:
    latency, sender = found.latency, found.sender
    head = ["replies", "p50 ms", "p99 ms", "largest ms", "one sender: sends/s", "its µs a send"]
    row = [f"{latency.replies:,}", f"{latency.p50_ms:.1f}", f"{latency.p99_ms:.1f}", f"{latency.largest_ms:.1f}"]
    return _table(head, [[*row, f"{sender.sends_per_second:,.0f}", f"{sender.sender_us:,.0f}"]])


def _work(done: list[StoreWork]) -> str:
    rows = [
        [
            one.name,
            f"{one.store_us:.1f}",
            f"{1e6 / one.store_us:,.0f}",
            f"{one.events_per_second:,.0f}",
            "" if one.events_a_sync is None else f"{one.events_a_sync:,.0f}",
            f"{one.log_bytes:,.0f}",
            f"{one.received_bytes:,.0f}",
            f"{one.sent_bytes:,.0f}",
        ]
        for one in done
    ]
    head = ["", "store's µs an event", "so a core: events/s", "by the clock", "events an fsync", "log", "in", "out"]
    return _table(head, rows)


def _kept(kinds: list[StoreKept]) -> str:
    rows = [
        [one.name, f"{one.event_json:,}", f"{one.stream:,.0f}", f"{one.keys:,.0f}", f"{one.rewritten_log:,.0f}"]
        for one in kinds
    ]
    return _table(["bytes of", "its JSON", "memory: stream", "memory: keys", "log, rewritten"], rows)
