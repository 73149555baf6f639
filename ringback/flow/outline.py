"""Outline: a walked flow as a tree that a person can read. What comes again is not drawn again.

A step is drawn in full where a call comes to it first. Elsewhere it is named, with those of its answers that are others
by then, because `call.state` has changed.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text
from rich.tree import Tree

from ringback.flow.findings import Flow, HandlerAnswer, Moment, Problem, Walked
from ringback.terminal.shown import shown
from ringback.wire.hearing import KEYS, heard_of, pressed, read_mc, words


@dataclass(frozen=True, slots=True)
class Drawn:
    """An answer, and what may follow it.

    `mc` is JSON. Where it asks for digits: `step` gets them (None: someone else), `again` says that the step is drawn
    elsewhere, `followed` that the walk went on. `branches` are inputs and their answers.
    """

    handler: str | None
    mc: str
    problem: str | None
    asks: bool = False
    step: str | None = None
    again: bool = False
    followed: bool = True
    branches: tuple[tuple[tuple[str, ...], "Drawn"], ...] = ()

    def row(self) -> dict[str, object]:
        """Give it as JSON has it."""
        row: dict[str, object] = {"handler": self.handler, "mc": json.loads(self.mc), "problem": self.problem}
        if self.asks:
            row |= {"step": self.step, "again": self.again, "followed": self.followed}
            row["answers"] = [{"digits": list(digits), **drawn.row()} for digits, drawn in self.branches]
        return row


def outline(flow: Flow) -> list[tuple[Walked, Drawn]]:
    """Draw each call of a flow."""
    pen = _Pen(flow.calls)
    return [(walked, pen.draw(walked.begin)) for walked in flow.calls]


def document(flow: Flow) -> dict[str, object]:
    """Give a flow as JSON has it."""
    return {
        "calls": [
            {"caller": walked.caller, "callee": walked.callee, "begins": walked.step, "answer": drawn.row()}
            for walked, drawn in outline(flow)
        ],
        "problems": [_problem(problem) for problem in flow.problems],
        "runs": flow.runs,
        "complete": flow.complete,
    }


def trees(flow: Flow) -> Iterator[Tree]:
    """Give a tree for each call of a flow."""
    for walked, drawn in outline(flow):
        call = f"a call from {walked.caller} to {walked.callee}"
        root = Text(call if walked.step is None else f"{call}, begun elsewhere", style="bold")
        tree = Tree(_labelled(root, drawn), guide_style="dim")
        _grow(tree, drawn)
        yield tree


class _Pen:
    """Knows where each moment is to be drawn: after the answer that led there first, which is the shortest way."""

    def __init__(self, calls: Sequence[Walked]) -> None:
        self._led_to: dict[Moment, HandlerAnswer] = {}
        self._first: dict[tuple[str | None, str], Moment] = {}
        for walked in calls:
            for answer in walked.answers():
                if answer.waits is not None:
                    self._led_to.setdefault(answer.waits, answer)
        for moment in sorted(self._led_to, key=lambda one: one.depth):
            if moment.answers:
                self._first.setdefault(moment.prompt, moment)

    def draw(self, answer: HandlerAnswer) -> Drawn:
        face, moment = _face(answer), answer.waits
        if moment is None:
            return Drawn(*face)
        first = self._first.get(moment.prompt)
        if self._led_to[moment] is not answer:
            return Drawn(*face, asks=True, step=moment.step, again=True)
        if not moment.answers:
            return Drawn(*face, asks=True, step=moment.step, followed=False)
        return Drawn(
            *face,
            asks=True,
            step=moment.step,
            again=moment is not first,
            branches=tuple(self._branches(moment, None if moment is first else first)),
        )

    def _branches(self, moment: Moment, first: Moment | None) -> Iterator[tuple[tuple[str, ...], Drawn]]:
        """Draw the answers at a moment, alike ones together; where it comes again, only those that differ."""
        alike: dict[tuple[object, ...], list[str]] = {}
        for digits, answer in moment.answers.items():
            alike.setdefault((_face(answer), answer.waits), []).append(digits)
        merged: dict[Drawn, list[str]] = {}
        for inputs in alike.values():
            drawn = self.draw(moment.answers[inputs[0]])
            for digits in inputs:
                before = first.answers.get(digits) if first else None
                if before is None or drawn.branches or _face(before) != _face(moment.answers[digits]):
                    merged.setdefault(drawn, []).append(digits)
        for drawn, inputs in sorted(merged.items(), key=lambda one: _order(one[1])):
            yield tuple(inputs), drawn


def _face(answer: HandlerAnswer) -> tuple[str | None, str, str | None]:
    return answer.handler, json.dumps(answer.commands, ensure_ascii=False), answer.reason


def _order(inputs: Sequence[str]) -> tuple[int, int, str]:
    """Put keys first, as `pressed` does, then longer inputs, then those without any."""
    return min((0, KEYS.index(one), "") if len(one) == 1 else (1 if one else 2, 0, one) for one in inputs)


def _grow(tree: Tree, drawn: Drawn) -> None:
    for digits, after in drawn.branches:
        _grow(tree.add(_labelled(Text(pressed(digits), style="bold"), after)), after)


def _labelled(text: Text, drawn: Drawn) -> Text:
    """Write what is heard below the input that it is for."""
    if drawn.handler:
        text.append(f"  {drawn.handler.rpartition('.')[2]}", style="not bold dim")
    if drawn.problem:
        text.append(f"\n  {shown(drawn.problem)}; the caller hears the fallback:", style="not bold red")
    for action in heard_of(read_mc(json.loads(drawn.mc))):
        text.append(f"\n  {shown(words(action))}", style="not bold")
    if drawn.asks:
        text.append(f" -> {_whither(drawn)}", style="not bold cyan")
    return text


def _whither(drawn: Drawn) -> str:
    step = drawn.step or "collect without a step"
    match drawn:
        case Drawn(step=None):
            return "someone else's"
        case Drawn(followed=False):
            return f"{step}, not followed further"
        case Drawn(again=True, branches=()):
            return f"{step}, again"
        case Drawn(again=True):
            return f"{step}, again, but now"
        case _:
            return step


def _problem(problem: Problem) -> dict[str, object]:
    return {
        "kind": problem.kind.value,
        "step": problem.step,
        "digits": list(problem.digits),
        "handler": problem.handler,
        "reason": problem.reason,
    }
