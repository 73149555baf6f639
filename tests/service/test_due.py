"""What is due: retries hold up nobody, lose nothing, and keep the promises of first attempts."""

import time
from collections import Counter
from datetime import UTC, datetime

import pytest

from ringback.run.children import DEFAULT_QUEUES
from ringback.workers.handling.notes import MAX_DEATHS
from tests.support.service import RINGBACK, Service, await_ready, process, running, wait_for

HANDLERS = "tests.support.handlers.hanging"
# A pause of 1.2 s at most, and what a busy machine adds.
SOON_S = 3.0


def second_attempt_s(service: Service) -> float:
    """Fail once more and return the seconds between the first attempt and the second."""
    text = service.sms("FAIL")
    wait_for(lambda: len(service.noted_of("failing", text)) == 2, "the second attempt", seconds=60)
    first, second = service.noted_of("failing", text)
    return second.at - first.at


@pytest.mark.timed
def test_retries_of_a_handler_that_hangs_hold_up_no_others_and_none_is_lost(redis_url: str) -> None:
    with running(redis_url, queues=",".join(DEFAULT_QUEUES), RINGBACK_HANDLERS=HANDLERS) as service:
        texts = [service.sms("STUCK") for _ in range(20)]
        wait_for(lambda: len(service.noted("stuck-started")) >= 5, "it to hang", seconds=30)
        assert max(second_attempt_s(service) for _ in range(3)) < SOON_S
        service.redis.set(f"{service.prefix}:mended", 1)
        wait_for(lambda: len(service.noted("stuck")) == len(texts), "all of them", seconds=60)
        assert sorted(one.event["data"]["text"] for one in service.noted("stuck")) == sorted(texts)
        # What only waited has spent no attempt.
        started = Counter(one.event["id"] for one in service.noted("stuck-started"))
        assert {one.event["id"]: one.attempt for one in service.noted("stuck")} == started
        assert min(started.values()) == 1
        assert not [one for one in service.dead_letters() if ".stuck on " in one["description"]]


def test_a_retry_that_kills_its_process_is_tried_three_times_alone_and_no_innocent_is_harmed(redis_url: str) -> None:
    handlers = f"{HANDLERS},tests.support.handlers.recording"
    with running(redis_url, queues="events,events", RINGBACK_HANDLERS=handlers) as service:
        killer = service.sms("KILLS-AGAIN")
        innocent = [service.sms("RECOVER") for _ in range(20)]
        (letter,) = wait_for(service.dead_letters, "the dead letter", seconds=60)
        assert letter["description"].startswith(f"{HANDLERS}.kills_again on ")
        assert service.attempts("kills-again", killer) == [1, 2, *[2] * MAX_DEATHS]
        wait_for(
            lambda: all(service.attempts("recovering", text)[-1:] == [2] for text in innocent), "the others' retries"
        )
        wait_for(lambda: not service.redis.xlen(service.keys.due_taken), "the ledger")
        assert (service.redis.zcard(service.keys.due), service.redis.exists(service.keys.suspects)) == (0, 0)


def test_a_retry_that_holds_the_interpreter_is_ended_with_its_process(redis_url: str) -> None:
    with running(redis_url, queues="events,events", RINGBACK_HANDLERS=HANDLERS) as service:
        text = service.sms("NATIVE")
        (letter,) = wait_for(service.dead_letters, "the dead letter", seconds=60)
        assert letter["description"].startswith(f"{HANDLERS}.native on ")
        assert service.attempts("native", text) == [1, 2, *[2] * MAX_DEATHS]


def test_of_a_paused_handler_nothing_runs_until_it_is_resumed(redis_url: str) -> None:
    recording = "tests.support.handlers.recording"
    with running(redis_url, queues="events,events") as service:
        service.redis.hset(service.keys.paused, f"{recording}.failing", datetime.now(UTC).isoformat())
        time.sleep(1.5)  # a drain looks each second
        texts = [service.sms("FAIL") for _ in range(5)]
        wait_for(lambda: all(service.noted_of("everything", text) for text in texts), "the other handler")
        wait_for(lambda: not service.pending, "the ledger")
        held = service.keys.held(f"{recording}.failing")
        assert (service.redis.zcard(held), service.noted("failing")) == (5, [])
        service.redis.hdel(service.keys.paused, f"{recording}.failing")
        wait_for(lambda: len(service.dead_letters()) == 5, "all attempts of all", seconds=30)
        assert [service.attempts("failing", text) for text in texts] == [[1, 2]] * 5


def test_what_is_paused_while_it_waits_to_be_tried_again_waits_on(redis_url: str) -> None:
    recording = "tests.support.handlers.recording"
    with running(redis_url, queues="") as service:
        work = [*RINGBACK, "work", "--queues", "events"]
        with process(work, **service.settings):
            await_ready(service, 1)
            text = service.sms("FAIL")
            wait_for(lambda: service.attempts("failing", text) == [1], "the first attempt")
            service.redis.hset(service.keys.paused, f"{recording}.failing", datetime.now(UTC).isoformat())
            held = service.keys.held(f"{recording}.failing")
            wait_for(lambda: service.redis.zcard(held) == 1, "it to be held back")
        with process(work, **service.settings):
            await_ready(service, 1)
            service.redis.hdel(service.keys.paused, f"{recording}.failing")
            wait_for(lambda: service.attempts("failing", text) == [1, 2], "the second attempt", seconds=30)
