"""Commands on what handlers failed on for good: dead ls, show, retry, drop."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ringback.cli.options import (
    AllOfThem,
    AsJson,
    DryRun,
    OfHandler,
    OfType,
    client_of,
    err,
    fail,
    found,
    out,
    print_block,
    print_json,
    refuse,
)
from ringback.schemas.events import EventType
from ringback.schemas.settings import Settings
from ringback.terminal.choose import ChoiceError, short_length
from ringback.terminal.moments import written
from ringback.terminal.screen import Screen
from ringback.workers.discovery import has_plugins, load_registry
from ringback.workers.marks import HandlerError

if TYPE_CHECKING:
    from ringback.reading.dead_letters import DeadLetters

app = typer.Typer(help="Look at what handlers failed on for good, retry or drop it.", no_args_is_help=True)
LetterIds = Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Ids, or how they begin.")]

_WIDE = 200


@app.command("ls")
def dead_ls(
    handler: OfHandler = None,
    kind: OfType = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest dead letters. What was raised is named without its text, which may be private."""
    dead = _dead(handler)
    try:
        letters = dead.latest(limit, handler, kind)
    except ChoiceError as error:
        refuse(str(error))
    if as_json:
        print_json([letter.row() for letter in letters])
        return
    length = short_length(dead.ids())
    table = Table("died", "id", "handler", "event", "type", "attempts", "error", box=None)
    for letter in letters:
        table.add_row(
            written(letter.time), letter.letter_id[:length], letter.handler, letter.event_id,
            letter.type, str(letter.attempts), letter.error,
        )  # fmt: skip
    # Wider than most terminals; ids and names that are cut into pieces would be of no use.
    Screen(width=max(out.width, _WIDE)).print(table)


@app.command("show")
def dead_show(letter_id: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """Print one dead letter whole, with its event, and a traceback for each time that it died, the last one first."""
    dead = _dead()
    (named,) = _letters(dead, [letter_id])
    letter = dead.find(named)
    if letter is None:
        fail(f"none of the dead letters has the id {letter_id}")
    whole, history = letter.whole(), dead.history(named)
    if as_json:
        print_json({**whole, "traceback": next(iter(history), ""), "earlier_tracebacks": history[1:]})
        return
    event = whole.pop("event", None)
    for name, value in {**whole, "errors": ", ".join(letter.errors)}.items():
        out.print(f"{name:<9} {value}", soft_wrap=True)
    for number, traceback in enumerate(history):
        out.print()
        if number:
            out.print("before it was given another try:")
        print_block(traceback)
    out.print()
    if event is not None:
        print_json(event)


@app.command("drop")
def dead_drop(
    ids: LetterIds = None, handler: OfHandler = None, kind: OfType = None, all_: AllOfThem = False,
    dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Delete dead letters."""
    dead = _dead(handler)
    chosen = _chosen_letters(dead, ids, handler, kind, all_=all_)
    err.print(f"{len(chosen)} to drop")
    if not dry_run:
        from ringback.redelivery.deliveries import drop

        err.print(f"Dropped {drop(dead, chosen)}.")


@app.command("retry")
def dead_retry(
    ids: LetterIds = None, handler: OfHandler = None, kind: OfType = None, all_: AllOfThem = False,
    dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Put dead letters back on the queue, their attempts counted from 1."""
    dead = _dead(handler)
    chosen = _chosen_letters(dead, ids, handler, kind, all_=all_)
    err.print(f"{len(chosen)} to retry")
    if not dry_run:
        from ringback.redelivery.deliveries import retry

        err.print(f"Put {retry(dead, chosen)} back on the queue.")


def _dead(handler: str | None = None) -> "DeadLetters":
    """Open the dead letters; to choose by a handler also with its earlier names, if the handlers are known here."""
    settings = found()
    aliases = _aliases(settings) if handler is not None and (settings.handlers or has_plugins()) else {}
    client = client_of(settings)
    from ringback.reading.dead_letters import DeadLetters

    return DeadLetters(client, settings.keys, aliases)


def _aliases(settings: Settings) -> Mapping[str, str]:
    try:
        return load_registry(settings.handlers).aliases
    except HandlerError as error:
        err.print(f"{error}; so no earlier names of handlers are known")
        return {}


def _letters(dead: "DeadLetters", ids: list[str]) -> list[str]:
    """Find dead letters by how their ids begin. None is touched if one is not there."""
    try:
        return dead.named(ids)
    except ChoiceError as error:
        fail(str(error))


def _chosen_letters(
    dead: "DeadLetters", ids: list[str] | None, handler: str | None, kind: EventType | None, *, all_: bool
) -> list[str]:
    """Find the dead letters that are named, or that fit, or all."""
    if bool(ids) + (handler is not None or kind is not None) + all_ != 1:
        refuse("name dead letters by their ids, or choose them with --handler and --type, or all with --all")
    if ids:
        return _letters(dead, ids)
    try:
        return dead.ids() if all_ else dead.select(handler, kind)
    except ChoiceError as error:
        refuse(str(error))
