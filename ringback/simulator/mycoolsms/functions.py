"""My-Cool-SMS's functions: parameters in, the documented answer out, or a refusal with the documented code.

What a function has sent is in its result, so that who calls it lets the delivery follow.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeVar

from ringback.simulator.mycoolsms.books import HLR_PRICE, MyCoolSmsBooks, OutboundSms
from ringback.simulator.mycoolsms.mailings import add_subscriber, delete_subscriber, send_mailing
from ringback.simulator.mycoolsms.parameters import RequestParameters, country_of, msisdn, prefix_of
from ringback.simulator.mycoolsms.refusals import CODES, RefusedRequestError
from ringback.simulator.mycoolsms.results import FunctionResult
from ringback.simulator.mycoolsms.texts import from_ucs2, to_ucs2

Row = TypeVar("Row")

MAX_REPORTS: Final = 100
DEFAULT_LIMIT: Final = 25
DEFAULT_SENDER: Final = "MyCoolSMS"

_COUNTED: Final = (  # the five that the document shows; DELIVERY_DELAYED and EXPIRED have no counter
    "SMS_STATUS_QUEUED",
    "SMS_STATUS_AT_CARRIER",
    "SMS_STATUS_DELIVERED",
    "SMS_STATUS_BOUNCED",
    "SMS_STATUS_ERROR",
)
_HLR_STATUS: Final = {  # numbers of country code 999, by what follows it
    "01": "HLR_STATUS_NOT_OK",
    "02": "HLR_STATUS_UNKNOWN_NUMBER",
    "03": "HLR_STATUS_AWAITING_RESPONSE",
    "09": "HLR_STATUS_FAILED",
}


def send_sms(books: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Send SMS API, "Function: sendSms"."""
    sms = OutboundSms(
        smsid=books.new_id(),
        number=asked.number("number"),
        text=asked.message(),
        sender=asked.sender(DEFAULT_SENDER),
        callback_url=asked.callback_url(),
        scheduled=asked.scheduled(),
        at=books.now(),
    )
    refuse_by_number(sms.number)
    if sms.charge > books.balance:
        raise RefusedRequestError(109)
    books.balance -= sms.charge
    books.outbound[sms.smsid] = sms
    return FunctionResult({**sms.row(), "balance": float(books.balance)}, (sms,))


