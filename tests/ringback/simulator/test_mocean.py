"""Mocean in the simulator: every check with its code, the shapes of answers, and what is remembered."""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ringback.simulator.delivering import Deliveries
from ringback.simulator.magic_numbers import Answering, PlannedFault
from ringback.simulator.mocean.endpoints import ENDPOINTS
from ringback.simulator.simulated import create_app
from ringback.simulator.world import FIRST_BALANCE, MEDIA_ID, SMS_PRICE, World

LOGIN = {"mocean-api-key": "key", "mocean-api-secret": "secret"}
TO = "60123456789"
SMS = {"from": "ACME", "to": TO, "text": "Hello"}
DIAL = {"to": TO, "command": json.dumps([{"action": "say", "language": "en-US", "text": "Hello"}])}
VERIFY = {"to": TO, "brand": "ACME"}
TEXT = {"type": "text", "text": "Hello"}


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    return World(Deliveries(delay_s=0), seed=1, now=clock)


def ask(world: World, method: str, path: str, **options: Any) -> httpx.Response:
    async def sent() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(world))
        async with httpx.AsyncClient(transport=transport, base_url="http://simulated/rest/2") as client:
            return await client.request(method, path, **options)

    return asyncio.run(sent())


def form(world: World, path: str, fields: Mapping[str, str]) -> dict[str, Any]:
    named = {f"mocean-{name}": value for name, value in fields.items()}
    options: dict[str, Any] = {"data": {**LOGIN, "mocean-resp-format": "json", **named}}
    method = next(one.method for one in ENDPOINTS if one.path == path)
    if method == "GET":
        options = {"params": options["data"]}
    answer: dict[str, Any] = ask(world, method, path, **options).json()
    return answer


def whatsapp(world: World, content: object, **changed: object) -> httpx.Response:
    order = {**LOGIN, "mocean-from": "60312345678", "mocean-to": TO, "mocean-content": content}
    named = {f"mocean-{name.strip('_')}": value for name, value in changed.items()}
    return ask(world, "POST", "/send-message/whatsapp", json=order | named)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.path)
@pytest.mark.parametrize(
    ("login", "headers"),
    [
        pytest.param({}, {}, id="none"),
        pytest.param({"mocean-api-key": "key"}, {}, id="no secret"),
        pytest.param({"mocean-api-key": "", "mocean-api-secret": ""}, {}, id="empty"),
        pytest.param({}, {"Authorization": "Bearer "}, id="empty token"),
    ],
)
def test_no_credentials(world: World, endpoint: Any, login: dict[str, str], headers: dict[str, str]) -> None:
    fields = {**login, "mocean-resp-format": "json"}
    response = ask(world, endpoint.method, endpoint.path, params=fields, headers=headers)
    answer = response.json()
    if endpoint.listed:
        answer = answer[endpoint.listed][0]
    assert answer == {"status": 2 if "verify" in endpoint.path else 1, "err_msg": "Authorization failed"}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"params": LOGIN}, id="query"),
        pytest.param({"headers": {"Authorization": "Bearer token"}}, id="token"),
    ],
)
def test_credentials(world: World, options: dict[str, Any]) -> None:
    assert "<value>" in ask(world, "GET", "/account/balance", **options).text


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"to": ""}, 6, id="no receiver"),
        pytest.param({"to": " , "}, 6, id="only commas"),
        pytest.param({"to": ",".join([TO] * 501)}, 27, id="501 receivers"),
        pytest.param({"to": "abc"}, 28, id="no number"),
        pytest.param({"to": "123"}, 28, id="short number"),
        pytest.param({"to": "0123456789"}, 28, id="no country code"),
        pytest.param({"from": ""}, 44, id="no sender"),
        pytest.param({"from": "A" * 16}, 37, id="long sender"),
        pytest.param({"text": ""}, 23, id="no text"),
        pytest.param({"text": "x" * 1531}, 29, id="long text"),
        pytest.param({"text": "hello", "coding": "2"}, 19, id="binary that is no hex"),
        pytest.param({"coding": "4"}, 19, id="coding"),
        pytest.param({"charset": "KOI8-R"}, 19, id="charset"),
        pytest.param({"text": "00", "udh": "0g"}, 9, id="udh"),
        pytest.param({"mclass": "4"}, 10, id="mclass"),
        pytest.param({"validity": "soon"}, 17, id="validity"),
        pytest.param({"validity": "-1"}, 17, id="validity below 0"),
        pytest.param({"validity": "9" * 5000}, 17, id="validity without end"),
        pytest.param({"schedule": "2026-1-2 3:04:05"}, 26, id="no leading zeros"),
        pytest.param({"schedule": "2026-02-30 10:00:00"}, 26, id="no such day"),
        pytest.param({"to": "99900000032"}, 32, id="number with code 32"),
        pytest.param({"to": "99900000050"}, 50, id="number with code 50"),
    ],
)
def test_sms_refused(world: World, changed: dict[str, str], code: int) -> None:
    [element] = form(world, "/sms", SMS | changed)["messages"]
    assert element["status"] == code
    assert element["err_msg"] not in ("", "Unknown error")
    assert "receiver" not in element
    assert world.messages == []
    assert world.balance == FIRST_BALANCE


