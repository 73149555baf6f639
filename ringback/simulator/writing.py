"""What a phone writes to us, as the callback by which we learn it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from ringback.simulator.delivering import ONCE, UNTIL_2XX, Deliveries, FollowingCallback, Repeats
from ringback.simulator.magic_numbers import digits_of
from ringback.simulator.mycoolsms.books import IncomingSms, MyCoolSmsBooks
from ringback.simulator.mycoolsms.texts import CountedText, is_gsm
from ringback.wire.samples import find
from ringback.wire.sending import Wire, build, random_id

INBOUND_CALLBACK: Final = {
    ("mocean", "sms"): "mocean/inbound-sms",
    ("mocean", "whatsapp"): "mocean/whatsapp-inbound-message",
    ("mycoolsms", "sms"): "mycoolsms/inbound-sms",
}
"""The callback by provider and channel."""

_GSM_CODING: Final = "1"
_UNICODE_CODING: Final = "3"


@dataclass(frozen=True, slots=True)
class WrittenText:
    """A text that a phone writes to a number of ours.

    No document says that a WhatsApp message names its sender, so it does not unless `names_sender`.
    """

    provider: Literal["mocean", "mycoolsms"]
    channel: Literal["sms", "whatsapp"]
    sender: str = field(repr=False)
    recipient: str
    text: str = field(repr=False)
    reply_to: str | None = None
    names_sender: bool = False

    @property
    def callback(self) -> str:
        """The callback that it leads to. Raises KeyError where a provider has no such channel."""
        return INBOUND_CALLBACK[self.provider, self.channel]


async def write_to(deliveries: Deliveries, books: MyCoolSmsBooks, written: WrittenText, url: str) -> FollowingCallback:
    """Send the callback of a text to this URL, repeated as documented; return it after the first time."""
    wire, repeats = _wire(books, written)
    return await deliveries.deliver(written.callback, "inbound", url, wire, repeats)


def keep_text(
    books: MyCoolSmsBooks, sender: str, recipient: str, text: str, *, apart: int = 1, at: datetime | None = None
) -> IncomingSms:
    """Keep a text that a phone has written to a number at My-Cool-SMS, as `receive` does."""
    counted = CountedText(text, unicode=not is_gsm(text))
    number = f"+{digits_of(sender)}" if digits_of(sender) else sender
    return books.receive(number, f"+{digits_of(recipient)}", counted, apart=apart, at=at)


def _wire(books: MyCoolSmsBooks, written: WrittenText) -> tuple[Wire, Repeats]:
    if written.provider == "mycoolsms":
        received = keep_text(books, written.sender, written.recipient, written.text)
        return build(find(written.callback), received.push()), ONCE
    if written.channel == "whatsapp":
        fields = {
            "message_id": random_id(),
            "event_data.to": digits_of(written.recipient),
            "event_data.from_name": "Sim",
            "event_data.forwarded": "false",
            "event_data.content.type": "text",
            "event_data.content.text": written.text,
        }
        if written.names_sender:
            fields["event_data.from"] = digits_of(written.sender)
        if written.reply_to:
            fields["event_data.reply_to_msg_id"] = written.reply_to
        return build(find(written.callback), fields), ONCE
    fields = {
        "mocean-from": digits_of(written.sender) or written.sender,
        "mocean-to": digits_of(written.recipient) or written.recipient,
        "mocean-keyword": (written.text.split() or [""])[0],
        "mocean-text": written.text,
        "mocean-coding": _GSM_CODING if is_gsm(written.text) else _UNICODE_CODING,
    }
    return build(find(written.callback), fields), UNTIL_2XX
