"""What a My-Cool-SMS account has: its balance, the SMS that were sent and received, mailing lists."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from ringback.simulator.mycoolsms.parameters import country_of, prefix_of
from ringback.simulator.mycoolsms.texts import CountedText

SMS_PRICE: Final = Decimal("0.056")
INBOUND_PRICE: Final = Decimal("0.015")
HLR_PRICE: Final = Decimal("0.010")
FIRST_BALANCE: Final = Decimal("752.210")
OUR_NUMBER: Final = "+440987654321"
FIRST_LIST: Final = "75F3FAB"


@dataclass(slots=True)
class OutboundSms:
    """An SMS that was sent, by `sendSms` or to one subscriber of a mailing list."""

    smsid: str
    number: str
    sender: str
    text: CountedText
    at: datetime
    callback_url: str | None = None
    scheduled: datetime | None = None
    group: str | None = None
    status: str = "SMS_STATUS_QUEUED"

    @property
    def charge(self) -> Decimal:
        """What it costs."""
        return SMS_PRICE * self.text.parts

    def row(self) -> dict[str, object]:
        """Return it as `sendSms` answers it, less the balance."""
        return {
            "smsid": self.smsid,
            **self.text.row(),
            "escapenumchars": self.text.escaped,
            "number": self.number,
            "senderid": self.sender,
            "senderidenabled": True,
            "smscount": self.text.parts,
            "charge": float(self.charge),
            "countrycode": country_of(self.number),
            "prefix": prefix_of(self.number),
            "timestamp": self.at.isoformat(timespec="seconds"),
            "callbackurl": self.callback_url,
        }

    def report(self) -> dict[str, object]:
        """Return it as a delivery report names it."""
        return {"smsid": self.smsid, "status": self.status}


@dataclass(frozen=True, slots=True)
class IncomingSms:
    """An SMS that a phone wrote to a virtual number."""

    row_id: int
    sender: str
    virtual_number: str
    text: CountedText
    at: datetime

    def row(self) -> dict[str, object]:
        """Return it as `getIncomingSms` lists it."""
        return {
            "id": self.row_id,
            "virtualnumber": self.virtual_number,
            "senderid": self.sender,
            **self.text.row(),
            "timestamp": f"{self.at:%Y-%m-%d %H:%M:%S}.{self.at.microsecond // 1000:03}+00",
            "unixtimestamp": f"{self.at.timestamp():.1f}",
            "escapechars": self.text.escaped,
            "smscount": self.text.parts,
            "charge": str(INBOUND_PRICE),
            "senderidcountrycode": country_of(self.sender) if self.sender.startswith("+") else None,
            "virtualnumbercountrycode": country_of(self.virtual_number),
        }

    def push(self) -> dict[str, str]:
        """Return the fields of its callback, pushIncomingSms, as `build` takes them."""
        alphanumeric = not self.sender.startswith("+")
        return {
            "from": self.sender,
            "fromcountrycode": "null" if alphanumeric else country_of(self.sender) or "null",
            "to": self.virtual_number,
            "unicode": "true" if self.text.unicode else "false",
            "smscount": str(self.text.parts),
            "body": self.text.body,
            "bodyucs2": self.text.ucs2,
            "bodygsm7": self.text.gsm7 or "null",
            "numchars": str(len(self.text.body)),
            "escapenumchars": str(self.text.escaped),
            "cost": str(INBOUND_PRICE),
        }


@dataclass(slots=True)
class MailingList:
    """A mailing list: subscribers by number."""

    unique_id: str
    subscribers: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def cost(self) -> float:
        """What one SMS to everyone on it costs."""
        return float(SMS_PRICE * len(self.subscribers))


@dataclass(slots=True)
class MyCoolSmsBooks:
    """All of an account. `now` has a zone; `new_id` makes 32 hexadecimal digits."""

    now: Callable[[], datetime]
    new_id: Callable[[], str]
    balance: Decimal = FIRST_BALANCE
    outbound: dict[str, OutboundSms] = field(default_factory=dict)
    incoming: list[IncomingSms] = field(default_factory=list)
    virtual_numbers: set[str] = field(default_factory=lambda: {OUR_NUMBER})
    lists: dict[str, MailingList] = field(default_factory=lambda: {FIRST_LIST: MailingList(FIRST_LIST)})
    last_row: int = 0

    def receive(
        self, sender: str, virtual_number: str, text: CountedText, *, apart: int = 1, at: datetime | None = None
    ) -> IncomingSms:
        """Keep an SMS that a phone has written; the number that it wrote to is the account's from now on.

        `apart`: how much higher its id is than the last one's; ids of other accounts lie between those of this one.
        """
        self.last_row += apart
        received = IncomingSms(self.last_row, sender, virtual_number, text, at or self.now())
        self.virtual_numbers.add(virtual_number)
        self.incoming.append(received)
        return received

    def sent_in(self, group: str) -> list[OutboundSms]:
        """Return the SMS of a mailing."""
        return [sms for sms in self.outbound.values() if sms.group == group]
