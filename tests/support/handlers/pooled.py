"""Handlers and calls that use what lifespans have opened in their process."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator

from ringback import Context, Event, lifespan, mc, on, voice
from ringback.schemas.mc_actions import Action
from tests.support.handlers.recording import note, prefix, redis


def say(what: str) -> None:
    redis.rpush(f"{prefix}:life", f"{what} {os.getpid()}")


@lifespan
def pool() -> Iterator[dict[str, object]]:
    say("pool opened")
    yield {"pool": os.getpid(), "lock": threading.Lock()}
    say("pool closed")


@lifespan
async def client() -> AsyncIterator[dict[str, object]]:
    say("client opened")
    yield {"loop": asyncio.get_running_loop()}
    say("client closed")


@on("message.received")
def sync(event: Event, ctx: Context) -> None:
    assert ctx.state["pool"] == os.getpid()
    with ctx.state["lock"]:
        note("sync", event, ctx)


@on("message.received")
async def later(event: Event, ctx: Context) -> None:
    assert ctx.state["loop"] is asyncio.get_running_loop()
    note("later", event, ctx)


@voice.answer()
async def answers(call: voice.Incoming, ctx: Context) -> Action:
    assert ctx.state["loop"] is asyncio.get_running_loop()
    return mc.say(f"pool of {ctx.state['pool'] == os.getpid()}")
