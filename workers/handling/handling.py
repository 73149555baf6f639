"""Handling: runs the handlers of an entry, each with its own outcome. Sync ones one after another, async ones together.

What it may not start, and what it leaves to others when a run takes long, is the bulkhead's rule
(ringback.workers.handling.bulkhead).
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

import structlog

from ringback.workers.failures.line import Line
from ringback.workers.handling.aside import Aside
from ringback.workers.handling.bulkhead import Bulkhead
from ringback.workers.handling.ledger import Ledger
from ringback.workers.handling.notes import MAX_DEATHS, Notes
from ringback.workers.handling.wanted import wanted
from ringback.workers.intake.entry import Entry
from ringback.workers.intake.handover import LATER, NEXT
from ringback.workers.registry import Handler
from ringback.workers.running.invocation import Invocation
from ringback.workers.running.runner import Runner
from ringback.workers.runtime import Runtime

log = structlog.get_logger()

_SLOW_S: Final = 0.005
_UNKNOWN_S: Final = 1.0


class _Begun:
    """An entry that is begun, and what of it is still to do.

    `todo`: runs that come one after another. `together`: how many async ones are to end. `put_off`: what the bulkhead
    did not let start.
    """

    __slots__ = ("entry", "put_off", "todo", "together")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.todo: deque[Invocation[Handler]] = deque()
        self.together = 0
        self.put_off: list[Invocation[Handler]] = []


class Handling:
    """Runs handlers for one drain and notes in the ledger what becomes of them.

    `holds`: is an entry still its own? `held_up` is called in the midst of a run that takes long, when what waits for
    its end has been left to others in the ledger.
    """

    def __init__(
        self, run: Runtime, ledger: Ledger, holds: Callable[[Entry], bool], held_up: Callable[[], None]
    ) -> None:
        self._holds = holds
        self._held_up = held_up
        self._registry = run.registry
        self._ledger = ledger
        self._runner = Runner(run.watch, self._leave_what_waits)
        self._bulkhead = Bulkhead(run)
        self._line_of = _conversation if run.settings.partitions else id
        self._aside = Aside(run.redis, run.keys)
        self._notes = Notes(ledger, self._aside, Line(run.redis, run.keys))
        self._mean_s: dict[str, float] = {}
        self._now: _Begun | None = None
        self._waiting: list[tuple[Invocation[Handler], _Begun]] = []
        self._together: list[_Begun] = []

    def look(self) -> None:
        """Learn which handlers other workers found to hang."""
        self._aside.look()

    def close(self) -> None:
        """End what runs async handlers."""
        self._runner.close()

    def handle(self, entry: Entry) -> None:
        """Run the handlers of an entry that are not done with it; the async ones wait for `handle_async`."""
        self._now = begun = _Begun(entry)
        for invocation in wanted(entry, self._registry, self._aside, self._notes):
            if invocation.is_async:
                self._waiting.append((invocation, begun))
                begun.together += 1
            else:
                begun.todo.append(invocation)
        while begun.todo:
            if not self._holds(entry):
                self._abandon(begun)
                return
            invocation = begun.todo.popleft()
            if self._bulkhead.may_start(invocation.handler.name):
                self._run_now(invocation, entry)
            else:
                begun.put_off.append(invocation)
        self._now = None
        if not begun.together:
            self._end(begun)

    def handle_async(self) -> bool:
        """Run the async handlers of the entries handled so far, side by side. Tell whether there were any."""
        for begun in dict.fromkeys(begun for _, begun in self._waiting):
            if not self._holds(begun.entry):
                self._abandon(begun)
        if not self._waiting:
            return False
        waiting, self._waiting = self._waiting, []
        may_start = self._bulkhead.may_start_of({invocation.handler.name for invocation, _ in waiting})
        begun_of: dict[int, _Begun] = {}
        invocations = []
        running = Counter[str]()
        for invocation, begun in waiting:
            if invocation.handler.name in may_start:
                invocations.append(invocation)
                begun_of[id(invocation)] = begun
                running[invocation.handler.name] += 1
            else:
                begun.put_off.append(invocation)
                self._one_less(begun)

        def ended(invocation: Invocation[Handler], error: BaseException | None, seconds: float) -> None:
            begun = begun_of[id(invocation)]
            self._ledger.tally.ran(invocation.handler.name, error, seconds)
            self._notes.ended(invocation, begun.entry, error)
            self._one_less(begun)
            running[invocation.handler.name] -= 1
            self._bulkhead.go_on_with(name for name in may_start if running[name])
            self._ledger.write_if_due()

        self._ledger.write()
        self._together = list(dict.fromkeys(begun_of.values()))
        self._runner.run_together(invocations, ended, self._line_of)
        self._together = []
        self._bulkhead.rest()
        return True

    def handle_alone(self, entry: Entry) -> None:
        """Run the handlers of an entry that a worker died with, one after another, each noted before the next starts.

        So it shows which one kills: that becomes a dead letter, and the others of the entry are run.
        """
        self._now = begun = _Begun(entry)
        begun.todo.extend(wanted(entry, self._registry, self._aside, self._notes))
        while begun.todo:
            if not self._holds(entry):
                self._abandon(begun)
                return
            invocation = begun.todo.popleft()
            if not self._bulkhead.may_start(invocation.handler.name):
                begun.put_off.append(invocation)
                continue
            self._ledger.write()
            if self._ledger.suspect(entry.id, invocation.handler.name) >= MAX_DEATHS:
                self._bulkhead.rest()
                self._notes.kills_workers(invocation, entry)
            else:
                self._run_now(invocation, entry)
        self._now = None
        self._end(begun)
        self._ledger.write()

    def _run_now(self, invocation: Invocation[Handler], entry: Entry) -> None:
        name = invocation.handler.name
        if self._mean_s.get(name, _UNKNOWN_S) > _SLOW_S:
            self._ledger.write()
        raised: BaseException | None = None
        began = time.perf_counter()
        try:
            self._runner.run(invocation)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler may raise anything; it becomes a retry
            raised = error
        finally:
            self._bulkhead.rest()
        took = time.perf_counter() - began
        self._ledger.tally.ran(name, raised, took)
        self._notes.ended(invocation, entry, raised)
        self._mean_s[name] = 0.8 * self._mean_s.get(name, took) + 0.2 * took

    def _one_less(self, begun: _Begun) -> None:
        begun.together -= 1
        if begun.together == 0:
            self._end(begun)

    def _end(self, begun: _Begun) -> None:
        """Note that nothing of an entry is left to do here."""
        if begun.put_off:
            self._ledger.leave(begun.entry.id, LATER)
            begun.put_off.clear()
        else:
            self._ledger.finish(begun.entry.id)

    def _abandon(self, begun: _Begun) -> None:
        """Leave an entry to the worker that has taken it over while this one stood still."""
        entry = begun.entry
        log.warning("claim.lost", entry_id=entry.id, event_id=entry.event_id)
        self._now = None
        self._waiting = [(invocation, other) for invocation, other in self._waiting if other is not begun]
        self._ledger.forget(entry.id)

    def _leave_what_waits(self) -> None:
        """Leave to others what waits for the end of what takes long.

        An entry of which a handler runs stays with this drain: its others go to `retries` for their first attempt.
        """
        if self._bulkhead.is_in_force:
            waiting, self._waiting = self._waiting, []
            in_the_midst = self._together if self._now is None else [self._now]
            for invocation, begun in waiting:
                if begun is self._now:
                    begun.put_off.append(invocation)
                elif begun.together:
                    self._ledger.leave(begun.entry.id, NEXT)
                begun.together = 0
            for begun in in_the_midst:
                self._hand_on(begun)
        self._held_up()

    def _hand_on(self, begun: _Begun) -> None:
        """Let the handlers of an entry that are still to run have their first attempt on `retries`."""
        for invocation in (*begun.todo, *begun.put_off):
            self._notes.hand_on(invocation, begun.entry, in_line=self._bulkhead.holds_up(invocation.handler.name))
        begun.todo.clear()
        begun.put_off.clear()


def _conversation(invocation: Invocation[Handler]) -> tuple[str, str]:
    """What keeps its order among async handlers too: a handler's events of one partition key."""
    return invocation.handler.name, invocation.event.partitionkey
