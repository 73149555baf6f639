"""My-Cool-SMS's client, blocking and async: one method for each function of the document."""

import httpx
from pydantic import SecretStr

from ringback.clients.accounts import MYCOOLSMS_URL, MyCoolSmsAccount
from ringback.clients.errors import NotConfiguredError
from ringback.clients.mycoolsms import inbox, inquiries, sms
from ringback.clients.mycoolsms import mailing as mailings
from ringback.clients.mycoolsms import reports as delivery_reports
from ringback.clients.mycoolsms.encoding import from_ucs2, to_ucs2
from ringback.clients.mycoolsms.judge import PROVIDER
from ringback.clients.operations import AsyncClient, AsyncOperation, BlockingClient, Operation
from ringback.clients.transport import DEFAULT_TIMEOUT_S, AsyncHttpTransport, HttpTransport


class MyCoolSms(BlockingClient[MyCoolSmsAccount]):
    """My-Cool-SMS's API. `timeout`: seconds for a whole request."""

    provider = "mycoolsms"

    def __init__(
        self,
        *,
        username: str | None = None,
        password: str | None = None,
        url: str = MYCOOLSMS_URL,
        timeout: float = DEFAULT_TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(_account(username, password, url), HttpTransport(timeout=timeout, transport=transport))

    sms = Operation(sms.send)
    incoming = Operation(inbox.incoming)
    balance = Operation(inquiries.balance)
    report = Operation(delivery_reports.report)
    mailing_report = Operation(delivery_reports.mailing_report)
    reports = Operation(delivery_reports.reports)
    recent_reports = Operation(delivery_reports.recent_reports)
    outbound = Operation(delivery_reports.outbound)
    mailing = Operation(mailings.mailing)
    add_subscriber = Operation(mailings.add_subscriber)
    update_subscriber = Operation(mailings.update_subscriber)
    delete_subscriber = Operation(mailings.delete_subscriber)
    lookup = Operation(inquiries.lookup)
    normalize = Operation(inquiries.normalize)
    to_ucs2 = staticmethod(to_ucs2)
    from_ucs2 = staticmethod(from_ucs2)


class AsyncMyCoolSms(AsyncClient[MyCoolSmsAccount]):
    """My-Cool-SMS's API from coroutines. `timeout`: seconds for a whole request."""

    provider = "mycoolsms"

    def __init__(
        self,
        *,
        username: str | None = None,
        password: str | None = None,
        url: str = MYCOOLSMS_URL,
        timeout: float = DEFAULT_TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(_account(username, password, url), AsyncHttpTransport(timeout=timeout, transport=transport))

    sms = AsyncOperation(sms.send)
    incoming = AsyncOperation(inbox.incoming)
    balance = AsyncOperation(inquiries.balance)
    report = AsyncOperation(delivery_reports.report)
    mailing_report = AsyncOperation(delivery_reports.mailing_report)
    reports = AsyncOperation(delivery_reports.reports)
    recent_reports = AsyncOperation(delivery_reports.recent_reports)
    outbound = AsyncOperation(delivery_reports.outbound)
    mailing = AsyncOperation(mailings.mailing)
    add_subscriber = AsyncOperation(mailings.add_subscriber)
    update_subscriber = AsyncOperation(mailings.update_subscriber)
    delete_subscriber = AsyncOperation(mailings.delete_subscriber)
    lookup = AsyncOperation(inquiries.lookup)
    normalize = AsyncOperation(inquiries.normalize)
    to_ucs2 = staticmethod(to_ucs2)
    from_ucs2 = staticmethod(from_ucs2)


def _account(username: str | None, password: str | None, url: str) -> MyCoolSmsAccount:
    """Return the account. Raises NotConfiguredError without credentials."""
    if not username or not password:
        raise NotConfiguredError(PROVIDER, "client", "no credentials; give username and password")
    return MyCoolSmsAccount(username, SecretStr(password), url)
