"""Normalise: the whole event of each kind of callback, its id, its order, its time, and why there is none."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from ringback.receiver.http.door import Query
from ringback.receiver.http.paths import callback_at
from ringback.receiver.parsing.normalise import Normaliser, UnusableError
from ringback.receiver.parsing.parse import parse_query
from ringback.receiver.parsing.request import CallbackRequest
from ringback.receiver.providers import BY_NAME, CALLBACKS
from ringback.schemas.address import parse_address
from ringback.schemas.events import Event, read_event
from ringback.schemas.parts import to_json
from ringback.wire.samples import SAMPLES
from ringback.wire.sending import build

RECEIVED = datetime(2024, 2, 29, 12, 0, 0, 250_000, tzinfo=UTC)
RECEIVED_TEXT = "2024-02-29T12:00:00.250000Z"
KUALA_LUMPUR = "Asia/Kuala_Lumpur"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

PERSON = {"value": "+60123456789", "kind": "e164", "raw": "60123456789", "country": "MY"}
OURS = {"value": "63001", "kind": "short_code", "raw": "63001"}
OUR_NUMBER = {"value": "+60312345678", "kind": "e164", "raw": "60312345678", "country": "MY"}


def incoming(url: str, content_type: str, body: bytes, account: str = "acme") -> CallbackRequest:
    path, _, query = url.partition("?")
    found = callback_at(f"/webhooks/{path}")
    assert found is not None
    parameters = Query.of(*parse_query(query.encode()))
    return CallbackRequest(*found, parameters, account, RECEIVED, content_type, "", body, 0)


def event_of(url: str, content_type: str, body: bytes, *, account: str = "acme", zone: str = KUALA_LUMPUR) -> Event:
    """Normalise a request that is one callback."""
    request = incoming(url, content_type, body, account)
    (one,) = request.callbacks()
    return request.event(one.fields, Normaliser(ZoneInfo(zone)))


def of_fields(name: str, fields: Mapping[str, Any], **how: str) -> Event:
    """Normalise fields, sent as JSON."""
    return event_of(name, JSON, json.dumps(fields).encode(), **how)


def refusal(name: str, fields: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Give what is wrong with fields: the reason, the field, the path that they belong to."""
    with pytest.raises(UnusableError) as raised:
        of_fields(name, fields)
    return raised.value.reason, raised.value.field, raised.value.belongs_to


def written(event: Event) -> dict[str, Any]:
    """Give the event as a consumer reads it."""
    text = to_json(event).decode()
    assert read_event(text) == event
    found: dict[str, Any] = json.loads(text)
    return found


def digest(*identity: str) -> str:
    """Give the id that the contract describes: of provider, account, kind of callback and identity."""
    return blake2b(json.dumps(identity).encode(), digest_size=16).hexdigest()


