"""Handlers that hang with the limit that nobody has set, until they are mended."""

import asyncio
import time

from ringback import Context, Event, on
from tests.support.handlers.recording import note, prefix, redis


def mended() -> bool:
    return bool(redis.exists(f"{prefix}:mended"))


@on("message.received", keyword="ENDLESS")
def endless(event: Event, ctx: Context) -> None:
    note("started", event, ctx)
    while not mended():
        time.sleep(0.05)
    note("ended", event, ctx)


@on("message.received", keyword="ENDLESS-ASYNC")
async def endless_async(event: Event, ctx: Context) -> None:
    note("started", event, ctx)
    while not mended():  # noqa: ASYNC110 - another process mends
        await asyncio.sleep(0.05)
    note("ended", event, ctx)


@on("message.received", keyword="BREAKS")
def breaks(event: Event, ctx: Context) -> None:
    """Is quick until it is broken."""
    note("started", event, ctx)
    while redis.exists(f"{prefix}:broken") and not mended():
        time.sleep(0.05)
    note("ended", event, ctx)


@on("message.received")
async def beside(event: Event, ctx: Context) -> None:
    note("beside", event, ctx)
