"""Events: what is written and read again, what a newer version has written, what cannot be read, what is frozen."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from ringback.schemas.address import Address, AddressKind, parse_address
from ringback.schemas.event_data import (
    CallStatus,
    Channel,
    Content,
    ContentType,
    LookupStatus,
    MessageReceived,
    SendStatus,
    Status,
)
from ringback.schemas.events import (
    EVENT_OF_DATA,
    CallStatusEvent,
    Event,
    EventType,
    MessageReceivedEvent,
    UnreadableError,
    read_event,
)
from ringback.schemas.parts import Word, to_document, to_json
from ringback.wire.samples import Sample
from tests.support.sample_events import PLACED, SENT, event_of, samples

AT = datetime(2026, 3, 2, 8, 15, 30, tzinfo=UTC)
SMS = MessageReceivedEvent(
    id="1",
    source="/mocean/acme",
    time=AT,
    provider="mocean",
    account="acme",
    receivedat=AT + timedelta(milliseconds=184),
    partitionkey="+60123456789",
    data=MessageReceived(
        channel=Channel.SMS,
        sender=parse_address("60123456789"),
        content=Content(type=ContentType.TEXT, text=""),
        raw={"text": "", "nothing": None, "many": [{"nothing": None}], "none": [], "empty": {}},
    ),
)
WRITTEN = (
    '{"type":"message.received","specversion":"1.0","id":"1","source":"/mocean/acme","time":"2026-03-02T08:15:30Z",'
    '"datacontenttype":"application/json","provider":"mocean","account":"acme",'
    '"receivedat":"2026-03-02T08:15:30.184000Z","partitionkey":"+60123456789",'
    '"dataschema":"urn:ringback:schema:message.received:1","data":{"context":{},'
    '"raw":{"text":"","nothing":null,"many":[{"nothing":null}],"none":[],"empty":{}},"flags":[],"channel":"sms",'
    '"sender":{"value":"+60123456789","kind":"e164","raw":"60123456789","country":"MY"},'
    '"content":{"type":"text","text":""}}}'
)


def document(**changes: Any) -> dict[str, Any]:
    """Return the SMS as it is written, with other values: `data__status` is `status` of `data`."""
    whole: dict[str, Any] = json.loads(WRITTEN)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = whole
        for parent in parents:
            place = place[parent]
        place[last] = value
    return whole


def read(**changes: Any) -> Event:
    return read_event(json.dumps(document(**changes)))


def test_nulls_are_left_out_and_nothing_else() -> None:
    assert to_json(SMS).decode() == WRITTEN
    assert to_document(SMS) == document()


@pytest.mark.parametrize("text", [WRITTEN, WRITTEN.encode()], ids=["text", "bytes"])
def test_what_is_written_is_read(text: str | bytes) -> None:
    assert read_event(text) == SMS


def test_null_is_the_same_as_absent() -> None:
    assert read(subject=None, data__text=None, data__sender__country=None) == read(
        data__sender={"value": "+60123456789", "kind": "e164", "raw": "60123456789"}
    )


def test_an_event_that_names_its_type_late_is_read() -> None:
    whole = document()
    assert read_event(json.dumps(dict(reversed(whole.items())))) == SMS


@pytest.mark.parametrize(("sample", "overrides"), [pytest.param(*row, id=name) for name, *row in samples()])
def test_the_event_of_a_sample_is_read_as_it_was_made(sample: Sample, overrides: dict[str, str]) -> None:
    event = event_of(sample, overrides)
    again = read_event(to_json(event))
    assert (again, type(again), again.type) == (event, type(event), event.type)
    assert to_json(again) == to_json(event)


@pytest.mark.parametrize("event", [SENT, PLACED], ids=lambda event: event.type)
def test_the_event_of_a_send_is_read_as_it_was_made(event: Event) -> None:
    assert read_event(to_json(event)) == event


def test_each_type_is_one_of_the_list() -> None:
    assert [event.type for event in EVENT_OF_DATA.values()] == list(EventType)
    assert SMS.type is EventType.MESSAGE_RECEIVED


@pytest.mark.parametrize(
    ("time", "written"),
    [
        pytest.param(AT, "2026-03-02T08:15:30Z", id="whole seconds"),
        pytest.param(AT.replace(microsecond=5), "2026-03-02T08:15:30.000005Z", id="a fraction"),
    ],
)
def test_a_time_is_in_utc(time: datetime, written: str) -> None:
    event = replace(SMS, time=time)
    assert to_document(event)["time"] == written
    assert read_event(to_json(event)).time == time
    assert read_event(to_json(event)).time.tzinfo is UTC


def test_a_time_of_another_zone_is_aware() -> None:
    assert read(time="2026-03-02T16:15:30+08:00").time == datetime(
        2026, 3, 2, 16, 15, 30, tzinfo=timezone(timedelta(hours=8))
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"time": "2026-03-02T08:15:30"}, "`datetime` with a timezone", id="a naive time"),
        pytest.param({"specversion": "9.secret"}, "No such value - at `$.specversion`", id="another CloudEvents"),
        pytest.param({"type": "fax.secret"}, "No such value - at `$.type`", id="a type of a newer version"),
        pytest.param({"type": None}, "`$.type`", id="no type"),
        pytest.param({"dataschema": "' - at secret"}, "No such value - at `$.dataschema`", id="another schema"),
        pytest.param({"id": 5}, "Expected `str`, got `int` - at `$.id`", id="a number for an id"),
        pytest.param({"data": {"secret": 1}}, "missing required field `channel` - at `$.data`", id="a field too few"),
        pytest.param({"data__context": {"secret": 5}}, "at `$.data.context[...]`", id="a number in the context"),
        pytest.param({"data__channel": 5}, "at `$.data.channel`", id="a number for a word"),
    ],
)
def test_an_event_that_is_none_is_not_read(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(UnreadableError) as raised:
        read(**changes)
    assert why in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(b"", "truncated", id="nothing"),
        pytest.param(b"secret", "malformed", id="no JSON"),
        pytest.param(b"[]", "Expected `object`", id="a list"),
        pytest.param(b'{"type": "call.status", "id": "\xff"}', "no UTF-8", id="no UTF-8"),
        pytest.param(b'{"type": "call.status", "id": "\\ud800"}', "truncated", id="half a surrogate pair"),
        pytest.param(b'{"a":' * 9999 + b"1" + b"}" * 9999, "too deeply", id="deep"),
    ],
)
def test_what_is_no_event_is_not_read(text: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        read_event(text)


def test_what_a_newer_version_has_added_does_no_harm() -> None:
    assert read(priority=1, data__price={"amount": "1"}, data__sender__carrier="U Mobile") == SMS


def test_a_new_word_is_unknown_where_the_list_has_that() -> None:
    event = read(data__encoding="utf8", data__sender__kind="sip", data__content__type="poll")
    data = event.data
    assert isinstance(data, MessageReceived)
    assert data.sender is not None
    assert (data.encoding, data.sender.kind, data.content.type) == ("unknown", AddressKind.UNKNOWN, ContentType.UNKNOWN)


@pytest.mark.parametrize("words", [Channel, LookupStatus, SendStatus], ids=lambda words: words.__name__)
def test_a_new_word_is_itself_where_the_list_has_no_unknown(words: type[Word]) -> None:
    new = words("rcs")
    assert (new, new.value, str(new), {"rcs": 1}[new]) == ("rcs", "rcs", "rcs", 1)
    assert isinstance(new, words)
    assert new not in list(words)


def test_an_event_with_a_new_channel_is_written_as_it_came() -> None:
    event = read(data__channel="rcs")
    assert isinstance(event.data, MessageReceived)
    assert event.data.channel == "rcs"
    assert to_document(event)["data"]["channel"] == "rcs"


def test_what_is_no_text_is_no_word() -> None:
    with pytest.raises(ValueError, match="5"):
        Status(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [2**53 + 1, 2**64, -(2**64), 10**999], ids=["53", "64", "-64", "1000 digits"])
def test_an_integer_of_any_size_stays_what_it_is(number: int) -> None:
    event = replace(SMS, data=replace(SMS.data, raw={"n": number, "more": [number]}))
    assert read_event(to_json(event)).data.raw == {"n": number, "more": [number]}


def test_deep_nesting_stays_what_it_is() -> None:
    deep: Any = "in here"
    for _ in range(100):
        deep = [{"a": deep}]
    event = replace(SMS, data=replace(SMS.data, raw={"deep": deep}))
    assert read_event(to_json(event)) == event


@pytest.mark.parametrize(
    ("part", "field"),
    [
        pytest.param(SMS, "id", id="an event"),
        pytest.param(SMS, "data", id="its data"),
        pytest.param(SMS.data, "channel", id="a field of its data"),
        pytest.param(SMS.data.sender, "value", id="an address"),
    ],
)
def test_nobody_changes_it(part: object, field: str) -> None:
    with pytest.raises(AttributeError):
        setattr(part, field, "forged")


def test_a_field_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError):
        Address(value="63001", kind=AddressKind.SHORT_CODE, raw="63001", carrier="U Mobile")  # type: ignore[call-arg]


def test_data_of_its_own_is_nobody_elses() -> None:
    one, other = CallStatus(call_id="1"), CallStatus(call_id="2")
    one.raw["a"] = one.context["b"] = "c"
    assert (other.raw, other.context, other.flags) == ({}, {}, ())
    assert CallStatusEvent.__struct_fields__[-1] == "data"
