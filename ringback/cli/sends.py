"""Commands on what is sent: sends ls, show, again, settle, drop, pause, resume.

The outbox is imported in the commands: it knows the providers' APIs, which the command `serve` must not.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from redis import Redis
from rich.table import Table

from ringback.cli.options import AsJson, DryRun, client_of, err, fail, found, out, print_json, refuse
from ringback.schemas.keys import Keys
from ringback.schemas.send_states import SendState
from ringback.schemas.settings import Settings
from ringback.terminal.choose import ChoiceError, short_length
from ringback.terminal.moments import written
from ringback.terminal.screen import Screen

if TYPE_CHECKING:
    from ringback.outbox.queue import SendStateError
    from ringback.reading.stored_sends import StoredSends

app = typer.Typer(
    help="Look at what is sent, settle what is in doubt, send or drop it, pause an account.", no_args_is_help=True
)
Refs = Annotated[list[str], typer.Argument(metavar="REF…", help="Refs, or how they begin.")]
Ref = Annotated[str, typer.Argument(metavar="REF", help="A ref, or how it begins.")]
Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account of RINGBACK_TOKENS.")]

_WIDE = 200


class Settled(StrEnum):
    """What a person says became of a send in doubt."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


@app.command("ls")
def sends_ls(
    in_doubt: Annotated[bool, typer.Option("--in-doubt", help="Only those of which nobody knows the fate.")] = False,
    state: Annotated[SendState | None, typer.Option("--state", help="Only those in this state.")] = None,
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only of this account.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest sends of the last 72 hours, and those in doubt however old: no texts, of numbers the end."""
    if in_doubt and state not in (None, SendState.IN_DOUBT):
        refuse(f"--in-doubt and --state {state}: write one of them")
    stored = _opened().latest(limit, SendState.IN_DOUBT if in_doubt else state, account)
    rows = [one.row() for one in stored]
    if as_json:
        print_json(rows)
        return
    length = short_length(one.record.ref for one in stored)
    names = ("asked", "ref", "state", "kind", "provider", "account", "to", "attempts", "error", "handler")
    table = Table(*names, box=None)
    for one, row in zip(stored, rows, strict=True):
        record = one.record
        table.add_row(
            "" if record.noted is None else written(record.noted), record.ref[:length],
            *(str(row[name] or "") for name in ("state", "kind", "provider", "account", "recipient")),
            str(record.attempts), str(row["error"] or ""), record.draft.handler or "",
        )  # fmt: skip
    # Wider than most terminals; refs and names that are cut into pieces would be of no use.
    Screen(width=max(out.width, _WIDE)).print(table)


@app.command("show")
def sends_show(ref: Ref) -> None:
    """Print one send whole, as JSON: with its numbers, and its text until the provider has accepted it."""
    try:
        stored = _opened().find(ref)
    except ChoiceError as error:
        fail(str(error))
    print_json(stored.whole())


@app.command("again")
def sends_again(refs: Refs, dry_run: DryRun = False) -> None:
    """Send once more what was refused, has expired, was dropped, or is in doubt (then it may arrive twice)."""
    client, keys, chosen = _chosen(refs)
    err.print(f"{len(chosen)} to send again")
    if dry_run:
        return
    from ringback.redelivery.resending import send_again

    _report("Queued", "again", send_again(client, keys, chosen))


@app.command("drop")
def sends_drop(refs: Refs, dry_run: DryRun = False) -> None:
    """Never send what waits, was refused, has expired or is in doubt."""
    client, keys, chosen = _chosen(refs)
    err.print(f"{len(chosen)} to drop")
    if dry_run:
        return
    from ringback.redelivery.resending import drop_sends

    _report("Dropped", "", drop_sends(client, keys, chosen))


@app.command("settle")
def sends_settle(
    ref: Ref,
    state: Annotated[Settled, typer.Argument(help="What became of it.")],
    message_id: Annotated[
        str | None,
        typer.Option("--message-id", metavar="ID", help="The provider's id of it, so that its reports are known."),
    ] = None,
) -> None:
    """Settle a send in doubt by hand, as the provider's own list shows it. It is told as an event."""
    if message_id is not None and state is Settled.REFUSED:
        refuse("--message-id: what was refused has none")
    client, keys, (chosen,) = _chosen([ref])
    from ringback.outbox import queue

    try:
        queue.settle(client, keys, chosen, SendState(state.value), message_id)
    except queue.SendStateError as error:
        fail(str(error))
    err.print(f"Settled it: {state.value}.")


@app.command("pause")
def sends_pause(account: Account, dry_run: DryRun = False) -> None:
    """Send nothing more of an account. What is asked for waits, and may expire."""
    settings = _known(account)
    err.print(f"1 to pause: {account}", soft_wrap=True)
    if not dry_run:
        from ringback.outbox import queue

        done = queue.pause(client_of(settings), settings.keys, account, datetime.now(UTC))
        err.print("Paused it. What is under way is finished; what comes waits." if done else "It was paused already.")


@app.command("resume")
def sends_resume(account: Account, dry_run: DryRun = False) -> None:
    """Let an account send again."""
    settings = found()
    client = client_of(settings)
    if not client.hexists(settings.keys.outbox_paused, account):
        err.print(f"0 to resume: {account} is not paused", soft_wrap=True)
        return
    err.print(f"1 to resume: {account}", soft_wrap=True)
    if not dry_run:
        from ringback.outbox import queue

        queue.resume(client, settings.keys, account)
        err.print("It goes on.")


def _opened(settings: Settings | None = None, client: Redis | None = None) -> "StoredSends":
    """Open the outbox, with what no sender has taken in yet."""
    settings = settings or found()
    client = client or client_of(settings)
    from ringback.outbox import queue
    from ringback.reading.stored_sends import StoredSends

    queue.take_in(client, settings.keys)
    return StoredSends(client, settings.keys)


def _chosen(refs: list[str]) -> tuple[Redis, Keys, list[str]]:
    """Find sends by how their refs begin. None is touched if one is not there."""
    settings = found()
    client = client_of(settings)
    try:
        return client, settings.keys, _opened(settings, client).named(refs)
    except ChoiceError as error:
        fail(str(error))


def _known(account: str) -> Settings:
    """Return the settings; end the command where they have tokens and none of this account."""
    settings = found()
    accounts = list(dict.fromkeys(token.account for token in settings.tokens))
    if accounts and account not in accounts:
        refuse(f'"{account}" is no account of RINGBACK_TOKENS; there are {", ".join(accounts)}')
    return settings


def _report(done: str, how: str, errors: "Iterable[SendStateError | None]") -> None:
    """Print how many were changed, and why others were not (exit code 1)."""
    outcomes = list(errors)
    for error in outcomes:
        if error is not None:
            err.print(str(error), soft_wrap=True)
    err.print(f"{done} {outcomes.count(None)}{f' {how}' if how else ''}.")
    if any(outcomes):
        raise typer.Exit(1)
