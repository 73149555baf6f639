"""Handling: the handlers of an entry, each with its own outcome. Sync ones one after another, async ones together."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Final

import structlog
from pydantic import ValidationError

from schemas.events import EVENTS
from workers.aside import Aside
from workers.board import Board
from workers.discretion import discreet
from workers.entry import Entry
from workers.handover import LATER, NEXT
from workers.ledger import Ledger
from workers.letters import Failure, error_name
from workers.line import Line
from workers.outcomes import Drop
from workers.registry import Handler
from workers.run import Context, HandlerTimeoutError, Run, Runner
from workers.runtime import Runtime

log = structlog.get_logger()

_SLOW_S: Final = 0.005
_UNKNOWN_S: Final = 1.0
_MAX_DEATHS: Final = 3


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
        self._board = run.board
        self._bits = {name: Board.bit(number) for number, name in enumerate(sorted(run.registry.handlers))}
        # Order forbids to pass over what hangs.
        self._may_leave = not run.settings.partitions
        self._line_of = _conversation if run.settings.partitions else id
        self._aside = Aside(run.redis, run.keys)
        self._line = Line(run.redis, run.keys)
        self._mean_s: dict[str, float] = {}
        self._waiting: list[tuple[Run[Handler], Entry]] = []
        self._left: dict[str, int] = {}
        self._entry: Entry | None = None
        self._todo: deque[Run[Handler]] = deque()
        self._put_off: dict[str, list[tuple[Run[Handler], Entry]]] = {}

    def look(self) -> None:
        """Learn which handlers other workers found to hang."""
        self._aside.look()

    def close(self) -> None:
        """End what runs async handlers."""
        self._runner.close()

    def handle(self, entry: Entry) -> None:
        """Run the handlers of an entry that are not done with it; the async ones wait for `handle_async`."""
        self._entry = entry
        for run in self._runs(entry):
            if run.is_async:
                self._waiting.append((run, entry))
                self._left[entry.id] = self._left.get(entry.id, 0) + 1
            else:
                self._todo.append(run)
        while self._todo:
            if not self._holds(entry):
                self._abandon(entry)
                return
            run = self._todo.popleft()
            if self._starts(run, entry):
                self._run_now(run, entry)
        self._entry = None
        if entry.id not in self._left:
            self._end(entry)

    def handle_async(self) -> bool:
        """Run the async handlers of the entries handled so far, side by side. Tell whether there were any."""
        for entry in {entry.id: entry for _, entry in self._waiting}.values():
            if not self._holds(entry):
                self._abandon(entry)
        if not self._waiting:
            return False
        waiting, self._waiting = self._waiting, []
        entry_of = {id(run): entry for run, entry in waiting}
        names = {run.handler.name for run, _ in waiting}
        running = Counter[str]()

        def ended(run: Run[Handler], error: BaseException | None, seconds: float) -> None:
            entry = entry_of[id(run)]
            self._ledger.tally.ran(run.handler.name, error, seconds)
            self._note(run, entry, error)
            self._one_less(entry)
            running[run.handler.name] -= 1
            self._board.go_on_with(self._bits[name] for name in names if running[name])
            self._ledger.write_if_due()

        names -= self._refused(names)
        runs = []
        for run, entry in waiting:
            if run.handler.name in names:
                runs.append(run)
                running[run.handler.name] += 1
            else:
                self._put_off.setdefault(entry.id, []).append((run, entry))
                self._one_less(entry)
        self._ledger.write()
        self._runner.run_together(runs, ended, self._line_of)
        self._board.rest()
        return True

    def handle_alone(self, entry: Entry) -> None:
        """Run the handlers of an entry that a worker died with, one after another, each noted before the next starts.

        So it shows which one kills: that becomes a dead letter, and the others of the entry are run.
        """
        self._entry = entry
        self._todo.extend(self._runs(entry))
        while self._todo:
            if not self._holds(entry):
                self._abandon(entry)
                return
            run = self._todo.popleft()
            if not self._starts(run, entry):
                continue
            self._ledger.write()
            if self._ledger.suspect(entry.id, run.handler.name) >= _MAX_DEATHS:
                self._board.rest()
                run.context.log.error("handler.kills_workers", entry_id=entry.id)
                reason = f"its worker died {_MAX_DEATHS} times while it ran"
                failure = Failure(run.handler, run.event.id, entry.text, entry.advanced, reason, final=True)
                self._ledger.failed(entry.id, failure, entry.already)
            else:
                self._run_now(run, entry)
        self._entry = None
        self._end(entry)
        self._ledger.write()

    def _one_less(self, entry: Entry) -> None:
        self._left[entry.id] -= 1
        if self._left[entry.id] == 0:
            del self._left[entry.id]
            self._end(entry)

    def _end(self, entry: Entry) -> None:
        """Note that nothing of an entry is left to do here."""
        if entry.id in self._put_off:
            del self._put_off[entry.id]
            self._ledger.leave(entry.id, LATER)
        else:
            self._ledger.finish(entry.id)

    def _refused(self, names: set[str]) -> set[str]:
        """Say on the board that these handlers start together. Give those that may not."""
        refused: set[str] = set()
        started = 0
        for name in names if self._may_leave else ():
            if self._board.start(self._bits[name], beside=started):
                started |= self._bits[name]
            else:
                refused.add(name)
        return refused

    def _leave_what_waits(self) -> None:
        """Leave to others what waits for the end of what takes long.

        An entry of which a handler runs stays with this drain: its others go to `retries` for their first attempt.
        """
        if self._may_leave:
            handed_on = []
            for run, entry in self._waiting:
                if entry is self._entry:
                    handed_on.append((run, entry))
                elif entry.id in self._left:
                    self._put_off.pop(entry.id, None)
                    self._ledger.leave(entry.id, NEXT)
                self._left.pop(entry.id, None)
            self._waiting.clear()
            if self._entry is not None:
                handed_on += [(run, self._entry) for run in self._todo]
            self._todo.clear()
            for put_off in self._put_off.values():
                handed_on += put_off
            self._put_off.clear()
            for run, entry in handed_on:
                self._hand_on(run, entry)
        self._held_up()

    def _hand_on(self, run: Run[Handler], entry: Entry) -> None:
        line = self._line if self._board.holds_up(self._bits[run.handler.name]) else None
        failure = Failure(run.handler, run.event.id, entry.text, entry.advanced, "", line=line, unrun=True)
        self._ledger.failed(entry.id, failure, entry.already)

    def _abandon(self, entry: Entry) -> None:
        """Leave an entry to the worker that has taken it over while this one stood still."""
        log.warning("claim.lost", entry_id=entry.id, event_id=entry.event_id)
        self._entry = None
        self._todo.clear()
        self._put_off.pop(entry.id, None)
        self._waiting = [(run, other) for run, other in self._waiting if other is not entry]
        self._left.pop(entry.id, None)
        self._ledger.forget(entry.id)

    def _runs(self, entry: Entry) -> Iterator[Run[Handler]]:
        """Give a run for each handler that wants the entry and is not done with it."""
        try:
            event = EVENTS.validate_json(entry.fields[b"event"])
        except (KeyError, ValidationError):
            if entry.fields:  # else it was trimmed, and is done
                log.error("entry.unreadable", entry_id=entry.id, event_id=entry.event_id)
            return
        for handler in self._registry.of_type(event.type):
            if handler.name in entry.already:
                continue
            context = Context(handler.name, event.id, 1, entry.advanced)
            run = Run(handler, event, context, handler.subscription.timeout)
            try:
                wanted = handler.wants(event, advanced=entry.advanced)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - `when` is the user's
                self._note(run, entry, error)
                continue
            if wanted and self._aside.has(handler.name):
                failure = Failure(handler, event.id, entry.text, entry.advanced, "", line=self._line)
                self._ledger.failed(entry.id, failure, entry.already)
            elif wanted:
                yield run

    def _starts(self, run: Run[Handler], entry: Entry) -> bool:
        """Say on the board that a handler starts; put it off if it may not."""
        if not self._may_leave or self._board.start(self._bits[run.handler.name]):
            return True
        self._put_off.setdefault(entry.id, []).append((run, entry))
        return False

    def _run_now(self, run: Run[Handler], entry: Entry) -> None:
        name = run.handler.name
        if self._mean_s.get(name, _UNKNOWN_S) > _SLOW_S:
            self._ledger.write()
        raised: BaseException | None = None
        began = time.perf_counter()
        try:
            self._runner.run(run)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler may raise anything; it becomes a retry
            raised = error
        finally:
            self._board.rest()
        took = time.perf_counter() - began
        self._ledger.tally.ran(name, raised, took)
        self._note(run, entry, raised)
        self._mean_s[name] = 0.8 * self._mean_s.get(name, took) + 0.2 * took

    def _note(self, run: Run[Handler], entry: Entry, error: BaseException | None) -> None:
        """Note how a run ended."""
        if isinstance(error, Drop):
            run.context.log.warning("handler.dropped", reason=discreet(str(error.reason), run.event))
        elif error is not None:
            run.context.log.warning("handler.failed", error=error_name(error))
            if isinstance(error, HandlerTimeoutError):
                self._aside.timed_out(run.handler.name)
            else:
                self._aside.ended_in_time(run.handler.name)
            failure = Failure.of(run.handler, run.event.id, entry.text, entry.advanced, error)
            self._ledger.failed(entry.id, failure, entry.already)
            return
        self._aside.ended_in_time(run.handler.name)
        self._ledger.done(entry.id, run.handler.name, entry.already)


def _conversation(run: Run[Handler]) -> tuple[str, str]:
    """What keeps its order among async handlers too: a handler's events of one partition key."""
    return run.handler.name, run.event.partitionkey
