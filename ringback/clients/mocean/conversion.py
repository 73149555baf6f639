"""Mocean "Conversion API": POST /conversion, whether a user has received what was sent. No callback follows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ringback.clients.accounts import MoceanAccount
from ringback.clients.arguments import local_time, needed
from ringback.clients.exchange import Call
from ringback.clients.mocean.codes import CONVERSION
from ringback.clients.mocean.judge import accepted

PROVIDER: Final = "mocean"


@dataclass(frozen=True, slots=True)
class ConversionReported:
    """Mocean knows now whether the user has received the message."""

    message_id: str
    raw: Mapping[str, object] = field(repr=False)


def report(
    account: MoceanAccount, message_id: str, *, delivered: bool, at: datetime | None = None
) -> Call[ConversionReported]:
    """Report whether a user has received a message. `message_id` is that of the SMS.

    `at`: when, an aware time; Mocean takes the time of the request without it. Its zone on the wire is *assumed* to be
    that of scheduling.
    """
    fields = {
        "mocean-msgid": needed(PROVIDER, "conversion", "message_id", message_id),
        "mocean-delivered": "true" if delivered else "false",
    }
    if at is not None:
        fields["mocean-timestamp"] = local_time(PROVIDER, "conversion", "at", at, account.zone)
    request = account.post("conversion", "/conversion", fields)
    return Call(request, lambda answer: ConversionReported(message_id, accepted(request, answer, CONVERSION).raw))