def envelope(
    type_: str, event_id: str, data: dict[str, Any], *, provider: str = "mocean", time: str = RECEIVED_TEXT,
    subject: str | None = None, partitionkey: str,
) -> dict[str, Any]:  # fmt: skip
    """Give a whole event; `context` and `flags` are empty unless `data` has them."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/{provider}/acme",
        **({"subject": subject} if subject is not None else {}),
        "time": time,
        "datacontenttype": "application/json",
        "provider": provider,
        "account": "acme",
        "receivedat": RECEIVED_TEXT,
        "partitionkey": partitionkey,
        "type": type_,
        "dataschema": f"urn:ringback:schema:{type_}:1",
        "data": {"context": {}, "flags": [], **data},
    }


# One callback of each kind

DLR = b"mocean-from=60123456789&mocean-to=63001&mocean-dlr-status=2&mocean-msgid=cust2001&mocean-error-code=001"
MO = (
    b"mocean-from=60123456789&mocean-to=63001&mocean-keyword=MOC&mocean-text=MOC+hi&mocean-coding=1"
    b"&mocean-time=2018-12-30+23%3A59%3A59"
)
LOOKUP = (
    b"status=0&msgid=nl-1&to=60123456789&current_carrier[country]=MY&current_carrier[name]=U+Mobile"
    b"&current_carrier[network_code]=50218&current_carrier[mcc]=502&current_carrier[mnc]=18&ported=not_ported"
)
CALL = b"mocean-session-uuid=s-1&mocean-call-uuid=c-1&mocean-from=60123456789&mocean-to=60312345678"
RAW_CALL = {
    "mocean-session-uuid": "s-1", "mocean-call-uuid": "c-1", "mocean-from": "60123456789", "mocean-to": "60312345678",
}  # fmt: skip
OF_CALL = {"session_id": "s-1", "call_id": "c-1", "caller": PERSON, "callee": OUR_NUMBER}
WHATSAPP = {
    "message_id": "wa-1",
    "event_type": "message",
    "event_data": {
        "channel_type": "WHATSAPP",
        "from_name": "Tom",
        "to": "60312345678",
        "timestamp": 1690124844,
        "content": {"type": "text", "text": "Hi"},
    },
}
WHATSAPP_STATUS = {
    "message_id": "wa-1",
    "event_type": "delivery-status",
    "event_data": {
        "from": "60123456789",
        "to": "60312345678",
        "meta_delivery_status": "failed",
        "timestamp": 1682669084,
        "meta_error_details": {"error_code": 131047, "error_title": "Re-engagement message"},
    },
}
COOL_MO = {"from": "+1230987654321", "fromcountrycode": "US", "to": "+440987654321", "body": "Hi", "cost": "0.010"}


@pytest.mark.parametrize(
    ("url", "content_type", "body", "event"),
    [
        pytest.param(
            "mocean/delivery-report?token=s&ctx.order=42", FORM, DLR,
            envelope(
                "message.status",
                digest("mocean", "acme", "/delivery-report", "cust2001", "+60123456789", "2", "1"),
                {
                    "context": {"order": "42"},
                    "raw": {
                        "mocean-from": "60123456789", "mocean-to": "63001", "mocean-dlr-status": "2",
                        "mocean-msgid": "cust2001", "mocean-error-code": "001",
                    },
                    "channel": "sms",
                    "message_id": "cust2001",
                    "status": "failed",
                    "final": True,
                    "sender": OURS,
                    "recipient": PERSON,
                    "error": {
                        "code": 1,
                        "name": "Absent subscriber.",
                        "description": "Absent subscriber.",
                        "permanent": False,
                    },
                },
                subject="cust2001", partitionkey="+60123456789",
            ),
            id="Mocean delivery report",
        ),
        pytest.param(
            "mocean/inbound-sms", FORM, MO,
            envelope(
                "message.received",
                digest(
                    "mocean", "acme", "/inbound-sms", "+60123456789", "63001", "2018-12-30T23:59:59", "MOC hi", "MOC"
                ),
                {
                    "raw": {
                        "mocean-from": "60123456789", "mocean-to": "63001", "mocean-keyword": "MOC",
                        "mocean-text": "MOC hi", "mocean-coding": "1", "mocean-time": "2018-12-30 23:59:59",
                    },
                    "channel": "sms",
                    "sender": PERSON,
                    "recipient": OURS,
                    "text": "MOC hi",
                    "content": {"type": "text", "text": "MOC hi"},
                    "keyword": "MOC",
                    "encoding": "gsm7",
                },
                time="2018-12-30T15:59:59Z", partitionkey="+60123456789",
            ),
            id="Mocean inbound SMS",
        ),
        pytest.param(
            "mocean/number-lookup", FORM, LOOKUP,
            envelope(
                "lookup.completed",
                digest("mocean", "acme", "/number-lookup", "nl-1", "+60123456789"),
                {
                    "raw": {
                        "status": "0", "msgid": "nl-1", "to": "60123456789", "current_carrier[country]": "MY",
                        "current_carrier[name]": "U Mobile", "current_carrier[network_code]": "50218",
                        "current_carrier[mcc]": "502", "current_carrier[mnc]": "18", "ported": "not_ported",
                    },
                    "lookup_id": "nl-1",
                    "number": PERSON,
                    "status": "ok",
                    "current_carrier": {
                        "country": "MY", "name": "U Mobile", "network_code": "50218", "mcc": "502", "mnc": "18",
                    },
                    "ported": "not_ported",
                },
                subject="nl-1", partitionkey="+60123456789",
            ),
            id="Mocean number lookup",
        ),
        pytest.param(
            "mocean/whatsapp-inbound-message", JSON, json.dumps(WHATSAPP).encode(),
            envelope(
                "message.received",
                digest("mocean", "acme", "/whatsapp-inbound-message", "wa-1"),
                {
                    "raw": WHATSAPP,
                    "channel": "whatsapp",
                    "message_id": "wa-1",
                    "sender_name": "Tom",
                    "recipient": OUR_NUMBER,
                    "text": "Hi",
                    "content": {"type": "text", "text": "Hi"},
                },
                time="2023-07-23T15:07:24Z", subject="wa-1", partitionkey="wa-1",
            ),
            id="WhatsApp message",
        ),
        pytest.param(
            "mocean/whatsapp-delivery-status", JSON, json.dumps(WHATSAPP_STATUS).encode(),
            envelope(
                "message.status",
                digest("mocean", "acme", "/whatsapp-delivery-status", "wa-1", "failed"),
                {
                    "raw": WHATSAPP_STATUS,
                    "channel": "whatsapp",
                    "message_id": "wa-1",
                    "status": "failed",
                    "final": True,
                    "sender": OUR_NUMBER,
                    "recipient": PERSON,
                    "error": {"code": 131047, "name": "Re-engagement message", "permanent": True},
                },
                time="2023-04-28T08:04:44Z", subject="wa-1", partitionkey="+60123456789",
            ),
            id="WhatsApp delivery report",
        ),
        pytest.param(
            "mocean/voice/status", FORM, CALL + b"&mocean-status=HANGUP&mocean-direction=outbound",
            envelope(
                "call.status",
                digest("mocean", "acme", "/voice/status", "s-1", "c-1", "hangup"),
                {
                    "raw": {**RAW_CALL, "mocean-status": "HANGUP", "mocean-direction": "outbound"},
                    **OF_CALL,
                    "status": "hangup",
                    "direction": "outbound",
                },
                subject="c-1", partitionkey="s-1",
            ),
            id="call status",
        ),
        pytest.param(
            "mocean/voice/answer", FORM, CALL,
            envelope("call.incoming", "random", {"raw": RAW_CALL, **OF_CALL}, subject="c-1", partitionkey="s-1"),
            id="inbound call",
        ),
        pytest.param(
            "mocean/voice/collect", FORM, CALL + b"&mocean-digits=12",
            envelope(
                "call.input", "random",
                {"raw": {**RAW_CALL, "mocean-digits": "12"}, **OF_CALL, "digits": "12", "no_input": False},
                subject="c-1", partitionkey="s-1",
            ),
            id="digits",
        ),
        pytest.param(
            "mocean/voice/collect/menu", FORM, CALL + b"&mocean-digits=",
            envelope(
                "call.input", "random",
                {
                    "raw": {**RAW_CALL, "mocean-digits": ""}, **OF_CALL,
                    "step": "menu", "digits": "", "no_input": True,
                },
                subject="c-1", partitionkey="s-1",
            ),
            id="no digits, at a step",
        ),
        pytest.param(
            "mycoolsms/delivery-report", JSON, b'{"smsid": "498673", "status": "SMS_STATUS_AT_CARRIER"}',
            envelope(
                "message.status",
                digest("mycoolsms", "acme", "/delivery-report", "498673", "SMS_STATUS_AT_CARRIER"),
                {
                    "raw": {"smsid": "498673", "status": "SMS_STATUS_AT_CARRIER"},
                    "channel": "sms",
                    "message_id": "498673",
                    "status": "sent",
                    "final": False,
                },
                provider="mycoolsms", subject="498673", partitionkey="498673",
            ),
            id="My-Cool-SMS delivery report",
        ),
        pytest.param(
            "mycoolsms/inbound-sms", JSON, json.dumps(COOL_MO).encode(),
            envelope(
                "message.received", "random",
                {
                    "raw": COOL_MO,
                    "channel": "sms",
                    "sender": {"value": "+1230987654321", "kind": "e164", "raw": "+1230987654321", "country": "US"},
                    "recipient": {"value": "+440987654321", "kind": "e164", "raw": "+440987654321"},
                    "text": "Hi",
                    "content": {"type": "text", "text": "Hi"},
                    "cost": {"amount": "0.010", "currency": "EUR"},
                },
                provider="mycoolsms", partitionkey="+1230987654321",
            ),
            id="My-Cool-SMS inbound SMS",
        ),
    ],
)  # fmt: skip
def test_whole_events(url: str, content_type: str, body: bytes, event: dict[str, Any]) -> None:
    made = written(event_of(url, content_type, body))
    if event["id"] == "random":
        assert len(made["id"]) == 32
        event = {**event, "id": made["id"]}
    assert made == event


ORDER = b"""{
    "message_id": "wa-2",
    "event_data": {
        "timestamp": 1690124844.0,
        "to": 6.0312345678e10,
        "content": {
            "type": "order",
            "catalog_id": 864331704878910.0,
            "product_items": [{"item_price": 0.10, "quantity": 2.0}, {"item_price": 12345678901234567.89}]
        }
    }
}"""


def test_numbers_are_as_the_provider_wrote_them() -> None:
    made = written(event_of("mocean/whatsapp-inbound-message", JSON, ORDER))
    assert made == envelope(
        "message.received",
        digest("mocean", "acme", "/whatsapp-inbound-message", "wa-2"),
        {
            "raw": {
                "message_id": "wa-2",
                "event_data": {
                    "timestamp": "1690124844.0",
                    "to": "6.0312345678e10",
                    "content": {
                        "type": "order",
                        "catalog_id": "864331704878910.0",
                        "product_items": [
                            {"item_price": "0.10", "quantity": "2.0"},
                            {"item_price": "12345678901234567.89"},
                        ],
                    },
                },
            },
            "channel": "whatsapp",
            "message_id": "wa-2",
            "recipient": {**OUR_NUMBER, "raw": "6.0312345678e10"},
            "content": {
                "type": "order",
                "catalog_id": "864331704878910",
                "product_items": [
                    {"item_price": "0.10", "quantity": 2},
                    {"item_price": "12345678901234567.89"},
                ],
            },
            "flags": ["number:fraction"],
        },
        time="2023-07-23T15:07:24Z",
        subject="wa-2",
        partitionkey="wa-2",
    )


# Identity

FIELDS: dict[str, dict[str, Any]] = {
    "mocean/delivery-report": {
        "mocean-msgid": "m1", "mocean-from": "60123456789", "mocean-to": "63001", "mocean-dlr-status": "1",
        "mocean-error-code": "0",
    },
    "mocean/inbound-sms": {
        "mocean-from": "60123456789", "mocean-to": "63001", "mocean-text": "Hi", "mocean-keyword": "K",
        "mocean-time": "2018-12-30 23:59:59", "mocean-coding": "1",
    },
    "mocean/number-lookup": {"status": "0", "msgid": "n1", "to": "60123456789", "ported": "ported"},
    "mocean/whatsapp-inbound-message": WHATSAPP,
    "mocean/whatsapp-delivery-status": WHATSAPP_STATUS,
    "mocean/voice/status": {**RAW_CALL, "mocean-status": "HANGUP", "mocean-direction": "outbound"},
    "mocean/voice/answer": RAW_CALL,
    "mocean/voice/collect": {**RAW_CALL, "mocean-digits": "1"},
    "mycoolsms/delivery-report": {"smsid": "s1", "status": "SMS_STATUS_QUEUED"},
    "mycoolsms/inbound-sms": COOL_MO,
}  # fmt: skip

NO_IDENTITY = {"mycoolsms/inbound-sms", "mocean/voice/answer", "mocean/voice/collect"}


def changed(fields: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Give fields with another value for one of them; None takes it away."""
    first, _, rest = name.partition(".")
    if rest:
        return {**fields, first: changed(fields[first], rest, value)}
    return {key: each for key, each in {**fields, first: value}.items() if each is not None}


