"""An entry of the events stream, as a drain works on it."""

from dataclasses import dataclass
from typing import Final

RawEntry = tuple[bytes, dict[bytes, bytes] | None]
"""As redis-py gives it; no fields where it was trimmed meanwhile."""

NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the events stream. `already`: the handlers that were done with it before its worker died."""

    id: str
    fields: dict[bytes, bytes]
    already: frozenset[str] = NOTHING

    @classmethod
    def of(cls, raw: RawEntry) -> "Entry":
        """Make one of what redis-py gives."""
        return cls(raw[0].decode(), raw[1] or {})

    @property
    def advanced(self) -> bool | None:
        """Tell whether a status moved its message forward; None for other events."""
        value = self.fields.get(b"advanced")
        return None if value is None else value == b"1"

    @property
    def event_id(self) -> str:
        """Give the event's id; none where the entry was trimmed."""
        return self.fields.get(b"id", b"").decode()

    @property
    def text(self) -> str:
        """Give the event as JSON."""
        return self.fields[b"event"].decode()
