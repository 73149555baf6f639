"""Notes: what becomes of a run, in the ledger, in the log, and in what all workers know of the handler."""

from typing import Final

import structlog

from ringback.schemas.events import UnreadableError
from ringback.workers.failures.failure import error_name, pause_after, traceback_of
from ringback.workers.failures.letters import NO_HANDLER
from ringback.workers.failures.stored_run import StoredRun
from ringback.workers.handling.ledger import Ledger
from ringback.workers.handling.pair import Pair
from ringback.workers.handling.standing import Standing
from ringback.workers.intake.entry import Entry
from ringback.workers.marks import HandlerError
from ringback.workers.running.discretion import discreet
from ringback.workers.running.outcomes import Drop
from ringback.workers.running.run import NOT_WANTED, HandlerTimeoutError

log = structlog.get_logger()

MAX_DEATHS: Final = 3


class Notes:
    """One drain's notes on runs. Each is the last word on a handler and an entry, as far as this drain goes."""

    def __init__(self, ledger: Ledger, standing: Standing) -> None:
        self._ledger = ledger
        self._standing = standing

    def ended(self, pair: Pair) -> None:
        """Note how a run ended: done, dropped, not wanted, or failed and to be tried again."""
        error = pair.error
        if pair.returned is not NOT_WANTED:
            self._ledger.tally.ran(pair.name, error, pair.took)
        if isinstance(error, HandlerTimeoutError):
            self._standing.timed_out(pair.name)
        elif self._standing.is_restless:
            self._standing.ended_in_time(pair.name)
        if error is None or isinstance(error, Drop):
            if error is not None:
                pair.context.log.warning("handler.dropped", reason=discreet(str(error.reason), pair.event))
            elif asked := pair.asked():
                self._ledger.send(asked)
            self.passed(pair)
            return
        pair.context.log.warning("handler.failed", error=error_name(error))
        record = pair.record().failed(error_name(error))
        pause = pause_after(error, pair.handler.subscription.retry, record.attempts)
        if pause is None:
            self._ledger.bury(record, traceback_of(error))
        else:
            self._ledger.later(pause, record)
        self._done(pair)

    def passed(self, pair: Pair) -> None:
        """Note that nothing more is to be done for a pair."""
        if pair.stored is not None and pair.stored.letter is not None:
            self._ledger.forget_letter(pair.stored.letter)
        self._done(pair)

    def kills_workers(self, pair: Pair) -> None:
        """Note that a handler's run has cost so many workers that it is not tried again."""
        entry = pair.begun.entry
        pair.context.log.error("handler.kills_workers", entry_id=entry.id)
        record = pair.record().failed("WorkerDied")
        self._ledger.bury(record, f"its worker died {MAX_DEATHS} times while it ran")
        self._done(pair)

    def held_back(self, pair: Pair) -> None:
        """Note that a run is held back until there is room for it."""
        self._ledger.hold(pair.name, pair.record())
        self._standing.holds(pair.name)
        self._done(pair)

    def unreadable(self, entry: Entry, error: UnreadableError) -> None:
        """Note that an entry holds no event that can be read: no handler gets it, and it becomes a dead letter."""
        log.error("entry.unreadable", entry_id=entry.id, event_id=entry.event_id)
        reason = f"entry {entry.id} cannot be read: {error}"
        record = StoredRun(NO_HANDLER, entry.event_id or entry.id, entry.id, entry.content, entry.advanced)
        self._ledger.bury(record.failed(UnreadableError.__name__), reason)

    def still_unreadable(self, record: StoredRun, error: Exception) -> None:
        """Note that what could not be read still cannot."""
        unreadable = UnreadableError(str(error))
        self._ledger.bury(record.failed(error_name(unreadable)), traceback_of(unreadable))

    def without_handler(self, record: StoredRun) -> None:
        """Note that the handler of a run is no more: it becomes a dead letter, and keeps what it was before."""
        name = record.handler
        error = HandlerError(
            f"there is no handler {name} any more; if it has another name now: @on(…, aliases=[{name!r}])"
        )
        log.warning("handler.failed", handler=name, event_id=record.event_id, error=error_name(error))
        self._ledger.bury(record.failed(error_name(error)), traceback_of(error))

    def _done(self, pair: Pair) -> None:
        # Of the last one of an entry it is enough to know that the entry is finished.
        if pair.begun.left > 1 or pair.begun.entry.is_suspect:
            self._ledger.done(pair.begun.entry, pair.name)
