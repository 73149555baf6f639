"""Wanted: which handlers are to run on an entry."""

from collections.abc import Iterator

from schemas.events import EVENTS
from workers.aside import Aside
from workers.context import Context
from workers.entry import Entry
from workers.invocation import Invocation
from workers.notes import Notes
from workers.registry import Handler, Registry


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
        if handler.name in entry.already:
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
