"""Lifespans in one process: opened in order, merged, closed from the last; and what is wrong with some."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import structlog

from ringback.workers.marks import HandlerError
from ringback.workers.running import lifespans
from ringback.workers.running.lifespans import Lifespans
from ringback.workers.running.run import HandlerRun
from ringback.workers.running.runner import Runner

said: list[str] = []
IS_THERE = bool(said)  # the database


def sync() -> Iterator[object]:
    said.append("sync opened")
    yield {"sync": 1}
    said.append("sync closed")


async def later() -> AsyncIterator[object]:
    await asyncio.sleep(0)
    said.append("async opened")
    yield {"loop": asyncio.get_running_loop()}
    said.append("async closed")


def alone() -> Iterator[object]:
    yield "a pool"


def nothing() -> Iterator[object]:
    yield None


def same_name() -> Iterator[object]:
    yield {"sync": 2}


def no_yield() -> Iterator[object]:
    yield from ()


def two_yields() -> Iterator[object]:
    yield {}
    yield {}


def raises() -> Iterator[object]:
    if not IS_THERE:
        raise LookupError("no database")
    yield {}


async def raises_async() -> AsyncIterator[object]:
    if not IS_THERE:
        raise LookupError("no database")
    yield {}


def raises_at_the_end() -> Iterator[object]:
    yield {}
    raise LookupError("it is gone")


def takes_long() -> Iterator[object]:
    threading.Event().wait(2)
    yield {}


async def takes_long_async() -> AsyncIterator[object]:
    await asyncio.sleep(2)
    yield {}


def made(*functions: Callable[[], object]) -> Lifespans:
    said.clear()
    return Lifespans(functions, Runner[HandlerRun](threads=1))


@pytest.mark.parametrize(
    ("functions", "state"), [((), None), ((alone,), "a pool"), ((nothing,), None), ((sync,), {"sync": 1})]
)
def test_what_is_opened(functions: tuple[Callable[[], object], ...], state: object) -> None:
    opened = made(*functions)
    assert opened.open() == state
    opened.close()


def test_several_are_merged_and_closed_from_the_last() -> None:
    opened = made(sync, later)
    state = opened.open()
    assert isinstance(state, dict)
    assert (state["sync"], set(state)) == (1, {"sync", "loop"})
    opened.close()
    opened.close()
    assert said == ["sync opened", "async opened", "async closed", "sync closed"]


@pytest.mark.parametrize(
    ("functions", "error", "words"),
    [
        pytest.param((sync, same_name), HandlerError, r"same_name \(.*\): @lifespan: another yields \['sync'\] too",
                     id="two of one name"),
        pytest.param((sync, alone), HandlerError, "alone .* each must yield a dict", id="no dict among several"),
        pytest.param((no_yield,), HandlerError, "no_yield .* it has ended without a yield", id="no yield"),
        pytest.param((raises,), LookupError, "no database", id="raises"),
        pytest.param((raises_async,), LookupError, "no database", id="an async one raises"),
        pytest.param((takes_long,), HandlerError, "it has taken more than 0.2 s", id="too long"),
        pytest.param((takes_long_async,), HandlerError, "it has taken more than 0.2 s", id="async, too long"),
    ],
)  # fmt: skip
def test_what_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch, functions: tuple[Callable[[], object], ...], error: type[Exception], words: str
) -> None:
    monkeypatch.setattr(lifespans, "_OPEN_S", 0.2)
    opened = made(*functions)
    with pytest.raises(error, match=words):
        opened.open()
    opened.close()
    if sync in functions:
        assert said == ["sync opened", "sync closed"], "what is open is closed"


@pytest.mark.parametrize(
    ("function", "event", "words"),
    [
        pytest.param(two_yields, "lifespan.goes_on", {"reason": "it has yielded twice"}, id="two yields"),
        pytest.param(raises_at_the_end, "lifespan.not_closed", {"error": "LookupError"}, id="raises"),
    ],
)
def test_what_cannot_be_closed_is_logged_and_the_others_are(
    function: Callable[[], object], event: str, words: dict[str, str]
) -> None:
    opened = made(sync, function)
    opened.open()
    with structlog.testing.capture_logs() as logs:
        opened.close()
    (line,) = logs
    assert (line["event"], words.items() <= line.items()) == (event, True)
    assert said == ["sync opened", "sync closed"]