def test_sms(world: World) -> None:
    response = ask(world, "POST", "/sms", data={**LOGIN, "mocean-resp-format": "JSON", **prefixed(SMS)})
    assert response.status_code == 202
    [message] = world.messages
    assert response.json() == {"messages": [{"status": 0, "receiver": TO, "msgid": message.message_id}]}
    assert (message.sender, message.recipient, message.content["text"]) == ("ACME", TO, "Hello")
    assert world.balance == FIRST_BALANCE - SMS_PRICE


def prefixed(fields: Mapping[str, str]) -> dict[str, str]:
    return {f"mocean-{name}": value for name, value in fields.items()}


def test_sms_to_several(world: World) -> None:
    elements = form(world, "/sms", {**SMS, "to": f"{TO} 60123456780,\n12"})["messages"]
    assert [one["status"] for one in elements] == [0, 0, 28]
    assert [one.get("receiver") for one in elements] == [TO, "60123456780", None]


def test_sms_in_xml(world: World) -> None:
    response = ask(world, "POST", "/sms", data={**LOGIN, **prefixed(SMS)})
    assert response.headers["Content-Type"].startswith("application/xml")
    assert "<result><messages><message><status>0</status>" in response.text


def test_no_credit(world: World) -> None:
    world.balance = Decimal(0)
    assert form(world, "/sms", SMS)["messages"][0]["status"] == 2
    assert form(world, "/voice/dial", DIAL)["status"] == 2
    assert form(world, "/nl", {"to": TO})["status"] == 2
    assert form(world, "/verify/req", VERIFY)["status"] == 18
    assert whatsapp(world, TEXT).json()["status"] == 2


