"""Handlers that send, and that follow what became of it; two of every type that are not to be given that, or are."""

from ringback import CallPlacedEvent, Context, Event, MessageReceivedEvent, MessageSentEvent, mc, on
from tests.support.handlers.recording import note


@on("*")
def callbacks(event: Event, ctx: Context) -> None:
    note("callbacks", event, ctx)


@on("*", "message.sent")
def callbacks_and_messages(event: Event, ctx: Context) -> None:
    note("callbacks-and-messages", event, ctx)


@on("message.sent", "call.placed")
async def sends(event: MessageSentEvent | CallPlacedEvent, ctx: Context) -> None:
    note("sends", event, ctx)


@on("message.sent", "call.placed", status=["refused", "in_doubt"], retry=[])
def failing(event: MessageSentEvent | CallPlacedEvent, ctx: Context) -> None:
    note("failing", event, ctx)
    raise ValueError("told to fail")


@on("message.received", keyword="REPLY", name="shop.reply")
def reply(event: MessageReceivedEvent, ctx: Context) -> None:
    ctx.reply("Thank you.", context={"ticket": "42"})


@on("message.received", keyword="CALL", name="shop.call_back")
def call_back(event: MessageReceivedEvent, ctx: Context) -> None:
    if event.data.sender is not None:
        ctx.send.call(to=event.data.sender, commands=[mc.say("Hello.", language="en-GB")], from_="60312345678")
