"""Handlers for the fault runs. Each notes its start and its end in a file, which outlives the process."""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

from ringback import Context, Event, on
from tests.chaos.plan import FAILS_FIRST, HANGING_RETRY_S, HANGING_TIMEOUT_S

folder = Path(os.environ["CHAOS_NOTES"])
busy_s = float(os.environ["CHAOS_BUSY_S"])
serials = count()


@cache
def notes_of(pid: int) -> int:
    """Open the file of this process; a forked one gets its own."""
    return os.open(folder / str(pid), os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(what: str, run: str) -> None:
    """Write a line at once. A killed process loses nothing that it has written."""
    pid = os.getpid()
    os.write(notes_of(pid), f"{time.monotonic():.6f} {pid} {os.getppid()} {run} {what}\n".encode())


@contextmanager
def noted(handler: str, event: Event, attempt: int = 1) -> Iterator[None]:
    """Note when a run starts, and when it ends or raises; nothing more where its limit or its process's end ends it."""
    run = f"{handler} {event.data.context['n']} {attempt} {next(serials)}"
    note("start", run)
    try:
        yield
    except Exception:
        note("raised", run)
        raise
    note("end", run)


@on("*")
def quick(event: Event) -> None:
    with noted("quick", event):
        pass


@on("message.received", keyword="POISON")
def poison(event: Event) -> None:
    with noted("poison", event):
        os.kill(os.getpid(), signal.SIGKILL)


@on("message.received", keyword="RELAPSE", retry=[1] * 8)
def relapse(event: Event, ctx: Context) -> None:
    with noted("relapse", event, ctx.attempt):
        if ctx.attempt == 1:
            raise ValueError("told to fail once, and then to kill its process")
        os.kill(os.getpid(), signal.SIGKILL)


@on("message.received", keyword="SLOW")
def slow(event: Event) -> None:
    with noted("slow", event):
        time.sleep(busy_s)


@on("message.received", keyword="THREADED")
def threaded(event: Event) -> None:
    with noted("threaded", event):
        time.sleep(0.02)


@on("message.received", keyword="HANGING", timeout=HANGING_TIMEOUT_S, retry=HANGING_RETRY_S)
def hanging(event: Event, ctx: Context) -> None:
    with noted("hanging", event, ctx.attempt):
        time.sleep(30 * HANGING_TIMEOUT_S)


@on("message.received", keyword="HOLD")
def hold(event: Event) -> None:
    with noted("hold", event):
        ends = time.monotonic() + busy_s
        while (left := ends - time.monotonic()) > 0:
            # PyDLL keeps the interpreter's lock: nothing else of this process runs meanwhile.
            ctypes.PyDLL(None).poll(None, 0, int(left * 1000) + 1)


@on("message.received", keyword="FLAKY", retry=[1] * 8)
def flaky(event: Event, ctx: Context) -> None:
    with noted("flaky", event, ctx.attempt):
        if ctx.attempt <= FAILS_FIRST:
            raise ValueError("told to fail at first")


@on("*")
def quick_too(event: Event) -> None:
    with noted("quick_too", event):
        pass


@on("*")
async def awaiting(event: Event) -> None:
    with noted("awaiting", event):
        pass


@on("message.received", keyword="BLOCKING")
async def blocking(event: Event) -> None:
    with noted("blocking", event):
        time.sleep(busy_s)  # noqa: ASYNC251 - the loop is to stand still
