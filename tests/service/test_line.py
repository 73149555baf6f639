"""The line: what waits for a handler that hangs holds up nobody else's retries, loses nothing and spends no attempt."""

import time
from collections import Counter
from typing import cast

from ringback.run.children import DEFAULT_QUEUES
from ringback.wire.samples import find
from ringback.wire.sending import build
from ringback.workers.handling.aside import TIMEOUTS_IN_A_ROW
from tests.support.service import Service, running, wait_for

HANDLERS = "tests.support.handlers.hanging"
# A pause of 1.2 s at most, RQ's second of rounding and its second of polling, and what a busy machine adds.
SOON_S = 5.0


def second_attempt_s(service: Service) -> float:
    """Fail once more and give the seconds between the first attempt and the second."""
    text = service.sms("FAIL")
    wait_for(lambda: len(service.noted_of("failing", text)) == 2, "the second attempt", seconds=60)
    first, second = service.noted_of("failing", text)
    return second.at - first.at


def poison(service: Service, do: str) -> None:
    wire = build(find("mocean/inbound-sms"), {"mocean-keyword": "POISON"})
    assert service.send(wire, **{"ctx.do": do}).status_code == 200


def test_retries_of_a_handler_that_hangs_hold_up_no_others_and_none_is_lost(redis_url: str) -> None:
    with running(redis_url, queues="events,events,retries,retries", RINGBACK_HANDLERS=HANDLERS) as service:
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


def test_events_that_a_handler_hangs_on_hold_up_only_one_another(redis_url: str) -> None:
    """It is not set aside, since in between it ends others in time: what hung before stands in line all the same."""
    with running(redis_url, queues="events,retries,retries", RINGBACK_HANDLERS=HANDLERS) as service:

        def attempts(number: int) -> int:
            noted = service.noted("poisoned")
            return sum(one.attempt == number and one.event["data"]["context"]["do"] == "hang" for one in noted)

        for sent in range(1, 6):
            poison(service, "hang")
            wait_for(lambda sent=sent: attempts(1) == sent, "the handler")  # type: ignore[misc]
            poison(service, "end")
        wait_for(lambda: attempts(2) > 0, "their retries")
        assert max(second_attempt_s(service) for _ in range(3)) < SOON_S
        assert attempts(2) < 4


def test_a_horse_that_is_killed_in_a_retry_has_spent_an_attempt(redis_url: str) -> None:
    with running(redis_url, queues="events,retries,retries", RINGBACK_HANDLERS=HANDLERS) as service:
        text = service.sms("NATIVE")
        (letter,) = wait_for(service.dead_letters, "the dead letter", seconds=60)
        assert letter["description"].startswith(f"{HANDLERS}.native on ")
        assert [one.attempt for one in service.noted_of("native", text)] == [1, 2]


def test_while_a_handler_hangs_for_ever_the_others_do_not_wait(redis_url: str) -> None:
    queues = ",".join(DEFAULT_QUEUES)
    with running(redis_url, queues=queues, RINGBACK_HANDLERS=f"{HANDLERS},tests.support.handlers.recording") as service:
        for _ in range(3):
            service.sms("STUCK")
        wait_for(lambda: set_aside(service, "stuck"), "it to be set aside", seconds=30)
        sent = {}
        began = time.monotonic()
        for number in range(50 * 15):
            while time.monotonic() < began + number / 50:
                time.sleep(0.001)
            at = time.time()
            sent[service.sms("STUCK" if number % 5 == 0 else "-")] = at
        wait_for(lambda: len(service.noted("everything")) == 3 + len(sent), "all of them")
        noted = {one.event["data"]["text"]: one.at for one in service.noted("everything")}
        waited = sorted(noted[text] - at for text, at in sent.items())
        assert waited[len(waited) * 99 // 100] < SOON_S  # if it held them up: 2 s for each of 150
        # It is tried again and again meanwhile, alone, and what waits for it costs nothing.
        assert 3 < len(service.noted("stuck-started")) < 10
        assert service.redis.llen(service.keys.line(f"{HANDLERS}.stuck")) > 100


def set_aside(service: Service, handler: str) -> bool:
    timeouts = cast("bytes | None", service.redis.hget(service.keys.timeouts, f"{HANDLERS}.{handler}"))
    return int(timeouts or 0) >= TIMEOUTS_IN_A_ROW
