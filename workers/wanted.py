"""Wanted: which handlers are to run on an entry."""

from collections.abc import Iterator

import structlog
from pydantic import ValidationError

from schemas.events import EVENTS
from workers.aside import Aside
from workers.entry import Entry
from workers.notes import Notes
from workers.registry import Handler, Registry
from workers.run import Context, Run

log = structlog.get_logger()


def wanted(entry: Entry, registry: Registry, aside: Aside, notes: Notes) -> Iterator[Run[Handler]]:
    """Give a run for each handler that wants the entry and is not done with it.

    Where there is none to give since `when` has raised or the handler is set aside, that is noted.
    """
    try:
        event = EVENTS.validate_json(entry.fields[b"event"])
    except (KeyError, ValidationError):
        if entry.fields:  # else it was trimmed, and is done
            log.error("entry.unreadable", entry_id=entry.id, event_id=entry.event_id)
        return
    advanced = entry.advanced
    for handler in registry.of_type(event.type):
        if handler.name in entry.already:
            continue
        context = Context(handler.name, event.id, 1, advanced)
        run = Run(handler, event, context, handler.subscription.timeout)
        try:
            is_wanted = handler.wants(event, advanced=advanced)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - `when` is the user's
            notes.ended(run, entry, error)
            continue
        if is_wanted and aside.has(handler.name):
            notes.set_aside(run, entry)
        elif is_wanted:
            yield run
