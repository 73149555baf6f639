"""My-Cool-SMS's answers as the document shows them: typed results, or in doubt where they are no JSON."""

import json
from collections.abc import Mapping
from dataclasses import fields as fields_of
from dataclasses import is_dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.clients.errors import (
    InDoubtError,
    SendError,
    UnavailableError,
)
from ringback.clients.exchange import Call, ProviderAnswer
from ringback.clients.mycoolsms import inbox, inquiries, mailing, reports, sms
from ringback.clients.mycoolsms.inquiries import HlrStatus
from ringback.schemas.address import parse_address
from ringback.schemas.event_data import Encoding, Status
from ringback.schemas.tables.mycoolsms_status import WORD
from tests.support.mycoolsms_calls import (
    ADD,
    BALANCE,
    CALLS,
    DELETE,
    ID,
    INCOMING,
    KEY,
    LOOKUP,
    MAILING,
    MAILING_REPORT,
    NORMALIZE,
    OTHER_ID,
    OUTBOUND,
    RECENT,
    REPORT,
    REPORTS,
    SEND,
    UPDATE,
    answer,
)

TAIPEI: Final = timezone(timedelta(hours=8))

# The document's samples, as they stand there

SENT_SAMPLE: Final = """{
    "success":true,
    "smsid":"ce184cc0a6d1714d1ac763f4fe89f521",
    "body":"Have a nice day!",
    "bodyucs2":"0048006100760065002000610020006E00690063006500200064",
    "bodygsm7":"486176652061206E6963652064617921",
    "number":"+491234567890"
    "senderid":"+449876543210",
    "senderidenabled":true,
    "unicode":false,
    "numchars":321,
    "escapenumchars":0,
    "smscount":3,
    "charge":0.112,
    "balance":752.121,
    "countrycode":"DE",
    "prefix":"+49",
    "timestamp":"2013-04-02T22:27:22-07:00",
    "callbackurl":"http://www.my-server.com/callback.php"
}"""
INCOMING_SAMPLE: Final = """{
   "success":true,
   "total":"17",
   "fetched":1,
   "maxid":201,
   "minid":177,
   "messages":[
      {
         "id":201,
         "virtualnumber":"+449876543201",
         "senderid":"+886983029751",
         "body":"Have a nice day!",
         "bodyucs2":"AAAA",
         "bodygsm7":"AA",
         "unicode":false,
         "timestamp":"2011-08-10 00:08:37.488+08",
         "unixtimestamp":"1316531343.9",
         "numchars":16,
         "escapechars":0,
         "smscount":1,
         "charge":"0.015",
         "senderidcountrycode":"TW",
         "virtualnumbercountrycode":"HK"
      }
   ]
}"""
BALANCE_SAMPLE: Final = """{
    "success":true,
    "balance":752.210
}"""
REPORT_SAMPLE: Final = """{
    "success":true,
    "smsid":"ce184cc0a6d1714d1ac763f4fe89f521",
    "status":"SMS_STATUS_DELIVERED"
}"""
COUNTED_SAMPLE: Final = """{
    "success":true,
    "groupkey":"d3743cc0a6d1714d1ac763f4fe89f521",
    "total":12,
    "SMS_STATUS_QUEUED":0,
    "SMS_STATUS_AT_CARRIER":0,
    "SMS_STATUS_DELIVERED":12,
    "SMS_STATUS_BOUNCED":0,
    "SMS_STATUS_ERROR":0
}"""
DETAILED_SAMPLE: Final = """{
    "success":true,
    "groupkey":"d3743cc0a6d1714d1ac763f4fe89f521",
    "total":12,
    "SMS_STATUS_QUEUED":0,
    "SMS_STATUS_AT_CARRIER":0,
    "SMS_STATUS_DELIVERED":12,
    "SMS_STATUS_BOUNCED":0,
    "SMS_STATUS_ERROR":0,
    "details":[
        {
            "recipient":"+1230987654321",
            "status":"SMS_STATUS_DELIVERED"
        },
        {
            "recipient":"+1230987654322",
            "status":"SMS_STATUS_DELIVERED"
        }, 
        (...)
    ]
}"""  # noqa: W291 - as it stands there
REPORTS_SAMPLE: Final = """{
    "success":true,
    "reports": [
        {
            "smsid":"ce184cc0a6d1714d1ac763f4fe89f521",
            "status":"SMS_STATUS_DELIVERED"
        },
        {
            "smsid":"d1ac763f4fe89f521ce184cc0a6d1714",
            "status":"SMS_STATUS_DELIVERED"
        }
    ]
}"""
RECENT_SAMPLE: Final = r"""{
   "success":true,
   "reports":[
      {
         "number":"+1230987654321",
         "senderid":"+449876543210",
         "body":"Have a nice day!",
         "bodyucs2":"0048006100760065002000610020006E006900630065002",
         "bodygsm7":"486176652061206E6963652064617921",
         "unicode":false,
         "timesent":"2011-04-19 12:08:37.233+08",
         "status":"SMS_STATUS_DELIVERED"
      },
      {
         "number":"+1230987654321",
         "senderid":"+449876543210",
         "body":"Have a nice day!",
         "bodyucs2":"0048006100760065002000610020006E006900630065002",
         "bodygsm7":"486176652061206E6963652064617921",
         "unicode":false,
         "timesent":"2011-04-19 12:01:03.338+08",
         "status":"SMS_STATUS_DELIVERED"
      },
      {
         "number":"+1230987654321",
         "senderid":"+449876543210",
         "body":"Have a nice day with long Unicode messages! \u7e41",
         "bodyucs2":"0048006100760065002000610020006e00690063006500",
         "bodygsm7":"",
         "unicode":true,
         "timesent":"2011-04-18 21:53:24.787+08",
         "status":"SMS_STATUS_DELIVERED"
      },
      (...)
   ]
}"""
OUTBOUND_SAMPLE: Final = """{
   "success":true,
   "total":"17",
   "fetched":1,
   "maxid":201,
   "minid":177,
   "messages":[
      {
        "smsid":"ce184cc0a6d1714d1ac763f4fe89f521",
        "body":"Have a nice day!",
        "bodyucs2":"0048006100760065002000610020006E00690063006500200064",
        "bodygsm7":"486176652061206E6963652064617921",
        "number":"+491234567890"
        "senderid":"+449876543210",
        "senderidenabled":"+449876543210",
        "unicode":false,
        "numchars":321,
        "escapenumchars":0,
        "smscount":3,
        "charge":0.112,
        "countrycode":"DE",
        "prefix":"+49",
        "timestamp":"2013-04-02T22:27:22-07:00",
        "callbackurl":"http://www.my-server.com/callback.php",
        "status":"SMS_STATUS_DELIVERED"
      }
   ]
}"""
MAILING_SAMPLE: Final = """{
    "success":true,
    "groupkey":"041d3b026a50669481695dcf9e1985e4",
    "body":"Staff meeting in 20 minutes. Balcony meeting room.",
    "bodyucs2":"005300740061006600660020006D0065006500740069",
    "bodygsm7":"5374616666206D656574696E672069",
    "uniqueid":"75F3FAB"
    "senderid":"MyCompany",
    "senderidenabled":true,
    "unicode":false,
    "numchars":62,
    "escapenumchars":0,
    "smscount":1,
    "subscribers":79,
    "charge":3.212,
    "balance":752.121
}"""
ADD_SAMPLE: Final = """{
    "success":true,
    "number":"+1230987654321"
    "title":"Ms",
    "firstname":"Marylin",
    "lastname":"Monroe",
    "company":"Hollywood",
    "subscribercost":0.019,
    "senderidenabled":true,
    "maxcharsgsm":765,
    "maxcharsunicode":335,
    "countrycode":"US",
    "mailinglistcost":1.213
    "mailinglistsubscribers":74
}"""
DELETE_SAMPLE: Final = """{
    "success":true,
    "number":"+1230987654321"
    "mailinglistcost":1.213
    "mailinglistsubscribers":74
}"""
LOOKUP_SAMPLE: Final = """{
    "success":true,
    "status":"HLR_STATUS_OK",
    "number":"+49178873xxxxx",
    "imsi":"262031350393955",
    "mcc":"262",
    "mnc":"03",
    "msin":"1350393955",
    "servingmsc":"88693542",
    "servinghlr":"491770112000",
    "originalnetworkname":"E-Plus",
    "originalnetworkprefix":"178",
    "originalcountryname":"Germany",
    "originalcountrycode":"DE",
    "originalcountryprefix":"+49",
    "roamingcountryname":"Taiwan",
    "roamingcountrycode":"TW",
    "roamingcountryprefix":"+886",
    "roamingnetworkname":"Taiwan Mobile",
    "portednetworkname": null,
    "isported":false,
    "iscorrect":true,
    "isroaming":true,
    "charge":0.010
}"""
NORMALIZE_SAMPLE: Final = """{
    "success":true,
    "number":"+17127363423",
    "countrycode":"US"
}"""
BROKEN: Final[list[tuple[Call[Any], str]]] = [
    (SEND, SENT_SAMPLE),
    (MAILING_REPORT, DETAILED_SAMPLE),
    (RECENT, RECENT_SAMPLE),
    (OUTBOUND, OUTBOUND_SAMPLE),
    (MAILING, MAILING_SAMPLE),
    (ADD, ADD_SAMPLE),
    (UPDATE, ADD_SAMPLE),
    (DELETE, DELETE_SAMPLE),
]
"""Samples that are no JSON: a comma is missing, or rows are left out as `(...)`."""


