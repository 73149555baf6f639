"""Walk: through the voice handlers, from each `answer` to where the call ends.

The handlers run here, each with the inputs that a caller may give, and with a `call.state` in memory: no Redis, no
service. What they do beside answering they do for real.

    flow = walk(load_registry(["examples.ivr"]), settings)
    for problem in flow.problems:
        print(problem)
"""

import faulthandler
import json
import traceback
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote

from redis import Redis

from ringback.flow.findings import Flow, HandlerAnswer, Moment, Problem, ProblemKind, Walked, WireCommands, faults
from ringback.receiver.http.door import Query
from ringback.receiver.http.paths import callback_at
from ringback.receiver.parsing.normalise import Normaliser
from ringback.receiver.parsing.request import CallbackRequest
from ringback.schemas.events import Event
from ringback.schemas.mc_actions import Collect
from ringback.schemas.mc_wire import McError, make
from ringback.schemas.parts import to_json
from ringback.schemas.settings import Settings
from ringback.wire.hearing import KEYS, collect_of, read_mc
from ringback.wire.samples import find
from ringback.wire.sending import build
from ringback.workers.marks import place
from ringback.workers.registry import CallHandler, Registry
from ringback.workers.running.run import HandlerTimeoutError
from ringback.workers.runtime import Runtime, Stop
from ringback.workers.voice.call_events import Call, read_call
from ringback.workers.voice.calls import NoCallHandlerError, compose
from ringback.workers.voice.state import MemoryState

MAX_RUNS: Final = 2000
MAX_INPUTS: Final = 20
"""How many inputs one after another are followed. A state that changes with each input would lead on for ever."""

_GRACE_S: Final = 5.0
_CALLER: Final = "60123456789"
_CALLEE: Final = "60312345678"


def walk(registry: Registry, settings: Settings, steps: Iterable[str] = (), inputs: Iterable[str] = ()) -> Flow:
    """Walk through all voice handlers.

    `steps`: begin at these too, as calls do that we make. `inputs`: try these at each step too, where they fit, beside
    each key and what the handlers' filters name: a secret code, say.
    """
    return _Walk(registry, settings, tuple(inputs)).walk(tuple(steps))


