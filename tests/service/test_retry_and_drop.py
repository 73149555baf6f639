"""What a handler raises decides when its event is tried again, or that it is not."""

import pytest

from tests.support.service import Service, running, wait_for


def retries(service: Service) -> int:
    """Count what waits to be tried again, or is being tried."""
    names = ("queue:retries", "scheduled:retries", "wip:retries", "queue:retries:intermediate")
    keys = [f"{service.keys.rq_prefix}:{name}" for name in names]
    return sum(service.redis.zcard(key) if ":queue:" not in key else service.redis.llen(key) for key in keys)


def test_a_handler_decides_when_it_is_tried_again(service: Service) -> None:
    text = service.sms("LATER")
    wait_for(lambda: service.attempts("later", text) == [1, 2, 3], "the attempts that the schedule puts off")
    (letter,) = wait_for(service.dead_letters, "the dead letter, since they still are counted")
    assert letter["description"].startswith("tests.support.handlers.recording.later on ")


def test_a_handler_drops_an_event(redis_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    with running(redis_url) as service:
        first, next_ = service.sms("DROP"), service.sms("DROP-NEXT")
        wait_for(lambda: service.attempts("dropping", first), "the first attempt")
        wait_for(lambda: service.attempts("dropping-next", next_) == [1, 2], "the second attempt")
        wait_for(lambda: not service.pending, "the ledger")
        wait_for(lambda: not retries(service), "the retry's end")
        assert (service.attempts("dropping", first), service.dead_letters()) == ([1], [])
        ids = [service.noted_of("everything", text)[0].event["id"] for text in (first, next_)]
    lines = [line for line in capfd.readouterr().err.splitlines() if "handler.dropped" in line]
    assert len(lines) == 2
    for line, event_id, reason in zip(lines, ids, ("told to drop, and xxx", "told to drop the second"), strict=True):
        assert event_id in line
        assert reason in line
        assert "warning" in line
        assert len(line) < 500
