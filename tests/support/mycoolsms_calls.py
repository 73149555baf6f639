"""My-Cool-SMS's functions, a call of each, and answers to them."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
from pydantic import SecretStr

from ringback.clients.accounts import MyCoolSmsAccount
from ringback.clients.errors import SendError
from ringback.clients.exchange import Call, ProviderAnswer
from ringback.clients.mycoolsms import inbox, inquiries, mailing, reports, sms

ACCOUNT: Final = MyCoolSmsAccount("the-username", SecretStr("the-password"))
ID: Final = "ce184cc0a6d1714d1ac763f4fe89f521"
OTHER_ID: Final = "d1ac763f4fe89f521ce184cc0a6d1714"
KEY: Final = "d3743cc0a6d1714d1ac763f4fe89f521"

SEND: Final = sms.send(ACCOUNT, to="+491234567890", text="Have a nice day!", from_="+449876543210")
INCOMING: Final = inbox.incoming(ACCOUNT)
BALANCE: Final = inquiries.balance(ACCOUNT)
REPORT: Final = reports.report(ACCOUNT, ID)
MAILING_REPORT: Final = reports.mailing_report(ACCOUNT, KEY, details=True)
REPORTS: Final = reports.reports(ACCOUNT, [ID, OTHER_ID])
RECENT: Final = reports.recent_reports(ACCOUNT, limit=10)
OUTBOUND: Final = reports.outbound(ACCOUNT)
MAILING: Final = mailing.mailing(ACCOUNT, list_id="75F3FAB", text="Staff meeting in 20 minutes.", from_="MyCompany")
ADD: Final = mailing.add_subscriber(ACCOUNT, list_id="75F3FAB", number="+1230987654321")
UPDATE: Final = mailing.update_subscriber(ACCOUNT, list_id="75F3FAB", number="+1230987654321")
DELETE: Final = mailing.delete_subscriber(ACCOUNT, list_id="75F3FAB", number="+1230987654321")
LOOKUP: Final = inquiries.lookup(ACCOUNT, "+491234567890")
NORMALIZE: Final = inquiries.normalize(ACCOUNT, "001(712)736-3423")

CALLS: Final[list[Call[Any]]] = [
    SEND,
    INCOMING,
    BALANCE,
    REPORT,
    MAILING_REPORT,
    REPORTS,
    RECENT,
    OUTBOUND,
    MAILING,
    ADD,
    UPDATE,
    DELETE,
    LOOKUP,
    NORMALIZE,
]
each_call = pytest.mark.parametrize(
    "call", CALLS, ids=[f"{index} {call.request.operation}" for index, call in enumerate(CALLS)]
)


def answer(body: str | bytes | Mapping[str, Any], status: int = 200) -> ProviderAnswer:
    if isinstance(body, Mapping):
        body = json.dumps(body)
    return ProviderAnswer(status, "application/json", body.encode() if isinstance(body, str) else body)


def refused(call: Call[Any], body: Mapping[str, Any] | str | bytes, status: int = 200) -> SendError:
    """Return the error that an answer is."""
    with pytest.raises(SendError) as caught:
        call.result(answer(body, status))
    return caught.value
