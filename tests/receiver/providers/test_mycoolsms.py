"""My-Cool-SMS callbacks, from fields to whole drafts."""

from typing import Any

import pytest
from msgspec.structs import replace

from ringback.receiver.parsing.callbacks import Normalised
from ringback.receiver.parsing.fields import Fields
from ringback.receiver.parsing.numbers import Written
from ringback.receiver.providers import BY_NAME
from ringback.schemas.address import Address, parse_address
from ringback.schemas.event_data import (
    Channel,
    Content,
    ContentType,
    Cost,
    Encoding,
    MessageReceived,
    MessageStatus,
    Status,
)
from ringback.schemas.tables.gsm0338 import ALPHABET, EXTENSION
from ringback.wire.samples import find
from ringback.wire.sending import Wire, build


def wire(name: str) -> Wire:
    """Give a good request of a callback, with new ids each time, for the conformance test."""
    return build(find(name), {})


def draft_of(name: str, raw: dict[str, Any]) -> tuple[Normalised, list[str]]:
    callback = BY_NAME[f"mycoolsms/{name}"]
    fields = Fields(raw)
    assert callback.missing(fields) is None
    return callback.normalise(fields), fields.flags


# Delivery report

SMSID = "498673a1f58df975ab95da33884d9e14"


def status(ours: Status, wire: str, *, final: bool, message_id: str = SMSID) -> Normalised:
    return Normalised(
        data=MessageStatus(channel=Channel.SMS, message_id=message_id, status=ours, final=final),
        subject=message_id,
        identity=(message_id, wire),
    )


@pytest.mark.parametrize(
    ("wire", "ours", "final", "flags"),
    [
        pytest.param("SMS_STATUS_QUEUED", Status.QUEUED, False, [], id="queued"),
        pytest.param("SMS_STATUS_AT_CARRIER", Status.SENT, False, [], id="at the carrier: sent"),
        pytest.param("SMS_STATUS_DELIVERY_DELAYED", Status.DELAYED, False, [], id="delayed"),
        pytest.param("SMS_STATUS_DELIVERED", Status.DELIVERED, True, [], id="the document's sample: delivered"),
        pytest.param("SMS_STATUS_BOUNCED", Status.BOUNCED, True, [], id="bounced"),
        pytest.param("SMS_STATUS_EXPIRED", Status.EXPIRED, True, [], id="expired"),
        pytest.param("SMS_STATUS_ERROR", Status.FAILED, True, [], id="error: failed"),
        pytest.param("sms_status_delivered", Status.DELIVERED, True, [], id="in lower case"),
        pytest.param("UNKNOWN_ID", Status.UNKNOWN, False, ["unknown:status"], id="an id they do not know"),
        pytest.param("SMS_STATUS_READ", Status.UNKNOWN, False, ["unknown:status"], id="a new status"),
    ],
)
def test_delivery_report(wire: str, ours: Status, final: bool, flags: list[str]) -> None:
    raw = {"smsid": SMSID, "status": wire}
    known_by = wire if ours is Status.UNKNOWN else wire.upper()
    assert draft_of("delivery-report", raw) == (status(ours, known_by, final=final), flags)


@pytest.mark.parametrize(
    ("sent", "message_id"),
    [
        pytest.param(Written("1e3"), "1000", id="exponent"),
        pytest.param(Written("498673.0"), "498673", id="fraction"),
        pytest.param(Written("1e999999"), "1e999999", id="an exponent that would fill the memory"),
    ],
)
def test_delivery_report_of_an_id_with_a_fraction(sent: Written, message_id: str) -> None:
    raw = {"smsid": sent, "status": "SMS_STATUS_DELIVERED"}
    expected = status(Status.DELIVERED, "SMS_STATUS_DELIVERED", final=True, message_id=message_id)
    assert draft_of("delivery-report", raw) == (expected, ["number:fraction"])


def test_delivery_report_keeps_the_id() -> None:
    raw = {"smsid": "00aBc", "status": "SMS_STATUS_DELIVERED"}
    expected = status(Status.DELIVERED, "SMS_STATUS_DELIVERED", final=True, message_id="00aBc")
    assert draft_of("delivery-report", raw) == (expected, [])


# Inbound SMS

SENDER = parse_address("+1230987654321", "US")
OURS = parse_address("+440987654321")
COST = Cost(amount="0.010", currency="EUR")
MO: dict[str, Any] = {
    "from": "+1230987654321",
    "fromcountrycode": "US",
    "to": "+440987654321",
    "unicode": False,
    "smscount": 1,
    "body": "Have a nice day with incoming SMS!",
    "bodyucs2": "0048006100760065002000610020006e00690063006500200064",
    "bodygsm7": "5374616666206D6565746925",
    "numchars": 54,
    "escapenumchars": 0,
    "cost": "0.010",
}


