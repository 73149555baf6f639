"""Commands that ask a provider and send nothing: balance, pricing, lookup."""

from typing import Annotated

import typer
from rich.table import Table

from ringback.cli.options import AsJson, err, found, out, print_json
from ringback.cli.send import ByProvider, OfAccount, OfProvider, open_account, plain, plain_fields, plainly, said


def balance(account: OfAccount = None, provider: ByProvider = None, as_json: AsJson = False) -> None:
    """Print what is left in each account that has credentials (exit code 1: one could not be asked)."""
    from ringback.clients.balance import UNITS, balance_of
    from ringback.clients.errors import SendError
    from ringback.run.simulation import configured_here

    configured = configured_here(found())
    accesses = [
        one
        for one in configured.accesses
        if account in (None, one.account) and (provider is None or provider.value == one.provider)
    ]
    rows, has_failed = [], False
    with plainly():
        for access in accesses or [open_account(account, provider).access]:
            row = {"account": access.account, "provider": access.provider}
            try:
                row |= {"balance": str(balance_of(configured, access)), "unit": UNITS[access.provider]}
            except SendError as error:
                if len(accesses) <= 1:
                    raise
                has_failed = True
                err.print(f"{access.account}: {said(error)}", soft_wrap=True)
                row["error"] = error.reason
            rows.append(row)
    if as_json:
        print_json(rows)
    else:
        table = Table("account", "provider", "balance", "", box=None)
        for row in rows:
            table.add_row(row["account"], row["provider"], row.get("balance", "?"), row.get("unit", ""))
        out.print(table)
    if has_failed:
        raise typer.Exit(1)


def pricing(
    mcc: Annotated[str | None, typer.Option(metavar="MCC", help="Only networks of this mobile country code.")] = None,
    mnc: Annotated[str | None, typer.Option(metavar="MNC", help="Only this network of it.")] = None,
    account: OfAccount = None,
    as_json: AsJson = False,
) -> None:
    """Print what an SMS costs by Mocean, a line a network."""
    from ringback.clients.mocean.client import Mocean

    with plainly():
        configured, access = open_account(account, OfProvider.MOCEAN)
        with Mocean.of(access.account, configured) as mocean:
            prices = mocean.pricing(mcc=mcc, mnc=mnc)
    if as_json:
        print_json([plain(price) for price in prices])
        return
    table = Table("country", "operator", "mcc", "mnc", "price", "", box=None)
    for one in prices:
        table.add_row(
            one.country or "any other", one.operator or "", one.mcc or "", ",".join(one.mnc), str(one.price),
            one.currency or "",
        )  # fmt: skip
    out.print(table)


def lookup(
    number: Annotated[str, typer.Argument(help="A phone number with its country code.")],
    account: OfAccount = None,
    provider: ByProvider = None,
    as_json: AsJson = False,
) -> None:
    """Print whose network a number is in. Each lookup costs (exit code 3: it may have been charged)."""
    with plainly():
        opened = open_account(account, provider)
        configured, access = opened
        if access.provider == "mocean":
            from ringback.clients.mocean.client import Mocean

            with Mocean.of(access.account, configured) as mocean:
                result: object = mocean.lookup(number)
        else:
            from ringback.clients.mycoolsms.client import MyCoolSms

            with MyCoolSms.of(access.account, configured) as mycoolsms:
                result = mycoolsms.lookup(number)
    answered = plain_fields(result, opened)
    if as_json:
        print_json(answered)
        return
    for name, value in answered.items():
        if value is not None:
            out.print(f"{name}: {_in_words(value)}", soft_wrap=True)


def _in_words(value: object) -> str:
    """Return a value of a result in one line: of an object its parts, of a list its items."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(one)}" for name, one in value.items() if one is not None)
    return ", ".join(map(_in_words, value)) if isinstance(value, list) else str(value)
