"""A handler that hangs for ever holds up no other from the first moment on, and loses nothing."""

import time
from typing import cast

import pytest

from ringback.run.children import DEFAULT_QUEUES
from ringback.workers.intake.handover import LATER, NEXT
from tests.support.service import RINGBACK, Service, await_ready, kill, process, running, wait_for, worker_pids

pytestmark = pytest.mark.timed

QUEUES = ",".join(DEFAULT_QUEUES)
HANDLERS = "tests.support.handlers.endless,tests.support.handlers.recording"
OTHERS = ("everything", "beside")
A_SECOND, SECONDS = 50, 6


def texts(service: Service, handler: str) -> list[str]:
    return [one.event["data"]["text"] for one in service.noted(handler)]


def waited(service: Service, handler: str, sent: dict[str, float]) -> list[float]:
    """Give for how long each event waited for a handler, in seconds, the shortest first."""
    wait_for(lambda: len(service.noted(handler)) == len(sent), f"all of {handler}")
    noted = {one.event["data"]["text"]: one.at for one in service.noted(handler)}
    return sorted(noted[text] - at for text, at in sent.items())


def pending(service: Service, consumer: str | None = None) -> int:
    return len(service.redis.xpending_range(service.keys.events, "handlers", "-", "+", 1000, consumername=consumer))


def mend(service: Service, hung: list[str], started_at_most: int) -> None:
    """Let the handlers end, and see that each event that they hang on is handled, once, in its first attempt."""
    assert len(service.noted("started")) <= started_at_most
    service.redis.set(f"{service.prefix}:mended", 1)
    wait_for(lambda: not pending(service), "the ledger", seconds=60)
    assert sorted(texts(service, "ended")) == sorted(hung)
    assert sorted(texts(service, "started")) == sorted(hung)
    assert {one.attempt for one in service.noted("ended")} == {1}
    assert service.dead_letters() == []


def send(service: Service, keyword: str, every: int, seconds: float) -> tuple[dict[str, float], list[str]]:
    """Send events at an even pace, each `every`th for the handler that hangs; give when, and those."""
    sent, hung = {}, []
    began = time.monotonic()
    for number in range(int(A_SECOND * seconds)):
        while time.monotonic() < began + number / A_SECOND:
            time.sleep(0.001)
        at = time.time()
        sent[text := service.sms("-" if number % every else keyword)] = at
        if number % every == 0:
            hung.append(text)
    return sent, hung


@pytest.mark.parametrize("keyword", ["ENDLESS", "ENDLESS-ASYNC"])
def test_a_handler_that_hangs_for_ever_holds_up_no_other(redis_url: str, keyword: str) -> None:
    with running(redis_url, queues=QUEUES, RINGBACK_HANDLERS=HANDLERS) as service:
        sent, hung = send(service, keyword, every=5, seconds=SECONDS)
        for handler in OTHERS:
            took = waited(service, handler, sent)
            assert took[len(took) * 99 // 100] < 1
        mend(service, hung, started_at_most=len(hung) // 2)


def test_a_handler_that_begins_to_hang_holds_up_no_other(redis_url: str) -> None:
    with running(redis_url, queues=QUEUES, RINGBACK_HANDLERS=HANDLERS) as service:
        before, good = send(service, "BREAKS", every=2, seconds=4)
        wait_for(lambda: len(service.noted("ended")) == len(good), "it to work")
        service.redis.set(f"{service.prefix}:broken", 1)
        after, bad = send(service, "BREAKS", every=2, seconds=SECONDS)
        for handler in OTHERS:
            took = waited(service, handler, before | after)
            assert took[len(took) * 99 // 100] < 1
        mend(service, good + bad, started_at_most=len(good) + 10)


@pytest.mark.parametrize("keyword", ["ENDLESS", "ENDLESS-ASYNC"])
def test_what_waits_behind_an_event_that_hangs_goes_to_others(redis_url: str, keyword: str) -> None:
    with running(redis_url, queues="", RINGBACK_HANDLERS=HANDLERS) as service:
        sent = {}
        for number in range(500):
            sent[text := service.sms(keyword if number == 300 else "-")] = 0.0
            if number == 300:
                hung = text
        with process([*RINGBACK, "work", "--queues", QUEUES], **{**service.settings, "RINGBACK_HANDLERS": HANDLERS}):
            await_ready(service, len(DEFAULT_QUEUES))
            for handler in OTHERS:
                waited(service, handler, sent)
            (started,) = service.noted("started")
            last = max(one.at for handler in OTHERS for one in service.noted(handler))
            assert last - started.at < 10  # of 60
            mend(service, [hung], started_at_most=1)


def test_what_was_left_survives_the_workers(redis_url: str) -> None:
    settings = {"RINGBACK_HANDLERS": HANDLERS, "RINGBACK_CLAIM_IDLE": "3s"}
    with running(redis_url, queues="events,events,retries", **settings) as service:
        hung = [service.sms("ENDLESS") for _ in range(20)]
        wait_for(lambda: pending(service, LATER) == 18, "all but two to be left")
        for pid in worker_pids(service, "events"):
            kill(pid)
        wait_for(lambda: set(texts(service, "everything")) == set(hung), "the other handlers")
        service.redis.set(f"{service.prefix}:mended", 1)
        wait_for(lambda: not pending(service), "the ledger", seconds=60)
        assert set(texts(service, "ended")) == set(hung)
        assert service.dead_letters() == []
        suspects = cast("dict[bytes, bytes]", service.redis.hgetall(service.keys.suspects))
        assert suspects == {}
        assert pending(service, NEXT) == 0


def test_the_order_of_a_conversation_is_not_given_up(redis_url: str) -> None:
    settings = {"RINGBACK_HANDLERS": HANDLERS, "RINGBACK_PARTITIONS": "4"}
    with running(redis_url, queues="events,events", **settings) as service:
        hung = [service.sms("ENDLESS") for _ in range(5)]
        wait_for(lambda: service.noted("started"), "the handler")
        service.redis.set(f"{service.prefix}:mended", 1)
        wait_for(lambda: not pending(service), "the ledger")
        assert texts(service, "ended") == hung