def get_incoming_sms(books: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Inbound SMS API, "Function: getIncomingSms"."""
    number = (asked.text("virtualnumber") or "").strip() or None
    if number is not None:
        normalized = msisdn(number)
        if normalized is None:
            raise RefusedRequestError(232)
        if normalized not in books.virtual_numbers:
            raise RefusedRequestError(233)
        number = normalized
    if not books.virtual_numbers:
        raise RefusedRequestError(242)
    there = [sms for sms in books.incoming if number is None or sms.virtual_number == number]
    threshold = asked.whole("thresholdid", 0, 234)
    limit = asked.whole("limit", DEFAULT_LIMIT, 235)
    descending = _is_descending(asked)
    below = _is_below(asked)
    wanted = [sms for sms in there if (sms.row_id < threshold if below else sms.row_id > threshold)]
    chosen = _chosen(wanted, limit, descending=descending)
    answer: dict[str, object] = {
        "total": str(len(there)),  # text, as in the document's example
        "fetched": len(chosen),
        "maxid": max((sms.row_id for sms in there), default=0),
        "minid": min((sms.row_id for sms in there), default=0),
        "messages": [sms.row() for sms in chosen],
    }
    if asked.value("unreadsmstosyncids") is not None:
        answer["readsmstosyncids"] = []  # the document names no key for them (*assumed*); nobody else reads here
    return FunctionResult(answer)


def get_balance(books: MyCoolSmsBooks, _: RequestParameters) -> FunctionResult:
    """Balance Lookup API, "Function: getBalance"."""
    return FunctionResult({"balance": float(books.balance)})


def get_delivery_report(books: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Delivery Report API, "Function: getDeliveryReport"."""
    wanted = asked.needed("id")
    if not asked.flag("groupkey"):
        sms = books.outbound.get(wanted)
        if sms is None:
            raise RefusedRequestError(223)
        return FunctionResult(sms.report())
    mailing = books.sent_in(wanted)
    if not mailing:
        raise RefusedRequestError(224)
    answer: dict[str, object] = {"groupkey": wanted, "total": len(mailing)}
    answer |= {status: sum(sms.status == status for sms in mailing) for status in _COUNTED}
    if asked.flag("mailingdetails"):
        answer["details"] = [{"recipient": sms.number, "status": sms.status} for sms in mailing]
    return FunctionResult(answer)


def get_delivery_reports(books: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Delivery Report API, "Function: getDeliveryReports"."""
    ids = asked.value("ids")
    if ids is None:
        asked.needed("ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise RefusedRequestError(240)
    if len(ids) > MAX_REPORTS:
        raise RefusedRequestError(241)
    known = books.outbound
    unknown = "UNKNOWN_ID"
    return FunctionResult(
        {"reports": [known[one].report() if one in known else {"smsid": one, "status": unknown} for one in ids]}
    )


def get_recent_reports(books: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Delivery Report API, "Function: getRecentReports": without ids, as in the document."""
    asked.needed("limit")
    limit = asked.whole("limit", 0, 225)
    if not limit:
        raise RefusedRequestError(225)
    newest = list(reversed(books.outbound.values()))[:limit]
    rows = []
    for sms in newest:
        text = sms.text.row()
        del text["numchars"]
        at = f"{sms.at:%Y-%m-%d %H:%M:%S}.{sms.at.microsecond // 1000:03}+00"
        rows.append({"number": sms.number, "senderid": sms.sender, **text, "timesent": at, "status": sms.status})
    return FunctionResult({"reports": rows})


def get_outbound_sms(books: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Delivery Report API, "Function: getOutboundSms". A threshold is an `smsid`; `maxid` and `minid` are numbers."""
    rows = list(enumerate((sms for sms in books.outbound.values() if sms.group is None), start=1))
    threshold = (asked.text("thresholdid") or "").strip()
    places = {sms.smsid: place for place, sms in rows} | {str(place): place for place, _ in rows}
    if threshold and threshold not in places:
        raise RefusedRequestError(234)
    limit = asked.whole("limit", DEFAULT_LIMIT, 235)
    descending = _is_descending(asked)
    below = _is_below(asked)
    if threshold:
        edge = places[threshold]
        wanted = [(place, sms) for place, sms in rows if (place < edge if below else place > edge)]
    else:
        wanted = rows
    chosen = _chosen(wanted, limit, descending=descending)
    return FunctionResult(
        {
            "total": str(len(rows)),
            "fetched": len(chosen),
            "maxid": max((place for place, _ in chosen), default=0),
            "minid": min((place for place, _ in chosen), default=0),
            "messages": [{**sms.row(), "status": sms.status} for _, sms in chosen],
        }
    )


def do_hlr_lookup(books: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Utils API, "Function: doHlrLookup"."""
    number = asked.number("number")
    refuse_by_number(number)
    digits = number.removeprefix("+")
    status = _HLR_STATUS.get(digits[3:5], "HLR_STATUS_OK") if digits.startswith("999") else "HLR_STATUS_OK"
    found = status == "HLR_STATUS_OK"
    charge = HLR_PRICE if status != "HLR_STATUS_FAILED" else Decimal(0)
    if charge > books.balance:
        raise RefusedRequestError(109)
    books.balance -= charge
    known = {
        "imsi": f"26203{digits[-10:].zfill(10)}",
        "mcc": "262",
        "mnc": "03",
        "msin": digits[-10:].zfill(10),
        "servingmsc": "491770110000",
        "servinghlr": "491770112000",
        "originalnetworkname": "E-Plus",
        "originalnetworkprefix": "178",
        "originalcountryname": "Germany",
        "originalcountrycode": country_of(number),
        "originalcountryprefix": prefix_of(number),
    }
    elsewhere = (
        "roamingcountryname",
        "roamingcountrycode",
        "roamingcountryprefix",
        "roamingnetworkname",
        "portednetworkname",
    )
    return FunctionResult(
        {
            "status": status,
            "number": number,
            **(known if found else dict.fromkeys(known)),
            **dict.fromkeys(elsewhere),
            "isported": False,
            "iscorrect": found,
            "isroaming": False,
            "charge": float(charge),
        }
    )


def encode_ucs2(_: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Utils API, "Function: toUCS2", by JSON only; the table's `number` is a slip, the example has `str`."""
    if not asked.is_json:
        raise RefusedRequestError(108)
    return FunctionResult({"ucs2": to_ucs2(asked.needed("str"))})


def decode_ucs2(_: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Utils API, "Function: fromUCS2"."""
    notation = asked.needed("str")
    try:
        text = from_ucs2(notation)
        text.encode()
    except ValueError:
        raise RefusedRequestError(201) from None
    return FunctionResult({"decoded": text})


def normalize_number(_: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Utils API, "Function: normalizeNumber"."""
    number = asked.number("number", 237)
    return FunctionResult({"number": number, "countrycode": country_of(number)})


def refuse_by_number(number: str) -> None:
    """Refuse where a number of country code 999 asks for it: `99900000210` with 210."""
    digits = number.removeprefix("+")
    if digits.startswith("99900000") and len(digits) == 11 and int(digits[8:]) in CODES:
        raise RefusedRequestError(int(digits[8:]))


def _is_descending(asked: RequestParameters) -> bool:
    order = (asked.text("order") or "DESC").upper()
    if order not in ("ASC", "DESC"):
        raise RefusedRequestError(236)
    return order == "DESC"


def _is_below(asked: RequestParameters) -> bool:
    operator = (asked.text("thresholdoperator") or "gt").lower()
    if operator not in ("gt", "lt"):
        raise RefusedRequestError(234)  # no code of the document is nearer (*assumed*)
    return operator == "lt"


def _chosen(rows: Sequence[Row], limit: int, *, descending: bool) -> list[Row]:
    ordered = list(reversed(rows)) if descending else list(rows)
    return ordered[:limit] if limit else ordered


FUNCTIONS: Final[Mapping[str, Callable[[MyCoolSmsBooks, RequestParameters], FunctionResult]]] = {
    "sendSms": send_sms,
    "getIncomingSms": get_incoming_sms,
    "getBalance": get_balance,
    "getDeliveryReport": get_delivery_report,
    "getDeliveryReports": get_delivery_reports,
    "getRecentReports": get_recent_reports,
    "getOutboundSms": get_outbound_sms,
    "sendMailing": send_mailing,
    "addSubscriber": add_subscriber,
    "updateSubscriber": add_subscriber,
    "deleteSubscriber": delete_subscriber,
    "doHlrLookup": do_hlr_lookup,
    "toUCS2": encode_ucs2,
    "fromUCS2": decode_ucs2,
    "normalizeNumber": normalize_number,
}


def call_function(books: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Return what a request leads to. Raises RefusedRequestError. Any name and password will do, but there are some."""
    for name in ("username", "password"):
        if not asked.needed(name):
            raise RefusedRequestError(101)
    function = FUNCTIONS.get(asked.needed("function"))
    if function is None:
        raise RefusedRequestError(105)
    return function(books, asked)
