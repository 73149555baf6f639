"""Handling: the handlers of an entry, each with its own outcome. Sync ones one after another, async ones together."""

import time
from collections.abc import Callable, Iterator
from typing import Final

import structlog
from pydantic import ValidationError

from schemas.events import EVENTS
from workers.aside import Aside
from workers.discretion import discreet
from workers.entry import Entry
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
    """Runs handlers for one drain and notes in the ledger what becomes of them. `holds`: is an entry still its own?"""

    def __init__(self, run: Runtime, ledger: Ledger, holds: Callable[[Entry], bool]) -> None:
        self._holds = holds
        self._registry = run.registry
        self._ledger = ledger
        self._runner = Runner(run.watch)
        self._line_of = _conversation if run.settings.partitions else id
        self._aside = Aside(run.redis, run.keys)
        self._line = Line(run.redis, run.keys)
        self._mean_s: dict[str, float] = {}
        self._waiting: list[tuple[Run[Handler], Entry]] = []
        self._left: dict[str, int] = {}

    def look(self) -> None:
        """Learn which handlers other workers found to hang."""
        self._aside.look()

    def close(self) -> None:
        """End what runs async handlers."""
        self._runner.close()

    def handle(self, entry: Entry) -> None:
        """Run the handlers of an entry that are not done with it; the async ones wait for `handle_async`."""
        waiting = 0
        for run in self._runs(entry):
            if not self._holds(entry):
                self._abandon(entry)
                return
            if run.is_async:
                self._waiting.append((run, entry))
                waiting += 1
            else:
                self._run_now(run, entry)
        if waiting:
            self._left[entry.id] = waiting
        else:
            self._ledger.finish(entry.id)

    def handle_async(self) -> bool:
        """Run the async handlers of the entries handled so far, side by side. Tell whether there were any."""
        for entry in {entry.id: entry for _, entry in self._waiting}.values():
            if not self._holds(entry):
                self._abandon(entry)
        if not self._waiting:
            return False
        runs, self._waiting = self._waiting, []
        entry_of = {id(run): entry for run, entry in runs}

        def ended(run: Run[Handler], error: BaseException | None, seconds: float) -> None:
            entry = entry_of[id(run)]
            self._ledger.tally.ran(run.handler.name, error, seconds)
            self._note(run, entry, error)
            self._left[entry.id] -= 1
            if self._left[entry.id] == 0:
                del self._left[entry.id]
                self._ledger.finish(entry.id)
            self._ledger.write_if_due()

        self._ledger.write()
        self._runner.run_together([run for run, _ in runs], ended, self._line_of)
        return True

    def handle_alone(self, entry: Entry) -> None:
        """Run the handlers of an entry that a worker died with, one after another, each noted before the next starts.

        So it shows which one kills: that becomes a dead letter, and the others of the entry are run.
        """
        for run in self._runs(entry):
            if not self._holds(entry):
                self._abandon(entry)
                return
            self._ledger.write()
            if self._ledger.suspect(entry.id, run.handler.name) >= _MAX_DEATHS:
                run.context.log.error("handler.kills_workers", entry_id=entry.id)
                reason = f"its worker died {_MAX_DEATHS} times while it ran"
                failure = Failure(run.handler, run.event.id, entry.text, entry.advanced, reason, final=True)
                self._ledger.failed(entry.id, failure, entry.already)
            else:
                self._run_now(run, entry)
        self._ledger.finish(entry.id)
        self._ledger.write()

    def _abandon(self, entry: Entry) -> None:
        """Leave an entry to the worker that has taken it over while this one stood still."""
        log.warning("claim.lost", entry_id=entry.id, event_id=entry.event_id)
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