def mo(
    text: str | None = "Have a nice day with incoming SMS!",
    *,
    sender: Address = SENDER,
    encoding: Encoding | None = Encoding.GSM7,
    segments: int | None = 1,
    cost: Cost | None = COST,
) -> Normalised:
    return Normalised(
        data=MessageReceived(
            channel=Channel.SMS,
            sender=sender,
            recipient=OURS,
            text=text,
            content=Content(type=ContentType.TEXT, text=text),
            encoding=encoding,
            segments=segments,
            cost=cost,
        ),
        party=sender.value,
    )


def bodies(**given: str | None) -> dict[str, Any]:
    others = {name: value for name, value in MO.items() if not name.startswith("body")}
    return {**others, **given}


@pytest.mark.parametrize(
    ("raw", "draft", "flags"),
    [
        pytest.param(MO, mo(), [], id="the document's sample, whose hex bodies are other texts cut short"),
        pytest.param({**MO, "bodyucs2": "004", "bodygsm7": "zz"}, mo(), [], id="bad hex next to a good body"),
        pytest.param({**MO, "bodygsm7": None, "unicode": True}, mo(encoding=Encoding.UCS2), [], id="unicode"),
        pytest.param({**MO, "unicode": "true"}, mo(encoding=Encoding.UCS2), [], id="unicode as a string"),
        pytest.param({**MO, "unicode": None}, mo(encoding=None), [], id="encoding not given"),
        pytest.param({**MO, "unicode": " "}, mo(encoding=None), [], id="encoding blank"),
        pytest.param({**MO, "unicode": ["x"]}, mo(encoding=None), ["unknown:encoding"], id="an array for an encoding"),
        pytest.param(
            {**MO, "unicode": "x"}, mo(encoding=Encoding.UNKNOWN), ["unknown:encoding"], id="encoding unknown"
        ),
        pytest.param(
            {**MO, "from": "Company", "fromcountrycode": None},
            mo(sender=parse_address("Company")),
            [],
            id="alphanumeric sender has no country",
        ),
        pytest.param(
            {**MO, "from": "+447700900123", "fromcountrycode": "gg"},
            mo(sender=parse_address("+447700900123", "GG")),
            [],
            id="the provider's country decides where the prefix does not",
        ),
        pytest.param(
            {**MO, "from": "+4915123456789", "fromcountrycode": "Germany"},
            mo(sender=parse_address("+4915123456789")),
            ["unknown:country"],
            id="a country that is no code is not taken",
        ),
        pytest.param(
            {**MO, "from": "+447700900123", "fromcountrycode": "UK"},
            mo(sender=parse_address("+447700900123")),
            ["unknown:country"],
            id="two letters that are no code",
        ),
        pytest.param(
            {**MO, "fromcountrycode": "USA"},
            mo(sender=parse_address("+1230987654321")),
            ["unknown:country"],
            id="three letters",
        ),
        pytest.param(
            {**MO, "cost": Written("0.010")}, mo(cost=Cost(amount="0.010", currency="EUR")), [], id="cost as a number"
        ),
        pytest.param(
            {**MO, "cost": Written("1e-5")}, mo(cost=Cost(amount="0.00001", currency="EUR")), [], id="cost 1e-5"
        ),
        pytest.param({**MO, "cost": "free"}, mo(cost=None), ["unreadable:cost"], id="cost that is no number"),
        pytest.param({**MO, "cost": "0,01"}, mo(cost=None), ["unreadable:cost"], id="cost with a comma"),
        pytest.param({**MO, "cost": "1e999999"}, mo(cost=None), ["unreadable:cost"], id="cost that fills the memory"),
        pytest.param({**MO, "smscount": "two"}, mo(segments=None), ["unreadable:smscount"], id="a word for segments"),
        pytest.param({**MO, "smscount": Written("2.0")}, mo(segments=2), ["number:fraction"], id="segments 2.0"),
        pytest.param(
            {**MO, "body": {"text": "Hi"}},
            mo("Have a nice d"),
            ["unreadable:body"],
            id="an object for a body: the hex body's text",
        ),
        pytest.param(
            {**MO, "from": Written("1.230987654321e12")},
            mo(sender=replace(parse_address("1230987654321", "US"), raw="1.230987654321e12")),
            ["number:fraction"],
            id="a sender with an exponent",
        ),
        pytest.param({**MO, "smscount": "3"}, mo(segments=3), [], id="three segments, as a string"),
        pytest.param({**MO, "cost": None, "smscount": None}, mo(cost=None, segments=None), [], id="nulls"),
        pytest.param(bodies(body=""), mo(""), [], id="empty body"),
        pytest.param(bodies(body=" "), mo(" "), [], id="a space is a text"),
        pytest.param(bodies(body=None, bodyucs2=MO["bodyucs2"]), mo("Have a nice d"), [], id="ucs2 alone"),
        pytest.param(bodies(bodyucs2="7E414F534E2D6587"), mo("繁体中文"), [], id="ucs2: the document's toUCS2 sample"),
        pytest.param(bodies(bodyucs2="D83DDC4D"), mo("👍"), [], id="ucs2 with a surrogate pair: UTF-16"),
        pytest.param(
            bodies(bodygsm7="486176652061206E6963652064617921"), mo("Have a nice day!"), [], id="gsm7 alone, octets"
        ),
        pytest.param(bodies(bodygsm7=MO["bodygsm7"]), mo("Staff meeti%"), [], id="gsm7: the inbound sample's"),
        pytest.param(bodies(bodygsm7="001B650A1B"), mo("@€\n "), [], id="gsm7 with escapes, the last one alone"),
        pytest.param(bodies(bodygsm7="1B41"), mo("A"), [], id="gsm7 with an unknown extension"),
        pytest.param(bodies(body="", bodyucs2="00480069"), mo("Hi"), [], id="empty body, ucs2 has the text"),
        pytest.param(bodies(bodyucs2="", bodygsm7="4869"), mo("Hi"), [], id="empty ucs2, gsm7 has the text"),
        pytest.param(bodies(bodyucs2="004", bodygsm7="4869"), mo("Hi"), [], id="bad ucs2, gsm7 has the text"),
        pytest.param(bodies(bodyucs2="", bodygsm7=""), mo(""), [], id="all empty"),
        pytest.param(bodies(bodyucs2="004"), mo(None), ["body:undecodable"], id="half an octet"),
        pytest.param(bodies(bodyucs2="D83D"), mo(None), ["body:undecodable"], id="half a surrogate pair alone"),
        pytest.param(bodies(bodygsm7="FF"), mo(None), ["body:undecodable"], id="an octet that is no septet"),
        pytest.param(
            bodies(bodyucs2="00480069D83D"), mo("Hi\ufffd"), ["body:damaged"], id="half a surrogate pair at its end"
        ),
        pytest.param(
            bodies(bodyucs2="0048D83D0069"), mo("H\ufffdi"), ["body:damaged"], id="half a surrogate pair within"
        ),
        pytest.param(bodies(bodyucs2="004800"), mo("H\ufffd"), ["body:damaged"], id="half a character at its end"),
        pytest.param(bodies(bodyucs2="00480"), mo("H\ufffd"), ["body:damaged"], id="half an octet at its end"),
        pytest.param(bodies(bodygsm7="4869FF1BFF"), mo("Hi\ufffd\ufffd"), ["body:damaged"], id="broken septets"),
        pytest.param(
            bodies(bodyucs2="00480069D83D", bodygsm7="4869"), mo("Hi"), [], id="a broken body beside one that is whole"
        ),
        pytest.param(
            bodies(bodyucs2="zz", bodygsm7="4869FF"), mo("Hi\ufffd"), ["body:damaged"], id="no hex beside a broken one"
        ),
        pytest.param(bodies(bodygsm7="zz"), mo(None), ["body:undecodable"], id="no hex"),
    ],
)
def test_inbound_sms(raw: dict[str, Any], draft: Normalised, flags: list[str]) -> None:
    assert draft_of("inbound-sms", raw) == (draft, flags)


