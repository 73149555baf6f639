"""Handlers that hang with the limit that nobody has set, until they are mended."""

import asyncio
import re
import time

from ringback import Context, Event, on
from tests.support.handlers.recording import note, prefix, redis


def mended() -> bool:
    return bool(redis.exists(f"{prefix}:mended"))


def hang(event: Event, ctx: Context) -> None:
    note("started", event, ctx)
    while not mended():
        time.sleep(0.05)
    note("ended", event, ctx)


async def hang_async(event: Event, ctx: Context) -> None:
    note("started", event, ctx)
    while not mended():  # noqa: ASYNC110 - another process mends
        await asyncio.sleep(0.05)
    note("ended", event, ctx)


@on("message.received", keyword="ENDLESS")
def endless(event: Event, ctx: Context) -> None:
    hang(event, ctx)


@on("message.received", keyword="ENDLESS-ASYNC")
async def endless_async(event: Event, ctx: Context) -> None:
    await hang_async(event, ctx)


@on("message.received", keyword="BLOCKS")
async def blocks(event: Event, ctx: Context) -> None:
    """Keep the loop from turning, as an async handler must not."""
    hang(event, ctx)


@on("message.received", keyword="FOUR")
def first(event: Event, ctx: Context) -> None:
    hang(event, ctx)


@on("message.received", keyword="FOUR")
def second(event: Event, ctx: Context) -> None:
    hang(event, ctx)


@on("message.received", keyword="FOUR")
def third(event: Event, ctx: Context) -> None:
    hang(event, ctx)


@on("message.received", keyword="FOUR")
async def fourth(event: Event, ctx: Context) -> None:
    await hang_async(event, ctx)


@on("message.received", keyword="BREAKS")
def breaks(event: Event, ctx: Context) -> None:
    """Is quick until it is broken."""
    note("started", event, ctx)
    while redis.exists(f"{prefix}:broken") and not mended():
        time.sleep(0.05)
    note("ended", event, ctx)


@on("message.received", keyword="LONG")
def long(event: Event, ctx: Context) -> None:
    """Takes long, and rightly so."""
    note("long-started", event, ctx)
    time.sleep(8)
    note("long", event, ctx)


@on("message.received", keyword="REGEX", timeout=2, retry=[])
def regex(event: Event, ctx: Context) -> None:
    """Match for longer than anyone lives, and hold the interpreter meanwhile."""
    note("regex", event, ctx)
    re.match(r"(a+)+$", "a" * 60 + "b")


@on("message.received")
async def beside(event: Event, ctx: Context) -> None:
    note("beside", event, ctx)
