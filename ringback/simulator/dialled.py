"""Calls: dialled ones, which follow their MC and press digits; inbound ones, which a phone makes.

The document says of `mocean-event-url` only "answered/hangup" and not the fields; those are what inbound calls have
(*assumed*), and so are BUSY and NO_ANSWER, the words for calls that are never answered.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx

from ringback.schemas.mc_actions import Action
from ringback.schemas.mc_wire import McError
from ringback.simulator.delivering import Deliveries
from ringback.simulator.magic_numbers import USUAL, Outcome, digits_of
from ringback.wire.hearing import collect_of, heard_of, read_mc, words
from ringback.wire.phone import PhoneCall, PhoneError, ServiceLine, taken
from ringback.wire.samples import find
from ringback.wire.sending import Wire, build

ANSWERED: Final = "ANSWERED"
HANGUP: Final = "HANGUP"

_UNANSWERED: Final = {"failed": "BUSY", "expired": "NO_ANSWER"}
_STATUS: Final = "mocean/voice/status"
_COLLECT: Final = "mocean/voice/collect"
_MOST_TURNS: Final = 100
_ANSWER_S: Final = 30.0


@dataclass(slots=True)
class DialledCall:
    """A call that was asked for, and how it went. `commands` is its MC as it came."""

    session_uuid: str
    call_uuid: str
    caller: str
    callee: str
    commands: list[Any] = field(repr=False)
    event_url: str | None = field(default=None, repr=False)
    outcome: Outcome = USUAL
    state: str = "ringing"
    heard: list[str] = field(default_factory=list, repr=False)
    pressed: list[str] = field(default_factory=list, repr=False)
    problem: str | None = None
    task: "asyncio.Task[None] | None" = field(default=None, repr=False, compare=False)

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens in it."""
        return self.state == "ended"

    def fields(self) -> dict[str, str]:
        """Return the fields that all callbacks of a call have."""
        return {
            "mocean-session-uuid": self.session_uuid,
            "mocean-call-uuid": self.call_uuid,
            "mocean-from": digits_of(self.caller),
            "mocean-to": digits_of(self.callee),
        }

    def row(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "session_uuid": self.session_uuid,
            "call_uuid": self.call_uuid,
            "from": self.caller,
            "to": self.callee,
            "state": self.state,
            "heard": list(self.heard),
            "pressed": list(self.pressed),
            "problem": self.problem,
        }


class Calls:
    """All dialled calls, and the digits that were planned for numbers."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self.dialled: dict[str, DialledCall] = {}
        self._planned: dict[str, deque[str]] = {}

    def plan_digits(self, number: str, digits: Sequence[str]) -> None:
        """Plan what is pressed at each collect of the next calls to a number; afterwards nothing is."""
        self._planned.setdefault(digits_of(number), deque()).extend(digits)

    async def begin(self, call: DialledCall) -> None:
        """Let a call ring. One whose report is to come first has been answered when this returns."""
        self.dialled[call.call_uuid] = call
        if call.outcome.reports_first:
            call.state = "answered"
            await self._report(call, ANSWERED)
        if not call.is_over:  # it may have been hung up meanwhile
            call.task = self._deliveries.begin(self._run(call))

    def hang_up(self, call_uuid: str) -> DialledCall | None:
        """End a call; None where there is no such call, or none any more."""
        call = self.dialled.get(call_uuid)
        if call is None or call.is_over:
            return None
        if call.task is not None:
            call.task.cancel()
        call.state = "ended"
        self._deliveries.begin(self._report(call, HANGUP))
        return call

    def clear(self) -> None:
        """Forget all calls and digits."""
        self.dialled.clear()
        self._planned.clear()

    async def _run(self, call: DialledCall) -> None:
        await asyncio.sleep(self._deliveries.delay_s)
        reported = call.outcome.reports[0] if call.outcome.reports else "delivered"
        if reported in _UNANSWERED:
            call.state = "ended"
            await self._report(call, _UNANSWERED[reported])
            return
        if call.state == "ringing":
            call.state = "answered"
            await self._report(call, ANSWERED)
        try:
            await self._converse(call)
        except (McError, PhoneError) as error:
            call.problem = str(error)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            call.problem = type(error).__name__
        call.state = "ended"
        for status in (ANSWERED, HANGUP) if call.outcome.out_of_order else (HANGUP,):
            await self._report(call, status)

    async def _converse(self, call: DialledCall) -> None:
        actions = read_mc(call.commands)
        for _ in range(_MOST_TURNS):
            call.heard += [words(action) for action in heard_of(actions)]
            asked = collect_of(actions)
            if asked is None or asked.event_url is None:
                return
            planned = self._planned.get(digits_of(call.callee))
            digits = taken(asked, planned.popleft() if planned else "")
            call.pressed.append(digits)
            await asyncio.sleep(self._deliveries.delay_s)
            wire = build(find(_COLLECT), {**call.fields(), "mocean-digits": digits})
            actions = await self._answered(asked.event_url, wire)
        call.problem = f"{_MOST_TURNS} turns and no end"

    async def _answered(self, url: str, wire: Wire) -> tuple[Action, ...]:
        response = await self._deliveries.client.request(
            wire.method, self._deliveries.reached(url), headers=dict(wire.headers), content=wire.body, timeout=_ANSWER_S
        )
        if response.is_error:
            raise PhoneError(f"the event-url answered {response.status_code}, which is no MC")
        try:
            return read_mc(response.json())
        except ValueError:
            raise PhoneError("the event-url answered with no MC") from None

    async def _report(self, call: DialledCall, status: str) -> None:
        if call.event_url is None or not call.outcome.reports:
            return
        fields = {**call.fields(), "mocean-direction": "outbound", "mocean-status": status}
        await self._deliveries.deliver(_STATUS, call.call_uuid, call.event_url, build(find(_STATUS), fields))


@dataclass(frozen=True, slots=True)
class PhonePlan:
    """A call that a phone makes: from whom, to which number of ours, what it presses."""

    caller: str
    callee: str
    digits: tuple[str, ...] = ()


async def call_in(plan: PhonePlan, at: str, public: str, token: str | None) -> dict[str, object]:
    """Call the Ringback at this address, and return what was heard. Raises PhoneError, httpx.HTTPError.

    `public`: where its callback URLs begin.
    """
    return await asyncio.to_thread(partial(_call_in, plan, at, public, token))


def _call_in(plan: PhonePlan, at: str, public: str, token: str | None) -> dict[str, object]:
    with httpx.Client(timeout=_ANSWER_S, trust_env=False) as client:
        line = ServiceLine(client=client, at=at.rstrip("/"), public=public.rstrip("/"), secret=token, fallback=[])
        call = PhoneCall(line, digits_of(plan.caller), digits_of(plan.callee))
        digits = iter(plan.digits)
        turns = [call.ring()]
        while call.asked is not None and not call.goes_elsewhere:
            keys = next(digits, None)
            if keys is None:
                break
            turns.append(call.press(keys))
        call.hang_up()
    rows: list[Mapping[str, object]] = [
        {"digits": turn.digits, "heard": [words(action) for action in turn.heard]} for turn in turns
    ]
    return {"session_uuid": call.session, "from": plan.caller, "to": plan.callee, "turns": rows}
