"""Trigger: what goes over the wire for each sample, with the clock and the ids held still."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from urllib.parse import parse_qs, parse_qsl

import httpx
import pytest
from pydantic import JsonValue

from ringback.wire.samples import SAMPLES, Sample, TriggerError, UnknownSampleError, find
from ringback.wire.sending import UnfitValueError, UnknownFieldError, Wire, build, send, series

NOW = datetime(2024, 2, 29, 16, 30, 5, 900_000, tzinfo=UTC)  # already 1 March in Kuala Lumpur
UNIX_NOW = 1709224205

ID1 = "00000000000000000000000000000001"
UUID1, UUID2 = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


def ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{next(numbers):032x}"


def wire(name: str, overrides: Mapping[str, str] | None = None) -> Wire:
    return build(find(name), overrides or {}, now=NOW, new_id=ids())


def form(name: str, overrides: Mapping[str, str]) -> dict[str, str]:
    return dict(parse_qsl(wire(name, overrides).body.decode(), keep_blank_values=True, strict_parsing=True))


def body(name: str, overrides: Mapping[str, str]) -> JsonValue:
    decoded: JsonValue = json.loads(wire(name, overrides).body)
    return decoded


WIRES = [
    (
        "mocean/delivery-report",
        Wire(
            "PUT",
            "/webhooks/mocean/delivery-report",
            FORM,
            b"mocean-from=60123456789&mocean-to=63001&mocean-dlr-status=1"
            b"&mocean-msgid=cust00000000000000000000000000000001&mocean-error-code=0",
        ),
    ),
    (
        "mocean/inbound-sms",
        Wire(
            "POST",
            "/webhooks/mocean/inbound-sms",
            FORM,
            b"mocean-from=60123456789&mocean-to=63001&mocean-keyword=MOC&mocean-text=Hello+World+00000000"
            b"&mocean-coding=1&mocean-time=2024-03-01+00%3A30%3A05",
        ),
    ),
    (
        "mocean/number-lookup",
        Wire(
            "PUT",
            "/webhooks/mocean/number-lookup",
            FORM,
            b"status=0&msgid=test00000000000000000000000000000001.0002&to=60123456789"
            b"&current_carrier%5Bcountry%5D=MY&current_carrier%5Bname%5D=U+Mobile"
            b"&current_carrier%5Bnetwork_code%5D=50218&current_carrier%5Bmcc%5D=502&current_carrier%5Bmnc%5D=18"
            b"&original_carrier%5Bcountry%5D=MY&original_carrier%5Bname%5D=Maxis+Mobile"
            b"&original_carrier%5Bnetwork_code%5D=50212&original_carrier%5Bmcc%5D=502&original_carrier%5Bmnc%5D=12"
            b"&ported=ported",
        ),
    ),
    (
        "mocean/whatsapp-inbound-message",
        Wire(
            "POST",
            "/webhooks/mocean/whatsapp-inbound-message",
            JSON,
            b'{"message_id": "00000000000000000000000000000001", "event_type": "message", "event_data": '
            b'{"channel_type": "WHATSAPP", "from_name": "Tom", "to": "60312345678", "forwarded": true, '
            b'"timestamp": 1709224205, "content": {"type": "text", "text": "Text message sent by end-user"}}}',
        ),
    ),
    (
        "mocean/whatsapp-delivery-status",
        Wire(
            "POST",
            "/webhooks/mocean/whatsapp-delivery-status",
            JSON,
            b'{"message_id": "00000000000000000000000000000001", "event_type": "delivery-status", "event_data": '
            b'{"channel_type": "WHATSAPP", "from": "60123456789", "to": "60312345678", '
            b'"meta_delivery_status": "delivered", "timestamp": 1709224205, "meta_whatsapp_conversation": '
            b'{"conversation_id": "ad72a86d9cebac0950e3c38b5f77a473", "pricing_category": "utility"}}}',
        ),
    ),
    (
        "mocean/voice/answer",
        Wire(
            "POST",
            "/webhooks/mocean/voice/answer",
            FORM,
            f"mocean-session-uuid={UUID1}&mocean-call-uuid={UUID2}"
            "&mocean-from=60123456789&mocean-to=60312345678".encode(),
        ),
    ),
    (
        "mocean/voice/collect",
        Wire(
            "POST",
            "/webhooks/mocean/voice/collect/menu",
            FORM,
            f"mocean-session-uuid={UUID1}&mocean-call-uuid={UUID2}"
            "&mocean-from=60123456789&mocean-to=60312345678&mocean-digits=1".encode(),
        ),
    ),
    (
        "mocean/voice/status",
        Wire(
            "POST",
            "/webhooks/mocean/voice/status",
            FORM,
            f"mocean-session-uuid={UUID1}&mocean-call-uuid={UUID2}&mocean-from=60123456789&mocean-to=60312345678"
            "&mocean-direction=outbound&mocean-status=HANGUP".encode(),
        ),
    ),
    (
        "mycoolsms/delivery-report",
        Wire(
            "POST",
            "/webhooks/mycoolsms/delivery-report",
            {
                **JSON,
                "User-Agent": "My-Cool-SMS Delivery Report",
                "Cache-Control": "no-cache",
                "Connection": "close",
            },
            b'{"smsid": "00000000000000000000000000000001", "status": "SMS_STATUS_DELIVERED"}',
        ),
    ),
    (
        "mycoolsms/inbound-sms",
        Wire(
            "POST",
            "/webhooks/mycoolsms/inbound-sms",
            {
                **JSON,
                "User-Agent": "My-Cool-SMS Incoming SMS Callback",
                "Cache-Control": "no-cache",
                "Connection": "close",
            },
            b'{"from": "+1230987654321", "fromcountrycode": "US", "to": "+440987654321", "unicode": false, '
            b'"smscount": 1, "body": "Have a nice day with incoming SMS!", '
            b'"bodyucs2": "0048006100760065002000610020006e00690063006500200064", '
            b'"bodygsm7": "5374616666206D6565746925", "numchars": 54, "escapenumchars": 0, "cost": "0.010"}',
        ),
    ),
]


@pytest.mark.parametrize(("name", "expected"), [pytest.param(*row, id=row[0]) for row in WIRES])
def test_a_sample_goes_out_as_its_document_shows_it(name: str, expected: Wire) -> None:
    assert wire(name) == expected


def test_the_table_above_has_every_sample() -> None:
    assert [name for name, _ in WIRES] == list(SAMPLES)


def message(content: dict[str, JsonValue], **envelope: JsonValue) -> dict[str, JsonValue]:
    return {
        "message_id": ID1,
        "event_type": "message",
        "event_data": {
            "channel_type": "WHATSAPP",
            "from_name": "Tom",
            "to": "60312345678",
            "timestamp": UNIX_NOW,
            "content": content,
            **envelope,
        },
    }


def status(word: str, **rest: JsonValue) -> dict[str, JsonValue]:
    return {
        "message_id": ID1,
        "event_type": "delivery-status",
        "event_data": {
            "channel_type": "WHATSAPP",
            "from": "60123456789",
            "to": "60312345678",
            "meta_delivery_status": word,
            **rest,
        },
    }


CONVERSATION: dict[str, JsonValue] = {
    "conversation_id": "ad72a86d9cebac0950e3c38b5f77a473",
    "pricing_category": "utility",
}
TEXT = "Text message sent by end-user"
REPLY_TO = "c91d7e60f2a34b58a7e3049fb6d8125c"
TYPE = "event_data.content.type"
STATUS = "event_data.meta_delivery_status"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        pytest.param(
            {"event_data.forwarded": "false"},
            message({"type": "text", "text": TEXT}, forwarded=False),
            id="boolean stays boolean",
        ),
        pytest.param(
            {"event_data.timestamp": "1690124844", "event_data.content.text": "123"},
            message({"type": "text", "text": "123"}, forwarded=True, timestamp=1690124844),
            id="number stays number, string stays string",
        ),
        pytest.param(
            {"event_data.timestamp": '"1690124844"'},
            message({"type": "text", "text": TEXT}, forwarded=True, timestamp="1690124844"),
            id="quoted number is sent as a string",
        ),
        pytest.param(
            {"event_data.timestamp": ""},
            message({"type": "text", "text": TEXT}, forwarded=True, timestamp=""),
            id="empty is an empty string, for a number too",
        ),
        pytest.param(
            {"event_data.from": "60123456789", "event_data.frequently_forwarded": "true"},
            message(
                {"type": "text", "text": TEXT}, forwarded=True, frequently_forwarded=True, **{"from": "60123456789"}
            ),
            id="optional fields have their document's type",
        ),
        pytest.param(
            {"event_data.content.referral.source_type": "ad", "event_data.referred_product.catalog_id": "8"},
            message(
                {"type": "text", "text": TEXT, "referral": {"source_type": "ad"}},
                forwarded=True,
                referred_product={"catalog_id": "8"},
            ),
            id="optional objects appear with the field that is set",
        ),
        pytest.param(
            {TYPE: "image"},
            message(
                {
                    "type": "image",
                    "text": "Caption for image",
                    "media_id": "1013859600285441",
                    "mime_type": "image/jpeg",
                }
            ),
            id="content type brings its example",
        ),
        pytest.param(
            {TYPE: "reaction", "event_data.content.text": ""},
            message({"type": "reaction", "text": ""}, reply_to_msg_id=REPLY_TO),
            id="reaction removed",
        ),
        pytest.param(
            {TYPE: "order", "event_data.content.product_items": '[{"item_price": 0.1}]'},
            message({"type": "order", "catalog_id": "864331704878910", "product_items": [{"item_price": 0.1}]}),
            id="array as JSON",
        ),
        pytest.param(
            {TYPE: "hologram"},
            message({"type": "hologram", "text": TEXT}, forwarded=True),
            id="unknown content type keeps the usual example",
        ),
    ],
)
def test_overrides_of_a_whatsapp_message(overrides: dict[str, str], expected: JsonValue) -> None:
    assert body("mocean/whatsapp-inbound-message", overrides) == expected


@pytest.mark.parametrize("content_type", sorted(find("mocean/whatsapp-inbound-message").variants))
def test_each_whatsapp_content_type_says_its_type(content_type: str) -> None:
    sent = body("mocean/whatsapp-inbound-message", {TYPE: content_type})
    assert isinstance(sent, dict)
    data = sent["event_data"]
    assert isinstance(data, dict)
    content = data["content"]
    assert isinstance(content, dict)
    assert content["type"] == content_type


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        pytest.param(
            {STATUS: "sent"},
            status(
                "sent",
                timestamp=UNIX_NOW,
                meta_whatsapp_conversation={**CONVERSATION, "expiration_timestamp": UNIX_NOW + 86_400},
            ),
            id="sent opens a conversation of 24 hours",
        ),
        pytest.param({STATUS: "read"}, status("read", timestamp=UNIX_NOW), id="read has no conversation"),
        pytest.param(
            {STATUS: "failed", "event_data.meta_error_details.error_code": "131026"},
            status(
                "failed",
                meta_error_details={
                    "error_code": 131026,
                    "error_title": "Re-engagement message",
                    "error_details": (
                        "More than 24 hours have passed since the recipient last replied to the sender number."
                    ),
                },
            ),
            id="failed has an error and no time",
        ),
        pytest.param(
            {"event_data.meta_error_details.error_code": "131026", "message_id": "0007"},
            {
                **status(
                    "delivered",
                    timestamp=UNIX_NOW,
                    meta_whatsapp_conversation=CONVERSATION,
                    meta_error_details={"error_code": 131026},
                ),
                "message_id": "0007",
            },
            id="field of another status, and an id kept as it is",
        ),
    ],
)
def test_overrides_of_a_whatsapp_status(overrides: dict[str, str], expected: JsonValue) -> None:
    assert body("mocean/whatsapp-delivery-status", overrides) == expected


@pytest.mark.parametrize(
    ("overrides", "changed"),
    [
        pytest.param({"smscount": "2"}, {"smscount": 2}, id="number"),
        pytest.param({"cost": "0.02"}, {"cost": "0.02"}, id="cost is a string in the example"),
        pytest.param(
            {"from": "MyCompany", "fromcountrycode": "null"},
            {"from": "MyCompany", "fromcountrycode": None},
            id="no country for a name",
        ),
        pytest.param({"unicode": "true", "bodygsm7": "null"}, {"unicode": True, "bodygsm7": None}, id="no GSM body"),
        pytest.param({"body": "null"}, {"body": "null"}, id="a text that says null"),
        pytest.param({"body": "\u7e41"}, {"body": "\u7e41"}, id="not ASCII"),
    ],
)
def test_overrides_of_my_cool_sms(overrides: dict[str, str], changed: dict[str, JsonValue]) -> None:
    assert body("mycoolsms/inbound-sms", overrides) == {**find("mycoolsms/inbound-sms").fields, **changed}


@pytest.mark.parametrize(
    ("name", "overrides", "changed"),
    [
        pytest.param(
            "mocean/delivery-report",
            {"mocean-dlr-status": "2", "mocean-error-code": "005"},
            {"mocean-dlr-status": "2", "mocean-error-code": "005"},
            id="leading zeros stay",
        ),
        pytest.param(
            "mocean/delivery-report", {"mocean-msgid": "ABC"}, {"mocean-msgid": "ABC"}, id="an id that is set is kept"
        ),
        pytest.param("mocean/inbound-sms", {"mocean-text": ""}, {"mocean-text": ""}, id="empty text"),
        pytest.param("mocean/inbound-sms", {"mocean-text": "1+1=2 & é"}, {"mocean-text": "1+1=2 & é"}, id="escaped"),
        pytest.param(
            "mocean/number-lookup",
            {"current_carrier.mnc": "3", "err_msg": "Unknown"},
            {"current_carrier[mnc]": "3", "err_msg": "Unknown"},
            id="nested, and an optional field",
        ),
        pytest.param(
            "mocean/voice/answer", {"mocean-status": "RINGING"}, {"mocean-status": "RINGING"}, id="call state"
        ),
        pytest.param("mocean/voice/collect", {"mocean-digits": ""}, {"mocean-digits": ""}, id="no digits"),
        pytest.param("mocean/voice/collect", {"step": "sales"}, {}, id="step is no field"),
    ],
)
def test_overrides_of_a_form(name: str, overrides: dict[str, str], changed: dict[str, str]) -> None:
    assert form(name, overrides) == {**form(name, {}), **changed}


def test_bytes_that_are_not_utf_8_go_out_as_they_are() -> None:
    text = b"caf\xe9".decode("utf-8", "surrogateescape")  # how Python reads such an argument
    assert b"mocean-text=caf%E9&" in wire("mocean/inbound-sms", {"mocean-text": text}).body


@pytest.mark.parametrize(
    ("step", "path"),
    [
        ("sales", "/webhooks/mocean/voice/collect/sales"),
        ("", "/webhooks/mocean/voice/collect"),
        ("a/b c", "/webhooks/mocean/voice/collect/a%2Fb%20c"),
    ],
)
def test_the_step_ends_the_path(step: str, path: str) -> None:
    assert wire("mocean/voice/collect", {"step": step}).path == path


@pytest.mark.parametrize(
    ("name", "field", "says"),
    [
        pytest.param(
            "mocean/delivery-report",
            "mocean-dlr-staus",
            'mocean/delivery-report has no field "mocean-dlr-staus"; did you mean "mocean-dlr-status"?',
            id="misspelt",
        ),
        pytest.param(
            "mocean/delivery-report",
            "from",
            'mocean/delivery-report has no field "from"; did you mean "mocean-from"?',
            id="without its prefix",
        ),
        pytest.param(
            "mocean/whatsapp-inbound-message",
            "media_id",
            'mocean/whatsapp-inbound-message has no field "media_id"; did you mean "event_data.content.media_id"?',
            id="without its parents",
        ),
        pytest.param(
            "mocean/number-lookup",
            "current_carrier[mnc]",
            'mocean/number-lookup has no field "current_carrier[mnc]"; did you mean "current_carrier.mnc"?',
            id="as on the wire",
        ),
        pytest.param(
            "mycoolsms/delivery-report",
            "step",
            'mycoolsms/delivery-report has no field "step"; there are: smsid, status',
            id="nothing near",
        ),
        pytest.param(
            "mycoolsms/delivery-report",
            "",
            'mycoolsms/delivery-report has no field ""; there are: smsid, status',
            id="no name",
        ),
    ],
)
def test_an_unknown_field_is_an_error_that_says_what_to_write(name: str, field: str, says: str) -> None:
    with pytest.raises(UnknownFieldError) as error:
        wire(name, {field: "x"})
    assert str(error.value) == f"{says} (--raw sends it anyway)"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("smscount", "two", 'mycoolsms/inbound-sms: smscount is "two"; write it like 1'),
        ("smscount", "1.5", 'mycoolsms/inbound-sms: smscount is "1.5"; write it like 1'),
        ("smscount", "true", 'mycoolsms/inbound-sms: smscount is "true"; write it like 1'),
        ("smscount", "NaN", 'mycoolsms/inbound-sms: smscount is "NaN"; write it like 1'),
        ("unicode", "1", 'mycoolsms/inbound-sms: unicode is "1"; write it like false'),
    ],
)
def test_a_value_of_another_type_is_an_error(field: str, value: str, says: str) -> None:
    with pytest.raises(UnfitValueError) as error:
        wire("mycoolsms/inbound-sms", {field: value})
    assert str(error.value) == says


@pytest.mark.parametrize(("text", "number"), [("2", 2.0), ("0.05", 0.05)])
def test_a_fraction_may_be_written_whole(text: str, number: float) -> None:
    priced = Sample("x/y", "", "POST", "json", {"price": 0.5}, {})
    assert json.loads(build(priced, {"price": text}).body) == {"price": number}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mocean/delivery", 'no callback is named "mocean/delivery"; did you mean "mocean/delivery-report"?'),
        ("number-lookup", 'no callback is named "number-lookup"; did you mean "mocean/number-lookup"?'),
        ("fax", f'no callback is named "fax"; there are: {", ".join(SAMPLES)}'),
    ],
)
def test_an_unknown_name_is_an_error_that_says_what_to_write(name: str, says: str) -> None:
    with pytest.raises(UnknownSampleError) as error:
        find(name)
    assert str(error.value) == says
    assert isinstance(error.value, TriggerError)


def test_a_sample_is_found_by_its_path_too() -> None:
    assert find("/webhooks/mocean/voice/answer") is find("mocean/voice/answer")


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=list(SAMPLES))
def test_everything_settable_can_be_set_to_its_own_example(sample: Sample) -> None:
    overrides = {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in sample.examples.items()
    }
    assert build(sample, overrides).body
    assert set(sample.fresh) <= set(sample.examples)
    assert set(sample.nullable) <= set(sample.examples)


def test_a_series_ends_now_and_repeats_nothing() -> None:
    wires = list(series(find("mocean/inbound-sms"), {"mocean-text": "YES"}, 3, now=NOW, new_id=ids()))
    times = [parse_qs(each.body.decode())["mocean-time"] for each in wires]
    assert times == [["2024-03-01 00:30:03"], ["2024-03-01 00:30:04"], ["2024-03-01 00:30:05"]]


def test_two_sendings_have_different_ids() -> None:
    sample = find("mocean/delivery-report")
    assert build(sample, {}).body != build(sample, {}).body


@pytest.mark.parametrize(
    ("base_url", "token", "url"),
    [
        pytest.param(
            "http://127.0.0.1:8000",
            "s3cret",
            "http://127.0.0.1:8000/webhooks/mycoolsms/delivery-report?token=s3cret",
            id="plain",
        ),
        pytest.param(
            "https://example.com/hooks/",
            "a+b&c=d/é",
            "https://example.com/hooks/webhooks/mycoolsms/delivery-report?token=a%2Bb%26c%3Dd%2F%C3%A9",
            id="below a path, token escaped",
        ),
        pytest.param(
            "http://127.0.0.1:8000",
            None,
            "http://127.0.0.1:8000/webhooks/mycoolsms/delivery-report",
            id="receiver without tokens",
        ),
    ],
)
def test_send_adds_the_secret(base_url: str, token: str | None, url: str) -> None:
    seen: list[httpx.Request] = []

    def receive(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    sent = wire("mycoolsms/delivery-report")
    with httpx.Client(transport=httpx.MockTransport(receive)) as client:
        assert send(client, base_url, token, sent).status_code == 200
    [request] = seen
    assert (request.method, str(request.url), request.content) == ("POST", url, sent.body)
    assert dict(request.headers).items() >= {name.lower(): value for name, value in sent.headers.items()}.items()


REPORT = {"smsid": "s", "status": "SMS_STATUS_DELIVERED"}


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        pytest.param({"route": "7"}, {**REPORT, "route": 7}, id="a number"),
        pytest.param({"route": '"7"'}, {**REPORT, "route": "7"}, id="a quoted number"),
        pytest.param({"route": "a b"}, {**REPORT, "route": "a b"}, id="a text"),
        pytest.param({"route": "NaN"}, {**REPORT, "route": "NaN"}, id="what JSON lacks"),
        pytest.param({"route": ""}, {**REPORT, "route": ""}, id="nothing"),
        pytest.param({"route": "null"}, {**REPORT, "route": None}, id="null"),
        pytest.param({"route": '{"a": [1]}'}, {**REPORT, "route": {"a": [1]}}, id="an object"),
        pytest.param({"route.hop.id": "7", "route.ok": "true"}, {**REPORT, "route": {"hop": {"id": 7}, "ok": True}},
                     id="nested"),
        pytest.param({"status": "[]"}, {**REPORT, "status": []}, id="a known field, of another type"),
    ],
)  # fmt: skip
def test_a_raw_field_is_sent_though_no_document_has_it(raw: dict[str, str], sent: JsonValue) -> None:
    assert json.loads(build(find("mycoolsms/delivery-report"), {"smsid": "s"}, raw=raw).body) == sent


def test_raw_fields_of_a_form() -> None:
    built = build(find("mocean/delivery-report"), {}, raw={"route": "7", "current.hop.id": "null", "mocean-to": "x"})
    sent = dict(parse_qsl(built.body.decode()))
    assert sent.items() >= {"route": "7", "current[hop][id]": "null", "mocean-to": "x"}.items()


def test_a_raw_field_below_a_plain_one() -> None:
    with pytest.raises(UnfitValueError) as error:
        build(find("mycoolsms/delivery-report"), {}, raw={"smsid.part": "1"})
    assert str(error.value) == 'smsid.part: "smsid" has a value of its own, so there is nothing below it'


def test_context_goes_into_the_url() -> None:
    built = wire("mocean/delivery-report", {"ctx.order": "4 2", "ctx.a.b": "é", "mocean-dlr-status": "2"})
    assert built.query == {"ctx.order": "4 2", "ctx.a.b": "é"}
    assert built.body == wire("mocean/delivery-report", {"mocean-dlr-status": "2"}).body


def test_context_that_is_no_utf_8_goes_out_as_it_is() -> None:
    seen: list[httpx.URL] = []

    def receive(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200)

    with httpx.Client(transport=httpx.MockTransport(receive)) as client:
        send(client, "http://127.0.0.1:8000", "s3cret", wire("mycoolsms/delivery-report", {"ctx.name": "Jos\udce9"}))
    assert [url.query for url in seen] == [b"token=s3cret&ctx.name=Jos%E9"]
