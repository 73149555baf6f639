"""Which polled event is the pushed one: its id and its context are the same, or it is another (SENDING 4.9)."""

import json
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ringback.polling.polled_callbacks import (
    POLLED,
    PolledCallback,
    mocean_report,
    mycoolsms_inbound,
    mycoolsms_report,
    waiting,
)
from ringback.receiver.parsing.normalise import Normaliser
from ringback.receiver.parsing.parse import parse
from ringback.receiver.providers import BY_NAME
from ringback.schemas.event_data import MessageReceived, MessageStatus
from ringback.schemas.events import Event
from ringback.schemas.parts import to_json
from ringback.schemas.tables.mycoolsms_status import WORD

NORMALISER: Final = Normaliser(ZoneInfo("Asia/Kuala_Lumpur"))
NOW: Final = datetime(2026, 3, 2, 8, 15, 30, tzinfo=UTC)
ROW: Final = {
    "id": 201,
    "virtualnumber": "+449876543201",
    "senderid": "+886983029751",
    "body": "Have a nice day!",
    "bodyucs2": "AAAA",
    "bodygsm7": "AA",
    "unicode": False,
    "timestamp": "2026-03-02 16:08:37.488+08",
    "unixtimestamp": "1772438917.9",
    "numchars": 16,
    "escapechars": 0,
    "smscount": 1,
    "charge": "0.015",
    "senderidcountrycode": "TW",
    "virtualnumbercountrycode": "HK",
}

message_ids = st.text("abcdefABCDEF0123456789", min_size=8, max_size=32)
refs = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=16, max_size=16)
numbers = st.integers(10**7, 10**12).map(lambda number: f"60{number}")
prefixes = st.sampled_from(["", "+", "00", " "])
"""How a push may write the handset's number, which the outbox has in digits."""
mocean_statuses = st.sampled_from([("success", "1"), ("failed", "2"), ("expired", "3")])
codes = st.sampled_from(["0", "000", None, "5"])


def pushed(name: str, fields: dict[str, object], context: dict[str, str]) -> Event:
    (parsed,) = parse("application/json", json.dumps(fields).encode(), [])
    return NORMALISER.event(BY_NAME[name], parsed.fields, "acme", context, NOW)


def polled(callback: PolledCallback | None) -> Event:
    assert callback is not None
    return callback.event("acme", NORMALISER, NOW)


@given(message_ids, st.sampled_from(sorted(WORD.items())), refs)
def test_a_report_of_my_cool_sms_is_the_pushed_one(message_id: str, word: tuple[str, str], ref: str) -> None:
    context = {"send": ref}
    asked = polled(mycoolsms_report(message_id, word[1], context))
    came = pushed("mycoolsms/delivery-report", {"smsid": message_id, "status": word[1]}, context)
    assert asked.id == came.id
    assert asked.data.flags == (POLLED,)
    assert replace(asked, data=replace(asked.data, flags=())) == replace(came, data=replace(came.data, flags=()))


@given(message_ids, numbers, prefixes, mocean_statuses, codes, refs, st.booleans())
def test_a_report_of_mocean_is_the_pushed_one_unless_that_has_an_error_code(
    message_id: str, number: str, prefix: str, status: tuple[str, str], code: str | None, ref: str, is_known: bool
) -> None:
    context = {"send": ref, "order": "42"}
    fields = {"mocean-msgid": message_id, "mocean-from": prefix + number, "mocean-to": "ACME"}
    fields |= {"mocean-dlr-status": status[1]} | ({} if code is None else {"mocean-error-code": code})
    came = pushed("mocean/delivery-report", dict(fields), context)
    recipient = number if is_known else None
    asked = polled(mocean_report(message_id, status[0], recipient, "ACME", context))  # type: ignore[arg-type]
    assert (asked.id == came.id) == (is_known and code != "5")
    assert isinstance(asked.data, MessageStatus)
    assert isinstance(came.data, MessageStatus)
    assert (asked.data.status, asked.data.final, asked.data.context) == (came.data.status, True, context)
    assert asked.data.error is None
    if is_known:
        assert asked.partitionkey == came.partitionkey


