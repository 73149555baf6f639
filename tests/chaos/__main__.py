"""`python -m tests.chaos`: a fault run of any size. Exit code 1 if a promise was broken."""

import argparse
import secrets
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.chaos.faults import KILLS, RARE_KILLS, SENDER_KILLS, STOPS
from tests.chaos.replies.report import reply_table
from tests.chaos.replies.trial import ReplyOptions, attempt_replies
from tests.chaos.report import table
from tests.chaos.trial import Options, attempt

_BUSY_S: Final = 3.0
"""A stop waits for the handler that runs, so that where all is stopped often, handlers are not busy for longer."""

_QUIET_WITHIN_S: Final = 300.0
"""A handler that is set aside is tried every 10 s, and what kills its process is run alone, one by one."""

_REPORTED_WITHIN_S: Final = 900.0
"""The simulator sends few delivery reports at once, so on a busy machine they come long after the answers."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--replies", action="store_true", help="SMS that are answered: what phones got is what counts")
    parser.add_argument("--events", type=int, help="100,000; with --replies 20,000")
    parser.add_argument("--rate", type=float, help="callbacks a second: 300; with --replies 100")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="of an earlier run, to repeat it")
    parser.add_argument("--claim", type=int, default=6, help="RINGBACK_CLAIM_IDLE, in seconds")
    parser.add_argument("--pause", type=float, default=6.0, help="seconds between two faults, on average")
    parser.add_argument("--partitions", type=int, default=0, help="RINGBACK_PARTITIONS")
    parser.add_argument(
        "--faults",
        choices=["kill", "sender", "term", "none"],
        default="kill",
        help="kill -9 and SIGSTOP; with --replies: of the sender too; SIGTERM alone; none",
    )
    parser.add_argument("--keep", action="store_true", help="keep notes, log and store also where all was well")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ringback-chaos-"))
    _say(f"seed {chosen.seed}, in {folder}")
    shown, good = (_replies if chosen.replies else _handling)(chosen, folder)
    _say(f"\n{shown}")
    if not good:
        _say(f"A promise was broken. Notes, log and store are in {folder}")
        return 1
    if not chosen.keep:
        shutil.rmtree(folder)
    return 0


def _handling(chosen: argparse.Namespace, folder: Path) -> tuple[str, bool]:
    events = chosen.events or 100_000
    options = Options(
        events=events,
        seed=chosen.seed,
        rate=chosen.rate or 300,
        busy=max(2, events // 10_000),
        hanging=max(1, min(4, events // 5_000)),
        poison=0 if chosen.faults == "term" else max(2, min(20, events // 1_000)),
        faults=_faults(chosen.faults, (*KILLS, *KILLS, *RARE_KILLS)),
        pause_s=_pause(chosen.pause),
        claim_s=chosen.claim,
        quiet_within_s=_QUIET_WITHIN_S,
        busy_s=_BUSY_S if chosen.faults == "term" else None,
        settings={"RINGBACK_PARTITIONS": str(chosen.partitions)} if chosen.partitions else {},
    )
    outcome = attempt(options, folder, _say)
    return table(outcome), outcome.good


def _replies(chosen: argparse.Namespace, folder: Path) -> tuple[str, bool]:
    events = chosen.events or 20_000
    options = ReplyOptions(
        events=events,
        seed=chosen.seed,
        rate=chosen.rate or 100,
        slow=max(2, events // 1_000),
        faults=_faults(chosen.faults, KILLS),
        pause_s=_pause(chosen.pause),
        claim_s=chosen.claim,
        quiet_within_s=_REPORTED_WITHIN_S,
        settings={"RINGBACK_PARTITIONS": str(chosen.partitions)} if chosen.partitions else {},
    )
    outcome = attempt_replies(options, folder, _say)
    return reply_table(outcome), outcome.good


def _faults(chosen: str, kills: Sequence[str]) -> Sequence[str]:
    """Return the faults of a run; the supervisor's end is its sender's too."""
    return {"kill": kills, "sender": (*KILLS, *SENDER_KILLS, *RARE_KILLS), "term": STOPS, "none": ()}[chosen]


def _pause(average_s: float) -> tuple[float, float]:
    return 0.2 * average_s, 1.8 * average_s


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
