"""An async voice handler with a client that it keeps, and a handler that is at work while Redis goes away."""

import os
import time

import httpx

from ringback import Context, Event, mc, on, voice
from ringback.schemas.mc_actions import Action

client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{os.environ['RINGBACK_PORT']}")


@voice.answer()
async def answers(call: voice.Incoming) -> Action:
    return mc.say(f"it says {(await client.get('/livez')).status_code}")


@on("message.received", timeout=5, retry=[])
def two_seconds(event: Event, ctx: Context) -> None:
    with open(os.environ["NOTES"], "a") as notes:  # noqa: PTH123
        print("started", ctx.attempt, file=notes, flush=True)
        time.sleep(2)
        print("ended", ctx.attempt, file=notes)
