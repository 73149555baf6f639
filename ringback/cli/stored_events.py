"""Commands that look at events: events ls, show and odd, tail, schema."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ringback.cli.options import AsJson, client_of, err, fail, found, out, print_json, refuse
from ringback.eventlog import summary
from ringback.reading.stream import StoredEvent, Stream
from ringback.schemas.events import EventType
from ringback.terminal.choose import ChoiceError
from ringback.terminal.moments import written

app = typer.Typer(help="Look at stored events.", no_args_is_help=True)


@app.command("ls")
def events_ls(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest.")] = 20,
    kind: Annotated[EventType | None, typer.Option("--type", help="Only events of this type.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the newest events."""
    settings = found()
    listed = Stream(client_of(settings), settings.keys).latest(limit, kind)
    if as_json:
        print_json([one.row() for one in listed])
        return
    for one in listed:
        out.print(_line(one) + ("" if one.handled else "  (not handled yet)"), soft_wrap=True)


@app.command("show")
def events_show(
    event_id: Annotated[str, typer.Argument(help="An event's id, or its entry's, or how it begins.")],
) -> None:
    """Print one event whole, as JSON."""
    settings = found()
    try:
        listed = Stream(client_of(settings), settings.keys).find(event_id)
    except ChoiceError as error:
        fail(str(error))
    print_json(listed.row())


@app.command("odd")
def events_odd(as_json: AsJson = False) -> None:
    """Count what was odd about events: unknown values, unreadable times, … It shows what a provider has changed."""
    settings = found()
    counts = Stream(client_of(settings), settings.keys).oddities()
    if as_json:
        print_json(counts)
        return
    table = Table("provider", "flag", "events", box=None)
    for name, count in counts.items():
        table.add_row(*name.split(" ", 1), str(count))
    out.print(table)


def tail(as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document a line.")] = False) -> None:
    """Print events as they come, until Ctrl-C."""
    settings = found()
    stream = Stream(client_of(settings), settings.keys)
    err.print("Waiting for events. Ctrl-C stops.")
    try:
        for listed in stream.follow():
            if as_json:
                print_json(listed.row()["event"], indent=None)
            else:
                out.print(_line(listed), soft_wrap=True)
    except KeyboardInterrupt:
        return


def schema(
    kind: Annotated[EventType | None, typer.Argument(metavar="TYPE", help="An event type; all, if left out.")] = None,
    asyncapi: Annotated[bool, typer.Option("--asyncapi", help="Describe the stream, as AsyncAPI 3.0.")] = False,
    write: Annotated[Path | None, typer.Option("--write", metavar="DIR", help="Write all of it, a file each.")] = None,
) -> None:
    """Print the JSON Schemas of the events, or the AsyncAPI document of their stream."""
    from ringback.catalogue import documents

    if (kind is not None) + asyncapi + (write is not None) > 1:
        refuse("schema: write one of TYPE, --asyncapi and --write")
    if write is not None:
        for path in documents.write(write):
            err.print(f"Wrote {path}", soft_wrap=True)
    elif asyncapi:
        print_json(documents.asyncapi())
    else:
        print_json(documents.schema(kind) if kind else documents.schemas())


def _line(stored: StoredEvent) -> str:
    """Return an event in one line, without texts and numbers."""
    event = stored.event
    return f"{written(event.receivedat)}  {event.id}  {event.type.value:<18}  {summary(event)}"
