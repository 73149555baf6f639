"""The bulkhead: a handler that hangs takes a drain, and never the last one.

A handler that hangs keeps its drain busy for as long as it may take, and so does each drain that runs it on another
event. What all that follows is for: every other handler goes on, on every event.

- One drain stays free. The drains of a machine show one another on a board what they run. Where all the others are
  busy, the one that is left starts no handler that one of them is running: that handler it puts off, the others of the
  entry it runs. What was put off is left for `later` (ringback.workers.intake.handover), and taken up when two drains
  are free again.
- Nothing waits behind a run that takes long (`ringback.workers.running.limits.LONG_S`). From within that run its drain
  leaves what it has not begun to whoever comes `next`. Of the entry that it is in the midst of, the handlers that are
  still to run have their first attempt on `retries`; one that holds up another drain too waits for it in line
  (ringback.workers.failures.line).
- A handler that was ended by its time limit several times in a row is set aside: no drain starts it
  (ringback.workers.handling.aside).

With partitions the first two do not hold: the order of a conversation forbids to pass over anything in it.
"""

from collections.abc import Iterable

from ringback.workers.handling.board import Board
from ringback.workers.runtime import Runtime


class Bulkhead:
    """One drain's side of it: which handlers it may start."""

    def __init__(self, run: Runtime) -> None:
        self._board = run.board
        self._bits = {name: Board.bit(number) for number, name in enumerate(sorted(run.registry.handlers))}
        self.is_in_force = not run.settings.partitions

    def may_start(self, handler: str) -> bool:
        """Say that a handler starts. Tell whether it may; else it is to be put off."""
        return not self.is_in_force or self._board.start(self._bits[handler])

    def may_start_of(self, handlers: set[str]) -> set[str]:
        """Say that handlers start, side by side. Give those that may; the others are to be put off."""
        if not self.is_in_force:
            return handlers
        may: set[str] = set()
        started = 0
        for name in handlers:
            if self._board.start(self._bits[name], beside=started):
                started |= self._bits[name]
                may.add(name)
        return may

    def go_on_with(self, handlers: Iterable[str]) -> None:
        """Say that one of several runs has ended, and which handlers still run beside it."""
        self._board.go_on_with(self._bits[name] for name in handlers)

    def rest(self) -> None:
        """Say that nothing runs."""
        self._board.rest()

    def holds_up(self, handler: str) -> bool:
        """Tell whether a handler holds up another drain."""
        return self._board.holds_up(self._bits[handler])
