"""Commands on requests that could not be used: quarantine ls, show, retry, drop."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ringback.cli.options import AllOfThem, AsJson, DryRun, client_of, err, fail, found, out, print_json, refuse
from ringback.run.home import redis_url
from ringback.schemas.settings import Settings
from ringback.terminal.choose import ChoiceError
from ringback.terminal.moments import written

if TYPE_CHECKING:
    from ringback.reading.quarantined import QuarantinedRequest, QuarantinedRequests

app = typer.Typer(help="Look at requests that could not be used, retry or drop them.", no_args_is_help=True)
EntryIds = Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Ids, or how they begin.")]


@app.command("ls")
def quarantine_ls(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest requests in quarantine, and what is wrong with them."""
    entries = _quarantine(found()).latest(limit)
    if as_json:
        print_json([entry.row() for entry in entries])
        return
    table = Table("received", "id", "account", "path", "reason", box=None)
    for entry in entries:
        kept = entry.kept
        table.add_row(written(entry.time), entry.entry_id, kept.account, kept.path, kept.reason)
    out.print(table)


@app.command("show")
def quarantine_show(entry_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Print one request whole, as JSON."""
    (entry,) = _quarantined(_quarantine(found()), [entry_id])
    print_json(entry.whole())


@app.command("drop")
def quarantine_drop(ids: EntryIds = None, all_: AllOfThem = False, dry_run: DryRun = False) -> None:
    """Remove requests. Repeats of them by the provider are not kept again."""
    settings = found()
    chosen, count = _chosen(_quarantine(settings), ids, all_=all_)
    err.print(f"{count} to drop")
    if not dry_run:
        from ringback.redelivery.requests import drop

        err.print(f"Dropped {drop(chosen, settings, redis_url(settings))}.")


@app.command("retry")
def quarantine_retry(ids: EntryIds = None, all_: AllOfThem = False, dry_run: DryRun = False) -> None:
    """Put requests through today's normaliser. What becomes an event leaves quarantine (exit code 1: not all did)."""
    settings = found()
    chosen, count = _chosen(_quarantine(settings), ids, all_=all_)
    err.print(f"{count} to retry")
    from ringback.redelivery.requests import retry

    remain = 0
    for tried in retry(chosen, settings, redis_url(settings), dry_run=dry_run):
        remain += tried.reason is not None
        became = [f"{event.type.value} {event.id}" for event in tried.events]
        if tried.reason is not None:
            became.append(f"remains, {tried.reason}")
        out.print(f"{tried.entry.entry_id}: {'; '.join(became)}", soft_wrap=True)
    if remain:
        err.print(f"{remain} {'would remain' if dry_run else 'remain'} in quarantine.")
        raise typer.Exit(1)


def _quarantine(settings: Settings) -> "QuarantinedRequests":
    from ringback.reading.quarantined import QuarantinedRequests

    return QuarantinedRequests(client_of(settings), settings.keys)


def _quarantined(quarantine: "QuarantinedRequests", ids: list[str]) -> "list[QuarantinedRequest]":
    """Find requests by their ids, or how these begin. None is touched if one is not there."""
    try:
        return quarantine.named(ids)
    except ChoiceError as error:
        fail(str(error))


def _chosen(
    quarantine: "QuarantinedRequests", ids: list[str] | None, *, all_: bool
) -> "tuple[Iterable[QuarantinedRequest], int]":
    """Find the requests that are named, or all, and count them."""
    if bool(ids) == all_:
        refuse("name requests by their ids, or all with --all")
    if all_:
        return quarantine.all(), quarantine.count()
    named = _quarantined(quarantine, ids or [])
    return named, len(named)
