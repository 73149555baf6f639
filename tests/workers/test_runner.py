"""Runner: whatever a handler returns, raises or does, it ends within its own time, and others go on."""

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import CancelledError as ThreadsCancelledError
from typing import Any

import pytest

from ringback import mc, on, voice
from ringback.schemas.events import Event
from ringback.schemas.parts import to_json
from ringback.wire.samples import find
from ringback.workers.marks import HandlerError
from ringback.workers.registry import Registry
from ringback.workers.running.context import at_work
from ringback.workers.running.limits import GRACE_S, LONG_S, Silence
from ringback.workers.running.run import NOT_WANTED, HandlerRun, HandlerTimeoutError, Run
from ringback.workers.running.runner import MOST_GIVEN_UP, MOST_THREADS, Runner
from ringback.workers.voice.call_events import read_call
from ringback.workers.voice.calls import CallRun
from tests.support.sample_events import event_of
from tests.support.service import wait_for

SMS = event_of(find("mocean/inbound-sms"))
CALL = read_call(to_json(event_of(find("mocean/voice/answer"))))
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


def works_at_once(event: Event) -> None:
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
def runner() -> Runner[HandlerRun]:
    done.clear()
    return Runner(threads=4)


def run_of(function: Callable[..., object], limit: float = LIMIT_S, **wanted: Any) -> HandlerRun:
    """Return a run of a function as a handler of every event."""
    registry = Registry()
    registry.add(on("*", **wanted)(function))
    *_, handler = registry.handlers.values()  # each call of this marks it once more
    run = HandlerRun(handler, SMS)
    run.limit = limit
    return run


def start(runner: Runner[HandlerRun], run: HandlerRun) -> HandlerRun:
    """Start a run, by itself."""
    if run.is_async:
        runner.start_async([run])
    else:
        runner.start([run], lambda: None)
    return run


def ended(runner: Runner[HandlerRun], runs: Iterable[HandlerRun], seconds: float = 20.0) -> None:
    """Do what a drain does until these have ended, or are given up."""
    left = {id(run) for run in runs}
    deadline = time.monotonic() + seconds
    while left:
        assert time.monotonic() < deadline, f"waited {seconds} s for {len(left)} runs"
        runner.wait(0.02)
        _, back, over = runner.look()
        for run in back:
            start(runner, run)
        left -= {id(run) for run in (*runner.ended(), *over)}


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
def test_what_is_awaited(runner: Runner[HandlerRun], function: Callable[[Event], object]) -> None:
    runner.run(run_of(function, limit=5))
    assert done == [SMS.id]
    runs = [run_of(function, limit=5) for _ in range(2)]
    for run in runs:
        start(runner, run)
    ended(runner, runs)
    assert ([run.error for run in runs], done) == ([None, None], [SMS.id] * 3)


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
def test_what_is_no_success(
    runner: Runner[HandlerRun], function: Callable[[Event], object], error: type[Exception]
) -> None:
    began = time.monotonic()
    with pytest.raises(error):
        runner.run(run_of(function))
    assert (done, time.monotonic() - began < 10) == ([], True)
    runner.run(run_of(works_at_once))
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
    function: Callable[..., object], decorate: Callable[[Callable[..., object]], Callable[..., object]]
) -> None:
    registry = Registry()
    registry.add(voice.answer()(decorate(function)))
    handler = registry.answering(CALL)
    assert handler is not None
    runner = Runner[Run](threads=1)
    returned = runner.run(CallRun(handler, CALL, 5))
    assert returned in (mc.say("Hello."), [mc.say("Hello.")])


async def awaits_what_was_cancelled(event: Event) -> None:
    task = asyncio.create_task(hangs(event))
    await asyncio.sleep(0)
    task.cancel()
    await task


def exits(event: Event) -> None:
    sys.exit("told to exit")


async def exits_async(event: Event) -> None:
    await asyncio.sleep(0)
    sys.exit("told to exit")


def is_interrupted(event: Event) -> None:
    raise KeyboardInterrupt


async def raises_a_group(event: Event) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(fails(event))


@pytest.mark.parametrize(
    ("function", "error"),
    [
        pytest.param(awaits_what_was_cancelled, asyncio.CancelledError, id="a task that was cancelled"),
        pytest.param(plain(awaits_what_was_cancelled), ThreadsCancelledError, id="the same behind a decorator"),
        pytest.param(exits, SystemExit, id="sys.exit"),
        pytest.param(exits_async, SystemExit, id="sys.exit in a coroutine"),
        pytest.param(plain(exits_async), SystemExit, id="the same behind a decorator"),
        pytest.param(is_interrupted, KeyboardInterrupt, id="an interrupt"),
        pytest.param(raises_a_group, ExceptionGroup, id="a group"),
    ],
)
def test_whatever_a_run_raises_is_its_own(
    runner: Runner[HandlerRun], function: Callable[[Event], object], error: type[BaseException]
) -> None:
    bad, beside, threaded = run_of(function, limit=5), run_of(works, limit=5), run_of(works_at_once, limit=5)
    for run in (bad, beside, threaded):
        start(runner, run)
    ended(runner, [bad, beside, threaded])
    assert isinstance(bad.error, error)
    assert (beside.error, threaded.error, done) == (None, None, [SMS.id] * 2)
    after = [start(runner, run_of(works, limit=5)), start(runner, run_of(works_at_once, limit=5))]
    ended(runner, after)
    assert [run.error for run in after] == [None, None]


