"""Commands on runs that wait: retries ls, now."""

from typing import Annotated

import typer
from rich.table import Table

from ringback.cli.known import open_known
from ringback.cli.options import AllOfThem, AsJson, DryRun, OfHandler, OfType, err, out, print_json, refuse
from ringback.terminal.moments import written
from ringback.terminal.screen import Screen

app = typer.Typer(help="Look at runs that wait, for their time or for room; let them begin now.", no_args_is_help=True)

_WIDE = 200


@app.command("ls")
def retries_ls(
    handler: OfHandler = None,
    kind: OfType = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, those that are next.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the runs that are next: in workers' hands, by the time at which they are due, and held back."""
    known = open_known()
    names = () if handler is None else known.handlers.all_names(known.named(handler, "--handler"))
    from ringback.reading.waiting_runs import WaitingRuns

    runs = WaitingRuns(known.client, known.keys).next(limit, names, kind)
    if as_json:
        print_json([run.row() for run in runs])
        return
    table = Table("due", "handler", "event", "type", "attempts", "error", "replay", box=None)
    for run in runs:
        record = run.record
        table.add_row(
            written(run.due) if run.due is not None else run.waits.value, record.handler, record.event_id, run.type,
            str(record.attempts), record.errors[-1] if record.errors else "", "yes" if record.replay else "",
        )  # fmt: skip
    # Wider than most terminals; ids and names that are cut into pieces would be of no use.
    Screen(width=max(out.width, _WIDE)).print(table)


@app.command("now")
def retries_now(
    handler: Annotated[
        str | None, typer.Argument(metavar="HANDLER", help="A handler; its module may be left out.")
    ] = None,
    all_: AllOfThem = False,
    dry_run: DryRun = False,
) -> None:
    """Let the runs of a handler that wait for their time begin now, and those that are held back."""
    if (handler is not None) == all_:
        refuse("name a handler, or choose all with --all")
    known = open_known()
    name = None if handler is None else known.named(handler)
    from ringback.redelivery.now import due_now

    names = () if name is None else known.handlers.all_names(name)
    count = due_now(known.client, known.keys, names, dry_run=True)
    err.print(f"{count} to run now")
    if not dry_run:
        err.print(f"Let {due_now(known.client, known.keys, names)} begin.")
    for one in known.handlers.standing():
        if name in (None, one.name) and one.state != "runs":
            err.print(
                f"{one.name} is {one.state}: its runs are held; `ringback handlers resume {one.name}` lets it go on",
                soft_wrap=True,
            )
