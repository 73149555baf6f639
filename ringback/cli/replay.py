"""The command that delivers stored events again: replay."""

from collections import Counter
from typing import Annotated

import typer

from ringback.cli.options import DryRun, OfHandler, OfType, client_of, err, fail, found, out, refuse
from ringback.reading.stream import Stream
from ringback.terminal.choose import ChoiceError, handler_named
from ringback.terminal.moments import since
from ringback.workers.discovery import has_plugins, load_registry

EventIds = Annotated[
    list[str] | None, typer.Argument(metavar="ID…", help="Ids of events or of their entries, or how they begin.")
]


def replay(
    ids: EventIds = None,
    kind: OfType = None,
    since_: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Only what was stored since: 2h, 2026-03-02, or a time as the lists print it (UTC).",
        ),
    ] = None,
    handler: OfHandler = None,
    all_: Annotated[bool, typer.Option("--all", help="All events in the stream.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send what the handlers ask to be sent. Without it nothing goes out.")
    ] = False,
    dry_run: DryRun = False,
) -> None:
    """Deliver stored events once more, to each handler that wants them (`ctx.replay` is then true)."""
    filtered = kind is not None or since_ is not None
    if (bool(ids) + (filtered or (handler is not None and not ids)) + all_) != 1:
        refuse("name events by their ids, or choose them with --type, --since and --handler, or all with --all")
    settings = found()
    if not settings.handlers and not has_plugins():
        refuse(
            "RINGBACK_HANDLERS: not set, and no `ringback up` runs in this folder, so no handler is known here; "
            "write what the workers have"
        )
    registry = load_registry(settings.handlers)
    from ringback.redelivery.deliveries import redeliver, redeliveries_of

    client = client_of(settings)
    stream = Stream(client, settings.keys)
    newest = stream.newest()  # what comes later is not looked at
    try:
        only = None if handler is None else handler_named(handler, registry.handlers, registry.aliases)
        if handler is not None and only is None:
            refuse(f'--handler "{handler}": there is no such handler; there are {", ".join(registry.handlers)}')
        moment = None if since_ is None else since(since_, stream.now())
    except ChoiceError as error:
        refuse(str(error))
    try:
        named = stream.named(ids) if ids else None
    except ChoiceError as error:
        fail(str(error))
    # Looked through twice, rather than held: there may be millions.
    first, again = (redeliveries_of(named or stream.since(moment, kind, newest), registry, only) for _ in range(2))
    counts = Counter(one.handler.name for one in first)
    err.print(f"{counts.total()} to replay")
    for name, count in counts.items():
        out.print(f"{name}: {count}", soft_wrap=True)
    if not dry_run:
        err.print(f"Put {redeliver(client, settings.keys, again, resend=resend)} on the queue.")
