"""Handlers that log by all means there are."""

import asyncio
import logging

import structlog

from ringback import Context, Event, MessageReceivedEvent, mc, on, voice
from ringback.schemas.mc_actions import Say

log = structlog.get_logger()
theirs = logging.getLogger("a.library")


@on("message.received")
def says(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.log.info("by ctx", of="says")
    log.info("by structlog", of="says")
    theirs.warning("by a %s", "library")


@on("message.received")
async def says_later(event: MessageReceivedEvent) -> None:
    await asyncio.sleep(0.01)
    log.info("by structlog", of="says_later")
    await asyncio.to_thread(log.info, "in a thread")


@on("message.received", retry=[0])
def fails_once(event: Event, ctx: Context) -> None:
    log.info("by structlog", of="fails_once")
    if ctx.attempt == 1:
        raise ValueError("told to fail once")


@voice.answer()
def answers(call: voice.Incoming) -> Say:
    log.info("by structlog", of="answers")
    return mc.say("Hello.")
