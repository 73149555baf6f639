"""The command that sends a callback as the provider would: trigger."""

import sys
from typing import Annotated

import typer
from rich.table import Table

from ringback.cli.options import AsJson, fail, found, out, pairs, print_json, refuse
from ringback.schemas.censor import Censor
from ringback.wire.samples import SAMPLES, find


def trigger(
    name: Annotated[str | None, typer.Argument(help="A callback, such as mocean/delivery-report.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Send this value; ctx.NAME=… goes into the URL."),
    ] = None,
    raw: Annotated[
        list[str] | None,
        typer.Option("--raw", metavar="FIELD=VALUE", help="Send this field too, whether any document has it or not."),
    ] = None,
    number: Annotated[int, typer.Option("-n", min=1, help="How many, each with new ids.")] = 1,
    list_: Annotated[bool, typer.Option("--list", help="Name the callbacks there are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a callback as the provider would: its method, its format, its field names."""
    if list_:
        _list_samples(as_json=as_json)
        return
    if name is None:
        refuse("which callback? `ringback trigger --list` names them")
    import httpx

    from ringback.wire import sending as triggers

    sample = find(name)
    overrides, undocumented = pairs("--set", set_ or ()), pairs("--raw", raw or ())
    wires = list(triggers.series(sample, overrides, number, raw=undocumented))
    settings = found()
    secret = settings.tokens[0].secret.get_secret_value() if settings.tokens else None
    replies = []
    try:
        with httpx.Client(timeout=30) as client:
            for wire in wires:
                replies.append(triggers.send(client, settings.base_url, secret, wire))  # noqa: PERF401
    except httpx.HTTPError as error:
        fail(f"no Ringback answers at {settings.shown_base_url} ({type(error).__name__}); is `ringback up` running?")
    # An MC has URLs with tokens, which are for a terminal only.
    censor = Censor(() if sys.stdout.isatty() else settings.tokens)
    for reply in replies:
        body = censor.text(reply.text.strip())
        if as_json:
            print_json({"callback": sample.name, "status": reply.status_code, "body": body})
        else:
            out.print(f"{sample.name}: {reply.status_code}" + (f" {body}" if body else ""), soft_wrap=True)
    if any(reply.is_error for reply in replies):
        raise typer.Exit(1)


def _list_samples(*, as_json: bool) -> None:
    if as_json:
        print_json([{"name": one.name, "about": one.about, "fields": list(one.settable)} for one in SAMPLES.values()])
        return
    if not out.is_terminal:
        for name in SAMPLES:
            out.print(name)
        return
    table = Table("name", "what it is", box=None)
    for one in SAMPLES.values():
        table.add_row(one.name, one.about)
    out.print(table)