def test_what_its_own_when_does_not_want_is_not_run(runner: Runner[HandlerRun]) -> None:
    assert runner.run(run_of(works_at_once, when=lambda event: event.id != SMS.id)) is NOT_WANTED
    assert done == []
    assert runner.run(run_of(works_at_once, when=lambda event: event.id == SMS.id)) is None
    with pytest.raises(ZeroDivisionError):
        runner.run(run_of(works_at_once, when=lambda _: 1 / 0 > 0))
    assert done == [SMS.id]


async def sleeps(event: Event) -> None:
    await asyncio.sleep(1.0)


async def swallows_its_cancellation(event: Event) -> None:
    while True:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            continue


async def blocks_step_by_step(event: Event) -> None:
    for _ in range(15):
        time.sleep(0.2)  # noqa: ASYNC251 - what an async handler must not do
        await asyncio.sleep(0)
    done.append(event.id)


@pytest.mark.timed
def test_each_run_has_its_own_limit(runner: Runner[HandlerRun]) -> None:
    slow, quick = start(runner, run_of(sleeps, limit=60)), start(runner, run_of(hangs, limit=0.2))
    ended(runner, [slow, quick])
    assert isinstance(quick.error, HandlerTimeoutError)
    assert slow.error is None
    assert quick.took < 0.6
    assert str(quick.error) == "took longer than 0.2 s"


@pytest.mark.timed
def test_only_the_run_that_is_over_its_limit_is_ended(runner: Runner[HandlerRun]) -> None:
    stubborn = start(runner, run_of(swallows_its_cancellation, limit=0.2))
    innocent = start(runner, run_of(blocks_step_by_step, limit=60))
    ended(runner, [stubborn, innocent])
    assert isinstance(stubborn.error, HandlerTimeoutError)
    assert (innocent.error, done, runner.is_stuck) == (None, [SMS.id], False)


stopped: list[str] = []


def is_busy(event: Event) -> None:
    try:
        while True:
            sum(range(100))
    finally:
        stopped.append(event.id)


def swallows_all(event: Event) -> None:
    while True:
        try:
            time.sleep(0.01)
        except Exception:  # noqa: S112, BLE001 - as users write it
            continue


def asleep(event: Event) -> None:
    time.sleep(3)


@pytest.mark.timed
@pytest.mark.parametrize(
    "function",
    [
        pytest.param(is_busy, id="python code"),
        pytest.param(swallows_all, id="what swallows every Exception"),
        pytest.param(asleep, id="a sleep"),
    ],
)
def test_a_thread_that_is_over_its_limit_is_not_waited_for(
    runner: Runner[HandlerRun], function: Callable[[Event], object]
) -> None:
    stopped.clear()
    run = start(runner, run_of(function, limit=0.5))
    ended(runner, [run])
    assert isinstance(run.error, HandlerTimeoutError)
    assert run.took < 1
    ended(runner, [start(runner, run_of(works_at_once, limit=5))])
    assert done == [SMS.id]
    # Python code is ended at once; a sleep when it is over, and nobody waits for that.
    if function is is_busy:
        wait_for(lambda: stopped == [SMS.id], "its finally")


def test_a_process_in_which_many_runs_were_given_up_is_worn(runner: Runner[HandlerRun]) -> None:
    for number in range(MOST_GIVEN_UP):
        assert (number, runner.is_worn) == (number, False)
        ended(runner, [start(runner, run_of(asleep, limit=LONG_S))])
    assert runner.is_worn


@pytest.mark.timed
def test_a_step_that_keeps_the_loop_from_turning_is_ended_and_no_other(runner: Runner[HandlerRun]) -> None:
    async def busy(event: Event) -> None:
        while True:
            sum(range(100))

    bad, innocent = start(runner, run_of(busy, limit=0.5)), start(runner, run_of(sleeps, limit=60))
    ended(runner, [bad, innocent])
    assert isinstance(bad.error, HandlerTimeoutError)
    assert (innocent.error, runner.is_stuck) == (None, False)


