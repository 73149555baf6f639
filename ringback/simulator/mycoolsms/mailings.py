"""My-Cool-SMS's mailing lists ("Mailing List API")."""

from typing import Final

from ringback.simulator.mycoolsms.books import SMS_PRICE, MailingList, MyCoolSmsBooks, OutboundSms
from ringback.simulator.mycoolsms.parameters import RequestParameters, country_of
from ringback.simulator.mycoolsms.refusals import RefusedRequestError
from ringback.simulator.mycoolsms.results import FunctionResult
from ringback.simulator.mycoolsms.texts import MAX_GSM, MAX_UNICODE

FIELDS: Final = {"title": 16, "firstname": 32, "lastname": 32, "company": 64}
"""What is known of a subscriber, and how long it may be."""


def send_mailing(books: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Mailing List API, "Function: sendMailing". A text is checked as that of `sendSms` (*assumed*)."""
    mailing_list = _mailing_list(books, asked)
    text = asked.message()
    sender = asked.sender("MyCoolSMS")
    scheduled = asked.scheduled()
    group = books.new_id()
    sent = tuple(
        OutboundSms(books.new_id(), number, sender, text, books.now(), scheduled=scheduled, group=group)
        for number in mailing_list.subscribers
    )
    charge = sum((sms.charge for sms in sent), start=SMS_PRICE * 0)
    if charge > books.balance:
        raise RefusedRequestError(109)
    books.balance -= charge
    books.outbound |= {sms.smsid: sms for sms in sent}
    values = {
        "groupkey": group,
        **text.row(),
        "uniqueid": mailing_list.unique_id,
        "senderid": sender,
        "senderidenabled": True,
        "escapenumchars": text.escaped,
        "smscount": text.parts,
        "subscribers": len(sent),
        "charge": float(charge),
        "balance": float(books.balance),
    }
    return FunctionResult(values, sent)


def add_subscriber(books: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Mailing List API, "Function: addSubscriber", and updateSubscriber. Refuses with 210 and 220 too (*assumed*)."""
    number = asked.number("number")
    mailing_list = _mailing_list(books, asked)
    for name, length in FIELDS.items():
        if len(asked.text(name) or "") > length:
            raise RefusedRequestError(221, f"Input for {name} is too long.")
    known = mailing_list.subscribers.get(number, {})
    told = {name: text for name in FIELDS if (text := asked.text(name)) is not None}
    mailing_list.subscribers[number] = {**known, **told}
    values = {
        "number": number,
        **{name: mailing_list.subscribers[number].get(name, "") for name in FIELDS},
        "subscribercost": float(SMS_PRICE),
        "senderidenabled": True,
        "maxcharsgsm": MAX_GSM,
        "maxcharsunicode": MAX_UNICODE,
        "countrycode": country_of(number),
        **_standing(mailing_list),
    }
    return FunctionResult(values)


def delete_subscriber(books: MyCoolSmsBooks, asked: RequestParameters) -> FunctionResult:
    """Mailing List API, "Function: deleteSubscriber"."""
    mailing_list = _mailing_list(books, asked)
    number = asked.number("number", 222)
    if mailing_list.subscribers.pop(number, None) is None:
        raise RefusedRequestError(222)
    return FunctionResult({"number": number, **_standing(mailing_list)})


def _mailing_list(books: MyCoolSmsBooks, asked: RequestParameters) -> MailingList:
    found = books.lists.get(asked.needed("uniqueid"))
    if found is None:
        raise RefusedRequestError(220)
    return found


def _standing(mailing_list: MailingList) -> dict[str, object]:
    return {"mailinglistcost": mailing_list.cost, "mailinglistsubscribers": len(mailing_list.subscribers)}
