"""Commands on who wants no more texts: optouts ls, add, remove."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from ringback.cli.options import AsJson, client_of, err, found, out, print_json, refuse
from ringback.schemas.address import AddressKind, masked, parse_address
from ringback.terminal.moments import written

app = typer.Typer(help="Look at who wants no more texts, add or remove one.", no_args_is_help=True)
Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account of RINGBACK_TOKENS.")]
Ours = Annotated[str, typer.Argument(metavar="OURS", help="Your number, or what else you send from.")]
Theirs = Annotated[str, typer.Argument(metavar="THEIRS", help="The number that is to get nothing from it.")]


@app.command("ls")
def optouts_ls(
    account: Annotated[str | None, typer.Option("--account", metavar="NAME", help="Only of this account.")] = None,
    as_json: AsJson = False,
) -> None:
    """List who has written STOP to which of your numbers. Of numbers the end alone; with --json whole."""
    settings = found()
    from ringback.reading.opt_outs import StoredOptOuts

    listed = StoredOptOuts(client_of(settings), settings.keys).all(account)
    if as_json:
        print_json([one.row() for one in listed])
        return
    table = Table("since", "account", "from", "to", box=None)
    for one in listed:
        table.add_row(
            written(one.since), one.account, masked(parse_address(one.ours)), masked(parse_address(one.theirs))
        )
    out.print(table)


@app.command("add")
def optouts_add(account: Account, ours: Ours, theirs: Theirs) -> None:
    """Text somebody no more, as if they had written STOP."""
    _note(account, ours, theirs, is_stop=True)
    err.print("Noted: they get nothing from it until they write START, or `ringback optouts remove`.")


@app.command("remove")
def optouts_remove(account: Account, ours: Ours, theirs: Theirs) -> None:
    """Text somebody again, as if they had written START."""
    _note(account, ours, theirs, is_stop=False)
    err.print("Noted: they are texted again.")


def _note(account: str, ours: str, theirs: str, *, is_stop: bool) -> None:
    settings = found()
    accounts = list(dict.fromkeys(token.account for token in settings.tokens))
    if accounts and account not in accounts:
        refuse(f'"{account}" is no account of RINGBACK_TOKENS; there are {", ".join(accounts)}')
    if parse_address(theirs).kind not in (AddressKind.E164, AddressKind.SHORT_CODE):
        refuse("THEIRS: not a number; write it with its country code, such as +60123456789")
    if " " in (sender := _bare(ours)) or not sender:
        refuse("OURS: neither a number nor a sender id; write what you send from")
    from ringback.outbox import queue

    at = datetime.now(UTC).isoformat(timespec="microseconds")
    noted = queue.OptOut(account, sender, _bare(theirs), at, is_stop=is_stop)
    queue.note_opt_outs(client_of(settings), settings.keys, [noted])


def _bare(number: str) -> str:
    """Return an address as the outbox has it: a number in digits alone."""
    return parse_address(number).value.removeprefix("+")