@pytest.mark.parametrize("name", FIELDS)
def test_a_repeat_has_the_same_id(name: str) -> None:
    first, second = of_fields(name, FIELDS[name]), of_fields(name, FIELDS[name])
    assert (first.id == second.id) is (name not in NO_IDENTITY)
    assert replace(second, id=first.id) == first


@pytest.mark.parametrize("name", FIELDS)
def test_another_account_has_another_id(name: str) -> None:
    ours, theirs = written(of_fields(name, FIELDS[name])), written(of_fields(name, FIELDS[name], account="other"))
    assert theirs["id"] != ours["id"]
    assert theirs == {**ours, "id": theirs["id"], "account": "other", "source": ours["source"].replace("acme", "other")}


def test_the_same_words_of_another_kind_have_another_id() -> None:
    fields = {"smsid": "x", "status": "y", "message_id": "x", "event_data": {"meta_delivery_status": "y"}}
    names = ("mycoolsms/delivery-report", "mocean/whatsapp-delivery-status")
    assert len({of_fields(name, fields).id for name in names}) == 2


@pytest.mark.parametrize(
    ("name", "field", "value", "same"),
    [
        pytest.param("mocean/delivery-report", "mocean-error-code", "000", True, id="DLR: 000 is 0"),
        pytest.param("mocean/delivery-report", "mocean-error-code", 0, True, id="DLR: a number is its digits"),
        pytest.param("mocean/delivery-report", "mocean-error-code", None, True, id="DLR: none is 0"),
        pytest.param("mocean/delivery-report", "mocean-error-code", "1", False, id="DLR: error code"),
        pytest.param("mocean/delivery-report", "mocean-error-code", "X", False, id="DLR: error code that is no number"),
        pytest.param(
            "mocean/delivery-report", "mocean-from", "+60 12-345 6789", True, id="DLR: number in another form"
        ),
        pytest.param("mocean/delivery-report", "mocean-from", "60123456780", False, id="DLR: recipient"),
        pytest.param("mocean/delivery-report", "mocean-dlr-status", "2", False, id="DLR: status"),
        pytest.param("mocean/delivery-report", "mocean-dlr-status", 1, True, id="DLR: status as a number"),
        pytest.param("mocean/delivery-report", "mocean-dlr-status", "9", False, id="DLR: unknown status"),
        pytest.param("mocean/delivery-report", "mocean-dlr-status", "Success", True, id="DLR: status as a word"),
        pytest.param("mocean/delivery-report", "mocean-dlr-status", 1.0, True, id="DLR: status with a fraction"),
        pytest.param("mocean/delivery-report", "mocean-from", 60123456789.0, True, id="DLR: number with a fraction"),
        pytest.param("mocean/delivery-report", "mocean-msgid", "M1", False, id="DLR: case of an id"),
        pytest.param("mocean/delivery-report", "mocean-to", "MOCEAN", True, id="DLR: our sender does not count"),
        pytest.param("mocean/delivery-report", "new-field", "x", True, id="DLR: nor a new field"),
        pytest.param("mocean/inbound-sms", "mocean-from", "60123456780", False, id="MO: from"),
        pytest.param("mocean/inbound-sms", "mocean-to", "63002", False, id="MO: to"),
        pytest.param("mocean/inbound-sms", "mocean-time", "2018-12-30 23:59:58", False, id="MO: time"),
        pytest.param("mocean/inbound-sms", "mocean-text", "hi", False, id="MO: text"),
        pytest.param("mocean/inbound-sms", "mocean-keyword", "L", False, id="MO: keyword"),
        pytest.param("mocean/inbound-sms", "mocean-coding", "3", True, id="MO: coding does not count"),
        pytest.param("mocean/number-lookup", "msgid", "n2", False, id="lookup: msgid"),
        pytest.param("mocean/number-lookup", "to", "60123456780", False, id="lookup: number"),
        pytest.param("mocean/number-lookup", "status", "1", True, id="lookup: status does not count"),
        pytest.param("mocean/whatsapp-inbound-message", "message_id", "wa-2", False, id="WhatsApp: message_id"),
        pytest.param(
            "mocean/whatsapp-inbound-message", "event_data.from_name", "Tim", True, id="WhatsApp: else nothing"
        ),
        pytest.param("mocean/whatsapp-delivery-status", "message_id", "wa-2", False, id="WhatsApp status: message_id"),
        pytest.param(
            "mocean/whatsapp-delivery-status", "event_data.meta_delivery_status", "read", False, id="WhatsApp status"
        ),
        pytest.param(
            "mocean/whatsapp-delivery-status",
            "event_data.timestamp",
            1,
            True,
            id="WhatsApp status: time does not count",
        ),
        pytest.param("mocean/voice/status", "mocean-session-uuid", "s-2", False, id="call status: session"),
        pytest.param("mocean/voice/status", "mocean-call-uuid", "c-2", False, id="call status: call"),
        pytest.param("mocean/voice/status", "mocean-status", "ANSWERED", False, id="call status"),
        pytest.param("mocean/voice/status", "mocean-status", "hangup", True, id="call status in another case"),
        pytest.param(
            "mocean/voice/status", "mocean-direction", "inbound", True, id="call status: direction is nothing"
        ),
        pytest.param(
            "mocean/whatsapp-delivery-status",
            "event_data.meta_delivery_status",
            "FAILED",
            True,
            id="WhatsApp status in another case",
        ),
        pytest.param("mycoolsms/delivery-report", "smsid", "s2", False, id="My-Cool-SMS: smsid"),
        pytest.param(
            "mycoolsms/delivery-report", "status", "sms_status_queued", True, id="My-Cool-SMS: status in another case"
        ),
        pytest.param("mycoolsms/delivery-report", "status", "SMS_STATUS_READ", False, id="My-Cool-SMS: status"),
    ],
)
def test_identity(name: str, field: str, value: Any, same: bool) -> None:
    other = of_fields(name, changed(FIELDS[name], field, value))
    assert (other.id == of_fields(name, FIELDS[name]).id) is same


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        pytest.param("mocean/inbound-sms", "mocean-time", None, id="MO without a time"),
        pytest.param("mocean/inbound-sms", "mocean-time", "soon", id="MO with an unreadable time"),
        pytest.param("mocean/inbound-sms", "mocean-time", "2018-12-30", id="MO with a day alone"),
        pytest.param("mocean/inbound-sms", "mocean-time", "2018-12-30 23:59", id="MO with a time without seconds"),
        pytest.param("mocean/inbound-sms", "mocean-time", "1970-01-01 00:00:00", id="MO with a time never set"),
        pytest.param("mocean/number-lookup", "msgid", None, id="lookup without msgid"),
        pytest.param("mocean/voice/status", "mocean-status", None, id="call status without a status"),
    ],
)
def test_without_identity_each_is_new(name: str, field: str, value: Any) -> None:
    fields = changed(FIELDS[name], field, value)
    assert of_fields(name, fields).id != of_fields(name, fields).id