def mended(sample: str) -> str:
    """Return a sample as it must have been meant."""
    lines = [line.rstrip() for line in sample.replace("(...)", "").splitlines() if line.strip()]
    joined = "".join(
        line + ("," if following.lstrip().startswith('"') and line[-1] not in "{[,:" else "")
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
    )
    return joined.replace("},   ]", "}]").replace("},    ]", "}]")


def raw_of(body: str) -> dict[str, Any]:
    return dict(json.loads(body, parse_float=Decimal))


SENT_RAW: Final = raw_of(mended(SENT_SAMPLE))
SENT: Final = sms.SentSms(
    message_id=ID,
    recipient="+491234567890",
    sender="+449876543210",
    sender_is_shown=True,
    encoding=Encoding.GSM7,
    characters=321,
    escaped=0,
    parts=3,
    charge=Decimal("0.112"),
    balance=Decimal("752.121"),
    country="DE",
    prefix="+49",
    accepted_at=datetime(2013, 4, 2, 22, 27, 22, tzinfo=timezone(-timedelta(hours=7))),
    callback_url="http://www.my-server.com/callback.php",
    raw=SENT_RAW,
)
INCOMING_RAW: Final = raw_of(INCOMING_SAMPLE)
RECEIVED: Final = inbox.InboxSms(
    id=201,
    sender=parse_address("+886983029751", "TW"),
    recipient=parse_address("+449876543201", "HK"),
    text="Have a nice day!",
    encoding=Encoding.GSM7,
    received_at=datetime(2011, 8, 10, 0, 8, 37, 488000, TAIPEI),
    characters=16,
    escaped=0,
    parts=1,
    charge=Decimal("0.015"),
    flags=("time:differs",),
    raw=INCOMING_RAW["messages"][0],
)
COUNTS: Final = {Status.QUEUED: 0, Status.SENT: 0, Status.DELIVERED: 12, Status.BOUNCED: 0, Status.FAILED: 0}
DETAILED_RAW: Final = raw_of(mended(DETAILED_SAMPLE))
REPORTS_RAW: Final = raw_of(REPORTS_SAMPLE)
RECENT_RAW: Final = raw_of(mended(RECENT_SAMPLE))
OUTBOUND_RAW: Final = raw_of(mended(OUTBOUND_SAMPLE))
DELIVERED: Final = "SMS_STATUS_DELIVERED"


