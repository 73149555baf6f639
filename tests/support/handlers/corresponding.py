"""Handlers that reply, and look up which send of theirs a report belongs to."""

import json

from ringback import Context, MessageReceivedEvent, MessageSentEvent, MessageStatusEvent, on
from tests.support.handlers.recording import prefix, redis


@on("message.received", name="shop.answer")
def answer(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply("Thank you.", context={"ticket": "42"})


@on("message.status", "message.sent")
def follow(event: MessageStatusEvent | MessageSentEvent, ctx: Context) -> None:
    found = ctx.sending(event)
    known = None
    if found is not None:
        draft = found.draft
        known = [found.ref, found.state.value, draft.handler, draft.cause, dict(draft.context), dict(draft.body)]
    redis.rpush(f"{prefix}:sendings", json.dumps([event.type, event.data.context, known]))