# Addresses


def test_what_is_too_long_for_an_address_is_not_remembered() -> None:
    fields = {**FIELDS["mocean/inbound-sms"], "mocean-from": "9" * 100}
    of_fields("mocean/inbound-sms", FIELDS["mocean/inbound-sms"])
    before = parse_address.cache_info().currsize
    sender = written(of_fields("mocean/inbound-sms", fields))["data"]["sender"]
    assert sender == {"value": "9" * 100, "kind": "unknown", "raw": "9" * 100}
    assert parse_address.cache_info().currsize == before
    assert parse_address.cache_info().maxsize == 256, "a megabyte is some 1,500 of them"


# What keeps its order


@pytest.mark.parametrize(
    ("name", "field", "value", "key"),
    [
        pytest.param("mocean/delivery-report", "mocean-from", None, "m1", id="DLR without a recipient: its message"),
        pytest.param("mocean/delivery-report", "mocean-from", "0060123456789", "+60123456789", id="DLR: the recipient"),
        pytest.param("mocean/inbound-sms", "mocean-from", "Anna", "Anna", id="MO: the sender"),
        pytest.param("mocean/number-lookup", "to", None, "n1", id="lookup without a number: its id"),
        pytest.param("mocean/whatsapp-inbound-message", "event_data.from", "60123456789", "+60123456789",
                     id="WhatsApp message with a sender"),
        pytest.param("mocean/whatsapp-delivery-status", "event_data.from", None, "wa-1",
                     id="WhatsApp status without the end user: its message"),
        pytest.param("mocean/voice/answer", "mocean-session-uuid", None, "+60123456789", id="call without a session"),
        pytest.param("mocean/voice/status", "mocean-session-uuid", None, "+60312345678", id="outbound: who is called"),
        pytest.param("mocean/voice/collect", "mocean-session-uuid", "s-9", "s-9", id="call: the session"),
    ],
)  # fmt: skip
def test_partition_key(name: str, field: str, value: Any, key: str) -> None:
    assert of_fields(name, changed(FIELDS[name], field, value)).partitionkey == key


