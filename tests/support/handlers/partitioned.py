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


@on("message.received", keyword="KILL")
def kills_its_worker(event: MessageReceivedEvent, ctx: Context) -> None:
    if redis.incr(f"{prefix}:killed") == 1:
        os.kill(os.getpid(), signal.SIGKILL)
