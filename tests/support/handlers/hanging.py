"""Handlers that hang until they are mended, and what must not wait for them."""

import os
import time

from ringback import Context, Event, MessageReceivedEvent, on
from tests.support.handlers.recording import note, prefix, redis


@on("message.received", keyword="STUCK", retry=[1, 1, 1, 1, 1], timeout=2)
def stuck(event: Event, ctx: Context) -> None:
    note("stuck-started", event, ctx)
    while not redis.exists(f"{prefix}:mended"):
        time.sleep(0.05)
    note("stuck", event, ctx)


@on("message.received", keyword="POISON", retry=[15, 15], timeout=2)
def poisoned(event: MessageReceivedEvent, ctx: Context) -> None:
    """Hangs on some, and ends others in time, so that it is never set aside for long."""
    note("poisoned", event, ctx)
    if event.data.context.get("do") == "hang":
        time.sleep(3600)


@on("message.received", keyword="FAIL", retry=[1])
def failing(event: Event, ctx: Context) -> None:
    note("failing", event, ctx)
    raise ValueError("told to fail")


@on("message.received", keyword="NATIVE", retry=[1], timeout=0.5)
def native(event: Event, ctx: Context) -> None:
    note("native", event, ctx)
    if ctx.attempt == 1:
        raise ValueError("told to fail once")
    # A sum in C that holds the interpreter for minutes: no alarm is heard meanwhile.
    sum(range(10**11))


@on("message.received", keyword="KILLS-AGAIN", retry=[1])
def kills_again(event: Event, ctx: Context) -> None:
    note("kills-again", event, ctx)
    if ctx.attempt == 1:
        raise ValueError("told to fail once")
    os._exit(1)
