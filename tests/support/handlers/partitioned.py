"""Handlers that note when they start and end, for the order within a partition key."""

import asyncio
import json
import os
import signal
import time

from redis import Redis

from ringback import Context, MessageReceivedEvent, on

redis = Redis.from_url(os.environ["RINGBACK_REDIS_URL"])
prefix = os.environ["RINGBACK_PREFIX"]


def note(name: str, event: MessageReceivedEvent, began: float) -> None:
    noted = {"key": event.partitionkey, "text": event.data.text, "pid": os.getpid()}
    redis.rpush(f"{prefix}:{name}", json.dumps(noted | {"began": began, "ended": time.time()}))


@on("message.received")
def one_by_one(event: MessageReceivedEvent) -> None:
    began = time.time()
    time.sleep(0.01)
    note("one-by-one", event, began)


@on("message.received")
async def beside_others(event: MessageReceivedEvent) -> None:
    began = time.time()
    await asyncio.sleep(0.01)
    note("beside-others", event, began)


def takes_s(event: MessageReceivedEvent) -> float:
    """Return how long a run is to take: none, a little, or so long that others must not wait for it."""
    return (0.0, 0.02, 0.0, 0.005, 0.3)[int(event.data.text or "") % 5]


@on("message.received", keyword="MIXED")
def mixed(event: MessageReceivedEvent) -> None:
    began = time.time()
    time.sleep(takes_s(event))
    note("mixed", event, began)


@on("message.received", keyword="MIXED")
async def mixed_async(event: MessageReceivedEvent) -> None:
    began = time.time()
    await asyncio.sleep(takes_s(event))
    note("mixed-async", event, began)


@on("message.received", keyword="MIXED")
async def mixed_blocking(event: MessageReceivedEvent) -> None:
    """Once in a while keep the loop from turning for so long that another takes its place."""
    began = time.time()
    if int(event.data.text or "") == 12 and event.partitionkey.endswith("1"):
        time.sleep(1.5)  # noqa: ASYNC251 - what an async handler must not do
    note("mixed-blocking", event, began)


@on("message.received", keyword="MIXED", retry=[1])
def mixed_failing(event: MessageReceivedEvent, ctx: Context) -> None:
    began = time.time()
    if int(event.data.text or "") % 5 == 3 and ctx.attempt == 1:
        raise ValueError("told to fail once")
    note("mixed-failing", event, began)


@on("message.received", keyword="KILL")
def kills_its_worker(event: MessageReceivedEvent, ctx: Context) -> None:
    if redis.incr(f"{prefix}:killed") == 1:
        os.kill(os.getpid(), signal.SIGKILL)


@on("message.received", keyword="BLOCK")
async def blocks_the_loop(event: MessageReceivedEvent) -> None:
    time.sleep(1.0)  # noqa: ASYNC251 - as one should not
