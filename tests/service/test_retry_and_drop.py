"""What a handler raises decides when its event is tried again, or that it is not."""

import pytest

from tests.support.service import Service, running, wait_for


def retries(service: Service) -> int:
    """Count what waits to be tried again, or is being tried."""
    return int(service.redis.zcard(service.keys.due)) + int(service.redis.xlen(service.keys.due_taken))


def letters(service: Service, handler: str) -> list[str]:
    """Return the events that a handler has failed on for good."""
    start = f"tests.support.handlers.recording.{handler} on "
    return [one["description"] for one in service.dead_letters() if one["description"].startswith(start)]


@pytest.mark.timed
def test_a_retry_is_never_earlier_than_asked_nor_much_later(service: Service) -> None:
    texts = [service.sms("FAIL") for _ in range(20)]
    wait_for(lambda: all(service.attempts("failing", text) == [1, 2] for text in texts), "the second attempts")
    pauses = [second.at - first.at for first, second in (service.noted_of("failing", text) for text in texts)]
    assert min(pauses) >= 1.0
    assert max(pauses) < 3.0
    assert len({round(pause, 2) for pause in pauses}) > 3, "they do not all come back together"


def test_a_handler_decides_when_it_is_tried_again(service: Service) -> None:
    text = service.sms("LATER")
    wait_for(lambda: service.attempts("later", text) == [1, 2, 3], "the attempts that the schedule puts off")
    wait_for(lambda: letters(service, "later"), "the dead letter, since they still are counted")


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
