"""Notes: what becomes of a run, in the ledger, in the log, and in the count of what hangs."""

from typing import Final

import structlog

from ringback.workers.failures.failure import HandlerFailure, Unread, error_name
from ringback.workers.failures.line import Line
from ringback.workers.handling.aside import Aside
from ringback.workers.handling.ledger import Ledger
from ringback.workers.intake.entry import Entry
from ringback.workers.registry import Handler
from ringback.workers.running.discretion import discreet
from ringback.workers.running.invocation import HandlerTimeoutError, Invocation
from ringback.workers.running.outcomes import Drop

log = structlog.get_logger()

MAX_DEATHS: Final = 3


class Notes:
    """One drain's notes on runs. Each is the last word on a handler and an entry, as far as drains go."""

    def __init__(self, ledger: Ledger, aside: Aside, line: Line) -> None:
        self._ledger = ledger
        self._aside = aside
        self._line = line

    def ended(self, invocation: Invocation[Handler], entry: Entry, error: BaseException | None) -> None:
        """Note how a run ended: done, dropped, or failed and to be tried again."""
        name = invocation.handler.name
        if error is None or isinstance(error, Drop):
            if error is not None:
                invocation.context.log.warning("handler.dropped", reason=discreet(str(error.reason), invocation.event))
            self._aside.ended_in_time(name)
            self._ledger.done(entry.id, name, entry.already)
            return
        invocation.context.log.warning("handler.failed", error=error_name(error))
        if isinstance(error, HandlerTimeoutError):
            self._aside.timed_out(name)
        else:
            self._aside.ended_in_time(name)
        self._failed(
            entry, HandlerFailure.of(invocation.handler, invocation.event.id, entry.text, entry.advanced, error)
        )

    def kills_workers(self, invocation: Invocation[Handler], entry: Entry) -> None:
        """Note that a handler's run has cost so many workers that it is not tried again."""
        invocation.context.log.error("handler.kills_workers", entry_id=entry.id)
        reason = f"its worker died {MAX_DEATHS} times while it ran"
        self._failed(
            entry,
            HandlerFailure(invocation.handler, invocation.event.id, entry.text, entry.advanced, reason, final=True),
        )

    def set_aside(self, invocation: Invocation[Handler], entry: Entry) -> None:
        """Note that a handler waits in line, since it is set aside."""
        self._failed(
            entry,
            HandlerFailure(invocation.handler, invocation.event.id, entry.text, entry.advanced, "", line=self._line),
        )

    def hand_on(self, invocation: Invocation[Handler], entry: Entry, *, in_line: bool) -> None:
        """Note that a handler has its first attempt on `retries`: at once, or when it has the turn in its line."""
        line = self._line if in_line else None
        failure = HandlerFailure(
            invocation.handler, invocation.event.id, entry.text, entry.advanced, "", line=line, unrun=True
        )
        self._failed(entry, failure)

    def unreadable(self, entry: Entry, error: Exception) -> None:
        """Note that an entry holds no event that can be read: no handler gets it, and it becomes a dead letter."""
        log.error("entry.unreadable", entry_id=entry.id, event_id=entry.event_id)
        self._ledger.unread(Unread.of(entry, error))

    def _failed(self, entry: Entry, failure: HandlerFailure) -> None:
        self._ledger.failed(entry.id, failure, entry.already)