@pytest.mark.parametrize(
    ("name", "raw", "missing"),
    [
        pytest.param("delivery-report", {"status": "SMS_STATUS_QUEUED"}, "smsid", id="report without an id"),
        pytest.param("delivery-report", {"smsid": SMSID}, "status", id="report without a status"),
        pytest.param("delivery-report", {"smsid": SMSID, "status": None}, "status", id="report with a null status"),
        pytest.param("inbound-sms", {"to": "1", "body": "x"}, "from", id="SMS from nobody"),
        pytest.param("inbound-sms", {"from": "", "to": "1", "body": "x"}, "from", id="SMS from an empty sender"),
        pytest.param("inbound-sms", {"from": "1", "body": "x"}, "to", id="SMS to nobody"),
        pytest.param("inbound-sms", {"from": "1", "to": "1"}, "body or bodyucs2 or bodygsm7", id="SMS without a body"),
        pytest.param(
            "inbound-sms",
            {"from": "1", "to": "1", "body": None, "bodygsm7": None},
            "body or bodyucs2 or bodygsm7",
            id="SMS with null bodies",
        ),
    ],
)
def test_missing(name: str, raw: dict[str, Any], missing: str) -> None:
    assert str(BY_NAME[f"mycoolsms/{name}"].missing(Fields(raw))) == missing


def test_gsm_alphabet() -> None:
    assert (len(ALPHABET), ALPHABET[0x24], ALPHABET[0x40], ALPHABET[0x5F], ALPHABET[0x60], ALPHABET[0x7F]) == (
        128,
        "¤",
        "¡",
        "§",
        "¿",
        "à",
    )
    assert "".join(EXTENSION.values()) == "\f^{}\\[~]|€"
