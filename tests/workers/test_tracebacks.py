"""Tracebacks as dead letters keep them, and what they say of errors that come of running in a thread."""

import asyncio
import signal
import sqlite3
import threading
from collections.abc import Callable

import pytest

from ringback.workers.failures.failure import traceback_of

SEE = 'see "Threads and forks" in docs/handlers.md'


def raised_in_a_thread(call: Callable[[], object]) -> BaseException:
    """Return what a call raises in another thread than this one, as a sync handler's runs do."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - it is looked at
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    return raised[0]


def wrapped(call: Callable[[], object]) -> Callable[[], object]:
    """Return a call that raises as a library does that has an error of its own for it."""

    def run() -> None:
        try:
            call()
        except sqlite3.Error as error:
            raise RuntimeError("no row") from error

    return run


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        pytest.param(sqlite3.connect(":memory:").cursor, "check_same_thread=False", id="another thread's connection"),
        pytest.param(wrapped(sqlite3.connect(":memory:").cursor), "check_same_thread=False", id="one in a library"),
        pytest.param(lambda: signal.signal(signal.SIGALRM, signal.SIG_DFL), "timeout=seconds", id="a signal"),
        pytest.param(asyncio.get_event_loop, "async def", id="a loop"),
    ],
)
def test_what_to_write_instead(call: Callable[[], object], advice: str) -> None:
    before, _, last = traceback_of(raised_in_a_thread(call)).rstrip("\n").rpartition("\n")
    assert before.startswith("Traceback (most recent call last):\n")
    assert advice in last
    assert last.endswith(f"({SEE}).")


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: sqlite3.connect(":memory:").execute("select"), id="another error of sqlite3"),
        pytest.param(lambda: signal.getsignal(0), id="another error of signal"),
    ],
)
def test_nothing_is_said_of_others(call: Callable[[], object]) -> None:
    assert SEE not in traceback_of(raised_in_a_thread(call))


def test_a_long_one_is_cut_in_its_middle() -> None:
    text = traceback_of(ValueError("x" * 100_000))
    assert (text.startswith("ValueError: x"), text.endswith("x\n")) == (True, True)
    assert "characters are left out" in text
    assert len(text) < 70_000


def test_one_that_cannot_be_written() -> None:
    class UnwritableError(Exception):
        def __str__(self) -> str:
            raise OSError

    assert "UnwritableError" in traceback_of(UnwritableError())
