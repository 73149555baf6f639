"""The command line (contract, section 6). Results go to stdout, status to stderr; every listing takes `--json`."""

import json
import socket
import sys
from typing import Annotated, NoReturn

import httpx
import typer
from pydantic import SecretStr
from redis import Redis
from rich.console import Console
from rich.table import Table

from ringback import trigger as triggers
from ringback.home import Home, redis_url
from ringback.logs import set_up_logs
from ringback.samples import SAMPLES, find
from ringback.stream import Listed, Stream
from schemas.events import EventType
from schemas.keys import claim_rq_prefix
from schemas.settings import PREFIX, Settings, Token

app = typer.Typer(
    help="Telephony callbacks in, events out, your Python handlers on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
events_app = typer.Typer(help="Look at stored events.", no_args_is_help=True)
app.add_typer(events_app, name="events")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one document.")]


def _start() -> Settings:
    """Read the settings, send logs the right way, and make RQ use our prefix before anything imports it."""
    settings = Settings.load()
    set_up_logs(settings.log_format)
    claim_rq_prefix(settings.keys)
    return settings


def _found() -> Settings:
    """Read the settings and complete them with what a running `up` has made."""
    settings = _start()
    return Home(settings.data_dir).find(settings)


def _client(settings: Settings) -> Redis:
    from workers.runtime import worker_client

    url = redis_url(settings)
    from ringback.store import check_store

    check_store(url)
    return worker_client(url)


@app.command()
def up() -> None:
    """Run everything: the store (embedded if RINGBACK_REDIS_URL is unset), the receiver, the workers."""
    settings = _start()
    from ringback.up import up as run

    run(settings, err)


@app.command()
def serve(
    fd: Annotated[int | None, typer.Option(hidden=True, help="Serve on this inherited socket.")] = None,
) -> None:
    """Run a receiver."""
    settings = _start()
    from receiver.listen import bind
    from receiver.serve import serve as run
    from ringback.store import check_store

    if not settings.tokens and not settings.insecure:
        _refuse(
            "RINGBACK_TOKENS: not set, so anyone could post events; write account:token,…  "
            "(or RINGBACK_INSECURE=1 to run without)"
        )
    url = redis_url(settings)
    if fd is not None:
        run(settings, url, socket.socket(fileno=fd))
        return
    check_store(url)
    with bind(settings.host, settings.port) as bound:
        run(settings, url, bound)


@app.command()
def work(
    queues: Annotated[
        str, typer.Option(help="Queues to work on, a process each; name one twice for two.", metavar="NAME,…")
    ] = "events,events,retries,voice,voice",
) -> None:
    """Run workers: a process a queue, kept alive, and the sweep."""
    settings = _start()
    from ringback.work import work as run

    run(settings, redis_url(settings), [name.strip() for name in queues.split(",") if name.strip()])


@app.command(hidden=True)
def worker(queue: str) -> None:
    """Be one worker process."""
    settings = _start()
    from workers.discovery import load_registry
    from workers.processes import run_worker

    run_worker(queue, settings, redis_url(settings), load_registry(settings.handlers))


@app.command(hidden=True)
def scheduler() -> None:
    """Be the process that moves retries to their queue when they are due."""
    settings = _start()
    from workers.processes import run_scheduler

    run_scheduler(redis_url(settings))


@app.command()
def urls(as_json: AsJson = False) -> None:
    """Print the callback URLs to paste at the providers."""
    settings = _found()
    from ringback.up import callback_names, print_urls

    tokens: tuple[Token | None, ...] = settings.tokens or ((None,) if settings.insecure else ())
    if not tokens:
        _refuse("RINGBACK_TOKENS: not set, and no `ringback up` has made one in this folder; write account:token,…")
    if as_json:
        _print_json(
            [
                {
                    "account": token.account if token else None,
                    "callback": name,
                    "url": settings.callback_url(name, token),
                }
                for token in tokens
                for name in callback_names()
            ]
        )
    else:
        print_urls(out, settings, tokens)


@app.command()
def trigger(
    name: Annotated[str | None, typer.Argument(help="A callback, such as mocean/delivery-report.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Send this value.")] = None,
    number: Annotated[int, typer.Option("-n", min=1, help="How many, each with new ids.")] = 1,
    list_: Annotated[bool, typer.Option("--list", help="Name the callbacks there are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a callback as the provider would: its method, its format, its field names."""
    if list_:
        _list_samples(as_json=as_json)
        return
    if name is None:
        _refuse("which callback? `ringback trigger --list` names them")
    sample = find(name)
    overrides = {}
    for item in set_ or ():
        key, equals, value = item.partition("=")
        if not equals:
            _refuse(f'--set "{item}": write field=value')
        overrides[key] = value
    wires = list(triggers.series(sample, overrides, number))
    settings = _found()
    secret = settings.tokens[0].secret.get_secret_value() if settings.tokens else None
    replies = []
    try:
        with httpx.Client(timeout=30) as client:
            for wire in wires:
                replies.append(triggers.send(client, settings.base_url, secret, wire))  # noqa: PERF401
    except httpx.HTTPError as error:
        _fail(f"no Ringback answers at {settings.base_url} ({type(error).__name__}); is `ringback up` running?")
    for reply in replies:
        body = reply.text.strip()
        if as_json:
            out.print_json(json.dumps({"callback": sample.name, "status": reply.status_code, "body": body}))
        else:
            out.print(
                f"{sample.name}: {reply.status_code}" + (f" {body}" if body else ""), soft_wrap=True, markup=False
            )
    if any(reply.is_error for reply in replies):
        raise typer.Exit(1)


@app.command()
def tail(as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document a line.")] = False) -> None:
    """Print events as they come, until Ctrl-C."""
    settings = _found()
    stream = Stream(_client(settings), settings.keys)
    err.print("Waiting for events. Ctrl-C stops.")
    try:
        for listed in stream.follow():
            sys.stdout.write((json.dumps(listed.row()["event"]) if as_json else listed.line()) + "\n")
            sys.stdout.flush()
    except KeyboardInterrupt:
        return


@events_app.command("ls")
def events_ls(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest.")] = 20,
    kind: Annotated[EventType | None, typer.Option("--type", help="Only events of this type.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the newest events."""
    settings = _found()
    listed = Stream(_client(settings), settings.keys).latest(limit, kind)
    if as_json:
        _print_json([one.row() for one in listed])
        return
    table = Table("received", "id", "type", "handled", "what", box=None)
    for one in listed:
        table.add_row(
            f"{one.event.receivedat:%Y-%m-%d %H:%M:%S}", one.event.id, one.event.type.value, _yes_no(one), _what(one)
        )
    out.print(table)


@events_app.command("show")
def events_show(event_id: Annotated[str, typer.Argument(help="An event's id, or its entry's.")]) -> None:
    """Print one event whole, as JSON."""
    settings = _found()
    listed = Stream(_client(settings), settings.keys).find(event_id)
    if listed is None:
        _fail(f"no event {event_id} in the stream; it may have been trimmed")
    _print_json(listed.row())


@app.command()
def config(as_json: AsJson = False) -> None:
    """Print the settings in force. Secrets are not shown."""
    settings = _found()
    shown = {PREFIX + name.upper(): _shown(name, value) for name, value in settings}
    if as_json:
        _print_json(shown)
        return
    for name, value in shown.items():
        out.print(f"{name}={value}", soft_wrap=True, markup=False)


def _shown(name: str, value: object) -> str:
    if name == "tokens" and isinstance(value, tuple):
        return ",".join(f"{token.account}:{SecretStr('x')}" for token in value)
    if name == "redis_url" and isinstance(value, str) and "@" in value:
        return f"{value.partition('://')[0]}://***@{value.rpartition('@')[2]}"
    if name == "voice_fallback" and isinstance(value, tuple):
        return json.dumps([action.model_dump(by_alias=True, exclude_none=True) for action in value])
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    if value is None:
        return ""
    return f"{value.total_seconds():g}s" if hasattr(value, "total_seconds") else str(value)


def _list_samples(*, as_json: bool) -> None:
    if as_json:
        _print_json([{"name": one.name, "about": one.about, "fields": list(one.settable)} for one in SAMPLES.values()])
        return
    if not out.is_terminal:
        out.print("\n".join(SAMPLES))
        return
    table = Table("name", "what it is", box=None)
    for one in SAMPLES.values():
        table.add_row(one.name, one.about)
    out.print(table)


def _yes_no(one: Listed) -> str:
    return "?" if one.handled is None else "yes" if one.handled else "no"


def _what(one: Listed) -> str:
    return one.line().split("  ", 3)[-1].strip()


def _print_json(document: object) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _refuse(message: str) -> NoReturn:
    sys.stderr.write(f"ringback: {message}\n")
    raise typer.Exit(2)


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"ringback: {message}\n")
    raise typer.Exit(1)
