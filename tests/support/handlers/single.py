"""Handlers of which only one run may be at work in a process. Nearly all are quick, and some are overdue."""

import asyncio
import time

from ringback import Context, MessageReceivedEvent, on
from tests.support.handlers.recording import note


def takes_s(event: MessageReceivedEvent) -> float:
    return 0.4 if int(event.data.text or "", 16) % 16 == 0 else 0.01


@on("message.received", keyword="SINGLE", concurrency=1)
def single(event: MessageReceivedEvent, ctx: Context) -> None:
    note("single-started", event, ctx)
    time.sleep(takes_s(event))
    note("single", event, ctx)


@on("message.received", keyword="SINGLE", concurrency=1)
async def single_async(event: MessageReceivedEvent, ctx: Context) -> None:
    note("single-async-started", event, ctx)
    await asyncio.sleep(takes_s(event))
    note("single-async", event, ctx)
