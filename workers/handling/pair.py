"""Pair: an event and a handler that is to run on it, in the hands of this process; and the entry that it came in."""

from dataclasses import replace

from ringback.outbox.queue import Intent
from ringback.schemas.events import Event
from ringback.workers.failures.stored_run import StoredRun
from ringback.workers.intake.entry import Entry
from ringback.workers.registry import Handler
from ringback.workers.running.context import Context
from ringback.workers.running.run import HandlerRun
from ringback.workers.runtime import Runtime
from ringback.workers.sending.correlation import addressee_of, needs_addressee
from ringback.workers.sending.outgoing import Outgoing


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

    __slots__ = ("_addressee", "_run", "begun", "name", "stored")

    def __init__(
        self, handler: Handler, event: Event, begun: Begun, run: Runtime, stored: StoredRun | None = None
    ) -> None:
        state = run.state
        if stored is None:
            super().__init__(handler, event, advanced=begun.entry.advanced, state=state)
        else:
            attempt = stored.attempts + 1
            super().__init__(handler, event, attempt=attempt, advanced=stored.advanced, state=state)
        self.name = handler.name
        self.begun = begun
        self.stored = stored
        self._run = run
        # Before the handler runs, so that a reply waits for nothing.
        self._addressee = addressee_of(run.redis, run.keys, event) if needs_addressee(event) else None
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
        stored, event, run = self.stored, self.event, self._run
        begun_as = stored.handler if stored is not None else self.name
        replay = stored is not None and stored.replay
        outgoing = Outgoing(
            event, self.name, (event.id, begun_as, stored.key) if stored and replay else (event.id, begun_as),
            reply_ttl_s=run.reply_ttl_s, addressee=self._addressee,
            is_muted=stored is not None and replay and not stored.resend,
        )  # fmt: skip
        return Context(
            self.name, event.id, self.attempt, self.advanced, replay, stored.handler if stored else None, self.state,
            outgoing, event.account,
        )  # fmt: skip

    def asked(self) -> list[Intent]:
        """Return what the run has asked to be sent; it can ask for no more."""
        return self._context.send.close() if self._context is not None else []