def test_partition_key_where_nothing_else_is_known() -> None:
    event = of_fields("mocean/number-lookup", {"status": "1", "to": {"type": "x", "id": "?"}})
    assert (event.subject, event.partitionkey) == (None, "?")


# Time


@pytest.mark.parametrize(
    ("name", "field", "value", "zone", "time", "flags"),
    [
        pytest.param("mocean/inbound-sms", "mocean-time", "2018-12-30 23:59:59", KUALA_LUMPUR,
                     "2018-12-30T15:59:59Z", [], id="a zone east of UTC"),
        pytest.param("mocean/inbound-sms", "mocean-time", "2018-12-30 23:59:59", "UTC",
                     "2018-12-30T23:59:59Z", [], id="UTC"),
        pytest.param("mocean/inbound-sms", "mocean-time", "2018-07-01 12:00:00", "Europe/Berlin",
                     "2018-07-01T10:00:00Z", [], id="summer time"),
        pytest.param("mocean/inbound-sms", "mocean-time", "2018-12-30T23:59:59+01:00", KUALA_LUMPUR,
                     "2018-12-30T22:59:59Z", [], id="a zone of its own"),
        pytest.param("mocean/inbound-sms", "mocean-time", "2018-12-30 23:59:59.5", "UTC",
                     "2018-12-30T23:59:59.500000Z", [], id="a fraction"),
        pytest.param("mocean/inbound-sms", "mocean-time", "2018-12-30 23:59", "UTC",
                     "2018-12-30T23:59:00Z", ["time:imprecise"], id="no seconds"),
        pytest.param("mocean/inbound-sms", "mocean-time", "2018-12-30", "UTC",
                     RECEIVED_TEXT, ["time:imprecise"], id="a day alone"),
        pytest.param("mocean/inbound-sms", "mocean-time", None, "UTC", RECEIVED_TEXT, [], id="no time"),
        pytest.param("mocean/inbound-sms", "mocean-time", "yesterday", "UTC",
                     RECEIVED_TEXT, ["time:unreadable"], id="no readable time"),
        pytest.param("mocean/inbound-sms", "mocean-time", "0001-01-01 00:00:00", KUALA_LUMPUR,
                     RECEIVED_TEXT, ["time:unreadable"], id="the first day of the calendar"),
        pytest.param("mocean/inbound-sms", "mocean-time", "9999-12-31 23:59:59", "America/New_York",
                     RECEIVED_TEXT, ["time:unreadable"], id="the last day of the calendar"),
        pytest.param("mocean/whatsapp-inbound-message", "event_data.timestamp", "1690124844000", KUALA_LUMPUR,
                     "2023-07-23T15:07:24Z", [], id="milliseconds, whatever the zone"),
        pytest.param("mocean/whatsapp-inbound-message", "event_data.timestamp", None, "UTC", RECEIVED_TEXT, [],
                     id="no UNIX time"),
        pytest.param("mocean/whatsapp-inbound-message", "event_data.timestamp", "now", "UTC",
                     RECEIVED_TEXT, ["time:unreadable"], id="no readable UNIX time"),
        pytest.param("mycoolsms/delivery-report", "timestamp", 1690124844, "UTC", RECEIVED_TEXT, [],
                     id="My-Cool-SMS has no time"),
    ],
)  # fmt: skip
def test_time(name: str, field: str, value: Any, zone: str, time: str, flags: list[str]) -> None:
    event = written(of_fields(name, changed(FIELDS[name], field, value), zone=zone))
    assert (event["time"], event["receivedat"], event["data"]["flags"]) == (time, RECEIVED_TEXT, flags)