def delivered(message_id: str, raw: Mapping[str, Any]) -> reports.DeliveryReport:
    return reports.DeliveryReport(message_id, Status.DELIVERED, DELIVERED, raw)


def recent(index: int, sent_at: datetime, encoding: Encoding = Encoding.GSM7) -> reports.RecentReport:
    raw = RECENT_RAW["reports"][index]
    return reports.RecentReport(
        "+1230987654321", "+449876543210", raw["body"], encoding, sent_at, Status.DELIVERED, DELIVERED, raw
    )


def subscriber(raw: Mapping[str, Any]) -> mailing.Subscriber:
    return mailing.Subscriber(
        number="+1230987654321",
        title="Ms",
        first_name="Marylin",
        last_name="Monroe",
        company="Hollywood",
        cost=Decimal("0.019"),
        sender_is_shown=True,
        longest_gsm=765,
        longest_unicode=335,
        country="US",
        list_cost=Decimal("1.213"),
        list_subscribers=74,
        raw=raw,
    )


@pytest.mark.parametrize(
    ("call", "body", "result"),
    [
        pytest.param(SEND, mended(SENT_SAMPLE), SENT, id="sendSms"),
        pytest.param(
            INCOMING, INCOMING_SAMPLE, inbox.Inbox((RECEIVED,), 17, 1, 201, 177, INCOMING_RAW), id="getIncomingSms"
        ),
        pytest.param(
            BALANCE,
            BALANCE_SAMPLE,
            inquiries.EuroBalance(Decimal("752.210"), raw_of(BALANCE_SAMPLE)),
            id="getBalance",
        ),
        pytest.param(REPORT, REPORT_SAMPLE, delivered(ID, raw_of(REPORT_SAMPLE)), id="getDeliveryReport"),
        pytest.param(
            MAILING_REPORT,
            COUNTED_SAMPLE,
            reports.MailingReport(KEY, 12, COUNTS, None, raw_of(COUNTED_SAMPLE)),
            id="getDeliveryReport: groupkey",
        ),
        pytest.param(
            MAILING_REPORT,
            mended(DETAILED_SAMPLE),
            reports.MailingReport(
                KEY,
                12,
                COUNTS,
                (
                    reports.RecipientReport("+1230987654321", Status.DELIVERED, DELIVERED, DETAILED_RAW["details"][0]),
                    reports.RecipientReport("+1230987654322", Status.DELIVERED, DELIVERED, DETAILED_RAW["details"][1]),
                ),
                DETAILED_RAW,
            ),
            id="getDeliveryReport: mailingdetails",
        ),
        pytest.param(
            REPORTS,
            REPORTS_SAMPLE,
            (delivered(ID, REPORTS_RAW["reports"][0]), delivered(OTHER_ID, REPORTS_RAW["reports"][1])),
            id="getDeliveryReports",
        ),
        pytest.param(
            RECENT,
            mended(RECENT_SAMPLE),
            (
                recent(0, datetime(2011, 4, 19, 12, 8, 37, 233000, TAIPEI)),
                recent(1, datetime(2011, 4, 19, 12, 1, 3, 338000, TAIPEI)),
                recent(2, datetime(2011, 4, 18, 21, 53, 24, 787000, TAIPEI), Encoding.UCS2),
            ),
            id="getRecentReports",
        ),
        pytest.param(
            OUTBOUND,
            mended(OUTBOUND_SAMPLE),
            reports.OutboundPage(
                (
                    reports.ListedSms(
                        sms.SentSms(
                            **{
                                **{item.name: getattr(SENT, item.name) for item in fields_of(SENT)},
                                "sender_is_shown": None,  # a number in the sample
                                "balance": None,
                                "raw": OUTBOUND_RAW["messages"][0],
                            }
                        ),
                        Status.DELIVERED,
                        DELIVERED,
                    ),
                ),
                17,
                1,
                201,
                177,
                OUTBOUND_RAW,
            ),
            id="getOutboundSms",
        ),
        pytest.param(
            MAILING,
            mended(MAILING_SAMPLE),
            mailing.SentMailing(
                group_key="041d3b026a50669481695dcf9e1985e4",
                list_id="75F3FAB",
                sender="MyCompany",
                sender_is_shown=True,
                encoding=Encoding.GSM7,
                characters=62,
                escaped=0,
                parts=1,
                subscribers=79,
                charge=Decimal("3.212"),
                balance=Decimal("752.121"),
                raw=raw_of(mended(MAILING_SAMPLE)),
            ),
            id="sendMailing",
        ),
        pytest.param(ADD, mended(ADD_SAMPLE), subscriber(raw_of(mended(ADD_SAMPLE))), id="addSubscriber"),
        pytest.param(UPDATE, mended(ADD_SAMPLE), subscriber(raw_of(mended(ADD_SAMPLE))), id="updateSubscriber"),
        pytest.param(
            DELETE,
            mended(DELETE_SAMPLE),
            mailing.RemovedSubscriber("+1230987654321", Decimal("1.213"), 74, raw_of(mended(DELETE_SAMPLE))),
            id="deleteSubscriber",
        ),
        pytest.param(
            LOOKUP,
            LOOKUP_SAMPLE,
            inquiries.HlrLookup(
                number="+49178873xxxxx",
                status=HlrStatus.OK,
                word="HLR_STATUS_OK",
                imsi="262031350393955",
                mcc="262",
                mnc="03",
                msin="1350393955",
                serving_msc="88693542",
                serving_hlr="491770112000",
                original_network="E-Plus",
                original_network_prefix="178",
                original_country_name="Germany",
                original_country="DE",
                original_country_prefix="+49",
                roaming_network="Taiwan Mobile",
                roaming_country_name="Taiwan",
                roaming_country="TW",
                roaming_country_prefix="+886",
                ported_network=None,
                is_ported=False,
                is_correct=True,
                is_roaming=True,
                charge=Decimal("0.010"),
                raw=raw_of(LOOKUP_SAMPLE),
            ),
            id="doHlrLookup",
        ),
        pytest.param(
            NORMALIZE,
            NORMALIZE_SAMPLE,
            inquiries.NormalizedNumber("+17127363423", "US", raw_of(NORMALIZE_SAMPLE)),
            id="normalizeNumber",
        ),
    ],
)
def test_the_documents_samples(call: Call[Any], body: str, result: object) -> None:
    assert call.result(answer(body)) == result
    assert call.result(answer(body, 500)) == result  # the body decides


