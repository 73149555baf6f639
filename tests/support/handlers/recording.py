"""Handlers that note what they were given in Redis, where the test looks."""

import asyncio
import json
import os
import time

from redis import Redis

from ringback import (
    CallIncomingEvent,
    CallInputEvent,
    Context,
    Drop,
    Event,
    MessageReceivedEvent,
    RetryLater,
    mc,
    on,
    voice,
)
from ringback.schemas.mc_actions import Collect, Dial, Say
from ringback.schemas.parts import to_json

redis = Redis.from_url(os.environ["RINGBACK_REDIS_URL"])
prefix = os.environ["RINGBACK_PREFIX"]


def note(name: str, event: Event, ctx: Context | None = None) -> None:
    noted: dict[str, object] = {"event": to_json(event).decode(), "at": time.time()}
    if ctx is not None:
        noted |= {"attempt": ctx.attempt, "advanced": ctx.advanced, "key": ctx.idempotency_key, "pid": os.getpid()}
        noted["replay"] = ctx.replay
    redis.rpush(f"{prefix}:noted:{name}", json.dumps(noted))


@on("*")
def everything(event: Event, ctx: Context) -> None:
    note("everything", event, ctx)


@on("message.received", channel="whatsapp")
async def whatsapp(event: MessageReceivedEvent) -> None:
    note("whatsapp", event)


@on("message.received", keyword="FAIL", retry=[1])
def failing(event: Event, ctx: Context) -> None:
    note("failing", event, ctx)
    raise ValueError("told to fail")


@on("message.received", keyword="RECOVER", retry=[1, 1])
def recovering(event: Event, ctx: Context) -> None:
    note("recovering", event, ctx)
    if ctx.attempt == 1:
        raise ValueError("told to fail once")


@on("message.received", keyword="FINAL", retry=[])
def final(event: Event, ctx: Context) -> None:
    note("final", event, ctx)
    raise ValueError("told to fail for good")


@on("message.received", keyword="HANG", retry=[], timeout=0.5)
def hanging(event: Event, ctx: Context) -> None:
    note("hanging", event, ctx)
    time.sleep(30)


@on("message.received", keyword="HANG", retry=[], timeout=0.5)
def patient(event: Event, ctx: Context) -> None:
    note("patient", event, ctx)


@on("message.received", keyword="SLOW")
def slow(event: Event, ctx: Context) -> None:
    note("slow-started", event, ctx)
    while not redis.exists(f"{prefix}:go"):
        time.sleep(0.05)
    note("slow", event, ctx)


@on("message.received", keyword="LATER", retry=[1000, 1000])
def later(event: Event, ctx: Context) -> None:
    note("later", event, ctx)
    raise RetryLater(0.5)


@on("message.received", keyword="DROP", retry=[1])
def dropping(event: MessageReceivedEvent, ctx: Context) -> None:
    note("dropping", event, ctx)
    raise Drop("told to drop,\nand " + "x" * 1000)


@on("message.received", keyword="DROP-NEXT", retry=[1, 1])
def dropping_next(event: MessageReceivedEvent, ctx: Context) -> None:
    note("dropping-next", event, ctx)
    if ctx.attempt == 1:
        raise ValueError("told to fail once")
    raise Drop("told to drop the second time")


@on("message.received", keyword="BROKEN", retry=[])
async def broken(event: MessageReceivedEvent, ctx: Context) -> None:
    note("broken", event, ctx)
    if not redis.exists(f"{prefix}:mended"):
        raise LookupError(f"no answer to {event.data.text}")


@on("*", when=lambda event: event.data.context.get("do") == "fail", retry=[])
def told_to_fail(event: Event, ctx: Context) -> None:
    note("told-to-fail", event, ctx)
    raise ValueError("told to fail")


@on("message.received", keyword="CRASH")
def crashing(event: Event, ctx: Context) -> None:
    note("crashing", event, ctx)
    os._exit(1)


@on("message.received", keyword="ASYNC", retry=[])
async def waiting(event: Event, ctx: Context) -> None:
    await asyncio.sleep(0.2)
    note("waiting", event, ctx)


@on("message.received", keyword="ASYNC-HANG", retry=[], timeout=0.5)
async def waiting_for_ever(event: Event, ctx: Context) -> None:
    note("waiting-for-ever", event, ctx)
    await asyncio.sleep(30)


@on("message.received", keyword="ASYNC-BLOCK", retry=[], timeout=0.5)
async def blocking(event: Event, ctx: Context) -> None:
    note("blocking", event, ctx)
    time.sleep(30)  # noqa: ASYNC251 - what an async handler must not do


@on("message.received", keyword="NATIVE-HANG", retry=[], timeout=0.5)
def native_hang(event: Event, ctx: Context) -> None:
    note("native-hang", event, ctx)
    # A sum in C that holds the interpreter for minutes: no alarm is heard meanwhile.
    sum(range(10**11))


@on("message.received", keyword="NATIVE-HANG")
def after_native_hang(event: Event, ctx: Context) -> None:
    note("after-native-hang", event, ctx)


@on("message.received", keyword="ASIDE", retry=[600], timeout=0.5)
def hanging_again(event: Event, ctx: Context) -> None:
    note("hanging-again", event, ctx)
    time.sleep(30)


@on("message.status", advanced=True)
def advanced(event: Event, ctx: Context) -> None:
    note("advanced", event, ctx)


@voice.answer()
def answer(call: CallIncomingEvent) -> list[Say | Collect]:
    if call.data.context.get("do") == "raise":
        raise ValueError("told to fail")
    if call.data.context.get("do") == "take time":
        time.sleep(0.1)
    if call.data.context.get("do") == "hang":
        time.sleep(30)
    return [mc.say("Press 1."), mc.collect(step="menu", max=1)]


@voice.collect("menu")
async def menu(call: CallInputEvent) -> Dial | dict[str, object]:
    if call.data.no_input:
        return {"action": "say"}  # Mocean would refuse it: no text
    return mc.dial("60123456789")
