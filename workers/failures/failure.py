"""Failures: what is kept of an error, and how long it is until the next attempt."""

import random
import traceback
from collections.abc import Sequence
from typing import Final

from ringback.clients.errors import PartialError, SendError
from ringback.workers.running.outcomes import LONGEST_PAUSE_S, RetryLater

_JITTER: Final = 0.2
_LONGEST_TEXT: Final = 64 * 1024
_THREADS: Final = 'see "Threads and forks" in docs/handlers.md'
# What an error says that comes of running in a thread, and what to write instead.
_ADVICE: Final = (
    (
        "sqlite3.ProgrammingError: SQLite objects created in a thread can only be used in that same thread",
        "Sync handlers run in threads: connect within the handler, or in @lifespan with "
        "check_same_thread=False and a lock around each use",
    ),
    (
        "ValueError: signal only works in main thread",
        "Sync handlers run in threads: take signal out, also signal.alarm; a run is ended by @on(…, timeout=seconds)",
    ),
    (
        "RuntimeError: There is no current event loop in thread",
        "Sync handlers run in threads, which have no loop: write async def, or asyncio.run(…)",
    ),
)


def pause_after(error: BaseException, pauses: Sequence[int], attempt: int) -> float | None:
    """Return the seconds from the end of the `attempt`th attempt (from 1) to the next; None if there is none.

    Never shorter than asked for, and up to a fifth longer than `pauses` say, so that what failed together does not come
    back together. What the handler asked for by RetryLater is kept as it is. After a provider's refusal that no time
    cures there is none; where a provider says how long to wait, it is at least that.
    """
    if attempt > len(pauses) or _is_final(error):
        return None
    if isinstance(error, RetryLater):
        return error.seconds
    pause = pauses[attempt - 1] * (1 + random.random() * _JITTER)  # noqa: S311
    asked = error.retry_after if isinstance(error, SendError) else None
    return max(pause, min(asked or 0.0, LONGEST_PAUSE_S))


def _is_final(error: BaseException) -> bool:
    """Whether another attempt would fail again, or send again to those of several receivers that were accepted."""
    return isinstance(error, SendError) and (error.permanent is True or isinstance(error, PartialError))


def error_name(error: BaseException) -> str:
    """Return the name of an error without its text, which may hold what a handler was given."""
    return type(error).__name__


def traceback_of(error: BaseException) -> str:
    """Return the traceback of whatever a handler has raised, as text that can be kept: UTF-8 of a bounded length.

    Where the error comes of running in a thread, a line says what to write instead.
    """
    try:
        text = "".join(traceback.format_exception(error))
    except Exception as unwritable:  # noqa: BLE001 - an exception's own __str__ may raise anything
        text = f"{error_name(error)}, which cannot be written: {error_name(unwritable)}\n"
    text = text.encode(errors="backslashreplace").decode()
    advice = "".join(f"{fix} ({_THREADS}).\n" for said, fix in _ADVICE if said in text)
    if len(text) > _LONGEST_TEXT:
        half = _LONGEST_TEXT // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half} characters are left out …\n{text[-half:]}"
    return text + advice