@pytest.mark.parametrize(
    ("path", "fields", "code"),
    [
        pytest.param("/conversion", {"msgid": "none", "delivered": "true"}, 25, id="conversion of nothing"),
        pytest.param("/voice/dial", {**DIAL, "to": ""}, 6, id="dial nobody"),
        pytest.param("/voice/dial", {**DIAL, "to": ",".join([TO] * 11)}, 8, id="dial 11"),
        pytest.param("/voice/dial", {**DIAL, "to": "12"}, 11, id="dial no number"),
        pytest.param("/voice/dial", {"to": TO}, 12, id="no MC"),
        pytest.param("/voice/dial", {**DIAL, "command": "{"}, 13, id="MC that is no JSON"),
        pytest.param("/voice/dial", {**DIAL, "command": "[" * 100_000}, 13, id="MC without end"),
        pytest.param("/voice/dial", {**DIAL, "command": "7"}, 13, id="MC that is a number"),
        pytest.param("/voice/dial", {**DIAL, "command": '[{"action": "sing"}]'}, 13, id="unknown action"),
        pytest.param("/voice/dial", {**DIAL, "to": "99900000003"}, 3, id="dial code 3"),
        pytest.param("/voice/hangup", {"call-uuid": "none"}, 7, id="hang up nothing"),
        pytest.param("/voice/rec", {"call-uuid": "none"}, 7, id="record of nothing"),
        pytest.param("/verify/req", {"to": TO}, 4, id="no brand"),
        pytest.param("/verify/req", {"brand": "ACME"}, 5, id="verify nobody"),
        pytest.param("/verify/req", {**VERIFY, "to": "12"}, 6, id="verify no number"),
        pytest.param("/verify/req", {**VERIFY, "brand": "A" * 19}, 9, id="long brand"),
        pytest.param("/verify/req", {**VERIFY, "from": "A" * 16}, 10, id="long verify sender"),
        pytest.param("/verify/req", {**VERIFY, "code-length": "5"}, 11, id="code length 5"),
        pytest.param("/verify/req", {**VERIFY, "pin-validity": "59"}, 13, id="validity 59"),
        pytest.param("/verify/req", {**VERIFY, "pin-validity": "3601"}, 13, id="validity 3601"),
        pytest.param("/verify/req", {**VERIFY, "next-event-wait": "59"}, 14, id="wait 59"),
        pytest.param("/verify/req", {**VERIFY, "next-event-wait": "901"}, 14, id="wait 901"),
        pytest.param("/verify/req", {**VERIFY, "to": "99900000020"}, 20, id="verify code 20"),
        pytest.param("/verify/req/sms", {**VERIFY, "code-length": "7"}, 11, id="code length 7"),
        pytest.param("/verify/req/telegram", VERIFY, 26, id="no bot"),
        pytest.param("/verify/resend/sms", {}, 7, id="resend nothing"),
        pytest.param("/verify/resend/sms", {"reqid": "none"}, 17, id="resend an unknown"),
        pytest.param("/verify/check", {"code": "1234"}, 7, id="check nothing"),
        pytest.param("/verify/check", {"reqid": "none", "code": "1234"}, 17, id="check an unknown"),
        pytest.param("/nl", {}, 6, id="look nobody up"),
        pytest.param("/nl", {"to": "12"}, 28, id="look no number up"),
        pytest.param("/nl", {"to": "99900000065"}, 65, id="lookup code 65"),
        pytest.param("/account/pricing", {"type": "fax"}, 72, id="pricing type"),
        pytest.param("/account/pricing", {"delimiter": "x"}, 51, id="pricing delimiter"),
        pytest.param("/account/pricing", {"mnc": "12"}, 46, id="mnc alone"),
        pytest.param("/account/pricing", {"mcc": "x"}, 46, id="mcc that is none"),
        pytest.param("/account/pricing", {"mcc": "999"}, 3, id="no rate"),
        pytest.param("/report/message", {}, 25, id="status of nothing"),
    ],
)
def test_refused(world: World, path: str, fields: dict[str, str], code: int) -> None:
    answer = form(world, path, fields)
    assert answer["status"] == code
    assert answer["err_msg"] not in ("", "Unknown error")
    assert world.balance == FIRST_BALANCE


ROW = {"id": "1", "title": "One"}
SECTION = {"title": "S", "rows": [ROW]}
BUTTON = {"type": "reply", "id": "1", "title": "One"}
ITEMS = {"title": "S", "product_items": [{"product_retailer_id": "1"}]}
REPLY = {"type": "quick_reply", "index": 0, "payload": "p"}
URL_BUTTON = {"type": "url", "index": 0, "url_parameter": "u"}
BODY = {"type": "text", "text": "b"}


def template(**changed: object) -> dict[str, object]:
    return {"type": "template", "wa_template": {"name": "n", "language": "en", **changed}}


def interactive(kind: str, action: Mapping[str, object] | None, **changed: object) -> dict[str, object]:
    return {"type": "interactive", "wa_interactive": {"type": kind, "body": BODY, "action": action, **changed}}


def listed(*sections: object) -> dict[str, object]:
    return interactive("list", {"button_text": "B", "sections": list(sections)})


