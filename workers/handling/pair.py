"""Pair: an event and a handler that is to run on it, in the hands of this process; and the entry that it came in."""

from dataclasses import replace

from ringback.schemas.events import Event
from ringback.workers.failures.stored_run import StoredRun
from ringback.workers.intake.entry import Entry
from ringback.workers.registry import Handler
from ringback.workers.running.context import Context
from ringback.workers.running.run import HandlerRun


class Begun:
    """An entry that is worked on. `left`: how many of its pairs are not done with; `ran`: how many have started.

    `is_lost`: another worker has taken it over meanwhile.
    """

    __slots__ = ("entry", "is_lost", "left", "ran")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.left = self.ran = 0
        self.is_lost = False


class Pair(HandlerRun):
    """A run of a handler on an event. `stored`: the record that it is of, if it was not made of a new event."""

    __slots__ = ("begun", "name", "stored")

    def __init__(
        self, handler: Handler, event: Event, begun: Begun, state: object, stored: StoredRun | None = None
    ) -> None:
        if stored is None:
            super().__init__(handler, event, advanced=begun.entry.advanced, state=state)
        else:
            attempt = stored.attempts + 1
            super().__init__(handler, event, attempt=attempt, advanced=stored.advanced, state=state)
        self.name = handler.name
        self.begun = begun
        self.stored = stored
        begun.left += 1

    @property
    def is_probe(self) -> bool:
        """Whether it is to find out if a handler that is set aside still hangs."""
        return self.stored is not None and self.stored.probe

    def record(self) -> StoredRun:
        """Return what it takes to run it later. It counts no attempt."""
        if self.stored is not None:
            return replace(self.stored, probe=False)
        entry = self.begun.entry
        return StoredRun(self.name, self.event.id, entry.id, entry.content, entry.advanced)

    def make_context(self) -> Context:
        """Return what the handler may know beside the event."""
        made = super().make_context()
        if self.stored is None:
            return made
        return replace(made, replay=self.stored.replay, begun_as=self.stored.handler)
