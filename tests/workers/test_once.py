"""Once: what is known of a call that a callback has settled is read as the provider's answer would be."""

from collections.abc import Mapping
from typing import Any

import pytest

from ringback import mc, wa
from ringback.clients.exchange import Call
from ringback.clients.mocean import lookup, sms, verify, voice, whatsapp
from ringback.clients.mycoolsms import sms as cool
from ringback.workers.sending.once import answer_by_id, recipient_of
from tests.support import mocean_calls, mycoolsms_calls

MOCEAN, COOL = mocean_calls.PUBLIC, mycoolsms_calls.ACCOUNT
TO: Mapping[str, Any] = {"to": "60123456789"}


@pytest.mark.parametrize(
    ("call", "known"),
    [
        pytest.param(sms.send(MOCEAN, **TO, from_="ACME", text="Hi"), {"message_id": "m1"}, id="SMS"),
        pytest.param(sms.flash(MOCEAN, **TO, from_="ACME", text="Hi"), {"message_id": "m1"}, id="flash SMS"),
        pytest.param(sms.binary(MOCEAN, **TO, from_="ACME", data=b"Hi"), {"message_id": "m1"}, id="binary SMS"),
        pytest.param(
            whatsapp.send(MOCEAN, **TO, from_="60312345678", content=wa.text("Hi")), {"message_id": "m1"}, id="WhatsApp"
        ),
        pytest.param(voice.dial(MOCEAN, **TO, commands=mc.say("Hi")), {"call_id": "m1", "session_id": "s1"}, id="call"),
        pytest.param(lookup.lookup_later(MOCEAN, "60123456789"), {"lookup_id": "m1"}, id="lookup"),
        pytest.param(cool.send(COOL, **TO, text="Hi"), {"message_id": "m1"}, id="SMS by My-Cool-SMS"),
    ],
)
def test_a_callback_says_enough_for_a_result(call: Call[object], known: dict[str, str]) -> None:
    answer = answer_by_id(call.request, "m1", "s1")
    assert answer is not None
    result = call.read(answer)
    assert {name: getattr(result, name) for name in known} == known


@pytest.mark.parametrize(
    ("call", "message_id"),
    [
        pytest.param(sms.send(MOCEAN, **TO, from_="ACME", text="Hi"), None, id="settled by hand, without an id"),
        pytest.param(verify.request(MOCEAN, **TO, brand="ACME"), "m1", id="a call that no callback follows"),
    ],
)
def test_else_there_is_none(call: Call[object], message_id: str | None) -> None:
    assert answer_by_id(call.request, message_id, None) is None


@pytest.mark.parametrize(
    ("call", "recipient"),
    [
        pytest.param(sms.send(MOCEAN, to="+60 12-345 6789", from_="ACME", text="Hi"), "60123456789", id="SMS"),
        pytest.param(
            sms.send_many(MOCEAN, to=["60123456789", "60198765432"], from_="ACME", text="Hi"), "", id="to several"
        ),
        pytest.param(
            whatsapp.send(MOCEAN, **TO, from_="60312345678", content=wa.text("Hi")), "60123456789", id="WhatsApp"
        ),
        pytest.param(verify.check(MOCEAN, "r", "1234"), "", id="to nobody"),
        pytest.param(cool.send(COOL, **TO, text="Hi"), "60123456789", id="SMS by My-Cool-SMS"),
    ],
)
def test_whoever_settles_a_call_sees_whom_it_was_to(call: Call[object], recipient: str) -> None:
    assert recipient_of(call.request) == recipient