def numbered(first: int, count: int) -> dict[str, object]:
    return {"title": "S", "rows": [{"id": str(first + one), "title": "T"} for one in range(count)]}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(TEXT, 0, id="text"),
        pytest.param({"type": "text"}, 92, id="text without text"),
        pytest.param({"type": "fax", "text": "x"}, 72, id="unknown type"),
        pytest.param({"type": [], "text": "x"}, 72, id="type that is no text"),
        pytest.param({}, 72, id="no type"),
        pytest.param("Hello", 93, id="no object"),
        pytest.param(None, 93, id="no content"),
        *(
            pytest.param({"type": kind, "rich_media_url": "https://example.com/a"}, 0, id=kind)
            for kind in ("image", "audio", "document", "video", "sticker")
        ),
        pytest.param({"type": "image", "text": "caption"}, 92, id="image without URL"),
        pytest.param({"type": "reaction", "text": "", "reply_to_msg_id": "1"}, 0, id="reaction taken back"),
        pytest.param({"type": "reaction", "text": "x"}, 92, id="reaction to nothing"),
        pytest.param({"type": "reaction", "reply_to_msg_id": "1"}, 92, id="reaction without text"),
        pytest.param(template(), 0, id="template"),
        pytest.param({"type": "template"}, 92, id="no template"),
        pytest.param(template(name=""), 94, id="template without name"),
        pytest.param(template(language=None), 94, id="template without language"),
        pytest.param(template(header_params=[BODY]), 0, id="header"),
        pytest.param(template(header_params=[BODY, BODY]), 94, id="two headers"),
        pytest.param(template(header_params=[{"type": "audio"}]), 94, id="audio header"),
        pytest.param(template(header_params=[{"type": "image", "text": "x"}]), 94, id="caption in a header"),
        pytest.param(template(body_params=[{"type": "image"}]), 94, id="image in a body"),
        pytest.param(template(body_params="x"), 94, id="body that is no list"),
        pytest.param(template(wa_buttons=[REPLY, REPLY, REPLY]), 0, id="three template buttons"),
        pytest.param(template(wa_buttons=[REPLY] * 4), 94, id="four template buttons"),
        pytest.param(template(wa_buttons=[REPLY, URL_BUTTON]), 94, id="two types of buttons"),
        pytest.param(template(wa_buttons=[{"type": []}]), 94, id="button type that is no text"),
        pytest.param(template(wa_buttons=[{"type": "url", "index": 0}]), 94, id="URL button without parameter"),
        pytest.param(template(wa_buttons=[{"type": "quick_reply", "payload": "p"}]), 94, id="button without index"),
        pytest.param(interactive("button", {"wa_buttons": [BUTTON]}), 0, id="button"),
        pytest.param(interactive("button", {"wa_buttons": []}), 94, id="no button"),
        pytest.param(interactive("button", {"wa_buttons": [BUTTON, BUTTON]}), 94, id="button twice"),
        pytest.param(
            interactive("button", {"wa_buttons": [{**BUTTON, "id": str(one)} for one in range(4)]}), 94, id="4 buttons"
        ),
        pytest.param(interactive("button", {"wa_buttons": [{**BUTTON, "id": " 1"}]}), 94, id="blank before an id"),
        pytest.param(interactive("button", {"wa_buttons": [BUTTON]}, body=None), 94, id="no body"),
        pytest.param(interactive("button", None), 94, id="no action"),
        pytest.param(interactive("dance", {}), 72, id="unknown interactive"),
        pytest.param({"type": "interactive"}, 92, id="no interactive"),
        pytest.param(interactive("button", {"wa_buttons": [BUTTON]}, header={"type": "audio"}), 94, id="header type"),
        pytest.param(listed(SECTION), 0, id="list"),
        pytest.param(interactive("list", {"sections": [SECTION]}), 94, id="list without button text"),
        pytest.param(listed(), 94, id="no section"),
        pytest.param(listed(*(numbered(10 * one, 1) for one in range(10))), 0, id="10 sections"),
        pytest.param(listed(*(numbered(10 * one, 1) for one in range(11))), 94, id="11 sections"),
        pytest.param(listed(numbered(0, 10)), 0, id="10 rows"),
        pytest.param(listed(numbered(0, 11)), 94, id="11 rows"),
        pytest.param(listed({"rows": []}), 94, id="no row"),
        pytest.param(listed({"rows": [ROW]}), 0, id="one section without title"),
        pytest.param(listed({"rows": [ROW]}, numbered(5, 1)), 94, id="one of two sections without title"),
        pytest.param(listed(SECTION, SECTION), 94, id="a row id in two sections"),
        pytest.param(
            interactive("product", {"catalog_id": "1", "product_retailer_id": "2"}, body=None), 0, id="product"
        ),
        pytest.param(interactive("product", {"catalog_id": "1"}), 94, id="product without its id"),
        pytest.param(
            interactive("product_list", {"catalog_id": "1", "sections": [ITEMS]}, header=BODY), 0, id="product list"
        ),
        pytest.param(
            interactive("product_list", {"catalog_id": "1", "sections": [ITEMS]}), 94, id="product list without header"
        ),
    ],
)
def test_whatsapp_contents(world: World, content: object, code: int) -> None:
    response = whatsapp(world, content)
    answer = response.json()
    assert answer["status"] == code
    if code:
        assert answer["err_msg"] not in ("", "Unknown error")
        assert world.messages == []
    else:
        assert response.status_code == 202
        [message] = world.messages
        assert answer == {"status": 0, "message_id": message.message_id}
        assert message.content == content


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({"from_": ""}, 44, id="no sender"),
        pytest.param({"to": ""}, 6, id="no receiver"),
        pytest.param({"to": "99900000078"}, 78, id="number with code 78"),
    ],
)
def test_whatsapp_refused(world: World, changed: dict[str, str], code: int) -> None:
    assert whatsapp(world, TEXT, **changed).json()["status"] == code


