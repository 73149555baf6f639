"""Mocean callbacks, from fields to whole drafts. A row is what the provider sends and what it says."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ringback.receiver.parsing.callbacks import Normalised
from ringback.receiver.parsing.fields import Fields, Repeated
from ringback.receiver.parsing.numbers import Written
from ringback.receiver.providers import BY_NAME, CALLBACKS
from ringback.schemas.address import Address, parse_address
from ringback.schemas.event_data import (
    CallIncoming,
    CallInput,
    CallStatus,
    Carrier,
    Category,
    Channel,
    Content,
    ContentType,
    Conversation,
    Encoding,
    Error,
    LookupCompleted,
    LookupStatus,
    MessageReceived,
    MessageStatus,
    Ported,
    ProductItem,
    Referral,
    ReferredProduct,
    Status,
)
from ringback.schemas.parts import to_json
from ringback.schemas.tables.dlr_errors import DLR_ERRORS
from ringback.wire.samples import find
from ringback.wire.sending import Wire, build


def wire(name: str) -> Wire:
    """Give a good request of a callback, with new ids each time, for the conformance test."""
    return build(find(name), {})


PERSON = "60123456789"
OURS = "63001"
PERSON_ADDRESS = parse_address(PERSON)
OURS_ADDRESS = parse_address(OURS)


def draft_of(name: str, raw: dict[str, Any], **path: str) -> tuple[Normalised, list[str]]:
    callback = BY_NAME[f"mocean/{name}"]
    fields = Fields(raw, path=path)
    assert callback.missing(fields) is None
    return callback.normalise(fields), fields.flags


# SMS delivery report

DLR = {
    "mocean-from": PERSON,
    "mocean-to": OURS,
    "mocean-dlr-status": "1",
    "mocean-msgid": "cust20013050311050614001",
    "mocean-error-code": "0",
}


def dlr(
    status: Status = Status.DELIVERED,
    error: Error | None = None,
    *,
    identity: tuple[str, str] = ("1", "0"),
    message_id: str = "cust20013050311050614001",
    sender: Address | None = OURS_ADDRESS,
    recipient: Address | None = PERSON_ADDRESS,
) -> Normalised:
    return Normalised(
        data=MessageStatus(
            channel=Channel.SMS,
            message_id=message_id,
            status=status,
            final=status is not Status.UNKNOWN,
            sender=sender,
            recipient=recipient,
            error=error,
        ),
        subject=message_id,
        identity=(message_id, recipient.value if recipient else "", *identity),
        party=recipient.value if recipient else None,
    )


EXPIRED = Error(code=52, name="SMS expired.", description="SMS expired.", permanent=False)
ABSENT = Error(code=1, name="Absent subscriber.", description="Absent subscriber.", permanent=False)
HANDSET_FULL = Error(
    code=2,
    name="Handset memory capacity exceeded.",
    description="Handset memory capacity exceeded. Handset has run out of free memory to store new message.",
    permanent=False,
)


@pytest.mark.parametrize(
    ("raw", "draft", "flags"),
    [
        pytest.param(DLR, dlr(), [], id="the document's sample: from is the recipient, to our sender"),
        pytest.param(
            {**DLR, "mocean-dlr-status": 1, "mocean-error-code": 0, "mocean-from": 60123456789, "mocean-to": 63001},
            dlr(),
            [],
            id="JSON numbers",
        ),
        pytest.param({**DLR, "mocean-error-code": "000"}, dlr(), [], id="error code 000 is 0"),
        pytest.param(
            {name: DLR[name] for name in DLR if name != "mocean-error-code"}, dlr(), [], id="no error code is 0"
        ),
        pytest.param({**DLR, "mocean-error-code": None}, dlr(), [], id="null error code is 0"),
        pytest.param(
            {**DLR, "mocean-dlr-status": "2", "mocean-error-code": "001"},
            dlr(Status.FAILED, ABSENT, identity=("2", "1")),
            [],
            id="failed, absent subscriber with leading zeros",
        ),
        pytest.param(
            {**DLR, "mocean-dlr-status": "2", "mocean-error-code": "2"},
            dlr(Status.FAILED, HANDSET_FULL, identity=("2", "2")),
            [],
            id="the error's name is the first sentence",
        ),
        pytest.param(
            {**DLR, "mocean-dlr-status": "3", "mocean-error-code": 52},
            dlr(Status.EXPIRED, EXPIRED, identity=("3", "52")),
            [],
            id="expired in the network",
        ),
        pytest.param(
            {**DLR, "mocean-dlr-status": "2", "mocean-error-code": "0"},
            dlr(Status.FAILED, identity=("2", "0")),
            [],
            id="failed without an error",
        ),
        pytest.param(
            {**DLR, "mocean-error-code": "1"}, dlr(error=ABSENT, identity=("1", "1")), [], id="delivered with an error"
        ),
        pytest.param(
            {**DLR, "mocean-dlr-status": "2", "mocean-error-code": "200"},
            dlr(Status.FAILED, Error(code=200), identity=("2", "200")),
            [],
            id="unlisted error code",
        ),
        pytest.param(
            {**DLR, "mocean-dlr-status": "2", "mocean-error-code": "E1"},
            dlr(Status.FAILED, Error(code=None), identity=("2", "E1")),
            ["unknown:error-code"],
            id="error code that is no number",
        ),
        pytest.param(
            {**DLR, "mocean-dlr-status": "4"},
            dlr(Status.UNKNOWN, identity=("4", "0")),
            ["unknown:status"],
            id="unknown status",
        ),
        pytest.param(
            {**DLR, "mocean-msgid": "000aBc"}, dlr(message_id="000aBc"), [], id="message ids keep case and zeros"
        ),
        pytest.param(
            {**DLR, "mocean-to": "MyCompany"},
            dlr(sender=parse_address("MyCompany")),
            [],
            id="alphanumeric sender of ours",
        ),
        pytest.param(
            {**DLR, "mocean-from": " 60123456789"},
            dlr(recipient=parse_address(" 60123456789")),
            [],
            id="a literal + that became a space: same identity",
        ),
        pytest.param(
            {"mocean-msgid": "cust20013050311050614001", "mocean-dlr-status": "1"},
            dlr(sender=None, recipient=None),
            [],
            id="mandatory fields alone",
        ),
        pytest.param({**DLR, "mocean-dlr-status": Repeated(["1", "2"])}, dlr(), [], id="status twice: the first"),
        pytest.param({**DLR, "mocean-new": "x"}, dlr(), [], id="unknown field"),
        pytest.param({**DLR, "mocean-dlr-status": "Success"}, dlr(), [], id="the table's word: the number's identity"),
        pytest.param(
            {**DLR, "mocean-dlr-status": "FAILED"}, dlr(Status.FAILED, identity=("2", "0")), [], id="in another case"
        ),
        pytest.param(
            {**DLR, "mocean-dlr-status": "expired"}, dlr(Status.EXPIRED, identity=("3", "0")), [], id="in lower case"
        ),
        pytest.param({**DLR, "mocean-dlr-status": "01"}, dlr(), [], id="status 01"),
        pytest.param({**DLR, "mocean-dlr-status": "1.0"}, dlr(), ["number:fraction"], id="status 1.0"),
        pytest.param({**DLR, "mocean-dlr-status": Written("1.0")}, dlr(), ["number:fraction"], id="JSON status 1.0"),
        pytest.param(
            {**DLR, "mocean-error-code": Written("1.0")},
            dlr(error=ABSENT, identity=("1", "1")),
            ["number:fraction"],
            id="error code 1.0",
        ),
        pytest.param(
            {**DLR, "mocean-from": Written("6.0123456789e10"), "mocean-msgid": Written("1e3")},
            dlr(recipient=replace(PERSON_ADDRESS, raw="6.0123456789e10"), message_id="1000"),
            ["number:fraction"],
            id="number and id with an exponent",
        ),
        pytest.param(
            {**DLR, "mocean-from": "MyBrand", "mocean-to": PERSON},
            dlr(sender=parse_address("MyBrand")),
            ["parties:swapped"],
            id="a name for the handset and a number for the sender: swapped, with the same identity",
        ),
        pytest.param(
            {**DLR, "mocean-from": OURS, "mocean-to": PERSON}, dlr(), ["parties:swapped"], id="so is a short code"
        ),
        pytest.param(
            {**DLR, "mocean-to": "60327777777"},
            dlr(sender=parse_address("60327777777")),
            [],
            id="two numbers are as documented",
        ),
        pytest.param(
            {**DLR, "mocean-from": "0123456789", "mocean-to": "60327777777"},
            dlr(recipient=parse_address("0123456789"), sender=parse_address("60327777777")),
            [],
            id="so is a national number",
        ),
        pytest.param(
            {**DLR, "mocean-from": "MyBrand"},
            dlr(recipient=parse_address("MyBrand")),
            [],
            id="so are two that are none",
        ),
        pytest.param(
            {**DLR, "mocean-to": ["63001"]}, dlr(sender=None), ["unreadable:mocean-to"], id="an array for a sender"
        ),
        pytest.param(
            {**DLR, "mocean-error-code": ["1"]}, dlr(), ["unknown:error-code"], id="an array for an error code"
        ),
    ],
)
def test_delivery_report(raw: dict[str, Any], draft: Normalised, flags: list[str]) -> None:
    assert draft_of("delivery-report", raw) == (draft, flags)


# Inbound SMS

MO = {
    "mocean-from": PERSON,
    "mocean-to": OURS,
    "mocean-keyword": "MOC",
    "mocean-text": "Hello World",
    "mocean-coding": "1",
    "mocean-time": "2018-12-30 23:59:59",
}
MO_TIME = datetime(2018, 12, 30, 23, 59, 59)  # noqa: DTZ001  the provider names no zone


def mo(
    text: str = "Hello World",
    *,
    encoding: Encoding | None = Encoding.GSM7,
    time: datetime | None = MO_TIME,
    keyword: str | None = "MOC",
    sender: Address = PERSON_ADDRESS,
    recipient: Address = OURS_ADDRESS,
) -> Normalised:
    return Normalised(
        data=MessageReceived(
            channel=Channel.SMS,
            sender=sender,
            recipient=recipient,
            text=text,
            content=Content(type=ContentType.TEXT, text=text),
            keyword=keyword,
            encoding=encoding,
        ),
        identity=(sender.value, recipient.value, time.isoformat(), text, keyword or "") if time else None,
        time=time,
        party=sender.value,
    )


@pytest.mark.parametrize(
    ("raw", "draft", "flags"),
    [
        pytest.param(MO, mo(), [], id="the document's sample"),
        pytest.param(
            {**MO, "mocean-coding": 3, "mocean-text": "你好"}, mo("你好", encoding=Encoding.UCS2), [], id="ucs2"
        ),
        pytest.param({**MO, "mocean-coding": "03"}, mo(encoding=Encoding.UCS2), [], id="coding 03"),
        pytest.param(
            {**MO, "mocean-coding": "Unicode"}, mo(encoding=Encoding.UCS2), [], id="the table's word: unicode"
        ),
        pytest.param({**MO, "mocean-coding": "text"}, mo(), [], id="the table's word: text"),
        pytest.param(
            {**MO, "mocean-coding": "2"}, mo(encoding=Encoding.UNKNOWN), ["unknown:encoding"], id="unknown coding"
        ),
        pytest.param({**MO, "mocean-text": ""}, mo(""), [], id="empty text"),
        pytest.param({**MO, "mocean-text": " Yes "}, mo(" Yes "), [], id="text keeps its spaces"),
        pytest.param({**MO, "mocean-text": 123}, mo("123"), [], id="text as a JSON number"),
        pytest.param(
            {**MO, "mocean-time": "30/12/2018"}, mo(time=None), ["time:unreadable"], id="unreadable time: no identity"
        ),
        pytest.param(
            {"mocean-from": PERSON, "mocean-to": OURS, "mocean-text": "Hi"},
            mo("Hi", time=None, keyword=None, encoding=None),
            [],
            id="mandatory fields alone",
        ),
        pytest.param({**MO, "mocean-time": "2018-12-30+23:59:59"}, mo(), [], id="time with a + that was not decoded"),
        pytest.param(
            {**MO, "mocean-time": "2018-12-30"},
            mo(time=None),
            ["time:imprecise"],
            id="a day alone: no time, no identity",
        ),
        pytest.param(
            {**MO, "mocean-time": "2018-12-30 23:59"},
            mo()._replace(identity=None, time=MO_TIME.replace(second=0)),
            ["time:imprecise"],
            id="no seconds: no identity",
        ),
        pytest.param(
            {**MO, "mocean-time": "0001-01-01 00:00:00"},
            mo(time=None),
            ["time:unreadable"],
            id="a time that was never set: no identity",
        ),
        pytest.param(
            {**MO, "mocean-text": Written("0.10")}, mo("0.10"), [], id="text as a JSON number with a fraction"
        ),
        pytest.param(
            {**MO, "mocean-keyword": {"word": "MOC"}},
            mo(keyword=None),
            ["unreadable:mocean-keyword"],
            id="an object for a keyword",
        ),
        pytest.param({**MO, "mocean-keyword": ""}, mo(keyword=None), [], id="empty keyword is none"),
        pytest.param(
            {**MO, "mocean-from": {"type": "phone_number", "id": PERSON}}, mo(), [], id="sender as a Contact object"
        ),
        pytest.param(
            {**MO, "mocean-to": '{"type": "short_code", "id": "63001"}'}, mo(), [], id="recipient as a Contact in JSON"
        ),
        pytest.param(
            {**{name: MO[name] for name in MO if name != "mocean-from"}, "mocean-from[id]": PERSON},
            mo(),
            [],
            id="sender as a Contact in a form",
        ),
    ],
)
def test_inbound_sms(raw: dict[str, Any], draft: Normalised, flags: list[str]) -> None:
    assert draft_of("inbound-sms", raw) == (draft, flags)


# Number lookup

U_MOBILE = {"country": "MY", "name": "U Mobile", "network_code": 50218, "mcc": 502, "mnc": 18}
MAXIS = {"country": "MY", "name": "Maxis Mobile", "network_code": 50212, "mcc": 502, "mnc": 12}
LOOKUP: dict[str, Any] = {
    "status": 0,
    "msgid": "test0412143224000022.0002",
    "to": 60123456789,
    "current_carrier": U_MOBILE,
    "original_carrier": MAXIS,
    "ported": "ported",
}
LOOKED_UP_U_MOBILE = Carrier(country="MY", name="U Mobile", network_code="50218", mcc="502", mnc="18")
LOOKED_UP_MAXIS = Carrier(country="MY", name="Maxis Mobile", network_code="50212", mcc="502", mnc="12")


def lookup(
    *,
    lookup_id: str | None = "test0412143224000022.0002",
    number: Address | None = PERSON_ADDRESS,
    current: Carrier | None = LOOKED_UP_U_MOBILE,
    original: Carrier | None = LOOKED_UP_MAXIS,
    ported: Ported | None = Ported.PORTED,
    error: Error | None = None,
) -> Normalised:
    return Normalised(
        data=LookupCompleted(
            lookup_id=lookup_id,
            number=number,
            status=LookupStatus.FAILED if error else LookupStatus.OK,
            current_carrier=current,
            original_carrier=original,
            ported=ported,
            error=error,
        ),
        subject=lookup_id,
        identity=(lookup_id, number.value if number else "") if lookup_id else None,
        party=number.value if number else None,
    )


def flat(prefix: str, carrier: dict[str, Any], form: str) -> dict[str, str]:
    return {form.format(prefix, name): str(value) for name, value in carrier.items()}


def failed(code: int | None, message: str | None, name: str | None = None, permanent: bool | None = None) -> Normalised:
    return lookup(
        current=None,
        original=None,
        ported=None,
        error=Error(code=code, name=name, description=message, permanent=permanent),
    )


@pytest.mark.parametrize(
    ("raw", "draft", "flags"),
    [
        pytest.param(LOOKUP, lookup(), [], id="the document's sample as JSON"),
        pytest.param(
            {
                "status": "0",
                "msgid": "test0412143224000022.0002",
                "to": PERSON,
                "ported": "ported",
                **flat("current_carrier", U_MOBILE, "{}[{}]"),
                **flat("original_carrier", MAXIS, "{}[{}]"),
            },
            lookup(),
            [],
            id="as a form with brackets",
        ),
        pytest.param(
            {
                "status": "0",
                "msgid": "test0412143224000022.0002",
                "to": PERSON,
                "ported": "ported",
                **flat("current_carrier", U_MOBILE, "{}.{}"),
                **flat("original_carrier", MAXIS, "{}.{}"),
            },
            lookup(),
            [],
            id="as a form with dots",
        ),
        pytest.param(
            {
                **LOOKUP,
                "status": "0",
                "current_carrier": '{"country":"MY","name":"U Mobile","network_code":50218,"mcc":"502","mnc":"18"}',
                "original_carrier": '{"country":"MY","name":"Maxis Mobile","network_code":50212,"mcc":502,"mnc":12}',
            },
            lookup(),
            [],
            id="as a form with JSON in a field",
        ),
        pytest.param({**LOOKUP, "ported": "not_ported"}, lookup(ported=Ported.NOT_PORTED), [], id="not ported"),
        pytest.param(
            {**LOOKUP, "ported": "unknown"}, lookup(ported=Ported.UNKNOWN), [], id="ported: unknown, a known word"
        ),
        pytest.param(
            {**LOOKUP, "ported": "maybe"}, lookup(ported=Ported.UNKNOWN), ["unknown:ported"], id="ported: a new word"
        ),
        pytest.param(
            {**LOOKUP, "current_carrier": {"country": "", "name": "Unknown", "network_code": 0, "mcc": 0, "mnc": 0}},
            lookup(current=None),
            [],
            id="network code 0 is no carrier",
        ),
        pytest.param({**LOOKUP, "original_carrier": None}, lookup(original=None), [], id="null carrier"),
        pytest.param(
            {**LOOKUP, "original_carrier": "{broken"},
            lookup(original=None),
            ["unreadable:original_carrier"],
            id="broken JSON in a field",
        ),
        pytest.param(
            {
                **LOOKUP,
                "current_carrier": '{country: "MY", name: "U Mobile", network_code: 50218, mcc: 502, mnc: 18}',
                "original_carrier": "{country=MY, name=Maxis Mobile, network_code=50212, mcc=502, mnc=12}",
            },
            lookup(),
            [],
            id="carriers as the document writes them, and as Java does",
        ),
        pytest.param(
            {**LOOKUP, "current_carrier": "U Mobile", "original_carrier": [MAXIS]},
            lookup(current=None, original=None),
            ["unreadable:current_carrier", "unreadable:original_carrier"],
            id="carriers that are a text and an array",
        ),
        pytest.param(
            {**LOOKUP, "current_carrier": {**U_MOBILE, "network_code": Written("50218.0"), "mnc": Written("18.0")}},
            lookup(),
            ["number:fraction"],
            id="codes with a fraction",
        ),
        pytest.param({**LOOKUP, "status": "OK."}, lookup(), [], id="status in the table's words"),
        pytest.param({**LOOKUP, "status": "00"}, lookup(), [], id="status 00"),
        pytest.param({**LOOKUP, "status": "0.0"}, lookup(), ["number:fraction"], id="status 0.0"),
        pytest.param({**LOOKUP, "ported": "Ported"}, lookup(), [], id="ported in another case"),
        pytest.param(
            {"status": "route not found", "msgid": "test0412143224000022.0002", "to": PERSON},
            failed(65, None, "Route not found.", permanent=True),
            [],
            id="failed, in the table's words",
        ),
        pytest.param(
            {name: LOOKUP[name] for name in LOOKUP if name != "msgid"},
            lookup(lookup_id=None),
            [],
            id="no msgid: no identity",
        ),
        pytest.param({name: LOOKUP[name] for name in LOOKUP if name != "to"}, lookup(number=None), [], id="no number"),
        pytest.param(
            {
                "status": 1,
                "msgid": "test0412143224000022.0002",
                "to": PERSON,
                "err_msg": "Authorization failed",
            },
            failed(
                1,
                "Authorization failed",
                "Authorization failed. Invalid mocean-api-key or mocean-api-secret or IP not whitelisted.",
                permanent=True,
            ),
            [],
            id="failed",
        ),
        pytest.param(
            {"status": "045", "msgid": "test0412143224000022.0002", "to": PERSON},
            failed(45, None, "System error, please try again.", permanent=False),
            [],
            id="failed without a message",
        ),
        pytest.param(
            {"status": "24", "msgid": "test0412143224000022.0002", "to": PERSON},
            failed(24, None, "Unknown error."),
            [],
            id="failed, and nobody knows why",
        ),
        pytest.param(
            {"status": "99", "msgid": "test0412143224000022.0002", "to": PERSON, "err_msg": "New"},
            failed(99, "New"),
            [],
            id="unlisted error",
        ),
        pytest.param(
            {"status": "broken", "msgid": "test0412143224000022.0002", "to": PERSON},
            failed(None, None),
            ["unknown:status"],
            id="status that is no number",
        ),
    ],
)
def test_number_lookup(raw: dict[str, Any], draft: Normalised, flags: list[str]) -> None:
    assert draft_of("number-lookup", raw) == (draft, flags)


@pytest.mark.parametrize(
    ("wire", "carrier", "flags"),
    [
        pytest.param(
            {"country": "DE", "name": "o2", "network_code": 26203, "mcc": 262, "mnc": 3},
            Carrier(country="DE", name="o2", network_code="26203", mcc="262", mnc="03"),
            [],
            id="03 arrives as 3",
        ),
        pytest.param(
            {"network_code": 344030, "mcc": 344, "mnc": 30},
            Carrier(country="AG", name="APUA PCS", network_code="344030", mcc="344", mnc="030"),
            [],
            id="030 arrives as 30; the table names what the wire does not",
        ),
        pytest.param(
            {"country": "GG", "name": "Airtel", "network_code": 865992, "mcc": 234, "mnc": 3},
            Carrier(country="GG", name="Airtel", network_code="865992", mcc="234", mnc="03"),
            [],
            id="network code that is not MCC and MNC; the wire's names win",
        ),
        pytest.param(
            {"country": "US", "name": "Centennial", "network_code": "3921", "mcc": "310", "mnc": "30"},
            Carrier(country="US", name="Centennial", network_code="3921", mcc="310", mnc="030"),
            [],
            id="three-digit MNC by network code",
        ),
        pytest.param(
            {"network_code": 26202},
            Carrier(country="DE", name="Vodafone D2", network_code="26202", mcc="262", mnc="02"),
            [],
            id="network code alone",
        ),
        pytest.param(
            {"country": "MD", "name": "Unite", "network_code": 25903, "mcc": 259, "mnc": 3},
            Carrier(country="MD", name="Unite", network_code="25903", mcc="259", mnc="03"),
            [],
            id="25903 has no columns in the table: the code's remainder",
        ),
        pytest.param(
            {"country": "ZZ", "name": "New", "network_code": 999007, "mcc": 999, "mnc": 7},
            Carrier(country="ZZ", name="New", network_code="999007", mcc="999", mnc="007"),
            [],
            id="unlisted network code: its remainder has the zeros",
        ),
        pytest.param(
            {"country": "ZZ", "name": "New", "network_code": 9995, "mcc": 999, "mnc": 5},
            Carrier(country="ZZ", name="New", network_code="9995", mcc="999", mnc="05"),
            [],
            id="a remainder of one digit is no MNC",
        ),
        pytest.param(
            {"country": "AG", "name": "New", "network_code": 123, "mcc": 344, "mnc": 30},
            Carrier(country="AG", name="New", network_code="123", mcc="344", mnc="030"),
            [],
            id="unlisted network code that says nothing: the table by MCC and MNC",
        ),
        pytest.param(
            {"country": "US", "name": "Verizon", "network_code": 99999999, "mcc": 310, "mnc": 12},
            Carrier(country="US", name="Verizon", network_code="99999999", mcc="310", mnc="012"),
            [],
            id="many networks share 310 012, all write it so",
        ),
        pytest.param(
            {"country": "RU", "name": "New", "network_code": 1, "mcc": 250, "mnc": 20},
            Carrier(country="RU", name="New", network_code="1", mcc="250", mnc="20"),
            [],
            id="250 20 and 250 020 are both listed: two digits",
        ),
        pytest.param(
            {"country": "ZZ", "name": "New", "mcc": 999, "mnc": 1},
            Carrier(country="ZZ", name="New", mcc="999", mnc="01"),
            [],
            id="nothing known: two digits",
        ),
        pytest.param(
            {"country": "ZZ", "name": "New", "network_code": 1, "mcc": "999", "mnc": "001"},
            Carrier(country="ZZ", name="New", network_code="1", mcc="999", mnc="001"),
            [],
            id="zeros that came are kept",
        ),
        pytest.param(
            {"country": "MY", "name": "Moved", "network_code": 50212, "mcc": 502, "mnc": 17},
            Carrier(country="MY", name="Moved", network_code="50212", mcc="502", mnc="17"),
            [],
            id="a row that contradicts the wire is not taken",
        ),
        pytest.param(
            {"country": "MY", "name": "Odd", "network_code": "x", "mcc": "y", "mnc": "z"},
            Carrier(country="MY", name="Odd", network_code="x"),
            ["unreadable:mcc", "unreadable:mnc"],
            id="no numbers at all",
        ),
        pytest.param(
            {"country": "Malaysia", "name": ["U"], "network_code": 50218, "mcc": "five", "mnc": 18},
            Carrier(country="Malaysia", name="U Mobile", network_code="50218", mcc="502", mnc="18"),
            ["unreadable:mcc", "unreadable:name"],
            id="what cannot be read is the table's; the country is as sent",
        ),
        pytest.param({"network_code": "000"}, None, [], id="network code 000 is no carrier"),
        pytest.param({}, None, [], id="empty object"),
    ],
)
def test_carrier(wire: dict[str, Any], carrier: Carrier | None, flags: list[str]) -> None:
    draft, odd = draft_of("number-lookup", {**LOOKUP, "current_carrier": wire})
    assert (draft, sorted(odd)) == (lookup(current=carrier), flags)


# WhatsApp delivery report

END_USER = parse_address("end-user-phone-number")
WABA = parse_address("WABA-phone-number")


def report(status: str, **more: Any) -> dict[str, Any]:
    return {
        "message_id": "in-message-id",
        "event_type": "delivery-status",
        "event_data": {
            "channel_type": "WHATSAPP",
            "from": "end-user-phone-number",
            "to": "WABA-phone-number",
            "meta_delivery_status": status,
            **more,
        },
    }


def whatsapp_status(
    status: Status,
    time: int | None,
    *,
    final: bool = False,
    wire: str | None = None,
    error: Error | None = None,
    conversation: Conversation | None = None,
    sender: Address | None = WABA,
    recipient: Address | None = END_USER,
) -> Normalised:
    return Normalised(
        data=MessageStatus(
            channel=Channel.WHATSAPP,
            message_id="in-message-id",
            status=status,
            final=final,
            sender=sender,
            recipient=recipient,
            error=error,
            conversation=conversation,
        ),
        subject="in-message-id",
        identity=("in-message-id", wire or status.value),
        time=datetime.fromtimestamp(time, UTC) if time else None,
        party=recipient.value if recipient else None,
    )


CONVERSATION = "ad72a86d9cebac0950e3c38b5f77a473"
RE_ENGAGE = "More than 24 hours have passed since the recipient last replied to the sender number."


def meta(code: Any, title: str | None = "Title", details: str | None = "Details") -> dict[str, Any]:
    return report("failed", meta_error_details={"error_code": code, "error_title": title, "error_details": details})


@pytest.mark.parametrize(
    ("raw", "draft", "flags"),
    [
        pytest.param(
            report(
                "sent",
                timestamp=1682668041,
                meta_whatsapp_conversation={
                    "conversation_id": CONVERSATION,
                    "expiration_timestamp": 1681282080,
                    "pricing_category": "utility",
                },
            ),
            whatsapp_status(
                Status.SENT,
                1682668041,
                conversation=Conversation(
                    id=CONVERSATION,
                    expires_at=datetime(2023, 4, 12, 6, 48, tzinfo=UTC),
                    category=Category.UTILITY,
                ),
            ),
            [],
            id="the document's Sent: from is the end user, our recipient",
        ),
        pytest.param(
            report(
                "delivered",
                timestamp=1682669084,
                meta_whatsapp_conversation={"conversation_id": CONVERSATION, "pricing_category": "utility"},
            ),
            whatsapp_status(
                Status.DELIVERED,
                1682669084,
                conversation=Conversation(id=CONVERSATION, category=Category.UTILITY),
            ),
            [],
            id="the document's Delivered, which is not final",
        ),
        pytest.param(
            report("read", timestamp=1682670029),
            whatsapp_status(Status.READ, 1682670029, final=True),
            [],
            id="the document's Read, which has no conversation",
        ),
        pytest.param(
            report(
                "failed",
                meta_error_details={
                    "error_code": 131047,
                    "error_title": "Re-engagement message",
                    "error_details": RE_ENGAGE,
                },
            ),
            whatsapp_status(
                Status.FAILED,
                None,
                final=True,
                error=Error(code=131047, name="Re-engagement message", description=RE_ENGAGE, permanent=True),
            ),
            [],
            id="the document's Error, which has no time",
        ),
        pytest.param(
            meta("130429"),
            whatsapp_status(
                Status.FAILED,
                None,
                final=True,
                error=Error(code=130429, name="Title", description="Details", permanent=False),
            ),
            [],
            id="an error that passes, its code a string",
        ),
        pytest.param(
            meta(555),
            whatsapp_status(
                Status.FAILED, None, final=True, error=Error(code=555, name="Title", description="Details")
            ),
            [],
            id="an error that we cannot judge",
        ),
        pytest.param(
            meta(None, details=None),
            whatsapp_status(Status.FAILED, None, final=True, error=Error(code=None, name="Title")),
            [],
            id="an error without a code",
        ),
        pytest.param(meta(0), whatsapp_status(Status.FAILED, None, final=True), [], id="error code 0 is none"),
        pytest.param(
            meta(None, None, None), whatsapp_status(Status.FAILED, None, final=True), [], id="an error of nulls is none"
        ),
        pytest.param(
            meta("abc", None, None),
            whatsapp_status(Status.FAILED, None, final=True, error=Error()),
            ["unreadable:error_code"],
            id="an error code that is no number",
        ),
        pytest.param(
            meta("abc"),
            whatsapp_status(Status.FAILED, None, final=True, error=Error(name="Title", description="Details")),
            ["unreadable:error_code"],
            id="the same with a title",
        ),
        pytest.param(
            report("failed", meta_error_details=[{"error_code": 131047}]),
            whatsapp_status(Status.FAILED, None, final=True),
            ["unreadable:meta_error_details"],
            id="error details as an array",
        ),
        pytest.param(
            report("failed", meta_error_details="Re-engagement message"),
            whatsapp_status(Status.FAILED, None, final=True),
            ["unreadable:meta_error_details"],
            id="error details as a text",
        ),
        pytest.param(
            report("sent", meta_whatsapp_conversation=CONVERSATION),
            whatsapp_status(Status.SENT, None),
            ["unreadable:meta_whatsapp_conversation"],
            id="a conversation as a text",
        ),
        pytest.param(
            {**report("READ", channel_type="WhatsApp"), "event_type": "DELIVERY-STATUS"},
            whatsapp_status(Status.READ, None, final=True),
            [],
            id="words in another case: the same identity",
        ),
        pytest.param(
            {**report("read", channel_type="SMS"), "event_type": "foo"},
            whatsapp_status(Status.READ, None, final=True),
            ["unknown:event-type", "unknown:channel-type"],
            id="another channel, another event",
        ),
        pytest.param(
            report("read", **{"from": "MyBrand", "to": PERSON}),
            whatsapp_status(
                Status.READ, None, final=True, sender=parse_address("MyBrand"), recipient=parse_address(PERSON)
            ),
            ["parties:swapped"],
            id="from and to the other way round",
        ),
        pytest.param(
            report("played", timestamp=1682670029),
            whatsapp_status(Status.UNKNOWN, 1682670029, wire="played"),
            ["unknown:status"],
            id="unknown status",
        ),
        pytest.param(
            report(
                "sent", meta_whatsapp_conversation={"pricing_category": "marketing_lite", "expiration_timestamp": "x"}
            ),
            whatsapp_status(Status.SENT, None, conversation=Conversation(category=Category.UNKNOWN)),
            ["time:unreadable", "unknown:category"],
            id="unknown category, unreadable expiry",
        ),
        pytest.param(
            report("read", timestamp="1682670029000"),
            whatsapp_status(Status.READ, 1682670029, final=True),
            [],
            id="milliseconds in a string",
        ),
        pytest.param(
            {
                "message_id": "in-message-id",
                "event_data[meta_delivery_status]": "read",
                "event_data[from]": PERSON,
                "event_data[to]": "+60 198-765 4321",
            },
            whatsapp_status(
                Status.READ, None, final=True, recipient=parse_address(PERSON), sender=parse_address("+60 198-765 4321")
            ),
            [],
            id="as a form",
        ),
        pytest.param(
            {"message_id": "in-message-id", "event_data": '{"meta_delivery_status": "read"}'},
            whatsapp_status(Status.READ, None, final=True, recipient=None, sender=None),
            [],
            id="as JSON in a field, without numbers",
        ),
    ],
)
def test_whatsapp_delivery_status(raw: dict[str, Any], draft: Normalised, flags: list[str]) -> None:
    assert draft_of("whatsapp-delivery-status", raw) == (draft, flags)


# WhatsApp inbound

AT = 1690124844


def whatsapp(content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "message_id": "in-message-id",
        "event_type": "message",
        "event_data": {
            "channel_type": "WHATSAPP",
            "from_name": "end-user-profile-name",
            "to": "WABA-phone-number",
            "timestamp": AT,
            **more,
            "content": content,
        },
    }


def received(
    content: Content,
    text: str | None,
    *,
    sender: Address | None = None,
    time: int | None = AT,
    reply_to: str | None = None,
    forwarded: bool | None = None,
    frequently_forwarded: bool | None = None,
    referral: Referral | None = None,
    referred_product: ReferredProduct | None = None,
) -> Normalised:
    return Normalised(
        data=MessageReceived(
            channel=Channel.WHATSAPP,
            message_id="in-message-id",
            sender=sender,
            sender_name="end-user-profile-name",
            recipient=WABA,
            text=text,
            content=content,
            reply_to=reply_to,
            forwarded=forwarded,
            frequently_forwarded=frequently_forwarded,
            referral=referral,
            referred_product=referred_product,
        ),
        subject="in-message-id",
        identity=("in-message-id",),
        time=datetime.fromtimestamp(time, UTC) if time else None,
        party=sender.value if sender else None,
    )


TEXT = {"type": "text", "text": "Text message sent by end-user"}
TEXT_CONTENT = Content(type=ContentType.TEXT, text="Text message sent by end-user")


@pytest.mark.parametrize(
    ("raw", "draft", "flags"),
    [
        pytest.param(
            whatsapp(TEXT, forwarded=True),
            received(TEXT_CONTENT, "Text message sent by end-user", forwarded=True),
            [],
            id="text, forwarded; no sender is documented",
        ),
        pytest.param(
            whatsapp({"type": "audio", "media_id": "media-id", "mime_type": "audio/ogg; codecs=opus", "voice": False}),
            received(
                Content(type=ContentType.AUDIO, media_id="media-id", mime_type="audio/ogg; codecs=opus", voice=False),
                None,
            ),
            [],
            id="audio: no text",
        ),
        pytest.param(
            whatsapp(
                {
                    "type": "document",
                    "text": "Caption for document",
                    "name": "example.pdf",
                    "media_id": "media-id",
                    "mime_type": "application/pdf",
                }
            ),
            received(
                Content(
                    type=ContentType.DOCUMENT,
                    text="Caption for document",
                    name="example.pdf",
                    media_id="media-id",
                    mime_type="application/pdf",
                ),
                "Caption for document",
            ),
            [],
            id="document",
        ),
        pytest.param(
            whatsapp({"type": "video", "text": "Caption for video", "media_id": "media-id", "mime_type": "video/mp4"}),
            received(
                Content(type=ContentType.VIDEO, text="Caption for video", media_id="media-id", mime_type="video/mp4"),
                "Caption for video",
            ),
            [],
            id="video",
        ),
        pytest.param(
            whatsapp({"type": "image", "text": "Caption for image", "media_id": "media-id", "mime_type": "image/jpeg"}),
            received(
                Content(type=ContentType.IMAGE, text="Caption for image", media_id="media-id", mime_type="image/jpeg"),
                "Caption for image",
            ),
            [],
            id="image",
        ),
        pytest.param(
            whatsapp({"type": "image", "media_id": "media-id", "mime_type": "image/jpeg"}),
            received(Content(type=ContentType.IMAGE, media_id="media-id", mime_type="image/jpeg"), None),
            [],
            id="image without a caption",
        ),
        pytest.param(
            whatsapp({"type": "sticker", "media_id": "media-id", "mime_type": "image/webp", "animated": True}),
            received(
                Content(type=ContentType.STICKER, media_id="media-id", mime_type="image/webp", animated=True), None
            ),
            [],
            id="sticker: no text",
        ),
        pytest.param(
            whatsapp(
                {"type": "button", "text": "button1 text", "payload": "button1-payload"}, reply_to_msg_id="MESSAGE_ID"
            ),
            received(
                Content(type=ContentType.BUTTON, text="button1 text", payload="button1-payload"),
                "button1 text",
                reply_to="MESSAGE_ID",
            ),
            [],
            id="quick reply button",
        ),
        pytest.param(
            whatsapp({"type": "reaction", "text": "\u2764\ufe0f"}, reply_to_msg_id="MESSAGE_ID"),
            received(Content(type=ContentType.REACTION, text="\u2764\ufe0f"), None, reply_to="MESSAGE_ID"),
            [],
            id="reaction: content only, no text",
        ),
        pytest.param(
            whatsapp({"type": "reaction", "text": ""}, reply_to_msg_id="MESSAGE_ID"),
            received(Content(type=ContentType.REACTION, text=""), None, reply_to="MESSAGE_ID"),
            [],
            id="reaction removed by an empty text",
        ),
        pytest.param(
            whatsapp({"type": "reaction"}, reply_to_msg_id="MESSAGE_ID"),
            received(Content(type=ContentType.REACTION, text=""), None, reply_to="MESSAGE_ID"),
            [],
            id="reaction removed by no text",
        ),
        pytest.param(
            whatsapp(
                {
                    **TEXT,
                    "referral": {
                        "source_url": "https://fb_post_url",
                        "source_type": "post",
                        "source_id": "FB_ID",
                        "headline": "Example headline",
                        "body": "Example body",
                        "rich_media_type": "image",
                        "rich_media_url": "https://example_image_url",
                    },
                }
            ),
            received(
                TEXT_CONTENT,
                "Text message sent by end-user",
                referral=Referral(
                    source_url="https://fb_post_url",
                    source_type="post",
                    source_id="FB_ID",
                    headline="Example headline",
                    body="Example body",
                    rich_media_type="image",
                    rich_media_url="https://example_image_url",
                ),
            ),
            [],
            id="referral, moved out of the content",
        ),
        pytest.param(
            whatsapp(
                {"type": "interactive_button", "id": "button1_id", "title": "I opt for button1"},
                reply_to_msg_id="MESSAGE_ID",
            ),
            received(
                Content(type=ContentType.INTERACTIVE_BUTTON, id="button1_id", title="I opt for button1"),
                "I opt for button1",
                reply_to="MESSAGE_ID",
            ),
            [],
            id="interactive button: the title is the text",
        ),
        pytest.param(
            whatsapp(
                {
                    "type": "interactive_list",
                    "id": "list_item1_id",
                    "title": "Title of list item1",
                    "description": "Description of list item1",
                },
                reply_to_msg_id="MESSAGE_ID",
            ),
            received(
                Content(
                    type=ContentType.INTERACTIVE_LIST,
                    id="list_item1_id",
                    title="Title of list item1",
                    description="Description of list item1",
                ),
                "Title of list item1",
                reply_to="MESSAGE_ID",
            ),
            [],
            id="interactive list: the title is the text",
        ),
        pytest.param(
            whatsapp(
                {
                    "type": "order",
                    "catalog_id": "864331704878910",
                    "product_items": [
                        {
                            "product_retailer_id": "91v3m1gh30",
                            "currency": "MYR",
                            "item_price": Written("0.05"),
                            "quantity": 2,
                        },
                        {
                            "product_retailer_id": "hhu8narwi5",
                            "currency": "MYR",
                            "item_price": "0.250",
                            "quantity": "3",
                        },
                    ],
                }
            ),
            received(
                Content(
                    type=ContentType.ORDER,
                    catalog_id="864331704878910",
                    product_items=(
                        ProductItem(product_retailer_id="91v3m1gh30", currency="MYR", item_price="0.05", quantity=2),
                        ProductItem(product_retailer_id="hhu8narwi5", currency="MYR", item_price="0.250", quantity=3),
                    ),
                ),
                None,
            ),
            [],
            id="order: prices as decimal strings, no text",
        ),
        pytest.param(
            whatsapp(
                {
                    "type": "order",
                    "product_items": [
                        {"item_price": Written("1e-7"), "quantity": Written("2.0")},
                        {"item_price": "1,50", "quantity": "two"},
                        "junk",
                    ],
                }
            ),
            received(
                Content(
                    type=ContentType.ORDER,
                    product_items=(ProductItem(item_price="0.0000001", quantity=2), ProductItem()),
                ),
                None,
            ),
            ["number:fraction", "unreadable:item_price", "unreadable:quantity", "unreadable:product_items"],
            id="order: odd prices",
        ),
        pytest.param(
            whatsapp({"type": "order", "product_items": {"product_retailer_id": "91v3m1gh30", "quantity": 1}}),
            received(Content(type=ContentType.ORDER), None),
            ["unreadable:product_items"],
            id="order: an object for a list",
        ),
        pytest.param(
            whatsapp({"type": "text", "text": {"body": "hi"}, "referral": "post"}, referred_product="91v3m1gh30"),
            received(Content(type=ContentType.TEXT), None),
            ["unreadable:text", "unreadable:referral", "unreadable:referred_product"],
            id="an object for a text, texts for objects",
        ),
        pytest.param(
            whatsapp({**TEXT, "referral": {"source_type": "story", "rich_media_type": "audio"}}),
            received(
                TEXT_CONTENT,
                "Text message sent by end-user",
                referral=Referral(source_type="unknown", rich_media_type="unknown"),
            ),
            ["unknown:source-type", "unknown:rich-media-type"],
            id="a referral of an unknown source",
        ),
        pytest.param(
            {**whatsapp(TEXT, channel_type="SMS"), "event_type": "foo"},
            received(TEXT_CONTENT, "Text message sent by end-user"),
            ["unknown:event-type", "unknown:channel-type"],
            id="another channel, another event",
        ),
        pytest.param(
            whatsapp(TEXT, forwarded="maybe", frequently_forwarded=["yes"]),
            received(TEXT_CONTENT, "Text message sent by end-user"),
            ["unreadable:forwarded", "unreadable:frequently_forwarded"],
            id="forwarded: maybe",
        ),
        pytest.param(
            whatsapp({**TEXT, "type": "TEXT"}),
            received(TEXT_CONTENT, "Text message sent by end-user"),
            [],
            id="a content type in another case",
        ),
        pytest.param(
            whatsapp(
                {"type": "text", "text": "Do you have this product in blue color?"},
                referred_product={"catalog_id": "864331704878910", "product_retailer_id": "91v3m1gh30"},
            ),
            received(
                Content(type=ContentType.TEXT, text="Do you have this product in blue color?"),
                "Do you have this product in blue color?",
                referred_product=ReferredProduct(catalog_id="864331704878910", product_retailer_id="91v3m1gh30"),
            ),
            [],
            id="text about a product",
        ),
        pytest.param(
            whatsapp({"type": "location", "text": "Here", "id": "x", "latitude": 3.1}),
            received(Content(type=ContentType.UNKNOWN, text="Here", id="x"), "Here"),
            ["unknown:content-type"],
            id="unknown content type",
        ),
        pytest.param(
            whatsapp({"type": "unknown"}),
            received(Content(type=ContentType.UNKNOWN), None),
            ["unknown:content-type"],
            id="a type called unknown",
        ),
        pytest.param(
            whatsapp(TEXT, **{"from": PERSON}),
            received(TEXT_CONTENT, "Text message sent by end-user", sender=parse_address(PERSON)),
            [],
            id="a sender that comes is taken",
        ),
        pytest.param(
            whatsapp(TEXT, **{"from": {"type": "phone_number", "id": PERSON}}),
            received(TEXT_CONTENT, "Text message sent by end-user", sender=parse_address(PERSON)),
            [],
            id="a sender as a Contact object",
        ),
        pytest.param(
            whatsapp(TEXT, frequently_forwarded="true", forwarded="0", timestamp="1690124844"),
            received(TEXT_CONTENT, "Text message sent by end-user", forwarded=False, frequently_forwarded=True),
            [],
            id="everything a string",
        ),
        pytest.param(
            whatsapp(TEXT, timestamp="yesterday"),
            received(TEXT_CONTENT, "Text message sent by end-user", time=None),
            ["time:unreadable"],
            id="unreadable time",
        ),
    ],
)
def test_whatsapp_inbound_message(raw: dict[str, Any], draft: Normalised, flags: list[str]) -> None:
    assert draft_of("whatsapp-inbound-message", raw) == (draft, flags)


# Voice

CALL = {"mocean-session-uuid": "session-1", "mocean-call-uuid": "call-1"}
PARTIES = {"mocean-from": PERSON, "mocean-to": "60327777777"}
CALLER = parse_address(PERSON)
CALLEE = parse_address("60327777777")


@pytest.mark.parametrize(
    ("name", "path", "raw", "draft"),
    [
        pytest.param(
            "voice/answer",
            {},
            {**CALL, **PARTIES},
            Normalised(
                data=CallIncoming(session_id="session-1", call_id="call-1", caller=CALLER, callee=CALLEE),
                subject="call-1",
                party="session-1",
            ),
            id="answer as documented",
        ),
        pytest.param(
            "voice/answer",
            {},
            {**CALL, "from": PERSON, "to": "60327777777"},
            Normalised(
                data=CallIncoming(session_id="session-1", call_id="call-1", caller=CALLER, callee=CALLEE),
                subject="call-1",
                party="session-1",
            ),
            id="answer with from and to as in the samples",
        ),
        pytest.param(
            "voice/answer",
            {},
            {**CALL, **PARTIES, "from": "1", "to": "2"},
            Normalised(
                data=CallIncoming(session_id="session-1", call_id="call-1", caller=CALLER, callee=CALLEE),
                subject="call-1",
                party="session-1",
            ),
            id="answer with both: the documented names win",
        ),
        pytest.param(
            "voice/answer",
            {},
            {"mocean-call-uuid": "call-1", **PARTIES},
            Normalised(
                data=CallIncoming(call_id="call-1", caller=CALLER, callee=CALLEE),
                subject="call-1",
                party="+60123456789",
            ),
            id="answer without a session: the caller keeps the order",
        ),
        pytest.param(
            "voice/answer",
            {},
            {"mocean-call-uuid": "call-1"},
            Normalised(data=CallIncoming(call_id="call-1"), subject="call-1"),
            id="answer with the mandatory field alone",
        ),
        pytest.param(
            "voice/collect/{step}",
            {"step": "menu"},
            {**CALL, "mocean-digits": "01#"},
            Normalised(
                data=CallInput(session_id="session-1", call_id="call-1", step="menu", digits="01#", no_input=False),
                subject="call-1",
                party="session-1",
            ),
            id="digits at a step",
        ),
        pytest.param(
            "voice/collect/{step}",
            {"step": "menu"},
            {**CALL, "mocean-digits": "01#", "terminators": "*#"},
            Normalised(
                data=CallInput(session_id="session-1", call_id="call-1", step="menu", digits="01", no_input=False),
                subject="call-1",
                party="session-1",
            ),
            id="digits and the terminator that our URL names",
        ),
        pytest.param(
            "voice/collect/{step}",
            {"step": "menu"},
            {**CALL, "mocean-digits": "01#", "terminators": "*"},
            Normalised(
                data=CallInput(session_id="session-1", call_id="call-1", step="menu", digits="01#", no_input=False),
                subject="call-1",
                party="session-1",
            ),
            id="a key that is no terminator",
        ),
        pytest.param(
            "voice/collect",
            {},
            {**CALL, "mocean-digits": "#", "terminators": "#"},
            Normalised(
                data=CallInput(session_id="session-1", call_id="call-1", digits="", no_input=True),
                subject="call-1",
                party="session-1",
            ),
            id="a terminator alone",
        ),
        pytest.param(
            "voice/collect",
            {},
            {**CALL, **PARTIES, "mocean-digits": ""},
            Normalised(
                data=CallInput(
                    session_id="session-1", call_id="call-1", digits="", no_input=True, caller=CALLER, callee=CALLEE
                ),
                subject="call-1",
                party="session-1",
            ),
            id="no digits, no step, both parties given",
        ),
        pytest.param(
            "voice/collect",
            {},
            {**CALL, "mocean-digits": 7},
            Normalised(
                data=CallInput(session_id="session-1", call_id="call-1", digits="7", no_input=False),
                subject="call-1",
                party="session-1",
            ),
            id="a digit as a JSON number",
        ),
        pytest.param(
            "voice/status",
            {},
            {**CALL, **PARTIES, "mocean-direction": "outbound", "mocean-status": "HANGUP"},
            Normalised(
                data=CallStatus(
                    session_id="session-1",
                    call_id="call-1",
                    caller=CALLER,
                    callee=CALLEE,
                    status="hangup",
                    direction="outbound",
                ),
                subject="call-1",
                identity=("session-1", "call-1", "hangup"),
                party="session-1",
            ),
            id="hangup as seen in the wild",
        ),
        pytest.param(
            "voice/status",
            {},
            {"mocean-call-uuid": "call-1", **PARTIES, "mocean-direction": "Outbound", "status": "Answered"},
            Normalised(
                data=CallStatus(
                    call_id="call-1", caller=CALLER, callee=CALLEE, status="answered", direction="outbound"
                ),
                subject="call-1",
                identity=("", "call-1", "answered"),
                party="+60327777777",
            ),
            id="status without prefix; outbound without a session: the callee keeps the order",
        ),
        pytest.param(
            "voice/status",
            {},
            {**CALL, **PARTIES, "mocean-direction": "inbound"},
            Normalised(
                data=CallStatus(
                    session_id="session-1", call_id="call-1", caller=CALLER, callee=CALLEE, direction="inbound"
                ),
                subject="call-1",
                party="session-1",
            ),
            id="no status: no identity",
        ),
    ],
)
def test_voice(name: str, path: dict[str, str], raw: dict[str, Any], draft: Normalised) -> None:
    assert draft_of(name, raw, **path) == (draft, [])


# All callbacks


@pytest.mark.parametrize(
    ("name", "raw", "missing"),
    [
        pytest.param("delivery-report", {"mocean-dlr-status": "1"}, "mocean-msgid", id="report without an id"),
        pytest.param(
            "delivery-report", {"mocean-msgid": " ", "mocean-dlr-status": "1"}, "mocean-msgid", id="report, blank id"
        ),
        pytest.param(
            "delivery-report",
            {"mocean-msgid": {"type": "x"}, "mocean-dlr-status": "1"},
            "mocean-msgid",
            id="report, an object for an id",
        ),
        pytest.param("delivery-report", {"mocean-msgid": "1"}, "mocean-dlr-status", id="report without a status"),
        pytest.param("inbound-sms", {"mocean-to": "1", "mocean-text": "x"}, "mocean-from", id="SMS from nobody"),
        pytest.param(
            "inbound-sms",
            {"mocean-from": {"type": "x"}, "mocean-to": "1", "mocean-text": ""},
            "mocean-from",
            id="SMS from a Contact without an id",
        ),
        pytest.param("inbound-sms", {"mocean-from": "1", "mocean-text": "x"}, "mocean-to", id="SMS to nobody"),
        pytest.param("inbound-sms", {"mocean-from": "1", "mocean-to": "1"}, "mocean-text", id="SMS without a text"),
        pytest.param("number-lookup", {"msgid": "1"}, "status", id="lookup without a status"),
        pytest.param("number-lookup", {"status": "0"}, "msgid or to", id="lookup without id and number"),
        pytest.param("number-lookup", {"status": "0", "msgid": {"id": "1"}}, "msgid or to", id="an id is no Contact"),
        pytest.param("whatsapp-inbound-message", whatsapp({"text": "x"}), "event_data.content.type", id="no type"),
        pytest.param("whatsapp-inbound-message", {"event_data": {}}, "message_id", id="WhatsApp without an id"),
        pytest.param(
            "whatsapp-delivery-status",
            {"message_id": "1", "event_data": {}},
            "event_data.meta_delivery_status",
            id="WhatsApp report without a status",
        ),
        pytest.param("voice/answer", {"mocean-session-uuid": "1"}, "mocean-call-uuid", id="answer without a call"),
        pytest.param("voice/collect", {"mocean-digits": "1"}, "mocean-call-uuid", id="digits without a call"),
        pytest.param("voice/collect/{step}", {}, "mocean-call-uuid", id="a step without a call"),
        pytest.param("voice/status", {"mocean-status": "x"}, "mocean-call-uuid", id="status without a call"),
    ],
)
def test_missing(name: str, raw: dict[str, Any], missing: str) -> None:
    assert str(BY_NAME[f"mocean/{name}"].missing(Fields(raw))) == missing


def test_declarations() -> None:
    declared = [(callback.path, callback.method, callback.wants_answer) for callback in CALLBACKS[:9]]
    assert sorted(declared) == [
        ("/delivery-report", "PUT", False),
        ("/inbound-sms", "POST", False),
        ("/number-lookup", "PUT", False),
        ("/voice/answer", "POST", True),
        ("/voice/collect", "POST", True),
        ("/voice/collect/{step}", "POST", True),
        ("/voice/status", "POST", False),
        ("/whatsapp-delivery-status", "POST", False),
        ("/whatsapp-inbound-message", "POST", False),
    ]


ANY_SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["0", "1", PERSON, "{", "[1]", '{"id": 1}', "004800", "2018-12-30 23:59:59"]),
)
PART_NAMES = """
    id type content text mcc mnc network_code product_items item_price quantity from to timestamp referral
    meta_delivery_status meta_error_details error_code meta_whatsapp_conversation expiration_timestamp
