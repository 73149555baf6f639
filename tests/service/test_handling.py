"""How handlers share a worker: async ones run together; one that hangs is ended, set aside, and holds up nobody."""

import time
from itertools import pairwise
from typing import cast

import pytest

from ringback.workers.handling.notes import MAX_DEATHS
from tests.support.service import RINGBACK, Service, process, running, wait_for


def letters_of(service: Service, handler: str) -> list[str]:
    start = f"tests.support.handlers.recording.{handler} on "
    return [one["description"] for one in service.dead_letters() if one["description"].startswith(start)]


def test_async_handlers_run_together(redis_url: str) -> None:
    with running(redis_url, queues="") as service:
        texts = [service.sms("ASYNC") for _ in range(60)]
        with process([*RINGBACK, "work", "--queues", "events"], **service.settings):
            wait_for(lambda: len(service.noted("waiting")) == len(texts), "all of them")
        noted = service.noted("waiting")
        assert sorted(one.event["data"]["text"] for one in noted) == sorted(texts)
        one_after_another_s = 0.2 * len(texts)
        assert noted[-1].at - noted[0].at < one_after_another_s / 3


def test_a_hung_async_handler_is_ended_alone(service: Service) -> None:
    hung = service.sms("ASYNC-HANG")
    beside = service.sms("ASYNC")
    wait_for(lambda: letters_of(service, "waiting_for_ever"), "the dead letter")
    wait_for(lambda: service.noted_of("waiting", beside), "the handler beside it")
    assert len(service.noted_of("waiting-for-ever", hung)) == 1


def test_an_async_handler_that_blocks_the_loop_is_ended_alone(service: Service) -> None:
    blocked = service.sms("ASYNC-BLOCK")
    beside = service.sms("ASYNC")
    wait_for(lambda: letters_of(service, "blocking"), "the dead letter")
    wait_for(lambda: service.noted_of("waiting", beside), "the handler beside it")
    assert len(service.noted_of("blocking", blocked)) == 1


def test_a_handler_that_holds_the_interpreter_is_ended_with_its_horse(redis_url: str) -> None:
    with running(redis_url, queues="events,events") as service:
        hung = service.sms("NATIVE-HANG")
        innocent = [service.sms("-") for _ in range(10)]
        wait_for(lambda: all(service.noted_of("everything", text) for text in innocent), "the other worker")
        wait_for(lambda: letters_of(service, "native_hang"), "the dead letter", seconds=90)
        assert len(service.noted_of("native-hang", hung)) == 1 + MAX_DEATHS
        wait_for(lambda: service.noted_of("after-native-hang", hung), "the handler after it")
        assert letters_of(service, "after_native_hang") == []
        # Its end may not have been on record yet when the process froze; once it is, it is not run again.
        assert len(service.noted_of("everything", hung)) in (1, 2)


def test_a_handler_that_takes_long_does_not_hold_up_what_comes_later(redis_url: str) -> None:
    with running(redis_url, queues="events,events") as service:
        slow = service.sms("SLOW")
        wait_for(lambda: service.noted_of("slow-started", slow), "the handler's start")
        later = service.sms("-")
        wait_for(lambda: service.noted_of("everything", later), "the other worker")
        assert service.noted_of("slow", slow) == []
        service.redis.set(f"{service.prefix}:go", 1)
        wait_for(lambda: service.noted_of("slow", slow), "the handler's end")


def test_a_handler_that_hangs_again_and_again_is_set_aside(redis_url: str) -> None:
    with running(redis_url, queues="events") as service:
        for number in range(1, 4):
            service.sms("ASIDE")
            wait_for(lambda number=number: timeouts(service) == number, "its timeout")  # type: ignore[misc]
        texts = [service.sms("ASIDE") for _ in range(5)]
        wait_for(lambda: all(service.noted_of("everything", text) for text in texts), "the other handler")
        wait_for(lambda: not service.pending, "the ledger")
        # One of them is tried now and then, and the others wait unrun.
        wait_for(lambda: len(service.noted("hanging-again")) == 4, "the first trial run")
        held = service.keys.held("tests.support.handlers.recording.hanging_again")
        assert service.redis.zcard(held) == 4
        assert {one.attempt for one in service.noted("hanging-again")} == {1}


def timeouts(service: Service) -> int:
    name = "tests.support.handlers.recording.hanging_again"
    return int(cast("bytes | None", service.redis.hget(service.keys.timeouts, name)) or 0)


@pytest.mark.timed
@pytest.mark.parametrize("before", [pytest.param(0, id="from idle"), pytest.param(300, id="after a burst")])
def test_four_workers_share_what_takes_long(redis_url: str, before: int) -> None:
    queues = "events,events,events,events"
    settings = {"RINGBACK_HANDLERS": "tests.support.handlers.busy,tests.support.handlers.recording"}
    with running(redis_url, queues=queues, **settings) as service:
        # A burst for the quick handlers alone lets the workers read large batches by the time the others come.
        for _ in range(before):
            assert service.trigger("mocean/delivery-report").status_code == 200
        wait_for(lambda: len(service.noted("everything")) == before, "the burst")
        began = time.time()
        for _ in range(120):
            service.sms("-")
        wait_for(lambda: len(service.noted("busy")) == 120, "all of them")
        noted = service.noted("busy")
        assert max(one.at for one in noted) - began < 3
        assert len({one.pid for one in noted}) >= 4


def test_of_one_run_at_a_time_no_two_are_side_by_side_in_a_process(redis_url: str) -> None:
    handlers = "tests.support.handlers.single,tests.support.handlers.recording"
    with running(redis_url, queues="", RINGBACK_HANDLERS=handlers) as service:
        texts = sorted(service.sms("SINGLE") for _ in range(100))
        settings = {**service.settings, "RINGBACK_HANDLERS": handlers}
        with process([*RINGBACK, "work", "--queues", "events,events"], **settings):
            for handler in ("single", "single-async"):
                wait_for(lambda handler=handler: len(service.noted(handler)) == 100, handler, 60)  # type: ignore[misc]
                ended = service.noted(handler)
                assert sorted(one.event["data"]["text"] for one in ended) == texts
                began = {one.event["id"]: one.at for one in service.noted(f"{handler}-started")}
                for pid in {one.pid for one in ended}:
                    runs = sorted((began[one.event["id"]], one.at) for one in ended if one.pid == pid)
                    assert [pair for pair in pairwise(runs) if pair[1][0] < pair[0][1]] == []
            wait_for(lambda: not service.pending, "the ledger")
        assert {one.attempt for one in service.noted("single")} == {1}
