"""Tracebacks for logs: where and what kind of error, never its message.

A message may quote what a callback held: a handler's `ValueError(event.data.text)`, a validator's input, the arguments
that Redis did not like. Lines of code have no values. A handler's message is in its dead letter (`ringback dead show`).
"""

import os
import traceback
from collections.abc import Iterator
from typing import Final

from structlog.typing import ExcInfo

_CAUSE: Final = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT: Final = "\nDuring handling of the above exception, another exception occurred:\n\n"
_GROUPED: Final = "\nOne of them:\n\n"


def without_messages(exc_info: ExcInfo) -> str:
    """Write an exception as Python does, with all that led to it, less the messages."""
    return "".join(_lines(exc_info[1], set())).rstrip("\n")


def named(error: BaseException) -> str:
    """Name an exception; the number of an operating system's error is not secret, and says what failed."""
    name = type(error).__name__
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return f"{name}: {os.strerror(error.errno)}"
    return name


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    before, joint = (error.__cause__, _CAUSE) if error.__cause__ else (error.__context__, _CONTEXT)
    if before is not None and id(before) not in seen and (joint is _CAUSE or not error.__suppress_context__):
        yield from _lines(before, seen)
        yield joint
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    yield f"{named(error)}\n"
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            if id(one) not in seen:
                yield _GROUPED
                yield from _lines(one, seen)