def test_whatsapp_throttled(world: World) -> None:
    world.outcomes.plan(PlannedFault("whatsapp", Answering.THROTTLE))
    assert whatsapp(world, TEXT).status_code == 429
    assert [whatsapp(world, TEXT, to="99908000000").status_code for _ in range(2)] == [429, 202]


def test_whatsapp_as_curl_declares_it(world: World) -> None:
    order = {**LOGIN, "mocean-from": "60312345678", "mocean-to": TO, "mocean-content": TEXT}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    path = "/send-message/whatsapp"
    assert ask(world, "POST", path, content=json.dumps(order), headers=headers).json()["status"] == 0
    assert ask(world, "POST", path, data=LOGIN).json()["status"] == 34


@pytest.mark.parametrize(
    ("path", "fields", "length"),
    [
        pytest.param("/verify/req", {}, 6, id="paid by conversion"),
        pytest.param("/verify/req/sms", {}, 4, id="sms"),
        pytest.param("/verify/req/telegram", {"from": "bot"}, 4, id="telegram"),
        pytest.param("/verify/req", {"code-length": "4"}, 4, id="length chosen"),
    ],
)
def test_verify(world: World, path: str, fields: dict[str, str], length: int) -> None:
    answer = form(world, path, {**VERIFY, **fields})
    request_id = answer["reqid"]
    assert (answer["status"], answer["to"]) == (0, TO)
    assert answer.get("is_number_reachable") == ("unknown" if path.endswith("sms") else None)
    code = world.verifications[request_id].code
    assert len(code) == length
    assert form(world, "/verify/check", {"reqid": request_id, "code": code}) == {"reqid": request_id, "status": 0}
    assert form(world, "/verify/check", {"reqid": request_id, "code": code})["status"] == 17


def test_wrong_codes(world: World) -> None:
    request_id = form(world, "/verify/req", VERIFY)["reqid"]
    right = world.verifications[request_id].code
    wrong = {"reqid": request_id, "code": "x"}
    assert form(world, "/verify/check", {"reqid": request_id})["status"] == 8
    assert [form(world, "/verify/check", wrong)["status"] for _ in range(4)] == [16, 16, 15, 15]
    assert form(world, "/verify/check", {**wrong, "code": right})["status"] == 15


def test_one_verification_at_a_time(world: World, clock: Clock) -> None:
    assert form(world, "/verify/req", VERIFY)["status"] == 0
    assert form(world, "/verify/req", VERIFY)["status"] == 19
    assert form(world, "/verify/req", {**VERIFY, "brand": "Other"})["status"] == 0
    assert form(world, "/verify/req/sms", VERIFY)["status"] == 0
    clock.at += timedelta(seconds=300)
    assert form(world, "/verify/req", VERIFY)["status"] == 0


