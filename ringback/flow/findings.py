"""Flow: what a walk through voice handlers found: sample calls, moments in which digits are asked for, and answers.

`faults` names what is wrong with it. `ringback.flow.walk` makes it, `ringback.flow.outline` draws it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ringback.schemas.mc_actions import Action, Collect, Dial, Record, Sleep
from ringback.wire.hearing import heard_of, pressed
from ringback.wire.sending import random_id

WireCommands = list[dict[str, object]]


class ProblemKind(StrEnum):
    """What can be wrong with a flow. The first four are what a caller would get the fallback for."""

    NO_HANDLER = "no_handler"
    HANDLER_RAISED = "handler_raised"
    HANDLER_TIMEOUT = "handler_timeout"
    INVALID_MC = "invalid_mc"
    SILENT = "silent"
    DEAD_END = "dead_end"
    ENDLESS = "endless"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: at which step (None: where a call is answered), for which inputs, by which handler."""

    kind: ProblemKind
    step: str | None
    digits: tuple[str, ...]
    handler: str | None
    reason: str

    def __str__(self) -> str:
        where = "answer" if self.step is None else _named(self.step)
        return f"{where}, {pressed(self.digits)}: {self.reason}" if self.digits else f"{where}: {self.reason}"


@dataclass(frozen=True, slots=True, eq=False)
class HandlerAnswer:
    """What a handler answered. With a `failure`, for this `reason`, the caller hears the fallback in its place."""

    handler: str | None
    commands: WireCommands
    actions: tuple[Action, ...]
    failure: ProblemKind | None = None
    reason: str | None = None
    waits: "Moment | None" = None

    @property
    def ends(self) -> bool:
        """Tell whether the caller got somewhere: the call is handed on, recorded or over."""
        handed_on = self.waits is None or self.waits.step is None
        return handed_on or any(isinstance(action, Dial | Record) for action in self.heard)

    @property
    def heard(self) -> Sequence[Action]:
        """Give the actions that the caller hears."""
        return heard_of(self.actions)


@dataclass(slots=True, eq=False)
class Moment:
    """The caller is asked for digits, with a `state` (name -> JSON) of the call so far.

    `step` is None where someone else is asked what now. `answers` are those to each input that was tried; none where
    the walk went no further.
    """

    collect: Collect
    step: str | None
    state: Mapping[str, str]
    depth: int
    answers: dict[str, HandlerAnswer] = field(default_factory=dict)

    @property
    def prompt(self) -> tuple[str | None, str]:
        """Name what is collected, whatever the state."""
        return self.step, self.collect.model_dump_json()


@dataclass(slots=True, eq=False)
class Walked:
    """A sample call, walked from its beginning: the answer to it, or the digits of a `step` of a call that we made."""

    caller: str
    callee: str
    step: str | None = None
    begin: HandlerAnswer = field(init=False)
    moments: dict[object, Moment] = field(default_factory=dict)
    session: str = field(default_factory=random_id)

    def answers(self) -> Iterator[HandlerAnswer]:
        """Give all answers, in the order in which they were given."""
        yield self.begin
        for moment in self.moments.values():
            yield from moment.answers.values()


@dataclass(frozen=True, slots=True)
class Flow:
    """All sample calls, and what is wrong. `complete`: nothing was left out to come to an end."""

    calls: Sequence[Walked]
    problems: Sequence[Problem]
    runs: int
    complete: bool


def faults(calls: Sequence[Walked]) -> Iterator[Problem]:
    """Name what is wrong in calls that were walked."""
    yield from _wrong_answers(calls)
    yield from _ways_out(calls)


def _wrong_answers(calls: Sequence[Walked]) -> Iterator[Problem]:
    """Name the answers that the caller does not get, or does not hear; inputs with the same one together."""
    found: dict[tuple[ProblemKind, str | None, str | None, str], list[str]] = {}
    for step, digits, answer in _answers(calls):
        if answer.failure is not None:
            kind, reason = answer.failure, f"{answer.reason}; the caller hears the fallback"
        elif all(isinstance(action, Sleep) for action in answer.heard):
            kind, reason = ProblemKind.SILENT, f"the caller hears nothing of what {answer.handler} answers"
        else:
            continue
        inputs = found.setdefault((kind, step, answer.handler, reason), [])
        if digits is not None and digits not in inputs:
            inputs.append(digits)
    for (kind, step, handler, reason), inputs in found.items():
        yield Problem(kind, step, tuple(inputs), handler, reason)


def _answers(calls: Sequence[Walked]) -> Iterator[tuple[str | None, str | None, HandlerAnswer]]:
    """Give each answer, with the step and the input it is for; None and None for the first of a call."""
    for walked in calls:
        yield None, None, walked.begin
        for moment in walked.moments.values():
            for digits, answer in moment.answers.items():
                yield moment.step, digits, answer


def _ways_out(calls: Sequence[Walked]) -> Iterator[Problem]:
    """Name the steps that no input leads out of, and those that ask someone who presses nothing for ever."""
    named: set[str | None] = set()
    for walked in calls:
        moments = [moment for moment in walked.moments.values() if moment.step is not None]
        lead_out = _leading_out(moments)
        for moment in moments:
            if moment.step in named:
                continue
            if moment not in lead_out:
                named.add(moment.step)
                reason = "no way out: whatever is pressed, the call does not end, nor is it handed on or recorded"
                yield Problem(ProblemKind.DEAD_END, moment.step, (), None, reason)
            elif _returns_in_silence(moment):
                named.add(moment.step)
                reason = "who presses nothing is asked for ever; count the rounds in call.state, and say goodbye"
                yield Problem(ProblemKind.ENDLESS, moment.step, ("",), None, reason)


def _leading_out(moments: Sequence[Moment]) -> set[Moment]:
    """Give the moments from which some input leads to an end, now or later.

    One that was not followed is taken to lead where the others of its step do, and out if there are no others.
    """
    followed = {moment.prompt for moment in moments if moment.answers}
    out = {moment for moment in moments if not moment.answers and moment.prompt not in followed}
    out |= {moment for moment in moments if any(answer.ends for answer in moment.answers.values())}
    while True:
        prompts = {moment.prompt for moment in out}
        more = {
            moment
            for moment in moments
            if moment not in out
            and (
                any(answer.waits in out for answer in moment.answers.values())
                or (not moment.answers and moment.prompt in prompts)
            )
        }
        if not more:
            return out
        out |= more


def _returns_in_silence(moment: Moment) -> bool:
    """Tell whether a caller who presses nothing comes back to this moment."""
    passed = {moment}
    answer = moment.answers.get("")
    while answer is not None and not answer.ends and answer.waits is not None:
        if answer.waits is moment:
            return True
        if answer.waits in passed:
            return False
        passed.add(answer.waits)
        answer = answer.waits.answers.get("")
    return False


def _named(step: str) -> str:
    return step or "collect without a step"
