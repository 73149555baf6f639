"""Handlers that call providers at once, and note what came of it in Redis, where the test looks."""

import json
import os
import time
from typing import Any

from redis import Redis

from ringback import (
    CallIncomingEvent,
    Context,
    InDoubtError,
    MessageReceivedEvent,
    Mocean,
    SendError,
    mc,
    on,
    voice,
)
from ringback.schemas.mc_actions import Say
from ringback.schemas.parts import to_json

redis = Redis.from_url(os.environ["RINGBACK_REDIS_URL"])
prefix = os.environ["RINGBACK_PREFIX"]
TO, FROM = "60123456789", "ACME"


def note(name: str, event: MessageReceivedEvent, ctx: Context, **values: Any) -> None:
    noted = {"event": to_json(event).decode(), "attempt": ctx.attempt, "pid": os.getpid()}
    redis.rpush(f"{prefix}:noted:{name}", json.dumps({**noted, "at": time.time(), "advanced": None, **values}))


@on("message.received", keyword="SYNC", retry=[])
def sync(event: MessageReceivedEvent, ctx: Context) -> None:
    sent = ctx.mocean.sms(to=TO, from_=FROM, text=event.data.text or "")
    cool = ctx.mycoolsms.sms(to=TO, from_=FROM, text=event.data.text or "")
    note("sync", event, ctx, ids=[sent.message_id, cool.message_id])


@on("message.received", keyword="ASYNC", retry=[])
async def patient(event: MessageReceivedEvent, ctx: Context) -> None:
    sent = await ctx.async_mocean.sms(to=TO, from_=FROM, text=event.data.text or "")
    cool = await ctx.async_mycoolsms.sms(to=TO, from_=FROM, text=event.data.text or "")
    note("patient", event, ctx, ids=[sent.message_id, cool.message_id])


@on("message.received", keyword="SYNC-IN-ASYNC", retry=[1000])
async def sync_in_async(event: MessageReceivedEvent, ctx: Context) -> None:
    note("sync-in-async", event, ctx)
    ctx.mocean.balance()


@on("message.received", keyword="ASYNC-IN-SYNC", retry=[1000])
def async_in_sync(event: MessageReceivedEvent, ctx: Context) -> None:
    note("async-in-sync", event, ctx)
    assert ctx.async_mycoolsms.balance()


@on("message.received", keyword="UNCAUGHT", retry=[1000])
def uncaught(event: MessageReceivedEvent, ctx: Context) -> None:
    note("uncaught", event, ctx)
    ctx.mocean.sms(to=TO, from_=FROM, text=event.data.text or "")


@on("message.received", keyword="ONCE", retry=[1] * 30)
def once(event: MessageReceivedEvent, ctx: Context) -> None:
    _note_call("once", event, ctx, lambda: ctx.mocean(key="otp").sms(**_order(event)).message_id)


@on("message.received", keyword="ONCE-COOL", retry=[1] * 30)
def once_cool(event: MessageReceivedEvent, ctx: Context) -> None:
    _note_call("once-cool", event, ctx, lambda: ctx.mycoolsms(key="otp").sms(**_order(event)).message_id)


@on("message.received", keyword="ASYNC-ONCE", retry=[1] * 30)
async def patient_once(event: MessageReceivedEvent, ctx: Context) -> None:
    note("patient-once-begins", event, ctx)
    try:
        sent = await ctx.async_mocean(key="otp").sms(**_order(event))
    except SendError as error:
        _note_error("patient-once", event, ctx, error)
        raise
    note("patient-once", event, ctx, message_id=sent.message_id)
    _fail_until_told(event)


@on("message.received", keyword="LATE", retry=[1] * 30, timeout=1)
def late(event: MessageReceivedEvent, ctx: Context) -> None:
    _note_call("late", event, ctx, lambda: ctx.mocean(key="otp").sms(**_order(event)).message_id)


