"""Runner: whatever a handler returns that is to be awaited is awaited, within its time, however it came about."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from ringback import mc, on, voice
from ringback.schemas.events import CallIncomingEvent, Event
from ringback.wire.samples import find
from ringback.workers.marks import HandlerError
from ringback.workers.registry import Registry
from ringback.workers.running.context import Context
from ringback.workers.running.invocation import HandlerTimeoutError, Invocation
from ringback.workers.running.limits import Watch
from ringback.workers.running.runner import Runner
from ringback.workers.voice.calls import CallInvocation
from tests.support.sample_events import event_of

SMS = event_of(find("mocean/inbound-sms"))
CALL = event_of(find("mocean/voice/answer"))
LIMIT_S = 0.2
done: list[str] = []


def plain(function: Callable[[Event], Any]) -> Callable[[Event], Any]:
    """Decorate as many do: not async, and without functools.wraps."""

    def wrapper(event: Event) -> object:
        return function(event)

    return wrapper


async def works(event: Event) -> None:
    await asyncio.sleep(0.01)
    done.append(event.id)


async def hangs(event: Event) -> None:
    await asyncio.sleep(30)
    done.append(event.id)


async def blocks(event: Event) -> None:
    time.sleep(30)  # noqa: ASYNC251 - what an async handler must not do
    done.append(event.id)


async def fails(event: Event) -> None:
    await asyncio.sleep(0)
    raise LookupError(event.id)


async def returns_another(event: Event) -> Awaitable[None]:
    return works(event)


async def returns_a_task(event: Event) -> Awaitable[None]:
    return asyncio.create_task(works(event))


async def returns_what_hangs(event: Event) -> Awaitable[None]:
    return hangs(event)


class Later:
    """Something that can be awaited and is no coroutine."""

    def __init__(self, event: Event) -> None:
        self._event = event

    def __await__(self) -> Iterator[Any]:
        return works(self._event).__await__()


def slow_at_first(event: Event) -> Awaitable[None]:
    time.sleep(0.75 * LIMIT_S)
    return asyncio.sleep(0.75 * LIMIT_S)


def yields(event: Event) -> Iterator[None]:
    done.append(event.id)
    yield


async def yields_async(event: Event) -> AsyncIterator[None]:
    done.append(event.id)
    yield


@pytest.fixture
def runner() -> Iterator[Runner]:
    before = signal.getsignal(signal.SIGALRM)
    done.clear()
    made = Runner(Watch())
    yield made
    made.close()
    signal.signal(signal.SIGALRM, before)


def invocation_of(function: Callable[[Event], object]) -> Invocation[Any]:
    registry = Registry()
    registry.add(on("*", timeout=LIMIT_S)(function))
    (handler,) = registry.handlers.values()
    return Invocation(handler, SMS, Context(handler.name, SMS.id, 1, None), LIMIT_S)


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(works, id="async"),
        pytest.param(plain(works), id="async behind a decorator"),
        pytest.param(plain(plain(works)), id="behind two"),
        pytest.param(plain(Later), id="no coroutine"),
        pytest.param(returns_another, id="async that returns a coroutine"),
        pytest.param(returns_a_task, id="async that returns a task"),
        pytest.param(plain(returns_another), id="the same behind a decorator"),
    ],
)
def test_what_is_awaited(runner: Runner, function: Callable[[Event], object]) -> None:
    invocation = invocation_of(function)
    runner.run(invocation)
    assert done == [SMS.id]
    raised: list[BaseException | None] = []
    runner.run_together([invocation, invocation], lambda _, error, __: raised.append(error))
    assert (raised, done) == ([None, None], [SMS.id] * 3)


@pytest.mark.parametrize(
    ("function", "error"),
    [
        pytest.param(plain(hangs), HandlerTimeoutError, id="hangs"),
        pytest.param(plain(blocks), HandlerTimeoutError, id="blocks the loop", marks=pytest.mark.timed),
        pytest.param(plain(fails), LookupError, id="raises"),
        pytest.param(returns_what_hangs, HandlerTimeoutError, id="what was returned hangs"),
        pytest.param(slow_at_first, HandlerTimeoutError, id="too long in sum", marks=pytest.mark.timed),
        pytest.param(plain(yields), HandlerError, id="a generator behind a decorator"),
        pytest.param(plain(yields_async), HandlerError, id="an async one"),
    ],
)
def test_what_is_no_success(runner: Runner, function: Callable[[Event], object], error: type[Exception]) -> None:
    began = time.monotonic()
    with pytest.raises(error):
        runner.run(invocation_of(function))
    assert (done, time.monotonic() - began < 10) == ([], True)
    runner.run(invocation_of(plain(works)))
    assert done == [SMS.id], "the next one is run"


def say(call: voice.Incoming) -> mc.Action:
    return mc.say("Hello.")


async def say_async(call: voice.Incoming) -> mc.Action:
    return mc.say("Hello.")


def say_one_by_one(call: voice.Incoming) -> Iterator[mc.Action]:
    yield mc.say("Hello.")


async def say_one_by_one_async(call: voice.Incoming) -> AsyncIterator[mc.Action]:
    yield mc.say("Hello.")


async def say_all_async(call: voice.Incoming) -> Iterator[mc.Action]:
    return say_one_by_one(call)


@pytest.mark.parametrize("decorate", [pytest.param(lambda f: f, id="bare"), pytest.param(plain, id="decorated")])
@pytest.mark.parametrize("function", [say, say_async, say_one_by_one, say_one_by_one_async, say_all_async])
def test_what_a_handler_of_calls_returns(
    runner: Runner, function: Callable[..., object], decorate: Callable[[Callable[..., object]], Callable[..., object]]
) -> None:
    assert isinstance(CALL, CallIncomingEvent)
    registry = Registry()
    registry.add(voice.answer()(decorate(function)))
    handler = registry.answering(CALL)
    assert handler is not None
    returned = runner.run(CallInvocation(handler, CALL, Context(handler.name, CALL.id, 1, None), LIMIT_S))
    assert returned in (mc.say("Hello."), [mc.say("Hello.")])
