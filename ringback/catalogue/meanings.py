"""Meanings: what each field of a stream entry means, and what `type` of an event does, which tells their classes apart.

The other fields of events say it themselves (`Meta(description=…)`).

`docs/events.md` has the same words, which a test sees to.
"""

from collections.abc import Mapping
from typing import Final

ENTRY: Final[Mapping[str, str]] = {
    "id": "The event's `id`.",
    "type": "The event's `type`.",
    "provider": "The event's `provider`.",
    "account": "The event's `account`.",
    "event": "The whole event, as JSON.",
    "advanced": "`1` if it moved its message's status forward, else `0`. Only with `message.status`.",
}
"""What each field of a stream entry means."""
TYPE: Final = "Which of the types it is, and so what `data` has."
