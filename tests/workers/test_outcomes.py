"""Outcomes: what a handler may raise to say how its event goes on, in its first attempt and in later ones."""

import math

import pytest

from ringback import RetryLater
from ringback.schemas.parts import to_document
from ringback.wire.samples import SAMPLES
from ringback.workers.running.discretion import discreet
from ringback.workers.running.outcomes import LONGEST_PAUSE_S
from tests.support.sample_events import event_of


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
    content, recipient = (to_document(event.data)[name] for name in ("content", "recipient"))
    assert discreet(f"{content['type']} {content['text']} of {recipient['raw']}", event) == "text … of …"
