"""Up: the whole service from one command: store, tunnel, simulator, workers, receiver.

It says what to paste where, and ends in order.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from ipaddress import ip_network
from socket import socket
from typing import Final

import httpx
from pydantic import SecretStr
from rich.text import Text

from ringback.clients.configured import Configured, SendingSettings
from ringback.receiver.http.listen import ADMIN_SETTINGS, bind
from ringback.receiver.providers import CALLBACKS
from ringback.run import caution, simulation
from ringback.run.children import default_queues, receiver_child, simulator_child, store_child, worker_children
from ringback.run.home import Home
from ringback.run.store import await_store, check_store, command, socket_path
from ringback.run.supervisor import ChildError, Supervisor
from ringback.run.tunnel import Tunnel
from ringback.run.vendor import Vendor
from ringback.schemas.callback_urls import without_login
from ringback.schemas.censor import BLOT
from ringback.schemas.settings import Settings, SettingsError
from ringback.schemas.tokens import Token
from ringback.system.private import own
from ringback.terminal.screen import Screen
from ringback.workers.discovery import has_plugins, load_registry
from ringback.workers.runtime import worker_client
from ringback.workers.sweep import Sweep

_BUILT_IN_HANDLERS: Final = ("ringback.eventlog",)
_READY_S: Final = 30.0
_ASK_S: Final = 0.5
_TRY_SIMULATOR: Final = (
    "ringback sim text HELP    # a phone writes to Ringback; or: sim call",
    "ringback sim inbox        # what phones got: what your handlers reply",
)
_LOOPBACK: Final = (ip_network("127.0.0.1"), ip_network("::1"))


def up(settings: Settings, console: Screen, vendor: Vendor | None = None, *, simulates: bool = True) -> None:
    """Run everything until SIGINT or SIGTERM, with a tunnel to it where its vendor is given.

    `simulates`: with a simulator in place of the providers, where there are no credentials for any of them.
    Raises BindError, BusyError, StoreError, TunnelError, HandlerError, SettingsError, ChildError: each is one line that
    says what is wrong and what to do.
    """
    home = Home(settings.data_dir)
    if vendor and settings.insecure and not settings.tokens:
        raise SettingsError(
            "RINGBACK_INSECURE: with --tunnel anyone on the internet could post events; take it out (`ringback up` "
            "then makes a token), or set RINGBACK_TOKENS"
        )
    if not settings.handlers and not has_plugins():
        settings = settings.model_copy(update={"handlers": _BUILT_IN_HANDLERS})
    registry = load_registry(settings.handlers)
    simulates = simulates and not SendingSettings.load().has_credentials
    with ExitStack() as sockets:
        bound = sockets.enter_context(bind(settings.host, settings.port))
        if settings.admin_port:  # the receiver takes it itself, but only after all else runs
            bind(settings.admin_host, settings.admin_port, ADMIN_SETTINGS).close()
        settings = settings.model_copy(update={"port": bound.getsockname()[1]})
        tunnel = Tunnel(vendor, settings.local_url, settings.public_url) if vendor else None
        home.take()
        home.withdraw()  # what one that was killed has left
        if not settings.tokens and not settings.insecure:
            settings = settings.model_copy(update={"tokens": (home.own_token(),)})
        if not simulates:
            Configured.load(settings)  # what is wrong with it is said now, as `work` does
        caution.warn(settings)
        supervisor = Supervisor()
        supervisor.catch_signals()
        try:
            url = settings.redis_url
            if url is None:
                url = _start_store(supervisor, home)
            else:
                check_store(url, settings.keys)
            settings = settings.model_copy(update={"redis_url": url})
            if tunnel is not None:
                settings = _start_tunnel(supervisor, tunnel, home, settings)
            home.announce_service(settings)
            environment = environment_of(settings)
            simulator = None
            if simulates:
                held = sockets.enter_context(simulation.listen())
                simulator = _start_simulator(supervisor, home, settings, held)
                environment |= simulation.led_there(home)
            sweep = Sweep(worker_client(url), settings)
            sweep.start()
            for child in worker_children(default_queues(settings), environment):
                supervisor.start(child)
            supervisor.start(receiver_child(bound.fileno(), environment))
            _await_answer(f"{settings.local_url}/livez", "the receiver", supervisor)
            if simulator is not None:
                _await_answer(f"{simulator}/_sim/faults", "the simulator", supervisor)
            greet(console, settings, len(registry.handlers) + len(registry.calls), simulator)
            supervisor.run()
            sweep.stop()
            console.print("Stopping: what runs is finished first. Ctrl-C again to stop at once.")
        finally:
            supervisor.stop()
            home.withdraw()
    console.print("Stopped.")


def environment_of(settings: Settings) -> dict[str, str]:
    """Give the settings that were found or made here, for the children's environment."""
    return {
        "RINGBACK_REDIS_URL": settings.redis_url or "",
        "RINGBACK_TOKENS": ",".join(f"{one.account}:{one.secret.get_secret_value()}" for one in settings.tokens),
        "RINGBACK_HANDLERS": ",".join(settings.handlers),
        "RINGBACK_PORT": str(settings.port),
        "RINGBACK_PUBLIC_URL": settings.public_url or "",
        "RINGBACK_TRUSTED_PROXIES": ",".join(str(network) for network in settings.trusted_proxies),
        "RINGBACK_LOG_FORMAT": settings.log_format.value,
    }