class _Walk:
    def __init__(self, registry: Registry, settings: Settings, inputs: Sequence[str]) -> None:
        self._handlers = registry.calls.values()
        self._registry = registry
        self._account = settings.tokens[0].account if settings.tokens else "default"
        self._settings = settings.model_copy(update={"tokens": ()})  # so the URLs of steps hold no secret
        # The client never connects: nothing here asks it for anything.
        self._runtime = Runtime(self._settings, registry, Redis(), "voice check", Stop())
        self._normaliser = Normaliser(settings.mocean_zone)
        self._inputs = inputs
        self._fallback = self._settings.fallback_of(self._account)
        self._ran: set[str] = set()
        self._runs = 0

    def walk(self, steps: Sequence[str]) -> Flow:
        calls = [*self._answered(), *(self._begun_at(step) for step in steps)]
        complete = self._follow(calls)
        problems: list[Problem] = []
        if not calls:
            reason = "there is no @voice.answer() for a new call; the caller hears the fallback"
            problems.append(Problem(ProblemKind.NO_HANDLER, None, (), None, reason))
        problems += [*faults(calls), *self._unreached(complete=complete)]
        return Flow(calls, problems, self._runs, complete)

    def _answered(self) -> Iterator[Walked]:
        """Answer a sample call with each handler that does, and further ones for numbers that its steps ask for."""
        for handler in self._handlers:
            if handler.filter.step is not None:
                continue
            caller = self._number(handler.filter.caller, _CALLER)
            callee = self._number(handler.filter.callee, _CALLEE)
            pairs = [(caller, callee)]
            pairs += [
                (min(other.filter.caller or (caller,)), min(other.filter.callee or (callee,)))
                for other in self._handlers
                if other.filter.step is not None
            ]
            for pair in dict.fromkeys(pairs):
                walked = Walked(*pair)
                event = self._event(walked, "mocean/voice/answer", {})
                call = read_call(to_json(event))
                if self._registry.answering(call) is handler:
                    walked.begin = self._run(walked, call, {}, 0)
                    yield walked

    def _begun_at(self, step: str) -> Walked:
        """Begin where the digits of a step are awaited, after an MC that is not known here."""
        longest = max((len(one) for one in (*self._filtered(step), *self._inputs)), default=1)
        walked = Walked(self._number(None, _CALLER), self._number(None, _CALLEE), step)
        asked = make(Collect, event_url=f"{_collect_url(self._settings)}/{step}", max=max(longest, 1))
        walked.begin = HandlerAnswer(None, [asked.wire()], (asked,), waits=self._moment(walked, asked, {}, 0))
        return walked

    def _follow(self, calls: Sequence[Walked]) -> bool:
        """Give each input to each moment, the nearest first; tell whether all were."""
        complete = True
        waiting = deque((walked, moment) for walked in calls for moment in list(walked.moments.values()))
        while waiting:
            walked, moment = waiting.popleft()
            if moment.step is None:
                continue
            inputs = self._to_try(moment)
            if moment.depth == MAX_INPUTS or self._runs + len(inputs) > MAX_RUNS:
                complete = False
                continue
            for digits in inputs:
                known = len(walked.moments)
                overrides = {"mocean-digits": digits, "step": moment.step}
                event = self._event(walked, "mocean/voice/collect", overrides)
                call = read_call(to_json(event))
                moment.answers[digits] = answer = self._run(walked, call, moment.state, moment.depth + 1)
                if answer.waits is not None and len(walked.moments) > known:
                    waiting.append((walked, answer.waits))
        return complete

    def _run(self, walked: Walked, call: Call, state: Mapping[str, str], depth: int) -> HandlerAnswer:
        """Run the handler of a call as a worker would."""
        handler = self._registry.answering(call)
        self._runs += 1
        if handler is not None:
            self._ran.add(handler.name)
        kept = MemoryState(state)
        call.give_state(kept)
        limit = self._settings.voice_deadline.total_seconds()
        # One that holds the interpreter hears no alarm: the process then ends, and a traceback says where that was.
        faulthandler.dump_traceback_later(limit + _GRACE_S, exit=True)
        try:
            commands, _ = compose(self._runtime, call, limit)
            left = kept.dump()
        except NoCallHandlerError as error:
            failure, reason = ProblemKind.NO_HANDLER, str(error)
        except McError as error:
            failure, reason = ProblemKind.INVALID_MC, f"gave an invalid MC: {error}"
        except HandlerTimeoutError as error:
            failure, reason = ProblemKind.HANDLER_TIMEOUT, str(error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - user code may raise anything, and wants to know what
            failure, reason = ProblemKind.HANDLER_RAISED, f"raised {_raised(error, handler)}"
        else:
            return self._answer(walked, handler, commands, left, depth)
        finally:
            faulthandler.cancel_dump_traceback_later()
        if handler is not None:
            reason = f"{place(handler.function)} {reason}"
        answer = self._answer(walked, handler, self._fallback, state, depth)
        return replace(answer, failure=failure, reason=reason)

    def _answer(
        self, walked: Walked, handler: CallHandler | None, commands: WireCommands, state: Mapping[str, str], depth: int
    ) -> HandlerAnswer:
        """Make an answer of an MC, and know in which moment it leaves the call."""
        actions = read_mc(commands)
        asked = collect_of(actions)
        waits = None if asked is None else self._moment(walked, asked, state, depth)
        return HandlerAnswer(handler.name if handler else None, commands, actions, waits=waits)

    def _moment(self, walked: Walked, asked: Collect, state: Mapping[str, str], depth: int) -> Moment:
        """Give the moment in which an MC leaves the call: one that is known already, or a new one."""
        step = _step_of(asked.event_url or "", _collect_url(self._settings))
        moment = Moment(asked, step, state, depth)
        return walked.moments.setdefault((moment.prompt, json.dumps(state, sort_keys=True)), moment)

    def _event(self, walked: Walked, name: str, overrides: Mapping[str, str]) -> Event:
        """Make the event of a call as the receiver would of what the provider sends."""
        fields = {
            "mocean-session-uuid": walked.session,
            "mocean-call-uuid": walked.session,
            "mocean-from": walked.caller.removeprefix("+"),
            "mocean-to": walked.callee.removeprefix("+"),
        }
        wire = build(find(name), {**fields, **overrides})
        found = callback_at(unquote(wire.path))
        if found is None:
            raise LookupError(f"no callback is at {wire.path}")
        content_type, query, limit = wire.headers["Content-Type"], Query.of([], []), self._settings.max_body
        request = CallbackRequest(*found, query, self._account, datetime.now(UTC), content_type, "", wire.body, limit)
        (one,) = request.callbacks()
        return request.event(one.fields, self._normaliser)

    def _to_try(self, moment: Moment) -> list[str]:
        """Choose what to press: nothing, each key, the longest input, and what handlers and users name."""
        collect = moment.collect
        ending = set(collect.terminators or "")
        keys = [key for key in KEYS if key not in ending]
        digits = "".join(key for key in "1234567890" if key in keys)
        longest = (digits * collect.max)[: collect.max]
        tried = ["", *(keys if collect.min <= 1 else ()), *([longest] if collect.max > 1 else ())]
        named = [*self._filtered(moment.step), *self._inputs]
        fitting = (one for one in named if len(one) <= collect.max and not ending & set(one))
        return list(dict.fromkeys([*tried, *fitting]))

    def _filtered(self, step: str | None) -> list[str]:
        """Give the inputs that filters of a step's handlers name."""
        return sorted({one for each in self._handlers if each.filter.step == step for one in each.filter.digits or ()})

    def _number(self, wanted: frozenset[str] | None, usual: str) -> str:
        """Give a number that a filter wants; where any will do, one that no filter wants."""
        if wanted is not None:
            return min(wanted)
        taken = {one for each in self._handlers for one in (*(each.filter.caller or ()), *(each.filter.callee or ()))}
        number = int(usual)
        while f"+{number}" in taken:
            number += 1
        return f"+{number}"

    def _unreached(self, *, complete: bool) -> Iterator[Problem]:
        why = "no call gets here" if complete else f"not reached in {self._runs} runs"
        for handler in self._handlers:
            if handler.name not in self._ran:
                reason = f"{place(handler.function)} is never run: {why}"
                yield Problem(ProblemKind.UNREACHABLE, handler.filter.step, (), handler.name, reason)


def _collect_url(settings: Settings) -> str:
    return settings.callback_url("mocean/voice/collect", None)


def _step_of(event_url: str, collect_url: str) -> str | None:
    """Give the step that a collect's URL names; None where it is not ours."""
    path = event_url.partition("?")[0]
    if path.rstrip("/") == collect_url:
        return ""
    step = unquote(path.removeprefix(f"{collect_url}/"))
    return None if step == unquote(path) or "/" in step else step


def _raised(error: BaseException, handler: CallHandler | None) -> str:
    """Give an error in one line, with the last line of the handler's module that led to it."""
    said = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    module = handler.function.__code__.co_filename if handler else None
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == module]
    return f"{said} (line {lines[-1]})" if lines else said
