"""Handlers that fail in every way, each with what it was given in its words: nothing of it may reach a log.

Which of them fails is said by the callback's context, `ctx.do`.
"""

import asyncio
import gc
import logging
import os
import threading
import time
import warnings

from pydantic import BaseModel
from redis import Redis

from ringback import CallInputEvent, Context, Drop, Event, MessageReceivedEvent, RetryLater, mc, on, voice
from ringback.events import to_document
from ringback.schemas.mc_actions import Action

redis = Redis.from_url(os.environ["RINGBACK_REDIS_URL"])
theirs = logging.getLogger("a.library")


class Strict(BaseModel):
    """A model of the user's, whose errors quote what they were given."""

    age: int


def told(event: Event) -> str:
    """Say all of an event, and our secret."""
    return f"{to_document(event.data)} {os.environ['RINGBACK_TOKENS']}"


def does(what: str) -> dict[str, object]:
    """Declare a handler of the events whose context says so."""
    return {"when": lambda event: event.data.context.get("do") == what, "retry": []}


@on("*", **does("raise"))  # type: ignore[arg-type]
def raises(event: Event) -> None:
    seen = told(event)  # a local variable, which some tracebacks show
    raise ValueError(seen)


@on("*", **{**does("again"), "retry": [1]})  # type: ignore[arg-type]
def raises_again(event: Event) -> None:
    try:
        raise KeyError(told(event))
    except KeyError as error:
        raise RuntimeError(told(event)) from error


@on("*", **does("async"))  # type: ignore[arg-type]
async def raises_in_a_group(event: Event) -> None:
    async def one() -> None:
        raise ValueError(told(event))

    async with asyncio.TaskGroup() as group:
        group.create_task(one(), name=told(event))


@on("*", **does("exit"))  # type: ignore[arg-type]
def exits(event: Event) -> None:
    raise SystemExit(told(event))


def chooses(event: Event) -> bool:
    if event.data.context.get("do") == "when":
        raise ValueError(told(event))
    return False


@on("*", when=chooses, retry=[])
def chosen(event: Event) -> None:
    """Its `when` raises."""


@on("message.received", **does("drop"))  # type: ignore[arg-type]
def drops(event: MessageReceivedEvent) -> None:
    sender = event.data.sender
    raise Drop(f"spam: {event.data.text} of {sender and sender.value}, {event.data.sender_name}")


@on("*", **does("later"))  # type: ignore[arg-type]
def later(event: Event) -> None:
    try:
        raise ValueError(told(event))
    except ValueError:
        raise RetryLater(1) from None


@on("*", **does("hang"), timeout=0.2)  # type: ignore[arg-type]
def hangs(event: Event) -> None:
    seen = told(event)
    time.sleep(30)
    raise ValueError(seen)


@on("*", **does("crash"))  # type: ignore[arg-type]
def crashes(event: Event) -> None:
    os._exit(7)


@on("*", **{**does("crash again"), "retry": [0]})  # type: ignore[arg-type]
def crashes_again(event: Event, ctx: Context) -> None:
    if ctx.attempt == 2:
        os._exit(7)
    raise ValueError(told(event))


@on("*", **does("redis"))  # type: ignore[arg-type]
def asks_redis_nonsense(event: Event) -> None:
    redis.execute_command("NONSENSE", told(event))  # type: ignore[no-untyped-call]


@on("*", **does("validate"))  # type: ignore[arg-type]
def validates(event: Event, ctx: Context) -> None:
    try:
        Strict.model_validate({"age": told(event)})
    except ValueError:
        ctx.log.exception("leaky.validation")
        theirs.exception("leaky.library")
        raise


class Dies:
    """What raises where nobody can catch it."""

    def __init__(self, said: str) -> None:
        self.said = said

    def __del__(self) -> None:
        raise ValueError(self.said)

    def __repr__(self) -> str:
        return self.said


def fails_with(said: str) -> None:
    raise ValueError(said)


@on("*", **does("aside"))  # type: ignore[arg-type]
async def fails_beside(event: Event) -> None:
    """Fail in a task that nobody awaits, in a callback, in a thread, in a `__del__`, and with a warning."""
    said = told(event)
    loop = asyncio.get_running_loop()
    loop.call_soon(fails_with, said)
    forgotten = loop.create_task(_fails(said), name=said)
    await asyncio.sleep(0.05)
    del forgotten
    gc.collect()
    thread = threading.Thread(target=fails_with, args=(said,))
    thread.start()
    thread.join()
    Dies(said)
    warnings.warn(said, stacklevel=1)


async def _fails(said: str) -> None:
    raise ValueError(said)


@voice.answer()
def answers(call: voice.Incoming) -> list[Action] | dict[str, object] | Action:
    seen = told(call)
    match call.data.context.get("do"):
        case "raise":
            raise ValueError(seen)
        case "invalid":
            return {"action": call.data.caller.value if call.data.caller else "none", "text": seen}
        case "dial":
            return mc.dial(seen)
        case "state":
            call.state[call.data.caller.value if call.data.caller else ""] = {1, 2}  # type: ignore[assignment]
        case "hang":
            time.sleep(30)
    return [mc.say("Hello."), mc.collect(step="menu", max=1)]


@voice.collect("menu")
async def menu(call: CallInputEvent) -> Action:
    await asyncio.sleep(0)
    return mc.say("Thank you.")
