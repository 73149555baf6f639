"""The bulkhead: a handler that hangs holds up no other from the first moment on, and loses nothing.

The workers have their default settings, and are as many as by default.
"""

import time
from collections import Counter
from contextlib import AbstractContextManager
from typing import cast

import pytest

from ringback.run.children import DEFAULT_QUEUES
from ringback.schemas.keys import EVENTS_QUEUE
from ringback.workers.handling.notes import MAX_DEATHS
from ringback.workers.running.limits import GRACE_S
from tests.support.service import RINGBACK, Service, await_ready, kill, process, running, wait_for, worker_pids

WORKERS = DEFAULT_QUEUES.count(EVENTS_QUEUE)
QUEUES = ",".join([EVENTS_QUEUE] * WORKERS)
HANDLERS = {"RINGBACK_HANDLERS": "tests.support.handlers.endless,tests.support.handlers.recording"}
OTHERS = ("everything", "beside")
A_SECOND, SECONDS = 50, 6
REGEX_LIMIT_S, RESTART_S, LONG_TAKES_S = 2.0, 6.0, 8.0


def texts(service: Service, handler: str) -> list[str]:
    return [one.event["data"]["text"] for one in service.noted(handler)]


def send(service: Service, keyword: str, every: int = 5, seconds: float = SECONDS) -> dict[str, tuple[float, str]]:
    """Send events at an even pace, each `every`th for what hangs; return when each was sent, and for whom."""
    sent = {}
    began = time.monotonic()
    for number in range(int(A_SECOND * seconds)):
        while time.monotonic() < began + number / A_SECOND:
            time.sleep(0.001)
        at, whose = time.time(), "-" if number % every else keyword
        sent[service.sms(whose)] = at, whose
    return sent


def hung(sent: dict[str, tuple[float, str]]) -> list[str]:
    return [text for text, (_, keyword) in sent.items() if keyword != "-"]