@pytest.mark.timed
def test_what_has_not_begun_behind_a_long_step_is_taken_back(runner: Runner[HandlerRun]) -> None:
    async def stands_still(event: Event) -> None:
        time.sleep(1.5)  # noqa: ASYNC251 - what an async handler must not do

    long = start(runner, run_of(stands_still, limit=60))
    wait_for(lambda: long.began, "its start")
    later = start(runner, run_of(works, limit=60))
    taken: list[HandlerRun] = []
    deadline = time.monotonic() + 1.4
    while not taken and time.monotonic() < deadline:
        runner.wait(0.02)
        taken += runner.look()[1]
    assert taken == [later]
    assert runner.loop_stands_still
    ended(runner, [long])
    assert (long.error, done) == (None, [])


@pytest.mark.timed
@pytest.mark.parametrize("is_tied", [False, True])
def test_another_loop_takes_the_place_of_one_that_stands_still(runner: Runner[HandlerRun], *, is_tied: bool) -> None:
    """Unless something was opened on it, which could not be used on another."""

    async def stands_still(event: Event) -> None:
        time.sleep(1.5)  # noqa: ASYNC251 - what an async handler must not do

    before = runner.tie_to_loop() if is_tied else runner.loop
    long = start(runner, run_of(stands_still, limit=60))
    ended(runner, [long])
    assert (runner.loop is before, runner.take_blockers()) == (is_tied, [] if is_tied else [long])


@pytest.mark.timed
def test_neither_waits_what_was_given_to_the_loop_together_with_a_long_step(runner: Runner[HandlerRun]) -> None:
    async def stands_still(event: Event) -> None:
        time.sleep(1.5)  # noqa: ASYNC251 - what an async handler must not do

    runs = [run_of(stands_still, limit=60), *(run_of(works, limit=60) for _ in range(3))]
    runner.start_async(runs)
    taken = wait_for(lambda: runner.look()[1], "what is taken back", 1.4)
    assert taken == runs[1:]
    ended(runner, runs[:1])
    assert done == []


def test_what_has_not_begun_behind_a_long_run_is_taken_back(runner: Runner[HandlerRun]) -> None:
    chunk = [run_of(asleep, limit=60), run_of(works_at_once), run_of(works_at_once)]
    freed: list[int] = []
    runner.start(chunk, lambda: freed.append(1))
    overdue: list[HandlerRun] = []
    back: list[HandlerRun] = []
    wait_for(lambda: _look(runner, overdue, back), "it to be overdue")
    assert (overdue, back, freed, done) == (chunk[:1], chunk[1:], [], [])
    ended(runner, chunk[:1])
    assert (chunk[0].error, freed, done) == (None, [1], [])


def _look(runner: Runner[HandlerRun], overdue: list[HandlerRun], back: list[HandlerRun]) -> bool:
    found = runner.look()
    overdue += found[0]
    back += found[1]
    return bool(overdue)


@pytest.mark.timed
def test_an_overdue_thread_is_replaced_up_to_a_number(runner: Runner[HandlerRun]) -> None:
    go = threading.Event()
    runs: list[HandlerRun] = []

    def waits(event: Event) -> None:
        go.wait(30)

    def fill() -> bool:
        while runner.may_start(is_overdue=False):
            runs.append(start(runner, run_of(waits, limit=60)))
        runner.look()
        return len(runs) == MOST_THREADS

    assert not fill()
    assert len(runs) == 4
    wait_for(fill, "as many as there may be")
    assert not runner.may_start(is_overdue=True)
    go.set()
    ended(runner, runs)
    assert [run.error for run in runs] == [None] * MOST_THREADS
    assert runner.may_start(is_overdue=True)


def test_log_lines_know_the_run_that_they_come_from(runner: Runner[HandlerRun]) -> None:
    seen: list[object] = []

    def sync(event: Event) -> None:
        seen.append(at_work())

    async def later(event: Event) -> None:
        await asyncio.sleep(0)
        seen.append(at_work())
        seen.append(await asyncio.to_thread(at_work))

    for function in (sync, later, plain(later)):
        run = run_of(function, limit=5)
        runner.run(run)
        name = run.handler.name
        assert seen
        assert all(one == {"event_id": SMS.id, "handler": name, "attempt": 1} for one in seen)
        seen.clear()
    assert at_work() == {}


def test_async_runs_are_side_by_side(runner: Runner[HandlerRun]) -> None:
    runs = [run_of(sleeps, limit=60) for _ in range(50)]
    began = time.monotonic()
    runner.start_async(runs)
    ended(runner, runs)
    assert time.monotonic() - began < 10
    assert [run.error for run in runs] == [None] * 50


def test_a_parent_hears_of_a_run_until_it_is_over_its_limit_and_grace() -> None:
    silence = Silence()
    assert not silence.is_over
    runner = Runner[HandlerRun](1, silence)
    run = start(runner, run_of(asleep, limit=60))
    assert 60 < silence._until[0] - time.monotonic() < 60 + GRACE_S + 1
    ended(runner, [run])
    wait_for(lambda: not silence._until[0], "nothing to run")
    assert not silence.is_over
