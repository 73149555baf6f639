"""Events about our own sends: whole ones, made from plain values, and when two of them are the same event."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest

from ringback.schemas.event_data import Channel, Cost, Error, SendStatus
from ringback.schemas.events import Event, read_event
from ringback.schemas.parts import to_document, to_json
from ringback.schemas.send_events import placed_event, sent_event

AT = datetime(2026, 3, 2, 8, 15, 30, tzinfo=UTC)
SMS = {
    "provider": "mocean", "account": "acme", "ref": "j7q2m5xwpz3kd4ta", "channel": Channel.SMS,
    "status": SendStatus.ACCEPTED, "at": AT, "to": "60123456789",
}  # fmt: skip
CALL = {name: value for name, value in SMS.items() if name != "channel"}
sms: Callable[..., Event] = partial(sent_event, **SMS)  # type: ignore[arg-type]
call: Callable[..., Event] = partial(placed_event, **CALL)  # type: ignore[arg-type]

HANDSET = {"value": "+60123456789", "kind": "e164", "raw": "60123456789", "country": "MY"}
OURS = {"value": "63001", "kind": "short_code", "raw": "63001"}


def written(event: Event) -> dict[str, Any]:
    """Return an event as the stream has it, less what each of them has."""
    assert read_event(to_json(event).decode()) == event
    document = to_document(event)
    assert document.pop("specversion") == "1.0"
    assert document.pop("datacontenttype") == "application/json"
    assert document.pop("dataschema") == f"urn:ringback:schema:{document['type']}:1"
    assert document["data"].pop("raw") == {}
    return document


@pytest.mark.parametrize(
    ("event", "document"),
    [
        pytest.param(sms(from_="63001", message_id="cust1", segments=2, cost=Cost(amount="0.09", currency="EUR"),
                         handler="shop.greet", cause="7990558e11d9bc58be3284bcde334ed4", context={"order": "42"}), {
            "type": "message.sent", "id": "a5703d42add6702c798d2b544769d323",
            "source": "/mocean/acme",
            "subject": "cust1", "time": "2026-03-02T08:15:30Z", "provider": "mocean", "account": "acme",
            "receivedat": "2026-03-02T08:15:30Z", "partitionkey": "+60123456789",
            "data": {"context": {"order": "42", "send": "j7q2m5xwpz3kd4ta"}, "flags": [], "ref": "j7q2m5xwpz3kd4ta",
                     "status": "accepted", "handler": "shop.greet", "cause": "7990558e11d9bc58be3284bcde334ed4",
                     "channel": "sms", "message_id": "cust1", "sender": OURS, "recipient": HANDSET, "segments": 2,
                     "cost": {"amount": "0.09", "currency": "EUR"}},
        }, id="an SMS that was accepted"),
        pytest.param(sms(status=SendStatus.REFUSED, channel=Channel.WHATSAPP,
                         error=Error(code=2, name="No balance.", permanent=True)), {
            "type": "message.sent", "id": "0f743c104873be789f7a9c8dec2e78d2",
            "source": "/mocean/acme", "time": "2026-03-02T08:15:30Z",
            "provider": "mocean", "account": "acme", "receivedat": "2026-03-02T08:15:30Z",
            "partitionkey": "+60123456789",
            "data": {"context": {"send": "j7q2m5xwpz3kd4ta"}, "flags": [], "ref": "j7q2m5xwpz3kd4ta",
                     "status": "refused", "channel": "whatsapp", "recipient": HANDSET,
                     "error": {"code": 2, "name": "No balance.", "permanent": True}},
        }, id="a WhatsApp message that was refused, from outside handlers"),
        pytest.param(sms(provider="mycoolsms", from_="ACME", flags=["polled"], message_id="77", context={"send": "X"},
                         at=AT.astimezone(timezone(timedelta(hours=8))) + timedelta(milliseconds=184)), {
            "type": "message.sent", "id": "e291e3ddee2807a5ec8c8b764fce59a0",
            "source": "/mycoolsms/acme", "subject": "77",
            "time": "2026-03-02T08:15:30.184000Z", "provider": "mycoolsms", "account": "acme",
            "receivedat": "2026-03-02T08:15:30.184000Z", "partitionkey": "+60123456789",
            "data": {"context": {"send": "j7q2m5xwpz3kd4ta"}, "flags": ["polled"], "ref": "j7q2m5xwpz3kd4ta",
                     "status": "accepted", "channel": "sms", "message_id": "77", "recipient": HANDSET,
                     "sender": {"value": "ACME", "kind": "alphanumeric", "raw": "ACME"}},
        }, id="a time of another zone, a name in context that is ours, found by asking"),
        pytest.param(call(from_="60312345678", session_id="5f2a1c7e", call_id="218fc2f6", handler="shop.call_back"), {
            "type": "call.placed", "id": "0d4cb5966d76e9bd1b5bd3a020b81ec1",
            "source": "/mocean/acme", "subject": "218fc2f6",
            "time": "2026-03-02T08:15:30Z", "provider": "mocean", "account": "acme",
            "receivedat": "2026-03-02T08:15:30Z", "partitionkey": "5f2a1c7e",
            "data": {"context": {"send": "j7q2m5xwpz3kd4ta"}, "flags": [], "ref": "j7q2m5xwpz3kd4ta",
                     "status": "accepted", "handler": "shop.call_back", "session_id": "5f2a1c7e",
                     "call_id": "218fc2f6", "callee": HANDSET,
                     "caller": {"value": "+60312345678", "kind": "e164", "raw": "60312345678", "country": "MY"}},
        }, id="a call that was accepted keeps order with its session"),
        pytest.param(call(status=SendStatus.IN_DOUBT, error=Error(name="No answer came.")), {
            "type": "call.placed", "id": "e4dbbecea0acdf95263b07e07850cd9a",
            "source": "/mocean/acme", "time": "2026-03-02T08:15:30Z",
            "provider": "mocean", "account": "acme", "receivedat": "2026-03-02T08:15:30Z",
            "partitionkey": "+60123456789",
            "data": {"context": {"send": "j7q2m5xwpz3kd4ta"}, "flags": [], "ref": "j7q2m5xwpz3kd4ta",
                     "status": "in_doubt", "callee": HANDSET, "error": {"name": "No answer came."}},
        }, id="a call in doubt"),
    ],
)  # fmt: skip
def test_a_whole_event(event: Event, document: dict[str, Any]) -> None:
    assert written(event) == document


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param(sms(), True, id="made again"),
        pytest.param(sms(at=AT + timedelta(seconds=9)), True, id="later"),
        pytest.param(sms(message_id="cust1", segments=1), True, id="with an id of the provider's"),
        pytest.param(sms(status=SendStatus.IN_DOUBT), False, id="another status"),
        pytest.param(sms(ref="qk3vn6d2tz7rhb5m"), False, id="another send"),
        pytest.param(sms(account="other"), False, id="another account"),
        pytest.param(sms(provider="mycoolsms"), False, id="another provider"),
        pytest.param(call(), False, id="a call"),
    ],
)
def test_when_it_is_the_same_event(other: Event, same: bool) -> None:
    assert (other.id == sms().id) is same


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        sms(at=AT.replace(tzinfo=None))
