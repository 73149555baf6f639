"""What commands on handlers know: those of the modules that are named here, else those that Redis knows of."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis import Redis

from ringback.cli.options import client_of, err, found, refuse
from ringback.schemas.keys import Keys
from ringback.schemas.settings import Settings
from ringback.terminal.choose import ChoiceError, handler_named
from ringback.workers.discovery import has_plugins, load_registry
from ringback.workers.marks import HandlerError
from ringback.workers.registry import Registry

if TYPE_CHECKING:
    from ringback.reading.handler_states import Handlers


@dataclass(frozen=True, slots=True)
class Known:
    """The handlers that are known, and where to ask how they stand."""

    client: Redis
    keys: Keys
    registry: Registry
    handlers: "Handlers"

    def named(self, typed: str, what: str = "handler") -> str:
        """Return the handler of events that is typed, whole or without its module; end the command if there is none.

        `what`: what it is called where it is typed.
        """
        names = self.handlers.names()
        try:
            present = handler_named(typed, names, self.registry.aliases, what)
        except ChoiceError as error:
            refuse(str(error))
        if present is None:
            refuse(f'{what} "{typed}"{self._why_not(typed, names)}')
        return present

    def state_of(self, handler: str) -> str:
        """Return how a handler stands, in a person's words."""
        return next((one.state for one in self.handlers.standing() if one.name == handler), "runs")

    def _why_not(self, typed: str, names: Sequence[str]) -> str:
        if any(typed == name or name.endswith(f".{typed}") for name in self.registry.calls):
            return " answers calls: their callers do not wait, so it is neither paused nor retried"
        if names:
            return f": there is no such handler; there are {', '.join(names)}"
        return ": there is no such handler; none is known here; write RINGBACK_HANDLERS as workers have it"


def open_known() -> Known:
    """Connect, and learn which handlers there are."""
    settings = found()
    registry = _registry(settings)
    client = client_of(settings)
    from ringback.reading.handler_states import Handlers

    return Known(client, settings.keys, registry, Handlers(client, settings.keys, registry, settings.threads))


def _registry(settings: Settings) -> Registry:
    if not settings.handlers and not has_plugins():
        return Registry()
    try:
        with redirect_stdout(sys.stderr):  # what a module prints is no result of ours
            return load_registry(settings.handlers)
    except HandlerError as error:
        err.print(f"{error}; so only those handlers are known that Redis knows of", soft_wrap=True)
        return Registry()
