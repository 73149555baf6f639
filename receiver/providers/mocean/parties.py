"""Who got a message and who sent it, in what Mocean writes of both."""

from typing import Final

from ringback.receiver.parsing.fields import Fields
from ringback.schemas.address import Address, AddressKind

SWAPPED: Final = "parties:swapped"


def parties(report: Fields, handset: str, ours: str) -> tuple[Address | None, Address | None]:
    """Return recipient and sender of a report, whose fields are named for the handset.

    Some come the other way round: where the handset is none, and the other is a number, that is the recipient's.
    """
    recipient, sender = report.address(handset), report.address(ours)
    if recipient and sender and sender.kind is AddressKind.E164 and not is_handset(recipient):
        report.flag(SWAPPED)
        return sender, recipient
    return recipient, sender


def is_handset(address: Address) -> bool:
    """Whether an address may be a handset's: a number, or digits that are written in another way. No name is."""
    return address.kind is not AddressKind.SHORT_CODE and not any(map(str.isalpha, address.value))


def value(address: Address | None) -> str:
    """Return an address as it counts in an identity."""
    return address.value if address else ""