# Why there is no event


# The first field of a path that a stranger's callback lacks is the path's first mandatory one, but for these.
FIRST_LACKING = {
    ("mocean/delivery-report", "mocean/inbound-sms"): "mocean-text",
    ("mocean/voice/answer", "mocean/inbound-sms"): "mocean-text",
    ("mocean/voice/collect", "mocean/inbound-sms"): "mocean-text",
    ("mocean/voice/status", "mocean/inbound-sms"): "mocean-text",
    ("mocean/whatsapp-inbound-message", "mocean/whatsapp-delivery-status"): "event_data.meta_delivery_status",
    ("mocean/whatsapp-delivery-status", "mocean/whatsapp-inbound-message"): "event_data.content.type",
    ("mycoolsms/delivery-report", "mocean/number-lookup"): "msgid or to",
}


@pytest.mark.parametrize("target", [callback.name for callback in CALLBACKS])
@pytest.mark.parametrize("source", SAMPLES)
def test_another_paths_callback_names_its_path(source: str, target: str) -> None:
    request = build(SAMPLES[source], {})
    fields = incoming(target, request.headers["Content-Type"], request.body).callbacks()[0].fields.raw
    if source == target or ("/voice/" in source and "/voice/" in target):
        # A call is a call: nothing that is mandatory tells one voice callback from another.
        assert of_fields(target, fields).data.raw == fields
        return
    own = f"/webhooks/{source}"
    lacking = FIRST_LACKING.get((source, target)) or str(BY_NAME[target].needs[0])
    assert refusal(target, fields) == (f"this is a callback for {own}", lacking, own)


