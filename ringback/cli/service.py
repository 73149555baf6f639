"""Commands that run the service or say how it is set: up, serve, work, urls, config."""

import json
import os
import socket
from typing import Annotated

import structlog
import typer
from pydantic import SecretStr

from ringback.cli.options import AsJson, err, found, out, print_json, refuse, start
from ringback.receiver.http.listen import bind, inherit
from ringback.run import caution
from ringback.run.home import redis_url
from ringback.run.store import StoreError, UnfitStoreError, check_store
from ringback.run.vendor import Vendor
from ringback.schemas.callback_urls import without_login
from ringback.schemas.censor import Censor
from ringback.schemas.redis_url import without_password
from ringback.schemas.sending_settings import NOT_FOR_RECEIVERS
from ringback.schemas.settings import MOST_RECEIVERS, PREFIX, Settings
from ringback.schemas.tokens import SHORTEST_TOKEN, Token
from ringback.workers.discovery import load_registry

log = structlog.get_logger()


def up(
    tunnel: Annotated[
        Vendor | None,
        typer.Option(help="Let this program, if it is installed, lead here from a public address."),
    ] = None,
    no_simulate: Annotated[
        bool, typer.Option("--no-simulate", help="Without credentials: send nothing, instead of to a simulator.")
    ] = False,
) -> None:
    """Run everything: the store (embedded if RINGBACK_REDIS_URL is unset), the receiver, the workers.

    Without credentials for a provider, a simulator of both is run too, and sent to.
    """
    settings = start()
    from ringback.run.up import up as run

    run(settings, err, tunnel, simulates=not no_simulate)


def serve(
    fd: Annotated[int | None, typer.Option(help="Serve on this inherited socket, such as systemd's (3).")] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            help="So many receivers on one port, for a machine with several cores; RINGBACK_RECEIVERS if not given.",
            min=1,
            max=MOST_RECEIVERS,
            metavar="N",
        ),
    ] = None,
) -> None:
    """Run a receiver, or several on one port."""
    settings = _start_receiver()
    if processes is not None:
        settings = settings.model_copy(update={"receivers": processes})
    from ringback.receiver.commit.spool import SpoolError
    from ringback.receiver.serve import serve as run
    from ringback.run.receivers import serve_several

    if short := [token.account for token in settings.tokens if token.is_short]:
        log.warning("tokens.short", accounts=short, shorter_than=SHORTEST_TOKEN)
    url = redis_url(settings)
    caution.warn(settings)
    try:
        if fd is not None:
            with inherit(fd) as held:
                if settings.receivers > 1:
                    serve_several(settings, url, held)
                else:
                    run(settings, url, held, is_held=True)
            return
        try:
            check_store(url, settings.keys)
        except StoreError as error:
            if not settings.spool or isinstance(error, UnfitStoreError):
                raise
            err.print(
                f"{error}; until it does, events are kept in {settings.spool_folder}", markup=False, soft_wrap=True
            )
        with bind(settings.host, settings.port) as bound:
            if settings.receivers > 1:
                serve_several(settings, url, bound)
            else:
                run(settings, url, bound)
    except SpoolError as error:
        refuse(_without_spool(error))


def receiver(
    fd: Annotated[int, typer.Option()], counts: Annotated[int, typer.Option()], number: Annotated[int, typer.Option()]
) -> None:
    """Be one of several receivers, on a socket that its parent holds; standard input is one to the parent."""
    settings = _start_receiver()
    from ringback.receiver.commit.spool import SpoolError
    from ringback.receiver.http.acceptor import ConnectionCounts
    from ringback.receiver.serve import serve_with_others

    try:
        with inherit(fd) as held, socket.socket(fileno=os.dup(0)) as parent:
            of_all = ConnectionCounts(counts, number, settings.receivers)
            serve_with_others(settings, redis_url(settings), held, parent, of_all)
    except SpoolError as error:
        refuse(_without_spool(error))


def _start_receiver() -> Settings:
    """Read a receiver's settings. Those that would let anyone in are refused."""
    for name in [name for name in os.environ if name.upper() in NOT_FOR_RECEIVERS]:
        del os.environ[name]  # who started us may have them for the workers too
    settings = start()
    if not settings.tokens and not settings.insecure:
        refuse(
            "RINGBACK_TOKENS: not set, so anyone could post events; write account:token,…  "
            "(or RINGBACK_INSECURE=1 to run without)"
        )
    return settings


def _without_spool(error: Exception) -> str:
    return f"RINGBACK_DATA_DIR: {error}; set it to a folder on a local disk, or RINGBACK_SPOOL=off"


def work(
    queues: Annotated[
        str,
        typer.Option(
            help="Queues to work on, a process each; name one twice for two. sends: what sends; polls: what asks.",
            metavar="NAME,…",
        ),
    ] = "events,events,voice,voice,sends,polls",
) -> None:
    """Run workers: a process a queue, kept alive, the sender and the sweep."""
    settings = start()
    from ringback.run.work import work as run

    run(settings, redis_url(settings), [name.strip() for name in queues.split(",") if name.strip()])


def worker(queue: str) -> None:
    """Be one worker process."""
    from ringback.workers.running.context import at_work  # here: it leads to what sends

    settings = start(at_work)
    from ringback.workers.rq.processes import run_worker

    run_worker(queue, settings, redis_url(settings), load_registry(settings.handlers))


def sender() -> None:
    """Be the process that sends what is in the outbox."""
    settings = start()
    from ringback.clients.configured import Configured
    from ringback.sender.process import run_sender

    run_sender(settings, Configured.load(settings), redis_url(settings))


def poller() -> None:
    """Be the process that asks the providers for what they did not call us with."""
    settings = start()
    from ringback.clients.configured import Configured
    from ringback.polling.poller import poll

    poll(settings, Configured.load(settings), redis_url(settings))


def urls(as_json: AsJson = False) -> None:
    """Print the callback URLs to paste at the providers."""
    settings = found()
    from ringback.run.up import callback_names, print_urls

    tokens: tuple[Token | None, ...] = settings.first_tokens or ((None,) if settings.insecure else ())
    if not tokens:
        refuse("RINGBACK_TOKENS: not set, and no `ringback up` has made one in this folder; write account:token,…")
    if as_json:
        print_json(
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


def config(as_json: AsJson = False) -> None:
    """Print the settings in force. Secrets are not shown."""
    settings = found()
    from ringback.run.simulation import sending_here

    censor = Censor(settings.tokens)
    every = (*settings, *sending_here(settings))
    shown = {PREFIX + name.upper(): censor.text(_shown(name, value)) for name, value in every}
    if as_json:
        print_json(shown)
        return
    for name, value in shown.items():
        out.print(f"{name}={value}", soft_wrap=True)


def _shown(name: str, value: object) -> str:
    if name == "tokens" and isinstance(value, tuple):
        return ",".join(f"{token.account}:{SecretStr('x')}" for token in value)
    if name == "redis_url" and isinstance(value, str):
        return without_password(value)
    if name == "public_url" and isinstance(value, str):
        return without_login(value)
    if name == "voice_fallback" and isinstance(value, tuple):
        return json.dumps([action.model_dump(by_alias=True, exclude_none=True) for action in value])
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    if value is None:
        return ""
    return f"{value.total_seconds():g}s" if hasattr(value, "total_seconds") else str(value)
