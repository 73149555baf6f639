"""Handlers that note on which machine they run, by the server's clock: the machines' own differ."""

import json
import os
import socket
import time

from redis import Redis

from ringback import CallIncomingEvent, Context, Event, mc, on, voice
from ringback.schemas.mc_actions import Say

machine = os.environ["MACHINE"]
prefix = os.environ["RINGBACK_PREFIX"]
redis = Redis.from_url(os.environ["RINGBACK_REDIS_URL"])


def note(handler: str, event: Event, ctx: Context) -> None:
    seconds, micros = redis.time()
    noted = {
        "handler": handler, "number": event.data.context["n"], "machine": machine, "attempt": ctx.attempt,
        "at": seconds + micros / 1e6, "host": socket.gethostname(), "pid": os.getppid(),
        "clock": time.time() - seconds,
    }  # fmt: skip
    redis.rpush(f"{prefix}:noted", json.dumps(noted))


@on("*")
def everything(event: Event, ctx: Context) -> None:
    note("everything", event, ctx)


@on("message.received", keyword="FAIL", retry=[2, 2])
def failing(event: Event, ctx: Context) -> None:
    note("failing", event, ctx)
    raise ValueError("told to fail")


@on("message.received", keyword="LONG", retry=[1], timeout=60, concurrency=1)
def long(event: Event, ctx: Context) -> None:
    """Fails at first, so that what takes long is a retry."""
    if ctx.attempt == 1:
        raise ValueError("told to fail once")
    note("long-started", event, ctx)
    time.sleep(float(event.data.context["seconds"]))
    note("long", event, ctx)


@on("message.received", keyword="HELD", timeout=60, concurrency=1)
def held(event: Event, ctx: Context) -> None:
    note("held-started", event, ctx)
    while not redis.exists(f"{prefix}:go"):
        time.sleep(0.05)
    note("held", event, ctx)


@voice.answer()
def welcome(call: CallIncomingEvent) -> Say:
    return mc.say(f"by {machine}")
