"""The command that delivers stored events again: replay."""

from collections import Counter
from typing import Annotated

import typer

from ringback.choose import ChoiceError, handler_named
from ringback.commands.terminal import DryRun, OfHandler, OfType, client_of, err, fail, found, out, refuse
from ringback.moments import since

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
    dry_run: DryRun = False,
) -> None:
    """Deliver stored events once more, to each handler that wants them (`ctx.replay` is then true)."""
    filtered = kind is not None or since_ is not None
    if (bool(ids) + (filtered or (handler is not None and not ids)) + all_) != 1:
        refuse("name events by their ids, or choose them with --type, --since and --handler, or all with --all")
    settings = found()
    from workers.discovery import has_plugins, load_registry

    if not settings.handlers and not has_plugins():
        refuse(
            "RINGBACK_HANDLERS: not set, and no `ringback up` runs in this folder, so no handler is known here; "
            "write what the workers have"
        )
    registry = load_registry(settings.handlers)
    from ringback.redelivery import History, runs_of
    from ringback.redelivery import replay as run

    client = client_of(settings)
    history = History(client, settings.keys)
    try:
        only = None if handler is None else handler_named(handler, registry.handlers)
        if handler is not None and only is None:
            refuse(f'--handler "{handler}": there is no such handler; there are {", ".join(registry.handlers)}')
        moment = None if since_ is None else since(since_, history.now())
    except ChoiceError as error:
        refuse(str(error))
    try:
        named = history.named(ids) if ids else None
    except ChoiceError as error:
        fail(str(error))
    # Looked through twice, rather than held: there may be millions.
    counts = Counter(one.handler.name for one in runs_of(named or history.since(moment, kind), registry, only))
    err.print(f"{counts.total()} to replay")
    for name, count in counts.items():
        out.print(f"{name}: {count}", soft_wrap=True)
    if not dry_run:
        count = run(client, runs_of(named or history.since(moment, kind), registry, only))
        err.print(f"Put {count} on the queue.")
