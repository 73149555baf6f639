"""Fault runs in a small size (`make chaos`: in full): nothing is lost, and nothing runs again without a reason."""

import sys
from pathlib import Path

import pytest

from tests.chaos.faults import KILLS, SENDER_KILLS, STOPS
from tests.chaos.replies.report import reply_table
from tests.chaos.replies.trial import ReplyOptions, attempt_replies
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


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "options",
    [
        pytest.param(ReplyOptions(300, 3, 40), id="each is answered once"),
        pytest.param(ReplyOptions(300, 4, 40, faults=(*KILLS, *SENDER_KILLS)), id="the sender too: never twice"),
    ],
)
def test_replies_are_sent_once(tmp_path: Path, options: ReplyOptions) -> None:
    outcome = attempt_replies(options, tmp_path, say)
    assert outcome.good, reply_table(outcome)
    if options.faults == KILLS:
        assert not outcome.verdict.in_doubt, reply_table(outcome)
    assert len(outcome.faults) > 1, reply_table(outcome)
