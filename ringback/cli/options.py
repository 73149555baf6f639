"""What all commands share: settings, the two streams of a terminal, words that several take, and how they end."""

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer
from redis import Redis

from ringback.logs.lines import Work, set_up_logs
from ringback.run.home import Home, redis_url
from ringback.run.store import check_store
from ringback.schemas.censor import Censor
from ringback.schemas.events import EventType
from ringback.schemas.settings import Settings
from ringback.system.rq_prefix import claim_rq_prefix
from ringback.terminal.screen import Screen
from ringback.terminal.shown import as_json, shown

# Into a pipe or a file, lines of a table are not cut to the width of a terminal that is not there.
out = Screen(width=None if sys.stdout.isatty() else 200)
err = Screen(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one document.")]
OfType = Annotated[EventType | None, typer.Option("--type", help="Only events of this type.")]
OfHandler = Annotated[
    str | None, typer.Option("--handler", metavar="NAME", help="Only this handler; its module may be left out.")
]
AllOfThem = Annotated[bool, typer.Option("--all", help="All that are there now.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")]


def start(work: Work = dict) -> Settings:
    """Read the settings, send logs the right way, and make RQ use our prefix. `work` names what a worker works on.

    RQ reads its prefix when it is imported: whatever imports it is itself imported in a command, after this.
    """
    settings = Settings.load()
    _log_as(settings, work)
    claim_rq_prefix(settings.keys)
    return settings


def found() -> Settings:
    """Read the settings and complete them with what a running `up` has made."""
    settings = start()
    completed = Home(settings.data_dir).find(settings)
    if completed.tokens != settings.tokens:
        _log_as(completed)
    return completed


def _log_as(settings: Settings, work: Work = dict) -> None:
    set_up_logs(settings.log_format, settings.log_level, work, Censor(settings.tokens))


def client_of(settings: Settings) -> Redis:
    """Connect to Redis. Raises StoreError where none answers."""
    from ringback.workers.runtime import worker_client

    url = redis_url(settings)
    check_store(url)
    return worker_client(url)


def print_json(document: object, *, indent: int | None = 2) -> None:
    """Print a result for programs, at once."""
    sys.stdout.write(as_json(document, indent=indent) + "\n")
    sys.stdout.flush()


def print_block(text: str) -> None:
    """Print a text of several lines, set in, so that none of them can be taken for a line of ours."""
    sys.stdout.write("".join(f"    {line}\n" for line in shown(text, lines=True).split("\n")))


def refuse(message: str) -> NoReturn:
    """End with 2: the words or the settings are wrong."""
    sys.stderr.write(f"ringback: {shown(message)}\n")
    raise typer.Exit(2)


def pairs(option: str, items: Sequence[str]) -> dict[str, str]:
    """Read `field=value`; of a field that is named twice the last counts."""
    found = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name:
            refuse(f'{option} "{item}": write field=value')
        found[name] = value
    return found


def doubt(message: str) -> NoReturn:
    """End with 3: nobody here knows whether it was done."""
    sys.stderr.write(f"ringback: {shown(message)}\n")
    raise typer.Exit(3)


def fail(message: str) -> NoReturn:
    """End with 1: what was asked could not be done."""
    sys.stderr.write(f"ringback: {shown(message)}\n")
    raise typer.Exit(1)