@pytest.mark.parametrize(("call", "body"), BROKEN, ids=[call.request.operation for call, _ in BROKEN])
def test_a_sample_that_is_no_json_is_not_repaired(call: Call[Any], body: str) -> None:
    with pytest.raises(SendError) as caught:
        call.result(answer(body))
    error = caught.value
    kind, sent = (InDoubtError, "unknown") if call.request.has_effect else (UnavailableError, "no")
    assert (type(error), error.sent, error.raw) == (kind, sent, body.encode())


# Anything

SAMPLES: Final[list[tuple[Call[Any], dict[str, Any]]]] = [
    (call, json.loads(mended(sample)))
    for call, sample in [
        *BROKEN,
        (INCOMING, INCOMING_SAMPLE),
        (BALANCE, BALANCE_SAMPLE),
        (REPORT, REPORT_SAMPLE),
        (REPORTS, REPORTS_SAMPLE),
        (LOOKUP, LOOKUP_SAMPLE),
        (NORMALIZE, NORMALIZE_SAMPLE),
    ]
]
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["2011-08-10 00:08:37.488+08", "0001-01-01T00:00:00+14:00", "1e99", "\ud800", *WORD.values()])
)
values = leaves | st.lists(leaves, max_size=3) | st.dictionaries(st.text(max_size=5), leaves, max_size=3)
statuses = st.sampled_from([200, 202, 301, 400, 401, 403, 404, 429, 500, 502, 503])


