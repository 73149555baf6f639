"""Voice handlers that answer in every way there is, chosen by the number that is called."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator

from redis import Redis

from ringback import CallStatusEvent, mc, on, voice
from ringback.schemas.mc_actions import Action

redis = Redis.from_url(os.environ["RINGBACK_REDIS_URL"])
prefix = os.environ["RINGBACK_PREFIX"]


@voice.answer(callee="63001")
def a_list(call: voice.Incoming) -> list[Action]:
    return [mc.say("a list"), mc.collect(step="menu", max=1)]


@voice.answer(callee="63002")
def one_action(call: voice.Incoming) -> Action:
    return mc.say("one action")


@voice.answer(callee="63003")
def a_generator(call: voice.Incoming) -> Iterator[Action]:
    yield mc.say("a generator")
    yield mc.sleep(100)


@voice.answer(callee="63004")
async def a_coroutine(call: voice.Incoming) -> list[Action]:
    await asyncio.sleep(0.01)
    return [mc.say("a coroutine")]


@voice.answer(callee="63005")
async def an_async_generator(call: voice.Incoming) -> AsyncIterator[Action]:
    yield mc.say("an async generator")
    await asyncio.sleep(0.01)
    yield mc.sleep(100)


@voice.answer(callee="63006")
def an_iterator(call: voice.Incoming) -> Iterator[Action]:
    return map(mc.say, ["an iterator", "of two"])


@voice.answer(callee="63011")
def hangs_between_two_actions(call: voice.Incoming) -> Iterator[Action]:
    yield mc.say("too")
    time.sleep(30)
    yield mc.say("late")


@voice.answer(callee="63012")
async def hangs_awaiting(call: voice.Incoming) -> AsyncIterator[Action]:
    yield mc.say("too")
    await asyncio.sleep(30)


@voice.answer(callee="63013")
def holds_the_interpreter(call: voice.Incoming) -> Action:
    # A sum in C that holds the interpreter for minutes: no alarm is heard meanwhile.
    return mc.say(str(sum(range(10**11))))


@voice.answer(callee="63014")
def raises(call: voice.Incoming) -> Action:
    call.state["kept"] = "although it failed"
    call.state["tries"] = 5
    call.state.increment("tries", 2)
    raise ValueError("told to fail")


@voice.answer(callee="63015")
def returns_nothing(call: voice.Incoming) -> None:
    return None


@voice.answer(callee="63021")
def remembers(call: voice.Incoming) -> list[Action]:
    call.state["choices"] = [call.data.context.get("language", "none")]
    call.state["gone"] = True
    return [mc.say("state"), mc.collect(step="remember", max=1)]


@voice.collect("remember")
def remembers_more(call: voice.Input) -> Action:
    choices = call.state["choices"]
    assert isinstance(choices, list)
    choices.append(call.data.digits)
    del call.state["gone"]
    return mc.say(json.dumps(dict(call.state), sort_keys=True))


@voice.collect("count")
def counts(call: voice.Input) -> Action:
    """Change the state while others of the same call do so too."""
    before = dict(call.state)
    time.sleep(0.05)
    call.state[f"pressed {call.data.digits}"] = len(before)
    return mc.say(str(call.state.increment("times")))


@voice.answer(callee="63022")
def keeps_too_much(call: voice.Incoming) -> Action:
    call.state["recording"] = "x" * voice.CallState.MAX_BYTES
    return mc.say("kept")


@voice.answer(callee="63023")
def adds_to_a_text(call: voice.Incoming) -> Action:
    call.state["name"] = "Ann"
    return mc.say(str(call.state.increment("name")))


@on("call.status", status="hangup")
def ended(event: CallStatusEvent) -> None:
    with voice.state(event) as state:
        redis.set(f"{prefix}:ended:{event.data.session_id}", json.dumps(dict(state)))
        state.clear()


@voice.collect("menu", digits="1")
def first(call: voice.Input) -> Action:
    return mc.dial("60123456789")


@voice.collect("menu", digits=["2", "3"])
def others(call: voice.Input) -> Action:
    return mc.say(f"not {call.data.digits}")


@voice.collect("menu", otherwise=True)
def again(call: voice.Input) -> list[Action]:
    return [mc.say("again"), mc.collect(step="menu", max=1)]


@voice.answer(otherwise=True)
def welcome(call: voice.Incoming) -> list[Action]:
    return [mc.say("welcome"), mc.collect(step="menu", max=1)]
