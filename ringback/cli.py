"""The command line (contract, section 6). Results go to stdout, status to stderr; every listing takes `--json`."""

import json
import socket
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import httpx
import typer
from pydantic import SecretStr
from redis import Redis
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ringback import trigger as triggers
from ringback.choose import ChoiceError, handler_named, short_length, since
from ringback.home import Home, redis_url
from ringback.logs import set_up_logs
from ringback.samples import SAMPLES, find
from ringback.stream import Listed, Stream
from schemas.events import EventType
from schemas.keys import claim_rq_prefix
from schemas.settings import PREFIX, Settings, Token

if TYPE_CHECKING:
    from ringback.dead import DeadLetters
    from ringback.quarantine import Entries, Entry

app = typer.Typer(
    help="Telephony callbacks in, events out, your Python handlers on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
events_app = typer.Typer(help="Look at stored events.", no_args_is_help=True)
app.add_typer(events_app, name="events")
quarantine_app = typer.Typer(help="Look at requests that could not be used, retry or drop them.", no_args_is_help=True)
app.add_typer(quarantine_app, name="quarantine")
dead_app = typer.Typer(help="Look at what handlers failed on for good, retry or drop it.", no_args_is_help=True)
app.add_typer(dead_app, name="dead")

_WIDE = 200

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one document.")]
EntryIds = Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Ids, as `quarantine ls` prints them.")]
LetterIds = Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Ids, or how they begin.")]
EventIds = Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Ids of events, or of their entries.")]
OfType = Annotated[EventType | None, typer.Option("--type", help="Only events of this type.")]
OfHandler = Annotated[
    str | None, typer.Option("--handler", metavar="NAME", help="Only this handler; its module may be left out.")
]
AllOfThem = Annotated[bool, typer.Option("--all", help="All that are there now.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")]


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


@events_app.command("odd")
def events_odd(as_json: AsJson = False) -> None:
    """Count what was odd about events: unknown values, unreadable times, … It shows what a provider has changed."""
    settings = _found()
    counts = Stream(_client(settings), settings.keys).oddities()
    if as_json:
        _print_json(counts)
        return
    table = Table("provider", "flag", "events", box=None)
    for name, count in counts.items():
        table.add_row(*name.split(" ", 1), str(count))
    out.print(table)


@app.command()
def schema(
    kind: Annotated[EventType | None, typer.Argument(metavar="TYPE", help="An event type; all, if left out.")] = None,
    asyncapi: Annotated[bool, typer.Option("--asyncapi", help="Describe the stream, as AsyncAPI 3.0.")] = False,
    write: Annotated[Path | None, typer.Option("--write", metavar="DIR", help="Write all of it, a file each.")] = None,
) -> None:
    """Print the JSON Schemas of the events, or the AsyncAPI document of their stream."""
    from ringback import catalogue

    if (kind is not None) + asyncapi + (write is not None) > 1:
        _refuse("schema: write one of TYPE, --asyncapi and --write")
    if write is not None:
        for path in catalogue.write(write):
            err.print(f"Wrote {path}", soft_wrap=True, markup=False)
    elif asyncapi:
        _print_json(catalogue.asyncapi())
    else:
        _print_json(catalogue.schema(kind) if kind else catalogue.schemas())


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


@quarantine_app.command("ls")
def quarantine_ls(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest requests in quarantine, and what is wrong with them."""
    rows = [entry.row() for entry in _quarantine().latest(limit)]
    if as_json:
        _print_json(rows)
        return
    table = Table("received", "id", "account", "path", "reason", box=None)
    for row in rows:
        received = row["time"].replace("T", " ").partition(".")[0]
        table.add_row(received, row["id"], row["account"], escape(row["path"]), row["reason"])
    out.print(table)


@quarantine_app.command("show")
def quarantine_show(entry_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Print one request whole, as JSON."""
    (entry,) = _quarantined(_quarantine(), [entry_id])
    _print_json(entry.whole())


@quarantine_app.command("drop")
def quarantine_drop(ids: EntryIds = None, all_: AllOfThem = False, dry_run: DryRun = False) -> None:
    """Remove requests. Repeats of them by the provider are not kept again."""
    entries = _quarantine()
    chosen = _chosen(entries, ids, all_=all_)
    err.print(f"{entries.count() if chosen is None else len(chosen)} to drop")
    if not dry_run:
        dropped = entries.drop_all() if chosen is None else entries.drop(chosen)
        err.print(f"Dropped {dropped}.")


@quarantine_app.command("retry")
def quarantine_retry(ids: EntryIds = None, all_: AllOfThem = False, dry_run: DryRun = False) -> None:
    """Put requests through today's normaliser. What becomes an event leaves quarantine (exit code 1: not all did)."""
    entries = _quarantine()
    chosen = _chosen(entries, ids, all_=all_)
    err.print(f"{entries.count() if chosen is None else len(chosen)} to retry")
    from ringback.quarantine import retry

    settings = _found()
    remain = 0
    for tried in retry(entries.all() if chosen is None else chosen, settings, redis_url(settings), dry_run=dry_run):
        remain += tried.reason is not None
        became = [f"{event.type.value} {event.id}" for event in tried.events]
        if tried.reason is not None:
            became.append(f"remains, {tried.reason}")
        out.print(f"{tried.entry.entry_id}: {'; '.join(became)}", soft_wrap=True, markup=False)
    if remain:
        err.print(f"{remain} {'would remain' if dry_run else 'remain'} in quarantine.")
        raise typer.Exit(1)


@dead_app.command("ls")
def dead_ls(
    handler: OfHandler = None,
    kind: OfType = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest dead letters. What was raised is named without its text, which may be private."""
    dead = _dead()
    try:
        letters = dead.latest(limit, handler, kind)
    except ChoiceError as error:
        _refuse(str(error))
    if as_json:
        _print_json([letter.row() for letter in letters])
        return
    length = short_length(dead.ids())
    table = Table("died", "id", "handler", "event", "type", "attempts", "error", box=None)
    for letter in letters:
        table.add_row(
            f"{letter.time:%Y-%m-%d %H:%M:%S}", letter.letter_id[:length], letter.handler, letter.event_id,
            letter.type, str(letter.attempts), escape(letter.error),
        )  # fmt: skip
    # Wider than most terminals; ids and names that are cut into pieces would be of no use.
    Console(highlight=False, width=max(out.width, _WIDE)).print(table)


@dead_app.command("show")
def dead_show(letter_id: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """Print one dead letter whole, with its event and traceback."""
    dead = _dead()
    (named,) = _letters(dead, [letter_id])
    whole = dead.whole(named)
    if whole is None:
        _fail(f"none of the dead letters has the id {letter_id}")
    if as_json:
        _print_json(whole)
        return
    event, text = whole.pop("event"), str(whole.pop("traceback"))
    for name, value in whole.items():
        out.print(f"{name:<9} {value}", soft_wrap=True, markup=False)
    # The text is a stranger's: nothing of it may steer the terminal.
    plain = "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)
    sys.stdout.write(f"\n{plain}\n\n")
    _print_json(event)


@dead_app.command("drop")
def dead_drop(
    ids: LetterIds = None, handler: OfHandler = None, kind: OfType = None, all_: AllOfThem = False,
    dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Delete dead letters."""
    dead = _dead()
    chosen = _chosen_letters(dead, ids, handler, kind, all_=all_)
    err.print(f"{len(chosen)} to drop")
    if not dry_run:
        err.print(f"Dropped {dead.drop(chosen)}.")


@dead_app.command("retry")
def dead_retry(
    ids: LetterIds = None, handler: OfHandler = None, kind: OfType = None, all_: AllOfThem = False,
    dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Put dead letters back on the queue, their attempts counted from 1."""
    dead = _dead()
    chosen = _chosen_letters(dead, ids, handler, kind, all_=all_)
    err.print(f"{len(chosen)} to retry")
    if not dry_run:
        err.print(f"Put {dead.retry(chosen)} back on the queue.")


@app.command()
def replay(
    ids: EventIds = None,
    kind: OfType = None,
    since_: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only what was stored since: 2h, or RFC 3339.")
    ] = None,
    handler: OfHandler = None,
    all_: Annotated[bool, typer.Option("--all", help="All events in the stream.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Deliver stored events once more, to each handler that wants them (`ctx.replay` is then true)."""
    filtered = kind is not None or since_ is not None
    if (bool(ids) + (filtered or (handler is not None and not ids)) + all_) != 1:
        _refuse("name events by their ids, or choose them with --type, --since and --handler, or all with --all")
    settings = _found()
    from workers.discovery import has_plugins, load_registry

    if not settings.handlers and not has_plugins():
        _refuse("RINGBACK_HANDLERS: not set, so no handler is known here; write what the workers have")
    registry = load_registry(settings.handlers)
    from ringback.replay import History, runs_of
    from ringback.replay import replay as run

    client = _client(settings)
    history = History(client, settings.keys)
    try:
        only = None if handler is None else handler_named(handler, registry.handlers)
        if handler is not None and only is None:
            _refuse(f'--handler "{handler}": there is no such handler; there are {", ".join(registry.handlers)}')
        moment = None if since_ is None else since(since_, history.now())
    except ChoiceError as error:
        _refuse(str(error))
    try:
        named = history.named(ids) if ids else None
    except ChoiceError as error:
        _fail(str(error))
    # Looked through twice, rather than held: there may be millions.
    counts = Counter(one.handler.name for one in runs_of(named or history.since(moment, kind), registry, only))
    err.print(f"{counts.total()} to replay")
    for name, count in counts.items():
        out.print(f"{name}: {count}", soft_wrap=True, markup=False)
    if not dry_run:
        count = run(client, runs_of(named or history.since(moment, kind), registry, only))
        err.print(f"Put {count} on the queue.")


def _dead() -> "DeadLetters":
    settings = _found()
    client = _client(settings)
    from ringback.dead import DeadLetters

    return DeadLetters(client)


def _letters(dead: "DeadLetters", ids: list[str]) -> list[str]:
    """Find dead letters by how their ids begin. None is touched if one is not there."""
    try:
        return dead.named(ids)
    except ChoiceError as error:
        _fail(f"{error}; `ringback dead ls` lists them")


def _chosen_letters(
    dead: "DeadLetters", ids: list[str] | None, handler: str | None, kind: EventType | None, *, all_: bool
) -> list[str]:
    """Find the dead letters that are named, or that fit, or all."""
    if bool(ids) + (handler is not None or kind is not None) + all_ != 1:
        _refuse("name dead letters by their ids, or choose them with --handler and --type, or all with --all")
    if ids:
        return _letters(dead, ids)
    try:
        return dead.ids() if all_ else dead.select(handler, kind)
    except ChoiceError as error:
        _refuse(str(error))


def _quarantine() -> "Entries":
    settings = _found()
    from ringback.quarantine import Entries

    return Entries(_client(settings), settings.keys)


def _quarantined(entries: "Entries", ids: list[str]) -> "list[Entry]":
    """Find requests by their ids. None is touched if one is not there."""
    found = []
    for entry_id in dict.fromkeys(ids):
        entry = entries.find(entry_id)
        if entry is None:
            _fail(f"no request {entry_id} in quarantine; `ringback quarantine ls` lists them")
        found.append(entry)
    return found


def _chosen(entries: "Entries", ids: list[str] | None, *, all_: bool) -> "list[Entry] | None":
    """Find the requests that are named; None stands for all."""
    if bool(ids) == all_:
        _refuse("name requests by their ids, or all with --all")
    return None if all_ else _quarantined(entries, ids or [])


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
