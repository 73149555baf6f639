"""Fault runs in a small size (`make chaos`: in full): nothing is lost, and nothing runs again without a reason."""

import sys
from pathlib import Path

import pytest

from tests.chaos.faults import KILLS, STOPS
from tests.chaos.report import table
from tests.chaos.trial import Options, attempt


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


@pytest.mark.timeout(240)  # a job that its worker had just taken when it died is found after several claims
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(Options(1000, 1, 60, faults=KILLS, claim_s=5), id="killed and held still"),
        pytest.param(Options(1000, 2, 80, poison=0, faults=STOPS, busy_s=2), id="ended by SIGTERM, nothing runs twice"),
    ],
)
def test_promises_are_kept(tmp_path: Path, options: Options) -> None:
    outcome = attempt(options, tmp_path, say)
    assert outcome.good, table(outcome)
    if options.faults == STOPS:
        assert not outcome.verdict.repeats, table(outcome)
    assert outcome.verdict.letters == options.plan.doomed
    assert len(outcome.faults) > 1, table(outcome)
