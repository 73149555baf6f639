"""The report: what came of a trial with replies, as a small table."""

from collections.abc import Iterator

from tests.chaos.replies.trial import ReplyOutcome
from tests.chaos.report import aligned, bad


def reply_table(outcome: ReplyOutcome) -> str:
    """Write a line a figure, and the first few of what should not be."""
    return aligned(_rows(outcome))


def _rows(outcome: ReplyOutcome) -> Iterator[tuple[str, str]]:
    verdict, plan = outcome.verdict, outcome.options.plan
    yield "seed", str(outcome.options.seed)
    yield "SMS that came in", f"{outcome.options.events:,}"
    yield "answered with 200", f"{outcome.taken:,}"
    yield "requests repeated", f"{outcome.repeated_requests:,}"
    yield "seconds", f"{outcome.seconds:.0f}, of which sending {outcome.sent_s:.0f}"
    for what, times in sorted(outcome.faults.items()):
        yield f"  {what}", f"{times:,}"
    yield "to be answered", f"{len(plan.answered):,}"
    yield "answers in the inbox", f"{verdict.sent:,}"
    yield "listed in doubt", f"{len(verdict.in_doubt):,}"
    for state, count in sorted(verdict.states.items()):
        yield f"  {state}", f"{count:,}"
    yield from bad("answered twice", verdict.twice)
    yield from bad("answered and not to be", verdict.unasked)
    yield from bad("neither answered nor in doubt", verdict.missing)
    yield from bad("in doubt and not listed", verdict.unlisted)
    yield from bad("in doubt although its report came", verdict.proven)
    yield from bad("without its one message.sent", verdict.untold)
    yield "left waiting", ", ".join(f"{count} {where}" for where, count in outcome.waiting.items()) or "0"
    yield "processes left behind", ", ".join(map(str, outcome.strays)) or "0"