@st.composite
def near_answers(draw: st.DrawFn) -> tuple[Call[Any], bytes]:
    """Draw a call and its sample, with other values at some places of it."""
    call, sample = draw(st.sampled_from(SAMPLES))
    written = json.loads(json.dumps(sample))
    rows = [row for value in written.values() if isinstance(value, list) for row in value]
    for place in (written, *rows):
        for name in draw(st.lists(st.sampled_from(sorted(place)), max_size=3)):
            place[name] = draw(values)
    return call, json.dumps(written).encode()


def shown_of(call: Call[Any], body: bytes, status: int) -> str:
    """Return what an answer's result or error shows of itself; any other exception fails the test."""
    try:
        result = call.result(ProviderAnswer(status, "", body))
    except SendError as error:
        return f"{error}{error!r}"
    return repr(result)


@given(answered=near_answers(), status=statuses)
def test_an_answer_near_a_sample_gives_a_result_or_a_send_error(answered: tuple[Call[Any], bytes], status: int) -> None:
    assert "Have a nice day" not in shown_of(*answered, status)


@given(body=st.binary(max_size=200), status=statuses)
def test_any_bytes_give_a_result_or_a_send_error(body: bytes, status: int) -> None:
    for call in CALLS:
        assert shown_of(call, body, status)


# Nothing private is shown

PRIVATE: Final = (
    "1234567890",
    "9876543210",
    "886983029751",
    "Have a nice day",
    "Marylin",
    "1350393955",
    "callback.php",
)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (SEND, mended(SENT_SAMPLE)),
        (INCOMING, INCOMING_SAMPLE),
        (MAILING_REPORT, mended(DETAILED_SAMPLE)),
        (RECENT, mended(RECENT_SAMPLE)),
        (OUTBOUND, mended(OUTBOUND_SAMPLE)),
        (MAILING, mended(MAILING_SAMPLE)),
        (ADD, mended(ADD_SAMPLE)),
        (DELETE, mended(DELETE_SAMPLE)),
        (LOOKUP, LOOKUP_SAMPLE.replace("178873xxxxx", "1234567890")),
        (NORMALIZE, NORMALIZE_SAMPLE.replace("17127363423", "1234567890")),
    ],
    ids=lambda value: value.request.operation if isinstance(value, Call) else "",
)
def test_results_show_no_number_and_no_text(call: Call[Any], body: str) -> None:
    result = call.result(answer(body))
    assert not [one for one in (*PRIVATE, "Staff meeting", "1230987654321") if one in f"{result!r}{result}"]
    assert is_dataclass(result) or isinstance(result, tuple)
