"""Polled callbacks: what a provider answers when it is asked, under the names that its callback has.

So it goes through the receiver's own normaliser, and its event has the id that the pushed one has, wherever both name
the same facts (docs/polling.md has the table). Answers in, callbacks out: no HTTP, no Redis, no clock.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self, cast

from msgspec import structs

from ringback.clients.mocean.queries import ReportedStatus
from ringback.receiver.commit.waiting import Waiting
from ringback.receiver.parsing.callbacks import Callback, Need, Normalised
from ringback.receiver.parsing.fields import Fields
from ringback.receiver.parsing.normalise import Normaliser
from ringback.receiver.parsing.parse import parse
from ringback.receiver.parsing.times import UNREADABLE, local_time, unix_time
from ringback.receiver.providers import BY_NAME
from ringback.receiver.providers.mocean.sms import DLR_NUMBER
from ringback.receiver.providers.mycoolsms import inbound_sms
from ringback.schemas.event_data import MessageReceived, Status
from ringback.schemas.events import Event

POLLED: Final = "polled"
"""Flag of an event that came of asking."""

_INBOUND: Final = BY_NAME["mycoolsms/inbound-sms"]
_MYCOOLSMS_REPORT: Final = BY_NAME["mycoolsms/delivery-report"]
_MOCEAN_REPORT: Final = BY_NAME["mocean/delivery-report"]

_REPORTED: Final[Mapping[ReportedStatus, Status]] = {  # "pending" and "not_found" are no report
    "success": Status.DELIVERED,
    "failed": Status.FAILED,
    "expired": Status.EXPIRED,
}
_PUSHED_NAME: Final = {  # getIncomingSms -> pushIncomingSms; what both name alike is not here
    "senderid": "from",
    "senderidcountrycode": "fromcountrycode",
    "virtualnumber": "to",
    "charge": "cost",
    "escapechars": "escapenumchars",
}
_DIFFERS: Final = "time:differs"
_MINUTE: Final = timedelta(minutes=1)


def listed_sms(fields: Fields) -> Normalised:
    """getIncomingSms: a pushIncomingSms with an id and a time (contract, section 2: `polled-sms`)."""
    pushed = inbound_sms(fields)
    row_id = fields.identifier("id") or ""
    data = structs.replace(cast("MessageReceived", pushed.data), message_id=row_id)
    return pushed._replace(data=data, subject=row_id, identity=(row_id,), time=_time(fields))


POLLED_SMS: Final = Callback(
    "mycoolsms", "/polled-sms", "POST", (Need(("id",)), *_INBOUND.needs), listed_sms
)  # nobody calls us with it, so it is none of the provider's callbacks


@dataclass(frozen=True, slots=True)
class PolledCallback:
    """One callback that did not come: the JSON that it would have come in, and the context of the send it is about."""

    callback: Callback
    body: bytes = field(repr=False)
    context: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, callback: Callback, fields: Mapping[str, object], context: Mapping[str, str]) -> Self:
        """Write it, with fields under the names that the callback has."""
        return cls(callback, json.dumps(fields, default=str).encode(), context)

    def event(self, account: str, normaliser: Normaliser, now: datetime) -> Event:
        """Make its event as the receiver would have. Raises UnusableError."""
        (parsed,) = parse("application/json", self.body, [])
        parsed.fields.flag(POLLED)
        return normaliser.event(self.callback, parsed.fields, account, self.context, now)


def waiting(event: Event) -> Waiting:
    """Make what is to be stored of a polled event. Being polled is no oddity, so it is not counted as one."""
    made = Waiting.of(event)
    made.flags = tuple(flag for flag in made.flags if flag != POLLED)
    return made


def mycoolsms_report(message_id: str, word: str, context: Mapping[str, str]) -> PolledCallback:
    """Return the pushDeliveryReport of what getDeliveryReports says."""
    return PolledCallback.of(_MYCOOLSMS_REPORT, {"smsid": message_id, "status": word}, context)


def mocean_report(
    message_id: str, status: ReportedStatus, recipient: str | None, sender: str | None, context: Mapping[str, str]
) -> PolledCallback | None:
    """Return the delivery report of what "Message Status" says; None where that is none.

    Neither the handset nor our sender is in the answer: they are what the send had. Nor is an error code, so a failure
    has none.
    """
    reported = _REPORTED.get(status)
    if reported is None:
        return None
    fields = {
        "mocean-msgid": message_id,
        "mocean-from": recipient,  # it speaks for the handset
        "mocean-to": sender,
        "mocean-dlr-status": DLR_NUMBER[reported],
    }
    return PolledCallback.of(_MOCEAN_REPORT, {name: value for name, value in fields.items() if value}, context)


def mycoolsms_inbound(row: Mapping[str, object]) -> PolledCallback:
    """Return the pushIncomingSms of a row of getIncomingSms, with the id and the times that only the row has."""
    return PolledCallback.of(POLLED_SMS, {_PUSHED_NAME.get(name, name): value for name, value in row.items()}, {})


def _time(fields: Fields) -> datetime | None:
    """Return when the SMS came: `timestamp`, which has its zone, before `unixtimestamp` (both differ in the sample)."""
    written = local_time(fields, "timestamp")
    if written is not None and written.tzinfo is None:
        fields.flag(UNREADABLE)  # nobody says which zone
        written = None
    counted = unix_time(fields, "unixtimestamp")
    if written is not None and counted is not None and abs(written - counted) > _MINUTE:
        fields.flag(_DIFFERS)
    return written or counted
