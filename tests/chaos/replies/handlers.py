"""The handlers that reply, in each way in which a reply could be sent twice or not at all."""

import os
import time

from ringback import Context, Drop, MessageReceivedEvent, on
from tests.chaos.plan import FAILS_FIRST

busy_s = float(os.environ["CHAOS_BUSY_S"])


@on("message.received", keyword="PLAIN")
def plain(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")


@on("message.received", keyword="AWAITING")
async def awaiting(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")


@on("message.received", keyword="FLAKY", retry=[1] * 8)
def flaky(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")
    if ctx.attempt <= FAILS_FIRST:
        raise ValueError("told to fail at first, after the reply")


@on("message.received", keyword="SLOW")
def slow(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")
    time.sleep(busy_s)


@on("message.received", keyword="DROPPED")
def dropped(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")
    raise Drop("told to send nothing")
