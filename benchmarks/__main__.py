"""The run: everything in turn, then `results.json`, the tables of `docs/performance.md` and its plot."""

import argparse
import os
import signal
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.again import again
from benchmarks.against import against_another
from benchmarks.handling import growth, handling
from benchmarks.ingest import FILLED, Contest, ingest
from benchmarks.latency import latency
from benchmarks.load import require_wrk
from benchmarks.machine import Bench, BenchError, Others, bench, describe
from benchmarks.memory import memory
from benchmarks.replies import replies
from benchmarks.report import RESULTS, tables, write
from benchmarks.results import CONNECTION_COUNTS, RINGBACK, Results
from benchmarks.sends import sends
from benchmarks.store import store
from benchmarks.versions import versions
from benchmarks.voice import voice
from benchmarks.waits import waits

PARTS: Final = (
    "ingest", "handling", "backlog", "latency", "voice", "memory", "waits", "again", "store", "sends", "replies",
)  # fmt: skip
_LOADED: Final = {"ingest", "latency", "memory"}
_STEADY_RATE: Final = 100.0
_THIRD: Final = 1 / 3


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    rounds: int = 3
    seconds: int = 4
    filled: int = FILLED
    backlog: int = 30_000
    jobs: int = 600
    forked: int = 100
    backlogs: tuple[int, ...] = (1_000, 10_000, 100_000)
    latency_s: int = 10
    waits: int = 30_000
    again: int = 30_000
    store_events: int = 20_000
    sends: int = 1_000
    replies: int = 30_000
    replied_one_by_one: int = 300
    outbox: int = 5_000


QUICK: Final = Plan(
    1, 1, 20_000, 5_000, 100, 20, (1_000, 5_000), 2, waits=5_000, again=10_000, store_events=10_000, sends=200,
    replies=5_000, replied_one_by_one=100, outbox=1_000,
)  # fmt: skip
FULL: Final = Plan(backlogs=(*Plan().backlogs, 1_000_000))


def main() -> int:
    """Measure Ringback beside the alternatives; write the figures to benchmarks/ and docs/."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="a short look: one round, printed and not written")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part only, printed and not written")
    parser.add_argument("--write", action="store_true", help="with --only: write that part, and keep the others")
    against = parser.add_argument_group("ingest beside another checkout, printed and not written")
    against.add_argument("--against", type=Path, help="that checkout; it has a .venv of its own")
    against.add_argument("--rounds", type=int, default=Plan().rounds)
    against.add_argument("--seconds", type=int, default=Plan().seconds, help="of load for each figure (%(default)s)")
    against.add_argument("--connections", type=int, action="append", help="(8, 32 and 128)")
    against.add_argument("--filled", type=int, default=FILLED, help="events in the store beforehand (%(default)s)")
    against.add_argument("--no-rewrites", action="store_true", help="the log is not rewritten while it is measured")
    chosen = parser.parse_args()
    if chosen.write and (chosen.quick or not chosen.only):
        parser.error("--write goes with --only; make bench writes everything")
    if chosen.against and chosen.only not in (None, ["ingest"]):
        parser.error("--against measures ingest only")
    # As Ctrl-C does: what was started is ended on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    plan = QUICK if chosen.quick else FULL if os.environ.get("BENCH_FULL") == "1" else Plan()
    try:
        if chosen.against:
            contest = Contest(chosen.rounds, chosen.seconds, chosen.connections or CONNECTION_COUNTS)
            sys.stdout.write(against_another(chosen.against, contest, chosen.filled, rewrites=not chosen.no_rewrites))
            return 0
        results = run(plan, frozenset(chosen.only or PARTS))
    except KeyboardInterrupt:
        sys.stderr.write("bench: interrupted; nothing was written\n")
        return 130
    except BenchError as error:
        sys.stderr.write(f"bench: {error}\n")
        for note in getattr(error, "__notes__", ()):
            sys.stderr.write(f"{note}\n")
        return 1
    sys.stdout.write("\n\n".join(f"{name}\n\n{table}" for name, table in tables(results).items()) + "\n")
    if chosen.write or not (chosen.quick or chosen.only):
        kept = Results.model_validate_json(RESULTS.read_text()) if chosen.write else None
        for path in write(kept.with_parts(chosen.only, results) if kept else results):
            sys.stderr.write(f"wrote {path}\n")
    return 0


def run(plan: Plan, parts: frozenset[str]) -> Results:
    """Measure. Raises BenchError where a run must not count."""
    if parts & _LOADED:
        require_wrk()
    began, others = time.monotonic(), Others()
    with bench() as made:
        results = Results(
            at=datetime.now(UTC).replace(microsecond=0),
            rounds=plan.rounds,
            machine=describe(made.folder, made.cores),
            versions=versions(made.store.client),
        )
        _measure(made, plan, parts, results)
    results.machine = results.machine.model_copy(update={"others": others.share()})
    results.seconds = round(time.monotonic() - began, 1)
    return results


def _measure(made: Bench, plan: Plan, parts: frozenset[str], results: Results) -> None:
    """Measure the parts asked for, and fill them in."""
    rates = [_STEADY_RATE]
    if "ingest" in parts:
        results.ingest = ingest(made, Contest(plan.rounds, plan.seconds), plan.filled)
        if most := results.taken(RINGBACK):
            rates.append(round(most.median.requests_per_second * _THIRD, -2))
    if "handling" in parts:
        results.handling = handling(made, plan.rounds, backlog=plan.backlog, jobs=plan.jobs, forked=plan.forked)
    if "backlog" in parts:
        results.backlog = growth(made, plan.rounds, plan.backlogs)
    if "latency" in parts:
        results.latency = [latency(made, rate, plan.latency_s) for rate in rates]
    if "voice" in parts:
        results.voice = voice(made, plan.rounds)
    if "memory" in parts:
        results.memory = memory(made)
    if "waits" in parts:
        results.waits = waits(made, plan.rounds, plan.waits)
    if "again" in parts:
        results.again = again(made, plan.rounds, plan.again)
    if "store" in parts:
        results.store = store(made, plan.rounds, plan.store_events)
    if "sends" in parts:
        results.sends = sends(made, plan.rounds, plan.sends)
    if "replies" in parts:
        results.replies = replies(
            made, plan.rounds, events=plan.replies, one_by_one=plan.replied_one_by_one, sends=plan.outbox
        )


if __name__ == "__main__":
    sys.exit(main())
