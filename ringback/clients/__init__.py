"""Clients of both providers' APIs: checked requests, typed results, errors that say whether anything was sent.

    with Mocean.of("acme") as mocean:
        sent = mocean.sms(to="+60 12-345 6789", from_="ACME", text="Hi")

Nothing is imported here before its name is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ringback.clients.download import AsyncDownload, Download, FileContent, SavedFile
    from ringback.clients.errors import (
        InDoubtError,
        InvalidRequestError,
        NoCreditError,
        NotConfiguredError,
        PartialError,
        RefusedError,
        SendError,
        ThrottledError,
        UnauthorizedError,
        UnavailableError,
    )
    from ringback.clients.mocean.client import AsyncMocean, Mocean
    from ringback.clients.mocean.conversion import ConversionReported
    from ringback.clients.mocean.lookup import LookupAsked, LookupResult
    from ringback.clients.mocean.queries import Balance, MessageReport, Price
    from ringback.clients.mocean.sms import Sent
    from ringback.clients.mocean.verify import CodeChecked, CodeSent
    from ringback.clients.mocean.voice import Dialled, HungUp
    from ringback.clients.mocean.whatsapp import WhatsAppSent
    from ringback.clients.mycoolsms.client import AsyncMyCoolSms, MyCoolSms
    from ringback.clients.mycoolsms.inbox import Inbox, InboxSms
    from ringback.clients.mycoolsms.inquiries import EuroBalance, HlrLookup, HlrStatus, NormalizedNumber
    from ringback.clients.mycoolsms.mailing import RemovedSubscriber, SentMailing, Subscriber
    from ringback.clients.mycoolsms.reports import (
        DeliveryReport,
        ListedSms,
        MailingReport,
        OutboundPage,
        RecentReport,
        RecipientReport,
    )
    from ringback.clients.mycoolsms.sms import SentSms

__all__ = [
    "AsyncDownload",
    "AsyncMocean",
    "AsyncMyCoolSms",
    "Balance",
    "CodeChecked",
    "CodeSent",
    "ConversionReported",
    "DeliveryReport",
    "Dialled",
    "Download",
    "EuroBalance",
    "FileContent",
    "HlrLookup",
    "HlrStatus",
    "HungUp",
    "InDoubtError",
    "Inbox",
    "InboxSms",
    "InvalidRequestError",
    "ListedSms",
    "LookupAsked",
    "LookupResult",
    "MailingReport",
    "MessageReport",
    "Mocean",
    "MyCoolSms",
    "NoCreditError",
    "NormalizedNumber",
    "NotConfiguredError",
    "OutboundPage",
    "PartialError",
    "Price",
    "RecentReport",
    "RecipientReport",
    "RefusedError",
    "RemovedSubscriber",
    "SavedFile",
    "SendError",
    "Sent",
    "SentMailing",
    "SentSms",
    "Subscriber",
    "ThrottledError",
    "UnauthorizedError",
    "UnavailableError",
    "WhatsAppSent",
]

_MODULES: Final = {
    "ringback.clients.download": (
        "AsyncDownload",
        "Download",
        "FileContent",
        "SavedFile",
    ),
    "ringback.clients.errors": (
        "InDoubtError",
        "InvalidRequestError",
        "NoCreditError",
        "NotConfiguredError",
        "PartialError",
        "RefusedError",
        "SendError",
        "ThrottledError",
        "UnauthorizedError",
        "UnavailableError",
    ),
    "ringback.clients.mocean.client": (
        "AsyncMocean",
        "Mocean",
    ),
    "ringback.clients.mocean.conversion": ("ConversionReported",),
    "ringback.clients.mocean.lookup": (
        "LookupAsked",
        "LookupResult",
    ),
    "ringback.clients.mocean.queries": (
        "Balance",
        "MessageReport",
        "Price",
    ),
    "ringback.clients.mocean.sms": ("Sent",),
    "ringback.clients.mocean.verify": (
        "CodeChecked",
        "CodeSent",
    ),
    "ringback.clients.mocean.voice": (
        "Dialled",
        "HungUp",
    ),
    "ringback.clients.mocean.whatsapp": ("WhatsAppSent",),
    "ringback.clients.mycoolsms.client": (
        "AsyncMyCoolSms",
        "MyCoolSms",
    ),
    "ringback.clients.mycoolsms.inbox": (
        "Inbox",
        "InboxSms",
    ),
    "ringback.clients.mycoolsms.inquiries": (
        "EuroBalance",
        "HlrLookup",
        "HlrStatus",
        "NormalizedNumber",
    ),
    "ringback.clients.mycoolsms.mailing": (
        "RemovedSubscriber",
        "SentMailing",
        "Subscriber",
    ),
    "ringback.clients.mycoolsms.reports": (
        "DeliveryReport",
        "ListedSms",
        "MailingReport",
        "OutboundPage",
        "RecentReport",
        "RecipientReport",
    ),
    "ringback.clients.mycoolsms.sms": ("SentSms",),
}
_PLACES: Final = {name: module for module, names in _MODULES.items() for name in names}
"""Name -> module that has it."""


def __dir__() -> list[str]:
    return sorted(__all__)


if not TYPE_CHECKING:  # else mypy would take any name for one that is here

    def __getattr__(name: str) -> object:
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(_PLACES[name]), name)
        globals()[name] = found
        return found