@on("message.received", keyword="ASYNC-LATE", retry=[1] * 30, timeout=1)
async def patient_late(event: MessageReceivedEvent, ctx: Context) -> None:
    try:
        await ctx.async_mocean(key="otp").sms(**_order(event))
    except SendError as error:
        _note_error("patient-late", event, ctx, error)
        raise


@on("message.received", keyword="REPLAYED", retry=[])
def replayed(event: MessageReceivedEvent, ctx: Context) -> None:
    kept = ctx.mocean(key="kept").sms(**_order(event)).message_id
    left = ctx.mocean.balance().value
    note("replayed", event, ctx, message_id=kept, left=str(left), replay=ctx.replay)
    ctx.mocean.sms(**_order(event))


@on("message.received", keyword="KEYS", retry=[])
def keys(event: MessageReceivedEvent, ctx: Context) -> None:
    mocean: Mocean = ctx.mocean(key="one")
    first = mocean.sms(**_order(event)).message_id
    again = ctx.mocean(key="one").sms(**_order(event)).message_id
    other = ctx.mocean(key="two").sms(**_order(event)).message_id
    words = []
    for refused in (
        lambda: ctx.mocean(key="one").flash(**_order(event)),
        lambda: ctx.mycoolsms(key="one").sms(**_order(event)),
        lambda: ctx.mocean(key="three").balance(),
        lambda: ctx.mocean(key="three").media("m", from_="60312345678").read(),
        lambda: ctx.mocean(key="").balance(),
    ):
        try:
            refused()
        except SendError as error:
            words.append(str(error))
    note("keys", event, ctx, ids=[first, again, other], words=words)


@on("message.received", keyword="MANY", retry=[1])
async def many(event: MessageReceivedEvent, ctx: Context) -> None:
    if ctx.attempt == 1:
        raise ValueError("told to fail once")
    sent = await ctx.async_mocean.sms(to=TO, from_=FROM, text=event.data.text or "")
    redis.rpush(f"{prefix}:many", sent.message_id)


@on("message.received", keyword="BLOCKS", retry=[1])
async def blocks(event: MessageReceivedEvent, ctx: Context) -> None:
    time.sleep(1.0)  # noqa: ASYNC251 - so that it is given a loop of its own
    if ctx.attempt == 1:
        raise ValueError("told to fail once")
    sent = await ctx.async_mocean.sms(to=TO, from_=FROM, text=event.data.text or "")
    redis.rpush(f"{prefix}:blocks", sent.message_id)


@voice.answer(callee="60311111111")
def answer(call: CallIncomingEvent, ctx: Context) -> Say:
    return mc.say(f"You have {ctx.mocean.balance().value:f}.")


@voice.answer(callee="60322222222")
async def patient_answer(call: CallIncomingEvent, ctx: Context) -> Say:
    sent = await ctx.async_mocean(key="text").sms(to=TO, from_=FROM, text="after the call")
    return mc.say(f"Sent {sent.message_id}.")


def _order(event: MessageReceivedEvent) -> dict[str, Any]:
    to = event.data.context.get("to", TO)
    return {"to": to, "from_": FROM, "text": event.data.text or "", "context": {"order": "42"}}


def _note_call(name: str, event: MessageReceivedEvent, ctx: Context, call: Any) -> None:
    note(f"{name}-begins", event, ctx)
    try:
        message_id = call()
    except SendError as error:
        _note_error(name, event, ctx, error)
        raise
    note(name, event, ctx, message_id=message_id)
    _fail_until_told(event)


def _note_error(name: str, event: MessageReceivedEvent, ctx: Context, error: SendError) -> None:
    ref = error.ref if isinstance(error, InDoubtError) else None
    note(name, event, ctx, error=type(error).__name__, words=str(error), ref=ref)


def _fail_until_told(event: MessageReceivedEvent) -> None:
    if not redis.exists(f"{prefix}:done:{event.data.text}"):
        raise ValueError("told to fail")