@pytest.mark.parametrize(
    ("name", "fields", "refused"),
    [
        pytest.param("mocean/delivery-report", {}, ("mocean-msgid is missing", "mocean-msgid", None), id="nothing"),
        pytest.param(
            "mocean/delivery-report", {"a": "b"}, ("mocean-msgid is missing", "mocean-msgid", None), id="nobody's",
        ),
        pytest.param(
            "mocean/delivery-report", {**FIELDS["mycoolsms/delivery-report"], **COOL_MO},
            ("mocean-msgid is missing", "mocean-msgid", None), id="two others'",
        ),
        pytest.param(
            "mocean/delivery-report", {**RAW_CALL, "mocean-digits": "1", "mocean-status": "x"},
            ("mocean-msgid is missing", "mocean-msgid", None), id="two others' by their marks",
        ),
        pytest.param(
            "mocean/inbound-sms", {"mocean-call-uuid": "c", "to": "2", "status": "x", "mocean-status": "y"},
            ("this is a callback for /webhooks/mocean/voice/status", "mocean-from", "/webhooks/mocean/voice/status"),
            id="a mark decides",
        ),
    ],
)  # fmt: skip
def test_refusals(name: str, fields: dict[str, Any], refused: tuple[str, str | None, str | None]) -> None:
    assert refusal(name, fields) == refused


