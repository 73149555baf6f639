"""World: what the simulated providers remember. In memory, emptied by a reset; time and chance are passed in."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal

from ringback.simulator.delivering import Deliveries
from ringback.simulator.dialled import Calls
from ringback.simulator.following import Follower
from ringback.simulator.magic_numbers import Outcomes

FIRST_BALANCE: Final = Decimal("100.0000")
SMS_PRICE: Final = Decimal("0.0500")
LOOKUP_PRICE: Final = Decimal("0.0050")
WHATSAPP_PRICE: Final = Decimal("0.0800")
CALL_PRICE: Final = Decimal("0.1000")
VERIFY_PRICE: Final = Decimal("0.0600")
MEDIA_ID: Final = "1103429567890123"
"""A medium that can always be downloaded."""

Channel = Literal["sms", "whatsapp"]


@dataclass(slots=True)
class ReceivedMessage:
    """A message that a phone has got. `status` as in "Message Status": 1 success, 2 failed, 3 expired, 4 pending."""

    message_id: str
    channel: Channel
    sender: str
    recipient: str
    content: dict[str, object] = field(repr=False)
    at: datetime
    provider: str = "mocean"
    status: int = 4
    conversion: bool | None = None

    def row(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "message_id": self.message_id,
            "provider": self.provider,
            "channel": self.channel,
            "from": self.sender,
            "to": self.recipient,
            "content": self.content,
            "at": self.at.isoformat(timespec="seconds"),
        }


@dataclass(slots=True)
class SimulatedVerification:
    """A code that was sent, and how often a wrong one came."""

    request_id: str
    number: str
    brand: str
    code: str = field(repr=False)
    expires: datetime
    is_charged_by_conversion: bool
    wrong: int = 0
    resent: int = 0
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class StoredMedium:
    """A file that can be downloaded."""

    name: str
    content_type: str
    data: bytes = field(repr=False)


class World:
    """Everything that is remembered of Mocean's side, and the parts that both providers share.

    `credit`: what an account begins with at each of them; None: what a new one of theirs has.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        *,
        seed: int | None = None,
        credit: Decimal | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.deliveries = deliveries
        self.outcomes = Outcomes()
        self.calls = Calls(deliveries)
        self.follower = Follower(deliveries)
        self.credit = credit
        self.now = now
        self._chance = random.Random(seed)  # noqa: S311 - ids and codes of a simulator
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.balance = FIRST_BALANCE if self.credit is None else self.credit
        self.messages: list[ReceivedMessage] = []
        self.verifications: dict[str, SimulatedVerification] = {}
        self.media: dict[str, StoredMedium] = {MEDIA_ID: StoredMedium("picture.png", "image/png", PNG)}
        self.media_downloads: list[datetime] = []
        self.outcomes.clear()
        self.calls.clear()
        self.deliveries.clear()

    def new_id(self) -> str:
        """Return 32 hexadecimal digits."""
        return f"{self._chance.getrandbits(128):032x}"

    def new_code(self, length: int) -> str:
        """Return a code of digits."""
        return f"{self._chance.randrange(10**length):0{length}}"

    def pay(self, price: Decimal) -> bool:
        """Take a price off the balance. Whether there was enough."""
        if self.balance < price:
            return False
        self.balance -= price
        return True


PNG: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cf500f0003860180"
    "5a347d6b0000000049454e44ae426082"
)
"""A picture of one pixel."""
