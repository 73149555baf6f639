"""Outcomes: what a handler may raise to say how its event goes on, in its first attempt and in later ones."""

import math

import pytest

from ringback import RetryLater
from ringback.wire.samples import SAMPLES
from ringback.workers.running.discretion import discreet
from ringback.workers.running.outcomes import LONGEST_PAUSE_S
from tests.sample_events import event_of
from tests.service import Service, running, wait_for


@pytest.mark.parametrize("seconds", [0, 0.25, 60, LONGEST_PAUSE_S])
def test_a_pause(seconds: float) -> None:
    assert RetryLater(seconds).seconds == seconds


@pytest.mark.parametrize("seconds", [-1, -0.001, LONGEST_PAUSE_S + 1, math.inf, math.nan])
def test_no_pause(seconds: float) -> None:
    with pytest.raises(ValueError, match="write seconds from 0 to 2592000"):
        RetryLater(seconds)


@pytest.mark.parametrize(
    ("reason", "short"),
    [
        pytest.param("too old", "too old", id="as it is"),
        pytest.param(" two\n\tlines \x1c", "two lines", id="in one line"),
        pytest.param("", "", id="empty"),
        pytest.param("x" * 200, "x" * 200, id="just short enough"),
        pytest.param("x" * 201, "x" * 199 + "…", id="too long"),
        pytest.param("spam: Hello World!", "spam: …!", id="a text"),
        pytest.param("spam: Hello\nWorld", "spam: …", id="a text in another line"),
        pytest.param("+60123456789 and 60123456789, 63001", "… and …, …", id="numbers"),
        pytest.param("the end is 6789", "the end is 6789", id="the end of a number"),
        pytest.param("message.received of mocean", "message.received of mocean", id="what is not private"),
    ],
)
def test_a_reason_in_the_log(reason: str, short: str) -> None:
    event = event_of(SAMPLES["mocean/inbound-sms"], {"mocean-text": "Hello World", "mocean-from": "60123456789"})
    assert discreet(reason, event) == short


def test_a_reason_without_what_a_whatsapp_message_says() -> None:
    event = event_of(SAMPLES["mocean/whatsapp-inbound-message"])
    content, recipient = (event.data.model_dump()[name] for name in ("content", "recipient"))
    assert discreet(f"{content['type']} {content['text']} of {recipient['raw']}", event) == "text … of …"


def attempts(service: Service, handler: str, text: str) -> list[int | None]:
    return [one.attempt for one in service.noted_of(handler, text)]


def retries(service: Service) -> int:
    """Count what waits to be tried again, or is being tried."""
    names = ("queue:retries", "scheduled:retries", "wip:retries", "queue:retries:intermediate")
    keys = [f"{service.keys.rq_prefix}:{name}" for name in names]
    return sum(service.redis.zcard(key) if ":queue:" not in key else service.redis.llen(key) for key in keys)


def test_a_handler_decides_when_it_is_tried_again(service: Service) -> None:
    text = service.sms("LATER")
    wait_for(lambda: attempts(service, "later", text) == [1, 2, 3], "the attempts that the schedule puts off")
    (letter,) = wait_for(service.dead_letters, "the dead letter, since they still are counted")
    assert letter["description"].startswith("tests.handlers.recording.later on ")


def test_a_handler_drops_an_event(redis_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    with running(redis_url) as service:
        first, next_ = service.sms("DROP"), service.sms("DROP-NEXT")
        wait_for(lambda: attempts(service, "dropping", first), "the first attempt")
        wait_for(lambda: attempts(service, "dropping-next", next_) == [1, 2], "the second attempt")
        wait_for(lambda: not service.pending, "the ledger")
        wait_for(lambda: not retries(service), "the retry's end")
        assert (attempts(service, "dropping", first), service.dead_letters()) == ([1], [])
        ids = [service.noted_of("everything", text)[0].event["id"] for text in (first, next_)]
    lines = [line for line in capfd.readouterr().err.splitlines() if "handler.dropped" in line]
    assert len(lines) == 2
    for line, event_id, reason in zip(lines, ids, ("told to drop, and xxx", "told to drop the second"), strict=True):
        assert event_id in line
        assert reason in line
        assert "warning" in line
        assert len(line) < 500