MANDATORY = [
    ("mocean/delivery-report", ["mocean-msgid"]),
    ("mocean/delivery-report", ["mocean-dlr-status"]),
    ("mocean/inbound-sms", ["mocean-from"]),
    ("mocean/inbound-sms", ["mocean-to"]),
    ("mocean/inbound-sms", ["mocean-text"]),
    ("mocean/number-lookup", ["status"]),
    ("mocean/number-lookup", ["msgid", "to"]),
    ("mocean/whatsapp-inbound-message", ["message_id"]),
    ("mocean/whatsapp-inbound-message", ["event_data.content.type"]),
    ("mocean/whatsapp-delivery-status", ["message_id"]),
    ("mocean/whatsapp-delivery-status", ["event_data.meta_delivery_status"]),
    ("mocean/voice/status", ["mocean-call-uuid"]),
    ("mocean/voice/answer", ["mocean-call-uuid"]),
    ("mocean/voice/collect", ["mocean-call-uuid"]),
    ("mycoolsms/delivery-report", ["smsid"]),
    ("mycoolsms/delivery-report", ["status"]),
    ("mycoolsms/inbound-sms", ["from"]),
    ("mycoolsms/inbound-sms", ["to"]),
    ("mycoolsms/inbound-sms", ["body", "bodyucs2", "bodygsm7"]),
]
MAY_BE_EMPTY = {"mocean-text", "body"}


def test_the_mandatory_fields_are_the_contracts() -> None:
    providers = {name.partition("/")[0] for name, _ in MANDATORY}
    ours = [callback for callback in CALLBACKS if callback.provider in providers]
    declared = [(callback.name, list(need.names)) for callback in ours for need in callback.needs]
    assert sorted(one for one in declared if not one[0].endswith("}")) == sorted(MANDATORY)


@pytest.mark.parametrize("instead", [None, "", " ", [], {}, "absent"], ids=repr)
@pytest.mark.parametrize(("name", "names"), MANDATORY, ids=lambda value: value if isinstance(value, str) else value[0])
def test_each_mandatory_field(name: str, names: list[str], instead: Any) -> None:
    fields = FIELDS[name]
    for each in names:
        if instead == "absent" and "." not in each:
            fields = {key: value for key, value in fields.items() if key != each}
        elif instead == "absent":
            fields = changed(fields, each, None)
        else:
            fields = with_value(fields, each, instead)
    if names[0] in MAY_BE_EMPTY and instead in ("", " "):
        assert written(of_fields(name, fields))["data"]["text"] == instead
        return
    missing = " or ".join(names)
    what = "holds no text" if isinstance(instead, list | dict) else "is missing"
    assert refusal(name, fields) == (f"{missing} {what}", missing, None)


def with_value(fields: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    first, _, rest = name.partition(".")
    return {**fields, first: with_value(fields[first], rest, value) if rest else value}


@pytest.mark.parametrize(
    ("url", "content_type", "body", "reason"),
    [
        pytest.param("mocean/delivery-report", JSON, b"{", "the body is not valid JSON", id="broken"),
        pytest.param(
            "mocean/delivery-report?" + "a&" * 1001, FORM, DLR, "more than 1000 parameters in the URL", id="URL",
        ),
        pytest.param("mocean/voice/answer", JSON, b"[{},{}]", "several callbacks, where one call wants one answer",
                     id="two calls at once"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_at_all(url: str, content_type: str, body: bytes, reason: str) -> None:
    with pytest.raises(UnusableError) as raised:
        incoming(url, content_type, body).callbacks()
    assert (raised.value.reason, raised.value.field, raised.value.belongs_to) == (reason, None, None)


@pytest.mark.parametrize(
    ("path", "name", "parameters"),
    [
        pytest.param("/webhooks/mocean/delivery-report", "mocean/delivery-report", {}, id="plain"),
        pytest.param("/webhooks/mocean/voice/collect", "mocean/voice/collect", {}, id="without a step"),
        pytest.param("/webhooks/mocean/voice/collect/a b", "mocean/voice/collect/{step}", {"step": "a b"}, id="step"),
        pytest.param("/webhooks/mocean/fax", None, None, id="unknown"),
        pytest.param("/webhooks/mocean/voice/collect/a/b", None, None, id="too long"),
        pytest.param("/mocean/delivery-report", None, None, id="elsewhere"),
    ],
)
def test_callback_at(path: str, name: str | None, parameters: dict[str, str] | None) -> None:
    found = callback_at(path)
    assert (found and (found[0].name, found[1])) == (None if name is None else (name, parameters))