@pytest.mark.parametrize("status", ["pending", "not_found"])
def test_no_report_of_mocean_is_no_event(status: str) -> None:
    assert mocean_report("abc", status, "60123456789", None, {}) is None  # type: ignore[arg-type]


def test_a_listed_sms_has_its_id_and_its_time() -> None:
    event = polled(mycoolsms_inbound(ROW))
    document = json.loads(to_json(event))
    del document["id"], document["data"]["raw"]
    assert document == {
        "specversion": "1.0",
        "source": "/mycoolsms/acme",
        "type": "message.received",
        "subject": "201",
        "time": "2026-03-02T08:08:37.488000Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:ringback:schema:message.received:1",
        "provider": "mycoolsms",
        "account": "acme",
        "receivedat": "2026-03-02T08:15:30Z",
        "partitionkey": "+886983029751",
        "data": {
            "context": {},
            "flags": [POLLED],
            "channel": "sms",
            "message_id": "201",
            "sender": {"value": "+886983029751", "kind": "e164", "raw": "+886983029751", "country": "TW"},
            "recipient": {"value": "+449876543201", "kind": "e164", "raw": "+449876543201"},
            "text": "Have a nice day!",
            "content": {"type": "text", "text": "Have a nice day!"},
            "encoding": "gsm7",
            "segments": 1,
            "cost": {"amount": "0.015", "currency": "EUR"},
        },
    }
    assert event.data.raw == {
        "id": 201, "to": "+449876543201", "from": "+886983029751", "body": "Have a nice day!", "bodyucs2": "AAAA",
        "bodygsm7": "AA", "unicode": False, "timestamp": "2026-03-02 16:08:37.488+08",
        "unixtimestamp": "1772438917.9", "numchars": 16, "escapenumchars": 0, "smscount": 1, "cost": "0.015",
        "fromcountrycode": "TW", "virtualnumbercountrycode": "HK",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("times", "time", "flags"),
    [
        pytest.param(
            {"timestamp": "2011-08-10 00:08:37.488+08", "unixtimestamp": "1316531343.9"},
            "2011-08-09T16:08:37.488000Z",
            ("time:differs",),
            id="the document's own sample, whose times differ by weeks",
        ),
        pytest.param(
            {"timestamp": "2026-03-02 16:08:37", "unixtimestamp": "1772438917"},
            "2026-03-02T08:08:37Z",
            ("time:unreadable",),
            id="without a zone: the other one counts",
        ),
        pytest.param(
            {"timestamp": "soon", "unixtimestamp": None}, "2026-03-02T08:15:30Z", ("time:unreadable",), id="no time"
        ),
    ],
)
def test_times_of_a_listed_sms(times: dict[str, object], time: str, flags: tuple[str, ...]) -> None:
    event = polled(mycoolsms_inbound({**ROW, **times}))
    assert json.loads(to_json(event))["time"] == time
    assert event.data.flags == (POLLED, *flags)


def test_the_same_row_is_the_same_event_and_another_accounts_is_not() -> None:
    callback = mycoolsms_inbound(ROW)
    ids = [callback.event(account, NORMALISER, NOW).id for account in ("acme", "acme", "other")]
    assert ids[0] == ids[1] != ids[2]
    assert mycoolsms_inbound({**ROW, "id": 202}).event("acme", NORMALISER, NOW).id != ids[0]


def test_a_listed_sms_is_never_the_pushed_one() -> None:
    event = polled(mycoolsms_inbound(ROW))
    came = pushed("mycoolsms/inbound-sms", {"from": "+886983029751", "to": "+449876543201", "body": "Hi"}, {})
    assert event.id != came.id
    assert isinstance(came.data, MessageReceived)


def test_being_polled_is_counted_as_no_oddity() -> None:
    event = polled(mycoolsms_inbound({**ROW, "timestamp": "soon"}))
    assert event.data.flags == (POLLED, "time:unreadable")
    assert waiting(event).flags == ("time:unreadable",)
    assert json.loads(waiting(event).json)["data"]["flags"] == [POLLED, "time:unreadable"]
