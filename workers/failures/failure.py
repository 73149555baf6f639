"""Failures: what went wrong for a handler or with an entry, and all that it takes to try again, or to say so."""

import math
import random
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from pydantic import ValidationError

from ringback.workers.failures.line import Line
from ringback.workers.intake.entry import Entry
from ringback.workers.registry import Handler
from ringback.workers.running.outcomes import RetryLater

_JITTER: Final = 0.2


@dataclass(frozen=True, slots=True)
class HandlerFailure:
    """A handler that failed on an event: everything that it takes to run it again, also when the stream is trimmed.

    `error`: the exception's name, if it was one. `pause`: seconds to the next attempt that the handler asked for.
    `unrun`: it has not failed but was passed over, for a first attempt: at once, or from its handler's `line`.
    """

    handler: Handler
    event_id: str
    event_json: str
    advanced: bool | None
    traceback: str
    final: bool = False
    error: str | None = None
    pause: int | None = None
    line: Line | None = None
    unrun: bool = False

    @classmethod
    def of(
        cls, handler: Handler, event_id: str, event_json: str, advanced: bool | None, error: BaseException
    ) -> "HandlerFailure":
        """Make one of what a handler raised."""
        text = "".join(traceback.format_exception(error))
        name, pause = error_name(error), pause_asked(error)
        return cls(handler, event_id, event_json, advanced, text, error=name, pause=pause)


class UnreadableError(Exception):
    """An entry holds no event that this version can read. Its words hold nothing of what is in the entry."""

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Make one of what reading has raised."""
        if isinstance(error, ValidationError):
            found = error.errors(include_url=False, include_context=False, include_input=False)
            return cls("; ".join(f"{'.'.join(map(str, one['loc'])) or 'event'}: {one['type']}" for one in found))
        return cls(f"event: {error_name(error)}")


@dataclass(frozen=True, slots=True)
class Unread:
    """An entry that could not be read. `text`: all there is of it (ringback.workers.intake.entry)."""

    event_id: str
    text: str
    advanced: bool | None
    reason: str

    @classmethod
    def of(cls, entry: Entry, error: Exception) -> Self:
        """Make one of an entry, and of what reading it has raised."""
        reason = f"entry {entry.id} cannot be read: {UnreadableError.of(error)}"
        return cls(entry.event_id or entry.id, entry.text, entry.advanced, reason)


def pause_asked(error: BaseException) -> int | None:
    """Return the pause in whole seconds that a handler asked for by what it raised; None if it asked for none."""
    if not isinstance(error, RetryLater):
        return None
    # RQ cuts the fraction off the time at which a job is due; with a second more it is never too early.
    return math.ceil(error.seconds) + 1 if error.seconds else 0


def jittered(pauses: Sequence[int], attempt: int) -> int:
    """Return the pause in whole seconds after the `attempt`th attempt (from 1), up to a fifth longer than set.

    So that what failed together does not come back together.
    """
    pause = pauses[attempt - 1]
    return round(pause * (1 + random.random() * _JITTER))  # noqa: S311


def error_name(error: BaseException) -> str:
    """Return the name of an error without its text, which may hold what a handler was given."""
    return type(error).__name__
