"""Marks: what a decorator leaves on a function of the user's: which events or calls it wants, and how it is to be run.

A mark registers nothing. `ringback.workers.discovery` looks for marked functions in the user's modules.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType
from typing import Final, TypeVar

from ringback.schemas.events import Event, EventType
from ringback.workers.matching import Match
from ringback.workers.voice.filters import CallFilter

_MARK: Final = "__ringback__"
_DECORATORS: Final = "ringback.workers.decorators"

Function = TypeVar("Function", bound=Callable[..., object])


class HandlerError(Exception):
    """A handler is declared wrongly. The message names the function, its place and what to write."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What an event handler wants, and how it is to be run.

    `retry`, `timeout`: in seconds. `concurrency`: how many runs may be side by side in one process; None: by default.
    """

    types: frozenset[EventType]
    matches: tuple[Match, ...]
    when: Callable[[Event], bool] | None
    advanced: bool | None
    retry: tuple[int, ...]
    timeout: float
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Lifespan:
    """A function of the user's that yields once: what it yields is `ctx.state` while its process runs handlers."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What one decorator says of a function.

    `place`: where it says so. `name`: what the handler is called; None: after its module and function. `aliases`: what
    it was called before.
    """

    wanted: Subscription | CallFilter | Lifespan
    place: str
    name: str | None
    aliases: tuple[str, ...]


def leave_mark(
    function: Function, wanted: Subscription | CallFilter | Lifespan, name: str | None, aliases: tuple[str, ...] = ()
) -> Function:
    """Mark a function and return it. Raises HandlerError where another marked one of its module has its name."""
    namespace = getattr(function, "__globals__", {})
    earlier = namespace.get(function.__name__)
    # The later of two functions of one name would silently take the place of the earlier.
    if (
        inspect.isfunction(earlier)
        and marks(earlier)
        and earlier.__qualname__ == function.__qualname__
        and place(earlier) != place(function)
    ):
        raise HandlerError(f"{place(function)}: {place(earlier)} has the same name; rename one")
    setattr(function, _MARK, (*marks(function), Mark(wanted, _place_of_mark(function), name, aliases)))
    return function


def marks(function: object) -> tuple[Mark, ...]:
    """Return what the decorators left on a function."""
    found: tuple[Mark, ...] = getattr(function, _MARK, ())
    return found


def place(function: Callable[..., object]) -> str:
    """Return where a function is: `greet (handlers.py, line 12)`."""
    code = inspect.unwrap(function).__code__
    return f"{function.__qualname__} ({_line(code, code.co_firstlineno)})"


def _place_of_mark(function: Callable[..., object]) -> str:
    """Return where a function is, and where the decorator is called on it if that is elsewhere.

    Functions that one factory makes, or one decorator wraps, have the same place. So if a function calls the decorator,
    it is its caller's line that counts.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") in (__name__, _DECORATORS):
        frame = frame.f_back
    if frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    where = place(function)
    made = "" if frame is None else _line(frame.f_code, frame.f_lineno)
    return where if not made or where.endswith(f"({made})") else f"{where.removesuffix(')')}, from {made})"


def _line(code: CodeType, number: int) -> str:
    return f"{code.co_filename.rpartition('/')[2]}, line {number}"