def test_a_code_expires(world: World, clock: Clock) -> None:
    request_id = form(world, "/verify/req", {**VERIFY, "pin-validity": "60"})["reqid"]
    clock.at += timedelta(seconds=60)
    code = world.verifications[request_id].code
    assert form(world, "/verify/check", {"reqid": request_id, "code": code})["status"] == 17


def test_resend(world: World) -> None:
    request_id = form(world, "/verify/req/sms", VERIFY)["reqid"]
    answer = form(world, "/verify/resend/sms", {"reqid": request_id})
    assert answer == {"reqid": request_id, "status": 0, "to": TO, "resend_number": "1"}
    first, second = world.messages
    assert first.content == second.content


def test_dial(world: World) -> None:
    [call] = form(world, "/voice/dial", DIAL)["calls"]
    assert set(call) == {"status", "session_uuid", "call_uuid"}
    calls = form(world, "/voice/dial", {**DIAL, "to": f"{TO},60123456780"})["calls"]
    assert [one["receiver"] for one in calls] == [TO, "60123456780"]


def test_lookup(world: World) -> None:
    answer = form(world, "/nl", {"to": TO})
    assert set(answer) == {"status", "msgid", "to", "current_carrier", "original_carrier", "ported"}
    assert isinstance(answer["current_carrier"]["mcc"], str)
    later = form(world, "/nl", {"to": TO, "nl-url": "http://127.0.0.1:9/"})
    assert set(later) == {"status", "msgid", "to"}


def test_status_and_conversion(world: World) -> None:
    [element] = form(world, "/sms", SMS)["messages"]
    message_id = element["msgid"]
    answer = form(world, "/report/message", {"msgid": message_id})
    assert answer["message_status"] in (1, 4)
    assert answer == {**answer, "status": 0, "msgid": message_id, "credit_deducted": "0.0500"}
    assert form(world, "/report/message", {"msgid": "none"})["message_status"] == 5
    assert form(world, "/conversion", {"msgid": message_id, "delivered": "maybe"})["status"] == 24
    assert form(world, "/conversion", {"msgid": message_id, "delivered": "true"}) == {"status": 0}
    assert world.messages[0].conversion is True


@pytest.mark.parametrize(
    ("fields", "rows"),
    [
        pytest.param({}, 6, id="all"),
        pytest.param({"mcc": "502"}, 3, id="a country"),
        pytest.param({"mcc": "502", "mnc": "19"}, 1, id="one of a network's codes"),
        pytest.param({"mcc": "525", "mnc": "01"}, 1, id="leading zero"),
        pytest.param({"type": "verify", "delimiter": ";"}, 6, id="type and delimiter"),
    ],
)
def test_pricing(world: World, fields: dict[str, str], rows: int) -> None:
    found = form(world, "/account/pricing", fields)["destinations"]
    assert len(found) == rows
    assert set(found[0]) == {"country", "operator", "mcc", "mnc", "price", "currency"}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({**LOGIN, "mocean-from": "1", "mocean-media-id": MEDIA_ID}, 200, id="file"),
        pytest.param({**LOGIN, "mocean-from": "1", "mocean-media-id": "none"}, 404, id="unknown"),
        pytest.param({**LOGIN, "mocean-media-id": MEDIA_ID}, 400, id="no sender"),
        pytest.param({**LOGIN, "mocean-from": "1"}, 400, id="no id"),
        pytest.param({"mocean-from": "1", "mocean-media-id": MEDIA_ID}, 401, id="no credentials"),
    ],
)
def test_media(world: World, fields: dict[str, str], status: int) -> None:
    response = ask(world, "GET", "/media/whatsapp", params=fields)
    assert response.status_code == status
    if status == 200:
        assert response.headers["Content-Disposition"].startswith("inline;filename=")
        assert response.headers["Content-Type"] == "image/png"
    else:
        assert response.content == b""