def p99(service: Service, sent: dict[str, tuple[float, str]]) -> float:
    """Return for how long an event waited for the other handlers, in seconds: the longest of nearly all."""
    waits = []
    for handler in OTHERS:
        wait_for(lambda handler=handler: set(sent) <= set(texts(service, handler)), handler, 60)  # type: ignore[misc]
        noted = {one.event["data"]["text"]: one.at for one in reversed(service.noted(handler))}
        took = sorted(noted[text] - at for text, (at, _) in sent.items())
        waits.append(took[len(took) * 99 // 100])
    return max(waits)


def left(service: Service) -> int:
    """Count what is not done: in hands, held back, or due. What goes back to be held meanwhile may be missed."""
    handlers = cast("set[bytes]", service.redis.smembers(service.keys.held_handlers))
    held = [service.keys.held(one.decode()) for one in handlers]
    counts = [service.redis.zcard(key) for key in (service.keys.due, *held)]
    return service.pending + sum(counts) + service.redis.xlen(service.keys.due_taken)


def mend(service: Service, expected: list[str], runs: int = 1) -> None:
    """Let the handlers end, and see that each event that they hang on is handled, once, in its first attempt."""
    service.redis.set(f"{service.prefix}:mended", 1)
    wait_for(lambda: len(texts(service, "ended")) >= len(expected) * runs and not left(service), "the rest", seconds=60)
    wanted = Counter(dict.fromkeys(expected, runs))
    assert Counter(texts(service, "ended")) == wanted
    assert Counter(texts(service, "started")) == wanted
    assert {one.attempt for one in service.noted("ended")} == {1}
    assert service.dead_letters() == []


def work(service: Service, queues: str = QUEUES) -> AbstractContextManager[object]:
    return process([*RINGBACK, "work", "--queues", queues], **{**service.settings, **HANDLERS})


@pytest.mark.timed
@pytest.mark.parametrize(
    ("keyword", "runs"),
    [
        pytest.param("ENDLESS", 1, id="sync"),
        pytest.param("ENDLESS-ASYNC", 1, id="async"),
        pytest.param("BLOCKS", 1, id="async, and blocks the loop"),
        pytest.param("FOUR", 4, id="four handlers"),
    ],
)
def test_a_handler_that_hangs_holds_up_no_other(redis_url: str, keyword: str, runs: int) -> None:
    with running(redis_url, queues=QUEUES, **HANDLERS) as service:
        sent = send(service, keyword)
        assert p99(service, sent) < 1
        mend(service, hung(sent), runs)


@pytest.mark.timed
def test_a_handler_that_begins_to_hang_holds_up_no_other(redis_url: str) -> None:
    with running(redis_url, queues=QUEUES, **HANDLERS) as service:
        before = send(service, "BREAKS", every=2, seconds=4)
        wait_for(lambda: len(service.noted("ended")) == len(hung(before)), "it to work")
        service.redis.set(f"{service.prefix}:broken", 1)
        after = send(service, "BREAKS", every=2)
        assert p99(service, before | after) < 1
        mend(service, hung(before | after))


@pytest.mark.timed
def test_neither_do_two_hundred_that_wait_at_the_start(redis_url: str) -> None:
    with running(redis_url, queues="", **HANDLERS) as service:
        waiting = [service.sms("ENDLESS") for _ in range(200)]
        with work(service):
            await_ready(service, WORKERS)
            sent = send(service, "ENDLESS")
            assert p99(service, sent) < 1
            mend(service, waiting + hung(sent))


@pytest.mark.timed
def test_nor_beside_one_that_rightly_takes_long(redis_url: str) -> None:
    with running(redis_url, queues=QUEUES, **HANDLERS) as service:
        long = [service.sms("LONG") for _ in range(4)]
        sent = send(service, "ENDLESS", seconds=LONG_TAKES_S)
        assert p99(service, sent) < 1
        wait_for(lambda: sorted(texts(service, "long")) == sorted(long), "what takes long")
        assert {one.attempt for one in service.noted("long-started")} == {1}
        mend(service, hung(sent))


def test_one_that_holds_the_interpreter_is_ended_and_the_others_go_on(redis_url: str) -> None:
    with running(redis_url, queues=QUEUES, **HANDLERS) as service:
        sent = send(service, "-", seconds=1)
        stuck = service.sms("REGEX")
        sent |= send(service, "-", seconds=12)
        worst = p99(service, sent)
        (letter,) = wait_for(service.dead_letters, "its dead letter", 60)
        assert letter["description"].startswith("tests.support.handlers.endless.regex on ")
        assert texts(service, "regex") == [stuck] * (1 + MAX_DEATHS)
        wait_for(lambda: all(stuck in texts(service, other) for other in OTHERS), "the others on the same event")
        assert worst < REGEX_LIMIT_S + GRACE_S + RESTART_S


@pytest.mark.parametrize("keyword", ["ENDLESS", "ENDLESS-ASYNC"])
def test_what_waits_behind_an_event_that_hangs_goes_on(redis_url: str, keyword: str) -> None:
    with running(redis_url, queues="", **HANDLERS) as service:
        sent = {service.sms(keyword if number == 300 else "-"): number for number in range(500)}
        (stuck,) = (text for text, number in sent.items() if number == 300)
        with work(service):
            await_ready(service, WORKERS)
            for handler in OTHERS:
                wait_for(lambda handler=handler: len(service.noted(handler)) == 500, handler)  # type: ignore[misc]
            (started,) = service.noted("started")
            last = max(one.at for handler in OTHERS for one in service.noted(handler))
            assert last - started.at < 10  # of 60
            mend(service, [stuck])


@pytest.mark.timed
def test_what_is_held_back_survives_the_workers(redis_url: str) -> None:
    with running(redis_url, queues="events,events", RINGBACK_CLAIM_IDLE="3s", **HANDLERS) as service:
        stuck = [service.sms("ENDLESS") for _ in range(30)]  # two workers may begin eight each before any is overdue
        held = service.keys.held("tests.support.handlers.endless.endless")
        wait_for(lambda: service.redis.zcard(held) > 4, "some to be held back")
        for pid in worker_pids(service, "events"):
            kill(pid)
        wait_for(lambda: set(stuck) <= set(texts(service, "everything")), "the other handlers")
        service.redis.set(f"{service.prefix}:mended", 1)
        wait_for(lambda: set(texts(service, "ended")) >= set(stuck) and not left(service), "the rest", seconds=60)
        assert set(texts(service, "ended")) == set(stuck)
        assert service.dead_letters() == []
        assert cast("dict[bytes, bytes]", service.redis.hgetall(service.keys.suspects)) == {}


def test_the_order_of_a_conversation_is_not_given_up(redis_url: str) -> None:
    with running(redis_url, queues="events,events", RINGBACK_PARTITIONS="4", **HANDLERS) as service:
        stuck = [service.sms("ENDLESS") for _ in range(5)]
        wait_for(lambda: service.noted("started"), "the handler")
        service.redis.set(f"{service.prefix}:mended", 1)
        wait_for(lambda: not left(service), "the rest")
        assert texts(service, "ended") == stuck
