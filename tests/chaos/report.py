"""The report: what came of a trial, as a small table."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tests.chaos.trial import Outcome

_SHOWN: Final = 5


def table(outcome: Outcome) -> str:
    """Write a line a figure, and the first few of what should not be."""
    return aligned(_rows(outcome))


def aligned(named: Iterable[tuple[str, str]]) -> str:
    """Write a line a row, with what the rows say in one column."""
    rows = list(named)
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)


def _rows(outcome: Outcome) -> Iterator[tuple[str, str]]:
    verdict = outcome.verdict
    yield "seed", str(outcome.options.seed)
    yield "events", f"{outcome.options.events:,}"
    yield "answered with 200", f"{outcome.taken:,}"
    yield "requests repeated", f"{outcome.repeated_requests:,}"
    yield "seconds", f"{outcome.seconds:.0f}, of which sending {outcome.sent_s:.0f}"
    for what, times in sorted(outcome.faults.items()):
        yield f"  {what}", f"{times:,}"
    yield "repeats of a settled attempt", f"{verdict.repeats.total():,}"
    for what, times in sorted(verdict.repeats.items()):
        yield f"  beside: {what}", f"{times:,}, up to {verdict.latest_s[what]:.2f} s after the end"
    yield "dead letters", f"{verdict.letters:,}"
    for deaths, times in sorted(verdict.deaths.items()):
        yield f"  killed {deaths} processes each", f"{times:,}"
    yield from bad("repeats without a fault", verdict.undue)
    yield from bad("lost", verdict.lost)
    yield from bad("dead letters of innocents", verdict.innocent)
    yield from bad("killed its process too often or too seldom", verdict.wrong_deaths)
    yield from bad("killed its process and was not alone", verdict.not_alone)
    yield from bad("stored twice", verdict.stored_twice)
    yield from bad("taken and not stored", verdict.not_stored)
    yield "left waiting", ", ".join(f"{count} {where}" for where, count in outcome.waiting.items()) or "0"
    yield "processes left behind", ", ".join(map(str, outcome.strays)) or "0"


def bad(name: str, found: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Yield how many there are of what should not be, and the first few."""
    yield name, f"{len(found):,}"
    for one in found[:_SHOWN]:
        yield "", str(one)
