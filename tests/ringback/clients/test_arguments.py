"""Arguments that are none: what events may well have as None, and what is of another type, never goes out."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from ringback import InvalidRequestError, Mocean, MyCoolSms

TO, TEXT = "+60123456789", "Hello"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def unreachable(_: httpx.Request) -> httpx.Response:
    raise AssertionError("it went out")


MOCEAN: Any = Mocean(api_key="key", api_secret="secret", transport=httpx.MockTransport(unreachable))
COOL: Any = MyCoolSms(username="name", password="word", transport=httpx.MockTransport(unreachable))


@pytest.mark.parametrize("wrong", [None, 5, 1.5, b"x", object(), [1]], ids=lambda one: type(one).__name__)
@pytest.mark.parametrize(
    ("ask", "argument"),
    [
        pytest.param(lambda one: MOCEAN.sms(to=one, from_="ACME", text=TEXT), "to", id="sms to"),
        pytest.param(lambda one: MOCEAN.sms(to=TO, from_=one, text=TEXT), "from_", id="sms from"),
        pytest.param(lambda one: MOCEAN.sms(to=TO, from_="ACME", text=one), "text", id="sms text"),
        pytest.param(lambda one: MOCEAN.whatsapp(to=one, from_="60312345678", content=TEXT), "to", id="whatsapp to"),
        pytest.param(lambda one: MOCEAN.call(to=one, commands=[]), "to", id="call to"),
        pytest.param(lambda one: MOCEAN.lookup(one), "to|number", id="lookup"),
        pytest.param(lambda one: MOCEAN.message_status(one), "message_id", id="message status"),
        pytest.param(lambda one: MOCEAN.verify.check("r1", one), "code", id="verify code"),
        pytest.param(lambda one: MOCEAN.verify.sms(to=TO, brand=one), "brand", id="verify brand"),
        pytest.param(lambda one: MOCEAN.media(one, from_="60312345678"), "media_id", id="media"),
        pytest.param(lambda one: COOL.sms(to=one, text=TEXT), "to", id="My-Cool-SMS to"),
        pytest.param(lambda one: COOL.sms(to=TO, text=one), "text", id="My-Cool-SMS text"),
        pytest.param(lambda one: COOL.normalize(one), "number", id="normalize"),
        pytest.param(lambda one: COOL.report(one), "message_id", id="report"),
        pytest.param(lambda one: COOL.add_subscriber(list_id=one, number=TO), "list_id", id="list"),
    ],
)
def test_what_is_no_text_is_refused(ask: Callable[[object], object], argument: str, wrong: object) -> None:
    with pytest.raises(InvalidRequestError, match=f": ({argument}): ") as caught:
        ask(wrong)

    assert (caught.value.sent, caught.value.permanent) == ("no", True)


@pytest.mark.parametrize(
    ("ask", "argument"),
    [
        pytest.param(lambda: MOCEAN.sms(to=TO, from_="A", text=TEXT, schedule=5), "schedule", id="a number as time"),
        pytest.param(lambda: MOCEAN.sms(to=TO, from_="A", text=TEXT, context=5), "context", id="a number as context"),
        pytest.param(lambda: MOCEAN.sms(to=TO, from_="A", text=TEXT, context={"a": 1}), "context", id="no text in it"),
        pytest.param(lambda: MOCEAN.sms(to=TO, from_="A", text=TEXT, callback_url=5), "callback_url", id="no URL"),
        pytest.param(lambda: MOCEAN.sms_many(to=None, from_="A", text=TEXT), "to", id="nobody"),
        pytest.param(lambda: COOL.sms(to=TO, text=TEXT, schedule="now"), "schedule", id="a word as time"),
        pytest.param(lambda: COOL.recent_reports(limit=1.5), "limit", id="half a report"),
    ],
)
def test_other_types_are_refused_too(ask: Callable[[], object], argument: str) -> None:
    with pytest.raises(InvalidRequestError, match=f": {argument}: "):
        ask()
