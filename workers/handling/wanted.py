"""Wanted: which handlers are to run on an entry."""

from collections.abc import Iterator

from ringback.schemas.events import EVENTS
from ringback.workers.handling.aside import Aside
from ringback.workers.handling.notes import Notes
from ringback.workers.intake.entry import Entry
from ringback.workers.registry import Handler, Registry
from ringback.workers.running.context import Context
from ringback.workers.running.invocation import Invocation


def wanted(entry: Entry, registry: Registry, aside: Aside, notes: Notes) -> Iterator[Invocation[Handler]]:
    """Yield an invocation of each handler that wants the entry and is not done with it.

    Where there is none to give since `when` has raised or the handler is set aside, that is noted. An entry that cannot
    be read is noted as a dead letter of its own.
    """
    try:
        event = EVENTS.validate_json(entry.fields[b"event"])
    except (KeyError, ValueError, RecursionError) as error:
        if entry.fields:  # else it was trimmed, and is done
            notes.unreadable(entry, error)
        return
    advanced = entry.advanced
    for handler in registry.of_type(event.type):
        if entry.already and not entry.already.isdisjoint((handler.name, *handler.aliases)):
            continue
        context = Context(handler.name, event.id, 1, advanced)
        invocation = Invocation(handler, event, context, handler.subscription.timeout)
        try:
            is_wanted = handler.wants(event, advanced=advanced)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - `when` is the user's
            notes.ended(invocation, entry, error)
            continue
        if is_wanted and aside.has(handler.name):
            notes.set_aside(invocation, entry)
        elif is_wanted:
            yield invocation