"""
NAMES = """
    mocean-from mocean-to mocean-text mocean-time mocean-coding mocean-keyword mocean-msgid mocean-dlr-status
    mocean-error-code mocean-call-uuid mocean-session-uuid mocean-digits mocean-status mocean-direction status msgid
    to from current_carrier current_carrier[mcc] current_carrier.mnc current_carrier[network_code] ported err_msg
    message_id event_data event_data[content][type] event_data.meta_delivery_status smsid body bodyucs2 bodygsm7
    cost unicode smscount fromcountrycode
"""
ANY_PART_NAME = st.sampled_from(PART_NAMES.split())
ANY_NAME = st.sampled_from(NAMES.split())
ANY_VALUE = st.recursive(
    ANY_SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ANY_PART_NAME, inner, max_size=5)),
    max_leaves=12,
)
NEEDED: dict[str, Any] = {
    **DLR,
    **MO,
    **CALL,
    **dict.fromkeys(("status", "msgid", "to", "from", "message_id", "smsid", "body"), "1"),
    "event_data": {"meta_delivery_status": "sent", "content": {"type": "order"}},
}


@pytest.mark.parametrize("name", BY_NAME)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw builds a table of characters
@given(odd=st.dictionaries(ANY_NAME, ANY_VALUE, max_size=12))
def test_whatever_comes_is_a_draft(name: str, odd: dict[str, Any]) -> None:
    """A callback with its mandatory fields is never refused, however odd the rest, and reading it changes nothing."""
    fields = Fields({**NEEDED, **odd})
    before = repr(fields.raw)
    if BY_NAME[name].missing(fields) is None:
        draft = BY_NAME[name].normalise(fields)
        to_json(draft.data)
        assert draft.subject != ""
        assert draft.party != ""
    assert repr(fields.raw) == before


def test_errors_are_shared() -> None:
    draft, _ = draft_of("delivery-report", {**DLR, "mocean-dlr-status": "3", "mocean-error-code": "052"})
    assert isinstance(draft.data, MessageStatus)
    assert draft.data.error is DLR_ERRORS[52]  # built once, not per request
