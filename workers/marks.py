"""Marks: what a decorator leaves on a function of the user's: which events or calls it wants, and how it is to be run.

A mark registers nothing. `ringback.workers.discovery` looks for marked functions in the user's modules.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from ringback.schemas.events import Event, EventType
from ringback.workers.matching import Match
from ringback.workers.voice.filters import CallFilter

_MARK: Final = "__ringback__"

Function = TypeVar("Function", bound=Callable[..., object])


class HandlerError(Exception):
    """A handler is declared wrongly. The message names the function, its place and what to write."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What an event handler wants, and how it is to be run."""

    types: frozenset[EventType]
    matches: tuple[Match, ...]
    when: Callable[[Event], bool] | None
    advanced: bool | None
    retry: tuple[int, ...]
    timeout: float


def leave_mark(function: Function, mark: Subscription | CallFilter) -> Function:
    """Mark a function and return it. Raises HandlerError where another marked one of its module has its name."""
    namespace = getattr(function, "__globals__", {})
    earlier = namespace.get(function.__name__)
    # The later of two functions of one name would silently take the place of the earlier.
    if earlier is not None and marks(earlier) and inspect.isfunction(earlier) and place(earlier) != place(function):
        raise HandlerError(f"{place(function)}: {place(earlier)} has the same name; rename one")
    setattr(function, _MARK, (*marks(function), mark))
    return function


def marks(function: object) -> tuple[Subscription | CallFilter, ...]:
    """Return what the decorators left on a function."""
    found: tuple[Subscription | CallFilter, ...] = getattr(function, _MARK, ())
    return found


def place(function: Callable[..., object]) -> str:
    """Return where a function is: `greet (handlers.py, line 12)`."""
    code = inspect.unwrap(function).__code__
    return f"{function.__qualname__} ({code.co_filename.rpartition('/')[2]}, line {code.co_firstlineno})"
