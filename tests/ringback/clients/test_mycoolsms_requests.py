"""My-Cool-SMS's requests: typed arguments in, the JSON of the document out; wrong arguments never go out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from ringback.clients.accounts import CallbackBase, MyCoolSmsAccount
from ringback.clients.errors import InvalidRequestError
from ringback.clients.exchange import Call
from ringback.clients.mycoolsms import inbox, inquiries, mailing, reports, sms
from ringback.schemas.address import parse_address
from ringback.schemas.tokens import Token

ACCOUNT: Final = MyCoolSmsAccount("xxx", SecretStr("yyy"), "https://provider.example/api-socket.php")
ID: Final = "ce184cc0a6d1714d1ac763f4fe89f521"
LIST: Final = "75F3FAB"
NAIVE: Final = datetime.fromisoformat("2026-01-01")
BERLIN: Final = ZoneInfo("Europe/Berlin")

Make = Callable[..., Call[Any]]


def fields_of(call: Call[Any]) -> dict[str, Any]:
    """Return what a request asks, less the credentials."""
    request = call.request
    assert (request.method, request.url, request.query) == ("POST", ACCOUNT.url, {})
    assert request.headers == {"Content-Type": "application/json"}
    fields = json.loads(request.body)
    assert (fields.pop("username"), fields.pop("password")) == ("xxx", "yyy")
    assert fields["function"] == request.operation
    return dict(fields)


def sent(**arguments: Any) -> dict[str, Any]:
    return fields_of(sms.send(ACCOUNT, **{"to": "+491234567890", "text": "Have a nice day!", **arguments}))


SMS: Final = {
    "function": "sendSms",
    "number": "+491234567890",
    "message": "Have a nice day!",
    "unicode": False,
}


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        pytest.param({}, {}, id="the needed ones alone"),
        pytest.param({"to": "49 1234-567890"}, {}, id="a number as people write it"),
        pytest.param({"to": "00491234567890"}, {}, id="a number with zeros"),
        pytest.param({"to": parse_address("491234567890")}, {}, id="an event's address"),
        pytest.param({"from_": "+44 9876543210"}, {"senderid": "+449876543210"}, id="a number sends"),
        pytest.param({"from_": "Company"}, {"senderid": "Company"}, id="a name sends"),
        pytest.param({"from_": "Ab-3456789z"}, {"senderid": "Ab-3456789z"}, id="a name of 11"),
        pytest.param({"from_": parse_address("Company")}, {"senderid": "Company"}, id="an event's name sends"),
        pytest.param(
            {"schedule": datetime(2011, 4, 17, 17, 59, 36, 670000, timezone(timedelta(hours=8)))},
            {"scheduletime": "2011-04-17T17:59:36+08:00"},
            id="a time, to the second",
        ),
        pytest.param(
            {"schedule": datetime(2011, 4, 17, 9, 59, 36, tzinfo=UTC)},
            {"scheduletime": "2011-04-17T09:59:36+00:00"},
            id="a time in UTC",
        ),
        pytest.param(
            {"schedule": datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)},
            {"scheduletime": "2026-10-25T02:30:00+02:00"},
            id="the hour that comes twice, first",
        ),
        pytest.param(
            {"schedule": datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1)},
            {"scheduletime": "2026-10-25T02:30:00+01:00"},
            id="the hour that comes twice, second",
        ),
        pytest.param(
            {"callback_url": "http://www.my-server.com/callback.php"},
            {"callbackurl": "http://www.my-server.com/callback.php"},
            id="a callback of the caller's",
        ),
    ],
)
def test_send_sms(arguments: dict[str, Any], fields: dict[str, Any]) -> None:
    assert sent(**arguments) == {**SMS, **fields}


def test_reports_come_back_to_this_service_with_the_context() -> None:
    token = Token(account="acme", secret=SecretStr("0123456789abcdef"))
    account = MyCoolSmsAccount("xxx", SecretStr("yyy"), ACCOUNT.url, CallbackBase("https://us.example", token))
    call = sms.send(account, to="+491234567890", text="Hi", context={"order": "42 & 1"})
    url = urlsplit(fields_of(call)["callbackurl"])
    assert (url.netloc, url.path) == ("us.example", "/webhooks/mycoolsms/delivery-report")
    assert parse_qs(url.query) == {"token": ["0123456789abcdef"], "ctx.order": ["42 & 1"]}


def test_context_of_ours_comes_back_beside_the_callers_and_wins() -> None:
    base = CallbackBase("https://us.example", extra={"send": "abc"})
    account = MyCoolSmsAccount("xxx", SecretStr("yyy"), ACCOUNT.url, base)
    call = sms.send(account, to="+491234567890", text="Hi", context={"order": "42", "send": "theirs"})
    assert parse_qs(urlsplit(fields_of(call)["callbackurl"]).query) == {"ctx.order": ["42"], "ctx.send": ["abc"]}


def test_a_callback_of_the_callers_wins() -> None:
    account = MyCoolSmsAccount("xxx", SecretStr("yyy"), ACCOUNT.url, CallbackBase("https://us.example"))
    call = sms.send(account, to="+491234567890", text="Hi", callback_url="https://other.example/")
    assert fields_of(call)["callbackurl"] == "https://other.example/"


@pytest.mark.parametrize(
    ("make", "arguments", "fields"),
    [
        pytest.param(inquiries.balance, {}, {"function": "getBalance"}, id="balance"),
        pytest.param(
            inquiries.lookup,
            {"number": "00491234567890"},
            {"function": "doHlrLookup", "number": "+491234567890"},
            id="lookup",
        ),
        pytest.param(
            inquiries.normalize,
            {"number": " 001(712)736-3423 "},
            {"function": "normalizeNumber", "number": "001(712)736-3423"},
            id="normalize: as it was written",
        ),
        pytest.param(inbox.incoming, {}, {"function": "getIncomingSms"}, id="incoming"),
        pytest.param(
            inbox.incoming,
            {"virtual_number": "+449876543201"},
            {"function": "getIncomingSms", "virtualnumber": "+449876543201"},
            id="incoming: the document's sample",
        ),
        pytest.param(
            inbox.incoming,
            {"after": 201, "limit": 0, "order": "ASC", "unread_ids": [1, 2]},
            {
                "function": "getIncomingSms",
                "thresholdid": 201,
                "thresholdoperator": "gt",
                "limit": 0,
                "order": "ASC",
                "unreadsmstosyncids": [1, 2],
            },
            id="incoming: after an id, all of them",
        ),
        pytest.param(
            inbox.incoming,
            {"before": 0, "limit": 1, "order": "DESC", "unread_ids": []},
            {
                "function": "getIncomingSms",
                "thresholdid": 0,
                "thresholdoperator": "lt",
                "limit": 1,
                "order": "DESC",
                "unreadsmstosyncids": [],
            },
            id="incoming: before an id",
        ),
        pytest.param(reports.report, {"message_id": ID}, {"function": "getDeliveryReport", "id": ID}, id="report"),
        pytest.param(
            reports.mailing_report,
            {"group_key": ID},
            {"function": "getDeliveryReport", "id": ID, "groupkey": "true"},
            id="report of a mailing",
        ),
        pytest.param(
            reports.mailing_report,
            {"group_key": ID, "details": True},
            {"function": "getDeliveryReport", "id": ID, "groupkey": "true", "mailingdetails": "true"},
            id="report of a mailing, with details",
        ),
        pytest.param(
            reports.reports,
            {"message_ids": [ID, "d1ac763f4fe89f521ce184cc0a6d1714"]},
            {"function": "getDeliveryReports", "ids": [ID, "d1ac763f4fe89f521ce184cc0a6d1714"]},
            id="reports",
        ),
        pytest.param(
            reports.reports,
            {"message_ids": [ID] * 100},
            {"function": "getDeliveryReports", "ids": [ID] * 100},
            id="100 reports",
        ),
        pytest.param(
            reports.recent_reports, {"limit": 10}, {"function": "getRecentReports", "limit": 10}, id="recent reports"
        ),
        pytest.param(
            reports.recent_reports, {"limit": 1}, {"function": "getRecentReports", "limit": 1}, id="one recent report"
        ),
        pytest.param(reports.outbound, {}, {"function": "getOutboundSms"}, id="outbound"),
        pytest.param(
            reports.outbound,
            {"after": ID, "limit": 1, "order": "ASC"},
            {
                "function": "getOutboundSms",
                "thresholdid": ID,
                "thresholdoperator": "gt",
                "limit": 1,
                "order": "ASC",
            },
            id="outbound: after an id of 32 characters",
        ),
        pytest.param(
            reports.outbound,
            {"before": ID},
            {"function": "getOutboundSms", "thresholdid": ID, "thresholdoperator": "lt"},
            id="outbound: before an id",
        ),
        pytest.param(
            mailing.mailing,
            {"list_id": LIST, "text": "Staff meeting in 20 minutes. Balcony meeting room.", "from_": "MyCompany"},
            {
                "function": "sendMailing",
                "uniqueid": LIST,
                "message": "Staff meeting in 20 minutes. Balcony meeting room.",
                "unicode": False,
                "senderid": "MyCompany",
            },
            id="mailing: the document's sample",
        ),
        pytest.param(
            mailing.mailing,
            {"list_id": LIST, "text": "Ж", "schedule": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)},
            {
                "function": "sendMailing",
                "uniqueid": LIST,
                "message": "0416",
                "unicode": True,
                "scheduletime": "2026-01-02T03:04:05+00:00",
            },
            id="mailing: Unicode, later",
        ),
        pytest.param(
            mailing.delete_subscriber,
            {"list_id": LIST, "number": "+1230987654321"},
            {"function": "deleteSubscriber", "uniqueid": LIST, "number": "+1230987654321"},
            id="delete a subscriber",
        ),
    ],
)
def test_requests(make: Make, arguments: dict[str, Any], fields: dict[str, Any]) -> None:
    assert fields_of(make(ACCOUNT, **arguments)) == fields


MARYLIN: Final = {"title": "Ms", "first_name": "Marylin", "last_name": "Monroe", "company": "Hollywood"}
put = pytest.mark.parametrize(
    ("make", "function"),
    [(mailing.add_subscriber, "addSubscriber"), (mailing.update_subscriber, "updateSubscriber")],
    ids=["add", "update"],
)


@put
@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        pytest.param({}, {}, id="the needed ones alone"),
        pytest.param(
            MARYLIN,
            {"title": "Ms", "firstname": "Marylin", "lastname": "Monroe", "company": "Hollywood"},
            id="the document's sample",
        ),
        pytest.param({"title": "é" * 16}, {"title": "é" * 16}, id="a title of 16"),
        pytest.param({"first_name": "é" * 32}, {"firstname": "é" * 32}, id="a first name of 32"),
        pytest.param({"last_name": "é" * 32}, {"lastname": "é" * 32}, id="a last name of 32"),
        pytest.param({"company": "é" * 64}, {"company": "é" * 64}, id="a company of 64"),
        pytest.param({"title": ""}, {"title": ""}, id="an empty title"),
    ],
)
def test_subscriber(make: Make, function: str, arguments: dict[str, Any], fields: dict[str, Any]) -> None:
    call = make(ACCOUNT, list_id=LIST, number="+1230987654321", **arguments)
    assert fields_of(call) == {"function": function, "uniqueid": LIST, "number": "+1230987654321", **fields}


NUMBER: Final = {"to": "+491234567890"}
LONG: Final = "the-text-that-nobody-may-read "


@pytest.mark.parametrize(
    ("make", "arguments", "argument"),
    [
        pytest.param(sms.send, {"to": "MyCompany", "text": "Hi"}, "to", id="a name receives"),
        pytest.param(sms.send, {"to": "63001", "text": "Hi"}, "to", id="a short code receives"),
        pytest.param(sms.send, {"to": "", "text": "Hi"}, "to", id="nobody receives"),
        pytest.param(sms.send, {**NUMBER, "text": ""}, "text", id="an empty text"),
        pytest.param(sms.send, {**NUMBER, "text": "a" * 766}, "text", id="766 septets"),
        pytest.param(sms.send, {**NUMBER, "text": "a" * 764 + "€"}, "text", id="766 septets, the last two one euro"),
        pytest.param(sms.send, {**NUMBER, "text": "Ж" * 336}, "text", id="336 units"),
        pytest.param(sms.send, {**NUMBER, "text": "Ж" * 334 + "👍"}, "text", id="336 units, the last two one emoji"),
        pytest.param(sms.send, {**NUMBER, "text": "1" * 336}, "text", id="336 digits that look like UCS2"),
        pytest.param(sms.send, {**NUMBER, "text": "Hi \ud83d"}, "text", id="half a surrogate pair"),
        pytest.param(sms.send, {**NUMBER, "text": "Hi", "from_": "63001"}, "from_", id="a short code sends"),
        pytest.param(sms.send, {**NUMBER, "text": "Hi", "from_": ""}, "from_", id="nobody sends"),
        pytest.param(sms.send, {**NUMBER, "text": "Hi", "from_": "Ab-3456789zz"}, "from_", id="a name of 12"),
        pytest.param(sms.send, {**NUMBER, "text": "Hi", "from_": "My Company"}, "from_", id="a name with a blank"),
        pytest.param(sms.send, {**NUMBER, "text": "Hi", "from_": "Cömpany"}, "from_", id="a name with an umlaut"),
        pytest.param(sms.send, {**NUMBER, "text": "Hi", "from_": "---"}, "from_", id="a name without a letter"),
        pytest.param(
            sms.send,
            {**NUMBER, "text": "Hi", "schedule": NAIVE},
            "schedule",
            id="a naive time",
        ),
        pytest.param(
            sms.send,
            {**NUMBER, "text": "Hi", "schedule": datetime(1890, 1, 1, tzinfo=BERLIN)},
            "schedule",
            id="an offset with seconds",
        ),
        pytest.param(
            sms.send, {**NUMBER, "text": "Hi", "callback_url": "us.example"}, "callback_url", id="no web address"
        ),
        pytest.param(
            sms.send, {**NUMBER, "text": "Hi", "callback_url": "https://"}, "callback_url", id="an address of nobody"
        ),
        pytest.param(
            sms.send, {**NUMBER, "text": "Hi", "callback_url": "https://a/b c"}, "callback_url", id="with a blank"
        ),
        pytest.param(
            sms.send, {**NUMBER, "text": "Hi", "context": {"order": "\ud800"}}, "context", id="context with half a pair"
        ),
        pytest.param(inquiries.normalize, {"number": "\ud800"}, "number", id="normalize half a pair"),
        pytest.param(reports.report, {"message_id": "\ud800"}, "message_id", id="report of half a pair"),
        pytest.param(
            mailing.add_subscriber,
            {"list_id": LIST, "number": "+1230987654321", "company": "\ud800"},
            "company",
            id="a company with half a pair",
        ),
        pytest.param(inquiries.lookup, {"number": "Company"}, "number", id="lookup of a name"),
        pytest.param(inquiries.normalize, {"number": " "}, "number", id="normalize nothing"),
        pytest.param(inbox.incoming, {"after": -1}, "after", id="incoming: below the first id"),
        pytest.param(inbox.incoming, {"before": -1}, "before", id="incoming: before it"),
        pytest.param(inbox.incoming, {"after": 1, "before": 1}, "before", id="incoming: after and before"),
        pytest.param(inbox.incoming, {"limit": -1}, "limit", id="incoming: a limit below 0"),
        pytest.param(inbox.incoming, {"limit": True}, "limit", id="incoming: a boolean for a limit"),
        pytest.param(inbox.incoming, {"order": "asc"}, "order", id="incoming: another order"),
        pytest.param(inbox.incoming, {"virtual_number": "x"}, "virtual_number", id="incoming: no number"),
        pytest.param(inbox.incoming, {"unread_ids": [1, -1]}, "unread_ids", id="incoming: unread ids"),
        pytest.param(reports.report, {"message_id": ""}, "message_id", id="report of nothing"),
        pytest.param(reports.mailing_report, {"group_key": " "}, "group_key", id="report of no mailing"),
        pytest.param(reports.reports, {"message_ids": []}, "message_ids", id="no reports"),
        pytest.param(reports.reports, {"message_ids": [ID] * 101}, "message_ids", id="101 reports"),
        pytest.param(reports.reports, {"message_ids": [ID, ""]}, "message_ids", id="reports: an empty id"),
        pytest.param(reports.reports, {"message_ids": ID}, "message_ids", id="reports: one id, not a list"),
        pytest.param(reports.recent_reports, {"limit": 0}, "limit", id="recent reports: none"),
        pytest.param(reports.outbound, {"after": ID, "before": ID}, "before", id="outbound: after and before"),
        pytest.param(reports.outbound, {"after": ID + "0"}, "after", id="outbound: an id of 33 characters"),
        pytest.param(reports.outbound, {"before": ""}, "before", id="outbound: an empty id"),
        pytest.param(reports.outbound, {"limit": 0}, "limit", id="outbound: a limit of 0"),
        pytest.param(reports.outbound, {"order": "UP"}, "order", id="outbound: another order"),
        pytest.param(mailing.mailing, {"list_id": "", "text": "Hi"}, "list_id", id="mailing to no list"),
        pytest.param(mailing.mailing, {"list_id": LIST, "text": ""}, "text", id="mailing of nothing"),
        pytest.param(
            mailing.mailing, {"list_id": LIST, "text": "Hi", "from_": "1234"}, "from_", id="mailing of a short code"
        ),
        pytest.param(
            mailing.mailing,
            {"list_id": LIST, "text": "Hi", "schedule": NAIVE},
            "schedule",
            id="mailing at a naive time",
        ),
        pytest.param(
            mailing.delete_subscriber, {"list_id": "", "number": "+1230987654321"}, "list_id", id="delete from no list"
        ),
        pytest.param(mailing.delete_subscriber, {"list_id": LIST, "number": "x"}, "number", id="delete nobody"),
        pytest.param(mailing.add_subscriber, {"list_id": LIST, "number": "x"}, "number", id="add nobody"),
        pytest.param(
            mailing.update_subscriber, {"list_id": "", "number": "+1230987654321"}, "list_id", id="update of no list"
        ),
    ],
)
def test_wrong_arguments_never_go_out(make: Make, arguments: dict[str, Any], argument: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        make(ACCOUNT, **arguments)
    error = caught.value
    assert error.reason.startswith(f"{argument}: ")
    assert (error.sent, error.permanent, error.provider, error.__context__) == ("no", True, "mycoolsms", None)


@put
@pytest.mark.parametrize(("argument", "most"), [("title", 16), ("first_name", 32), ("last_name", 32), ("company", 64)])
def test_one_character_too_many(make: Make, function: str, argument: str, most: int) -> None:
    value = (LONG * 3)[: most + 1]
    with pytest.raises(InvalidRequestError, match=f"{argument}: {most + 1} characters; write at most {most}") as caught:
        make(ACCOUNT, list_id=LIST, number="+1230987654321", **{argument: value})
    assert LONG[:10] not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "has_effect"),
    [
        pytest.param(sms.send(ACCOUNT, to="+491234567890", text="Hi"), True, id="sms"),
        pytest.param(mailing.mailing(ACCOUNT, list_id=LIST, text="Hi"), True, id="mailing"),
        pytest.param(mailing.add_subscriber(ACCOUNT, list_id=LIST, number="+1230987654321"), True, id="add"),
        pytest.param(mailing.update_subscriber(ACCOUNT, list_id=LIST, number="+1230987654321"), True, id="update"),
        pytest.param(mailing.delete_subscriber(ACCOUNT, list_id=LIST, number="+1230987654321"), True, id="delete"),
        pytest.param(inquiries.lookup(ACCOUNT, "+491234567890"), True, id="lookup: it is charged"),
        pytest.param(inquiries.balance(ACCOUNT), False, id="balance"),
        pytest.param(inquiries.normalize(ACCOUNT, "001"), False, id="normalize"),
        pytest.param(inbox.incoming(ACCOUNT, unread_ids=[1]), False, id="incoming: unread ids are compared"),
        pytest.param(reports.report(ACCOUNT, ID), False, id="report"),
        pytest.param(reports.mailing_report(ACCOUNT, ID), False, id="mailing report"),
        pytest.param(reports.reports(ACCOUNT, [ID]), False, id="reports"),
        pytest.param(reports.recent_reports(ACCOUNT, limit=1), False, id="recent reports"),
        pytest.param(reports.outbound(ACCOUNT), False, id="outbound"),
    ],
)
def test_what_may_be_repeated(call: Call[Any], has_effect: bool) -> None:
    assert call.request.has_effect is has_effect


def test_a_request_shows_no_secret_no_text_and_no_number() -> None:
    call = sms.send(
        ACCOUNT, to="+491234567890", from_="+449876543210", text="Kwyjibo", callback_url="https://cb.example"
    )
    shown = repr(call) + str(call) + repr(ACCOUNT)
    assert not [one for one in ("xxx", "yyy", "1234567890", "9876543210", "Kwyjibo", "cb.example") if one in shown]
