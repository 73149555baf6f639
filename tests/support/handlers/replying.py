"""Handlers that reply, and then do what keeps a reply from being sent, or do it again."""

import asyncio
import os
import time
from collections.abc import Iterator

from redis import Redis

from ringback import CallIncomingEvent, Context, Drop, MessageReceivedEvent, RetryLater, mc, on, voice
from ringback.schemas.mc_actions import Say

redis = Redis.from_url(os.environ["RINGBACK_REDIS_URL"])
prefix = os.environ["RINGBACK_PREFIX"]
NOBODY = 1000


def note(event: MessageReceivedEvent) -> None:
    redis.rpush(f"{prefix}:replying", str(event.data.text))


@on("message.received", keyword="REPLY")
def plain(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "", context={"order": event.data.text or ""})


@on("message.received", keyword="AGAIN")
def again(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "", in_doubt="again")


@on("message.received", keyword="SOON")
def soon(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "", ttl=1)


@on("message.received", keyword="TOGETHER")
async def together(event: MessageReceivedEvent, ctx: Context) -> None:
    await asyncio.sleep(0.05)
    ctx.reply(event.data.text or "")
    await asyncio.sleep(0.05)


@on("message.received", keyword="FLAKY", retry=[0])
def flaky(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")
    if ctx.attempt == 1:
        raise ValueError("told to fail once")


@on("message.received", keyword="SLOW")
def slow(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")
    note(event)
    while not redis.exists(f"{prefix}:go"):
        time.sleep(0.05)


@on("message.received", keyword="RAISES", retry=[])
def raising(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")
    note(event)
    if not redis.exists(f"{prefix}:repaired"):
        raise ValueError("told to fail")


@on("message.received", keyword="EXITS", retry=[])
def exiting(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")
    note(event)
    raise SystemExit(1)


@on("message.received", keyword="HANGS", retry=[], timeout=0.3)
def hanging(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")
    note(event)
    time.sleep(2)
    ctx.reply(event.data.text or "")


@on("message.received", keyword="AWAITS", retry=[], timeout=0.3)
async def awaiting(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")
    note(event)
    await asyncio.sleep(2)


@on("message.received", keyword="DROPS")
def dropping(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")
    note(event)
    raise Drop("told to drop")


@on("message.received", keyword="LATER")
def later(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply(event.data.text or "")
    note(event)
    raise RetryLater(NOBODY)


def one_by_one(*texts: str) -> Iterator[Say]:
    for text in texts:
        if not text:
            raise ValueError("told to fail between two actions")
        yield mc.say(text)


@voice.answer()
def greet(call: CallIncomingEvent, ctx: Context) -> Say | Iterator[Say]:
    """Text the caller as well. `do` in the context of the call's URL says what goes wrong then."""
    caller = call.data.caller
    assert caller is not None
    ctx.send.sms(to=caller, from_="ACME", text=call.data.call_id)
    match call.data.context.get("do"):
        case "raise":
            raise ValueError("told to fail")
        case "hang":
            time.sleep(2)
        case "one by one":
            return one_by_one("Hello.", "Goodbye.")
        case "break off":
            return one_by_one("Hello.", "")
        case "invalid":
            return mc.say("Hello.", language="no language")
        case _:
            pass
    return mc.say("Hello.")
