"""`python -m tests.chaos`: a fault run of any size. Exit code 1 if a promise was broken."""

import argparse
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.chaos.faults import KILLS, RARE_KILLS, STOPS
from tests.chaos.report import table
from tests.chaos.trial import Options, attempt

_BUSY_S: Final = 3.0
"""A stop waits for the handler that runs, so that where all is stopped often, handlers are not busy for longer."""

_QUIET_WITHIN_S: Final = 300.0
"""A handler that is set aside is tried every 10 s, and what kills its process is run alone, one by one."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=300.0, help="callbacks a second")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="of an earlier run, to repeat it")
    parser.add_argument("--claim", type=int, default=6, help="RINGBACK_CLAIM_IDLE, in seconds")
    parser.add_argument("--pause", type=float, default=6.0, help="seconds between two faults, on average")
    parser.add_argument("--partitions", type=int, default=0, help="RINGBACK_PARTITIONS")
    parser.add_argument(
        "--faults", choices=["kill", "term", "none"], default="kill", help="kill -9 and SIGSTOP; SIGTERM alone; none"
    )
    parser.add_argument("--keep", action="store_true", help="keep notes, log and store also where all was well")
    chosen = parser.parse_args()
    options = Options(
        events=chosen.events,
        seed=chosen.seed,
        rate=chosen.rate,
        busy=max(2, chosen.events // 10_000),
        hanging=max(1, min(4, chosen.events // 5_000)),
        poison=0 if chosen.faults == "term" else max(2, min(20, chosen.events // 1_000)),
        faults={"kill": (*KILLS, *KILLS, *RARE_KILLS), "term": STOPS, "none": ()}[chosen.faults],
        pause_s=(0.2 * chosen.pause, 1.8 * chosen.pause),
        claim_s=chosen.claim,
        quiet_within_s=_QUIET_WITHIN_S,
        busy_s=_BUSY_S if chosen.faults == "term" else None,
        settings={"RINGBACK_PARTITIONS": str(chosen.partitions)} if chosen.partitions else {},
    )
    folder = Path(tempfile.mkdtemp(prefix="ringback-chaos-"))
    sys.stdout.write(f"seed {options.seed}, in {folder}\n")
    outcome = attempt(options, folder, _say)
    sys.stdout.write(f"\n{table(outcome)}\n")
    if not outcome.good:
        sys.stdout.write(f"A promise was broken. Notes, log and store are in {folder}\n")
        return 1
    if not chosen.keep:
        shutil.rmtree(folder)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
