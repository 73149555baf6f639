"""Commands on tokens: token new, ls. With docs/security.md they are all that a rotation needs."""

import secrets
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from ringback.cli.options import AsJson, err, found, out, print_json, refuse
from ringback.schemas.tokens import check_account

app = typer.Typer(help="Make a token, or tell tokens apart.", no_args_is_help=True)

_BYTES: Final = 24
_HOW: Final = """
1. Put it into RINGBACK_TOKENS before the account's other tokens, and restart `serve`, then `work`:
     RINGBACK_TOKENS={account}:<new>,{account}:<old>
2. Paste the URLs that `ringback urls` prints at the provider: they have an account's first token.
3. Remove the old token from RINGBACK_TOKENS when nothing comes with it any more, and restart `serve`, then `work`.
`ringback token ls` shows what is in force."""


@app.command("new")
def token_new(account: Annotated[str, typer.Argument(help="Whose it is.")] = "default") -> None:
    """Print a new random token as `account:token`, and how to change to it. Nothing is changed by this."""
    try:
        check_account(account)
    except ValueError as error:
        refuse(str(error))
    out.print(f"{account}:{secrets.token_urlsafe(_BYTES)}", soft_wrap=True)
    err.print(Text(_HOW.format(account=account)), soft_wrap=True)


@app.command("ls")
def token_ls(as_json: AsJson = False) -> None:
    """List the tokens in force by their fingerprints. The tokens themselves are not shown."""
    settings = found()
    firsts = settings.first_tokens
    rows = [
        {"account": token.account, "fingerprint": token.fingerprint, "in_new_urls": token in firsts}
        for token in settings.tokens
    ]
    if as_json:
        print_json(rows)
        return
    table = Table("account", "fingerprint", "", box=None)
    for row in rows:
        table.add_row(str(row["account"]), str(row["fingerprint"]), "in new URLs" if row["in_new_urls"] else "accepted")
    out.print(table)
