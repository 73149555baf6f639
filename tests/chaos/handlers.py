"""Handlers for the fault runs. Each notes its start and its end in a file, which outlives the process."""

import ctypes
import os
import signal
import time
from functools import cache
from pathlib import Path

from ringback import Context, Event, on

folder = Path(os.environ["CHAOS_NOTES"])
busy_s = float(os.environ["CHAOS_BUSY_S"])


@cache
def notes_of(pid: int) -> int:
    """Open the file of this process; a forked one gets its own."""
    return os.open(folder / str(pid), os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(what: str, handler: str, event: Event) -> None:
    """Write a line at once. A killed process loses nothing that it has written."""
    pid = os.getpid()
    line = f"{time.monotonic():.6f} {pid} {os.getppid()} {handler} {event.data.context['n']} {what}\n"
    os.write(notes_of(pid), line.encode())


@on("*")
def quick(event: Event) -> None:
    note("start", "quick", event)
    note("end", "quick", event)


@on("message.received", keyword="POISON")
def poison(event: Event) -> None:
    note("start", "poison", event)
    os.kill(os.getpid(), signal.SIGKILL)


@on("message.received", keyword="SLOW")
def slow(event: Event) -> None:
    note("start", "slow", event)
    time.sleep(busy_s)
    note("end", "slow", event)


@on("message.received", keyword="HOLD")
def hold(event: Event) -> None:
    note("start", "hold", event)
    ends = time.monotonic() + busy_s
    while (left := ends - time.monotonic()) > 0:
        # PyDLL keeps the interpreter's lock: nothing else of this process runs meanwhile.
        ctypes.PyDLL(None).poll(None, 0, int(left * 1000) + 1)
    note("end", "hold", event)


@on("message.received", keyword="FLAKY", retry=[1] * 8)
def flaky(event: Event, ctx: Context) -> None:
    note("start", "flaky", event)
    if ctx.attempt <= 2:
        raise ValueError("told to fail twice")
    note("end", "flaky", event)


@on("*")
def quick_too(event: Event) -> None:
    note("start", "quick_too", event)
    note("end", "quick_too", event)


@on("*")
async def awaiting(event: Event) -> None:
    note("start", "awaiting", event)
    note("end", "awaiting", event)
