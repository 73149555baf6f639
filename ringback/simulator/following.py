"""What follows a request: the callbacks of an SMS, a WhatsApp message, a lookup, each as `ringback/wire` writes it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ringback.simulator.delivering import ONCE, UNTIL_200, Deliveries
from ringback.simulator.magic_numbers import Outcome, Reported, digits_of
from ringback.wire.samples import find
from ringback.wire.sending import Wire, build

DLR: Final = "mocean/delivery-report"
WHATSAPP_STATUS: Final = "mocean/whatsapp-delivery-status"
LOOKUP: Final = "mocean/number-lookup"
COOL_REPORT: Final = "mycoolsms/delivery-report"

_DLR_STATUS: Final[Mapping[Reported, str]] = {"delivered": "1", "failed": "2", "expired": "3"}
_COOL_STATUS: Final[Mapping[Reported, str]] = {
    "delivered": "SMS_STATUS_DELIVERED",
    "failed": "SMS_STATUS_ERROR",
    "expired": "SMS_STATUS_EXPIRED",
}
_REPEATED: Final = (DLR, LOOKUP)
AT_CARRIER: Final = "SMS_STATUS_AT_CARRIER"


def dlr(message_id: str, recipient: str, sender: str, reported: Reported, code: int = 0) -> Wire:
    """Write a delivery report of Mocean; it names the handset `from`."""
    fields = {
        "mocean-msgid": message_id,
        "mocean-from": digits_of(recipient),
        "mocean-to": sender,
        "mocean-dlr-status": _DLR_STATUS[reported],
        "mocean-error-code": str(code),
    }
    return build(find(DLR), fields)


def whatsapp_status(message_id: str, recipient: str, sender: str, status: str, code: int | None = None) -> Wire:
    """Write a WhatsApp delivery report: sent, delivered, read, failed."""
    fields = {
        "message_id": message_id,
        "event_data.from": digits_of(recipient),
        "event_data.to": digits_of(sender),
        "event_data.meta_delivery_status": status,
    }
    if status == "failed" and code:
        fields |= {
            "event_data.meta_error_details.error_code": str(code),
            "event_data.meta_error_details.error_title": "Message undeliverable",
            "event_data.meta_error_details.error_details": "Planned by the number that the message went to.",
        }
    return build(find(WHATSAPP_STATUS), fields)


def lookup_result(message_id: str, number: str, code: int = 0, error: str | None = None) -> Wire:
    """Write the result of an asynchronous number lookup."""
    fields = {"msgid": message_id, "to": digits_of(number), "status": str(code)}
    if code and error:
        fields["err_msg"] = error
    return build(find(LOOKUP), fields)


def cool_report(smsid: str, status: str) -> Wire:
    """Write a delivery report of My-Cool-SMS."""
    return build(find(COOL_REPORT), {"smsid": smsid, "status": status})


def whatsapp_course(outcome: Outcome, *, is_reaction: bool = False) -> Sequence[str]:
    """Return the statuses that a WhatsApp message goes through. There is no "expired", which is a failure then.

    A reaction is never reported as read.
    """
    if is_reaction and outcome.reports and outcome.reports[0] == "delivered":
        return ("sent", "delivered")
    if outcome.out_of_order:
        return ("read", "sent", "delivered")
    if not outcome.reports:
        return ()
    if outcome.reports[0] == "delivered":
        return ("sent", "delivered", "read")
    return ("sent", "failed")


def cool_course(outcome: Outcome) -> Sequence[str]:
    """Return the statuses that an SMS of My-Cool-SMS goes through."""
    if outcome.out_of_order:
        return ("SMS_STATUS_DELIVERED", "SMS_STATUS_QUEUED", AT_CARRIER)
    if not outcome.reports:
        return ()
    return (AT_CARRIER, _COOL_STATUS[outcome.reports[0]])


def dlr_course(outcome: Outcome) -> Sequence[Reported]:
    """Return the reports of an SMS of Mocean, which are final ones only; out of order, two that contradict it."""
    return ("delivered", "expired", "delivered") if outcome.out_of_order else outcome.reports


@dataclass(frozen=True, slots=True)
class FollowingStep:
    """One callback that follows, and what is noted when its time has come, whether anybody wants to be told or not."""

    wire: Wire
    note: Callable[[], None] = lambda: None


class Follower:
    """Lets callbacks follow, each a delay after the one before."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    async def follow(
        self,
        name: str,
        about: str,
        url: str | None,
        steps: Sequence[FollowingStep],
        *,
        at_once: bool = False,
        after: float = 0,
    ) -> None:
        """Let callbacks follow in this order; the first has been sent when this returns if it is to be `at_once`.

        `after`: seconds of the provider's that pass before. Without a URL nobody is told.
        """
        if at_once and steps:
            await self._step(name, about, url, steps[0])
            steps = steps[1:]
        if steps:
            self._deliveries.begin(self._follow(name, about, url, steps, self._deliveries.scaled(after)))

    async def _follow(
        self, name: str, about: str, url: str | None, steps: Sequence[FollowingStep], after_s: float
    ) -> None:
        await asyncio.sleep(after_s)
        for step in steps:
            await asyncio.sleep(self._deliveries.delay_s)
            await self._step(name, about, url, step)

    async def _step(self, name: str, about: str, url: str | None, step: FollowingStep) -> None:
        step.note()
        if url is not None:
            await self._deliveries.deliver(name, about, url, step.wire, UNTIL_200 if name in _REPEATED else ONCE)