def callback_names() -> list[str]:
    """Name the callbacks whose URLs a user pastes, each once; a step of a flow is not pasted."""
    return [callback.name for callback in CALLBACKS if "{" not in callback.path]


def greet(console: Screen, settings: Settings, handlers: int, simulator: str | None = None) -> None:
    """Print what runs, where the callbacks go, and how to try it; where phones are simulated, that too."""
    is_up = ("\nRingback is up", "bold green")
    number = f"{handlers} handler" if handlers == 1 else f"{handlers} handlers"
    console.print(Text.assemble(is_up, f" on {settings.shown_base_url} with {number}.\n"))
    if not console.file.isatty():
        # What is no terminal may be a file that others read, or goes to where logs are kept.
        settings = _without_secrets(settings)
    print_urls(console, settings, settings.tokens[:1] or (None,))
    if not console.file.isatty():
        console.print("`ringback urls` in this folder prints them whole.")
    example = settings.callback_url("mocean/inbound-sms", next(iter(settings.tokens), None))
    if simulator is not None:
        told = f"\nNo credentials: phones are simulated at {simulator}; no provider is asked for anything."
        console.print(Text(told), soft_wrap=True)
    console.print(Text("\nTry it:\n"))
    if simulator is not None:
        for line in _TRY_SIMULATOR:
            console.print(Text(f"  {line}"), soft_wrap=True)
    body = "mocean-from=60123456789&mocean-to=63001&mocean-text=Hello"
    console.print(Text(f"  curl -d '{body}' \\\n    '{example}'"), soft_wrap=True)
    console.print("  ringback trigger mocean/voice/answer")
    console.print(Text("\nCtrl-C stops.\n"))


def print_urls(console: Screen, settings: Settings, tokens: Sequence[Token | None]) -> None:
    """Print the callback URLs, for each token given."""
    for token in tokens:
        if token is not None:
            console.print(Text.assemble("Callback URLs of the account ", (token.account, "bold"), ":"))
        for name in callback_names():
            console.print(f"  {settings.callback_url(name, token)}", soft_wrap=True)


def _without_secrets(settings: Settings) -> Settings:
    tokens = tuple(token.model_copy(update={"secret": SecretStr(BLOT)}) for token in settings.tokens)
    url = settings.public_url and without_login(settings.public_url)
    return settings.model_copy(update={"tokens": tokens, "public_url": url})


def _start_store(supervisor: Supervisor, home: Home) -> str:
    own(home.store, whole=True)
    socket = socket_path(home.store)
    url = f"unix://{socket}"
    child = store_child(command(home.store, socket))
    child.ready = lambda: await_store(url, runs=lambda: child.runs)
    supervisor.start(child)
    home.announce_store(url)
    return url


def _start_tunnel(supervisor: Supervisor, tunnel: Tunnel, home: Home, settings: Settings) -> Settings:
    """Start it and wait for its URL: the workers name it in their answers, so it is there before them."""
    supervisor.start(tunnel.child)
    home.announce_public_url(tunnel.url)
    # All that comes by it comes from this machine; who the caller is stands in X-Forwarded-For.
    trusted = settings.trusted_proxies or _LOOPBACK
    return settings.model_copy(update={"public_url": tunnel.url, "trusted_proxies": trusted})


def _start_simulator(supervisor: Supervisor, home: Home, settings: Settings, held: socket) -> str:
    """Start the simulator on this socket; return its URL, which is announced."""
    url = simulation.url_at(held)
    home.announce_simulator(url, simulation.credentials_of(settings))
    supervisor.start(simulator_child(held.fileno(), environment_of(settings)))
    return url


def _await_answer(url: str, who: str, supervisor: Supervisor) -> None:
    """Wait until a child answers. Raises ChildError as soon as any child has ended, or none answers in time."""
    deadline = time.monotonic() + _READY_S
    with httpx.Client(timeout=_ASK_S, trust_env=False) as client:
        while True:
            supervisor.check()
            try:
                client.get(url).raise_for_status()
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    where = url.rpartition("/")[0]
                    raise ChildError(
                        f"{who} does not answer at {where} within {_READY_S:.0f} s; see its lines above"
                    ) from None
                time.sleep(0.05)
            else:
                return
