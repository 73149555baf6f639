"""My-Cool-SMS in the simulator: every function, and every code of the document."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from ringback.simulator.mycoolsms.books import MyCoolSmsBooks
from ringback.simulator.mycoolsms.functions import FUNCTIONS, call_function
from ringback.simulator.mycoolsms.parameters import RequestParameters
from ringback.simulator.mycoolsms.refusals import CODES, RefusedRequestError
from ringback.simulator.mycoolsms.texts import CountedText, detected

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
KNOWN: dict[str, object] = {"username": "anyone", "password": "anything"}
SMS = {"number": "+491234567890", "message": "Have a nice day!"}


def new_books(**changed: Any) -> MyCoolSmsBooks:
    ids = count(1)
    return MyCoolSmsBooks(now=lambda: NOW, new_id=lambda: f"{next(ids):032x}", **changed)


def ask(books: MyCoolSmsBooks, function: str, **values: object) -> dict[str, Any]:
    return answer_to(books, RequestParameters({**KNOWN, "function": function, **values}, is_json=True))


def answer_to(books: MyCoolSmsBooks, asked: RequestParameters) -> dict[str, Any]:
    try:
        return call_function(books, asked).answer
    except RefusedRequestError as refused:
        return refused.answer


@pytest.fixture
def books() -> MyCoolSmsBooks:
    return new_books()


def test_send_sms(books: MyCoolSmsBooks) -> None:
    url = "http://www.my-server.com/callback.php"
    assert ask(books, "sendSms", **SMS, senderid="+449876543210", callbackurl=url) == {
        "success": True,
        "smsid": f"{1:032x}",
        "body": "Have a nice day!",
        "bodyucs2": "0048006100760065002000610020006E0069006300650020006400610079" + "0021",
        "bodygsm7": "486176652061206E6963652064617921",
        "number": "+491234567890",
        "senderid": "+449876543210",
        "senderidenabled": True,
        "unicode": False,
        "numchars": 16,
        "escapenumchars": 0,
        "smscount": 1,
        "charge": 0.056,
        "balance": 752.154,
        "countrycode": "DE",
        "prefix": "+49",
        "timestamp": "2026-01-02T03:04:05+00:00",
        "callbackurl": url,
    }


@pytest.mark.parametrize(
    ("values", "code"),
    [
        pytest.param({"number": "12"}, 210, id="number too short"),
        pytest.param({"number": "nobody"}, 210, id="a name as number"),
        pytest.param({"message": ""}, 211, id="no text"),
        pytest.param({"message": "x" * 766}, 212, id="766 GSM characters"),
        pytest.param({"message": "€" * 383}, 212, id="766 septets, escapes count twice"),
        pytest.param({"message": "ж" * 336}, 212, id="336 Unicode characters"),
        pytest.param({"message": "plain", "unicode": True}, 213, id="Unicode forced, no notation"),
        pytest.param({"message": "00480061", "unicode": "false"}, 214, id="GSM forced, notation"),
        pytest.param({"message": "жук", "unicode": False}, 215, id="GSM forced, other characters"),
        pytest.param({"senderid": "TwelveLetter"}, 216, id="sender too long"),
        pytest.param({"senderid": "Two words"}, 216, id="sender with a blank"),
        pytest.param({"senderid": "63001"}, 217, id="short code"),
        pytest.param({"callbackurl": "www.example.com/x"}, 218, id="callback without scheme"),
        pytest.param({"callbackurl": "http://example.com/a b"}, 218, id="callback with a blank"),
        pytest.param({"scheduletime": "2026-02-03 04:05:06"}, 219, id="time without zone"),
        pytest.param({"scheduletime": "2026-13-03T04:05:06+08"}, 219, id="month 13"),
    ],
)
def test_send_sms_is_checked(books: MyCoolSmsBooks, values: Mapping[str, object], code: int) -> None:
    assert ask(books, "sendSms", **{**SMS, **values}) == RefusedRequestError(code).answer
    assert not books.outbound
    assert books.balance == Decimal("752.210")


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        pytest.param({"number": "0049 (123) 456-7890"}, {"number": "+491234567890"}, id="number in loose format"),
        pytest.param({"number": " 491234567890"}, {"number": "+491234567890"}, id="a form's + as a blank"),
        pytest.param({"message": "x" * 765}, {"smscount": 5}, id="765 GSM characters"),
        pytest.param({"message": "ж" * 335}, {"smscount": 5, "unicode": True, "bodygsm7": None}, id="335 Unicode"),
        pytest.param({"message": "€"}, {"escapenumchars": 1, "numchars": 1, "bodygsm7": "1B65"}, id="an escape"),
        pytest.param({"message": "x" * 160}, {"smscount": 1}, id="160"),
        pytest.param({"message": "x" * 161}, {"smscount": 2}, id="161"),
        pytest.param({"message": "ж" * 71}, {"smscount": 2}, id="71 Unicode"),
        pytest.param({"message": "7E41", "unicode": "1"}, {"body": "繁", "unicode": True}, id="notation, forced"),
        pytest.param({"message": "7E41"}, {"body": "繁", "unicode": True}, id="notation, found by itself"),
        pytest.param({"message": "D83DDC4D", "unicode": True}, {"body": "👍"}, id="an emoji"),
        pytest.param({"senderid": "My-Company1"}, {"senderid": "My-Company1"}, id="a name"),
        pytest.param({"scheduletime": "2011-04-17T17:59:36.67+08"}, {"success": True}, id="the document's time"),
        pytest.param({"scheduletime": "2011-04-17 17:59:36-02"}, {"success": True}, id="the document's other time"),
        pytest.param({"scheduletime": "2011-04-17 17:59:36 08"}, {"success": True}, id="a form's + in a time"),
    ],
)
def test_send_sms_takes(books: MyCoolSmsBooks, values: Mapping[str, object], kept: Mapping[str, object]) -> None:
    answer = ask(books, "sendSms", **{**SMS, **values})
    assert {name: answer[name] for name in kept} == kept


def test_delivery_reports(books: MyCoolSmsBooks) -> None:
    first = ask(books, "sendSms", **SMS)["smsid"]
    second = ask(books, "sendSms", **SMS)["smsid"]
    books.outbound[second].status = "SMS_STATUS_DELIVERED"
    one = {"smsid": second, "status": "SMS_STATUS_DELIVERED"}
    assert ask(books, "getDeliveryReport", id=second) == {"success": True, **one}
    assert ask(books, "getDeliveryReports", ids=[first, "nobody's", second])["reports"] == [
        {"smsid": first, "status": "SMS_STATUS_QUEUED"},
        {"smsid": "nobody's", "status": "UNKNOWN_ID"},
        one,
    ]
    [newest] = ask(books, "getRecentReports", limit=1)["reports"]
    assert set(newest) == {"number", "senderid", "body", "bodyucs2", "bodygsm7", "unicode", "timesent", "status"}
    assert newest["timesent"] == "2026-01-02 03:04:05.678+00"


def test_outbound_sms_is_paged(books: MyCoolSmsBooks) -> None:
    ids = [ask(books, "sendSms", **SMS)["smsid"] for _ in range(30)]
    page = ask(books, "getOutboundSms")
    assert (page["total"], page["fetched"], page["maxid"], page["minid"]) == ("30", 25, 30, 6)
    assert [row["smsid"] for row in page["messages"]] == ids[:4:-1]
    assert page["messages"][0]["status"] == "SMS_STATUS_QUEUED"
    older = ask(books, "getOutboundSms", thresholdid=ids[2], thresholdoperator="lt", order="ASC")
    assert [row["smsid"] for row in older["messages"]] == ids[:2]
    assert ask(books, "getOutboundSms", limit=0)["fetched"] == 30


def test_incoming_sms(books: MyCoolSmsBooks) -> None:
    for text in ("one", "two", "жук"):
        books.receive("+886983029751", "+440987654321", detected(text))
    books.receive("Company", "+449999999999", CountedText("other", unicode=False))
    page = ask(books, "getIncomingSms", virtualnumber="0044 0987654321", thresholdid=1)
    assert (page["total"], page["fetched"], page["maxid"], page["minid"]) == ("3", 2, 3, 1)
    assert page["messages"][0] == {
        "id": 3,
        "virtualnumber": "+440987654321",
        "senderid": "+886983029751",
        "body": "жук",
        "bodyucs2": "04360443043A",
        "bodygsm7": None,
        "unicode": True,
        "timestamp": "2026-01-02 03:04:05.678+00",
        "unixtimestamp": "1767323045.7",
        "numchars": 3,
        "escapechars": 0,
        "smscount": 1,
        "charge": "0.015",
        "senderidcountrycode": "TW",
        "virtualnumbercountrycode": "GB",
    }
    assert [row["id"] for row in ask(books, "getIncomingSms", order="ASC", limit=2)["messages"]] == [1, 2]
    assert [row["id"] for row in ask(books, "getIncomingSms", thresholdid=2, thresholdoperator="lt")["messages"]] == [1]
    assert ask(books, "getIncomingSms", unreadsmstosyncids=[1])["readsmstosyncids"] == []


def test_mailing_list(books: MyCoolSmsBooks) -> None:
    on_list = {"uniqueid": "75F3FAB"}
    told = {"title": "Ms", "firstname": "Marylin", "lastname": "Monroe", "company": "Hollywood"}
    added = ask(books, "addSubscriber", **on_list, number="+1230987654321", **told)
    assert added == {
        "success": True,
        "number": "+1230987654321",
        **told,
        "subscribercost": 0.056,
        "senderidenabled": True,
        "maxcharsgsm": 765,
        "maxcharsunicode": 335,
        "countrycode": "US",
        "mailinglistcost": 0.056,
        "mailinglistsubscribers": 1,
    }
    assert ask(books, "updateSubscriber", **on_list, number="+1230987654321", title="Dr")["lastname"] == "Monroe"
    ask(books, "addSubscriber", **on_list, number="+1230987654322")
    mailing = ask(books, "sendMailing", **on_list, message="Staff meeting", senderid="MyCompany")
    assert (mailing["subscribers"], mailing["charge"], mailing["balance"]) == (2, 0.112, 752.098)
    report = ask(books, "getDeliveryReport", id=mailing["groupkey"], groupkey="true", mailingdetails=True)
    assert report["total"] == report["SMS_STATUS_QUEUED"] == 2
    assert [row["recipient"] for row in report["details"]] == ["+1230987654321", "+1230987654322"]
    assert ask(books, "getOutboundSms")["total"] == "0"
    assert ask(books, "deleteSubscriber", **on_list, number="001230987654321") == {
        "success": True,
        "number": "+1230987654321",
        "mailinglistcost": 0.056,
        "mailinglistsubscribers": 1,
    }


@pytest.mark.parametrize(
    ("number", "status"),
    [
        pytest.param("+491234567890", "HLR_STATUS_OK", id="found"),
        pytest.param("99901000000", "HLR_STATUS_NOT_OK", id="out of reach"),
        pytest.param("99902000000", "HLR_STATUS_UNKNOWN_NUMBER", id="nobody's"),
        pytest.param("99903000000", "HLR_STATUS_AWAITING_RESPONSE", id="awaiting"),
        pytest.param("99909000000", "HLR_STATUS_FAILED", id="failed"),
    ],
)
def test_hlr_lookup(books: MyCoolSmsBooks, number: str, status: str) -> None:
    answer = ask(books, "doHlrLookup", number=number)
    assert answer["status"] == status
    assert answer["charge"] == (0 if status == "HLR_STATUS_FAILED" else 0.01)
    assert (answer["imsi"] is None) == (status != "HLR_STATUS_OK")


def test_small_ones(books: MyCoolSmsBooks) -> None:
    assert ask(books, "getBalance") == {"success": True, "balance": 752.21}
    assert ask(books, "toUCS2", str="繁体中文") == {"success": True, "ucs2": "7E414F534E2D6587"}
    assert ask(books, "fromUCS2", str="7E414F534E2D6587") == {"success": True, "decoded": "繁体中文"}
    normalized = ask(books, "normalizeNumber", number="001(712)736-3423")
    assert normalized == {"success": True, "number": "+17127363423", "countrycode": "US"}


REFUSED = [
    pytest.param("getBalance", {"password": ""}, 101, id="101"),
    pytest.param("sendSms", {"number": "99900000102", "message": "x"}, 102, id="102"),
    pytest.param("sendSms", {"number": "+491234567890"}, 103, id="103"),
    pytest.param("sendSms", {"number": "99900000104", "message": "x"}, 104, id="104"),
    pytest.param("doSomething", {}, 105, id="105"),
    pytest.param("sendSms", {"number": "99900000106", "message": "x"}, 106, id="106"),
    pytest.param("sendSms", {"number": "99900000107", "message": "x"}, 107, id="107"),
    pytest.param("sendSms", {"number": "99900000108", "message": "x"}, 108, id="108"),
    pytest.param("sendSms", {"number": "99900000109", "message": "x"}, 109, id="109"),
    pytest.param("fromUCS2", {"str": "7E4"}, 201, id="201"),
    pytest.param("fromUCS2", {"str": "D83D"}, 201, id="201, half a pair"),
    pytest.param("doHlrLookup", {"number": "x"}, 210, id="210"),
    *(
        pytest.param("sendSms", {"number": f"99900000{code}", "message": "x"}, code, id=str(code))
        for code in range(211, 220)
    ),
    pytest.param("sendMailing", {"uniqueid": "?", "message": "x"}, 220, id="220"),
    pytest.param("addSubscriber", {"uniqueid": "?", "number": "+491234567890"}, 220, id="220, no such list"),
    pytest.param("addSubscriber", {"uniqueid": "75F3FAB", "number": "+491234567890", "title": "x" * 17}, 221, id="221"),
    pytest.param("deleteSubscriber", {"uniqueid": "75F3FAB", "number": "+491234567890"}, 222, id="222"),
    pytest.param("getDeliveryReport", {"id": "?"}, 223, id="223"),
    pytest.param("getDeliveryReport", {"id": "?", "groupkey": True}, 224, id="224"),
    pytest.param("getRecentReports", {"limit": "some"}, 225, id="225"),
    pytest.param("doHlrLookup", {"number": "99900000226"}, 226, id="226"),
    pytest.param("getIncomingSms", {"virtualnumber": "x"}, 232, id="232"),
    pytest.param("getIncomingSms", {"virtualnumber": "+491234567890"}, 233, id="233"),
    pytest.param("getIncomingSms", {"thresholdid": "x"}, 234, id="234"),
    pytest.param("getOutboundSms", {"thresholdid": "x"}, 234, id="234, of an SMS that is not there"),
    pytest.param("getIncomingSms", {"limit": "-1"}, 235, id="235"),
    pytest.param("getOutboundSms", {"order": "UP"}, 236, id="236"),
    pytest.param("normalizeNumber", {"number": "0171"}, 237, id="237"),
    pytest.param("getDeliveryReports", {"ids": "one"}, 240, id="240"),
    pytest.param("getDeliveryReports", {"ids": ["x"] * 101}, 241, id="241"),
]


@pytest.mark.parametrize(("function", "values", "code"), REFUSED)
def test_codes(books: MyCoolSmsBooks, function: str, values: Mapping[str, object], code: int) -> None:
    answer = ask(books, function, **values)
    assert (answer["success"], answer["errorcode"]) == (False, code)


def test_no_virtual_numbers() -> None:
    assert ask(new_books(virtual_numbers=set()), "getIncomingSms")["errorcode"] == 242


def test_no_credit() -> None:
    books = new_books(balance=Decimal("0.1"))
    assert ask(books, "sendSms", **SMS)["success"]
    assert ask(books, "sendSms", **SMS)["errorcode"] == 109


def test_ucs2_needs_json(books: MyCoolSmsBooks) -> None:
    asked = RequestParameters({**KNOWN, "function": "toUCS2", "str": "x"}, is_json=False)
    assert answer_to(books, asked)["errorcode"] == 108


def test_missing_parameters_are_named(books: MyCoolSmsBooks) -> None:
    assert ask(books, "sendSms", number="1")["errordescription"] == "The number seems to be invalid"
    assert ask(books, "deleteSubscriber")["errordescription"] == "Mandatory parameter missing: uniqueid"


def test_every_code_has_a_row() -> None:
    rows = {row.values[2] for row in REFUSED} | {242}
    assert rows == set(CODES)
    assert len(FUNCTIONS) == 15