def test_twenty_media_a_minute(world: World, clock: Clock) -> None:
    fields = {**LOGIN, "mocean-from": "1", "mocean-media-id": MEDIA_ID}

    def status() -> int:
        return ask(world, "GET", "/media/whatsapp", params=fields).status_code

    assert [status() for _ in range(21)] == [200] * 20 + [429]
    clock.at += timedelta(minutes=1)
    assert status() == 200


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a":' * 100_000, id="nested without end"),
        pytest.param(b"{", id="half an object"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_bodies_that_are_none(world: World, body: bytes) -> None:
    response = ask(world, "POST", "/sms", params={"mocean-resp-format": "json"}, content=body)
    assert response.json()["messages"][0]["status"] == 1


def test_what_xml_cannot_say(world: World) -> None:
    for text in ("a\x00b", "\x1b", "\ufffe"):
        response = ask(world, "GET", "/report/message", params={**LOGIN, "mocean-msgid": text})
        assert "<message_status>5</message_status>" in response.text
        assert text not in response.text


def xml(world: World, path: str, fields: Mapping[str, str]) -> str:
    named = {**LOGIN, **{f"mocean-{name}": value for name, value in fields.items()}}
    method = next(one.method for one in ENDPOINTS if one.path == path)
    answer = ask(world, method, path, **({"params": named} if method == "GET" else {"data": named}))
    assert answer.headers["Content-Type"].startswith("application/xml")
    return re.sub(r"[0-9a-f]{32}", "ID", answer.text.partition("?>\n")[2])


@pytest.mark.parametrize(
    ("path", "fields", "shape"),
    [
        pytest.param(
            "/sms",
            SMS,
            f"<messages><message><status>0</status><receiver>{TO}</receiver><msgid>custID</msgid></message></messages>",
            id="SMS",
        ),
        pytest.param(
            "/sms",
            {**SMS, "text": ""},
            "<messages><message><status>23</status><err_msg>Empty mocean-text</err_msg></message></messages>",
            id="SMS refused",
        ),
        pytest.param(
            "/voice/dial",
            DIAL,
            "<calls><call><status>0</status><session_uuid>ID</session_uuid><call_uuid>ID</call_uuid></call></calls>",
            id="call",
        ),
        pytest.param(
            "/voice/dial",
            {**DIAL, "command": "[]"},
            "<status>13</status><err_msg>Mocean Command (MC) syntax error</err_msg>",
            id="call refused",
        ),
        pytest.param(
            "/verify/req",
            VERIFY,
            f"<verify_request><reqid>ID</reqid><status>0</status><to>{TO}</to></verify_request>",
            id="verify",
        ),
        pytest.param(
            "/verify/check",
            {"reqid": "x", "code": "1"},
            "<verify_check><status>17</status><err_msg>Associated verify request not found</err_msg></verify_check>",
            id="check refused",
        ),
        pytest.param("/account/balance", {}, "<status>0</status><value>100.0</value>", id="balance"),
        pytest.param(
            "/account/pricing",
            {"mcc": "525", "mnc": "01"},
            "<status>0</status><destinations><destination><country>Singapore</country><operator>SingTel</operator>"
            "<mcc>525</mcc><mnc>01</mnc><price>0.0500</price><currency>USD</currency></destination></destinations>",
            id="pricing",
        ),
        pytest.param(
            "/report/message",
            {"msgid": "x"},
            "<status>0</status><message_status>5</message_status><msgid>x</msgid>"
            "<credit_deducted>0.0000</credit_deducted>",
            id="message status",
        ),
    ],
)
def test_shapes_in_xml(world: World, path: str, fields: Mapping[str, str], shape: str) -> None:
    assert xml(world, path, fields) == f"<result>{shape}</result>"


def test_five_hundred_receivers_are_taken(world: World) -> None:
    numbers = " ".join(f"60{number:09}" for number in range(123_456_000, 123_456_500))

    assert {one["status"] for one in form(world, "/sms", {**SMS, "to": numbers})["messages"]} == {0}


def test_a_scheduled_sms_is_reported_when_its_time_has_come(world: World, clock: Clock) -> None:
    soon = (clock.at + timedelta(hours=8, seconds=90)).strftime("%Y-%m-%d %H:%M:%S")  # Malaysia's time
    waited: list[float] = []
    follow = world.follower.follow

    async def noted(*args: Any, after: float = 0, **options: Any) -> None:
        waited.append(after)
        await follow(*args, after=after, **options)

    world.follower.follow = noted  # type: ignore[method-assign]
    form(world, "/sms", {**SMS, "schedule": soon})
    form(world, "/sms", SMS)

    assert waited == [90, 0]
