"""An entry of the events stream, as a drain works on it."""

import json
from dataclasses import dataclass
from typing import Final

RawEntry = tuple[bytes, dict[bytes, bytes] | None]
"""As redis-py gives it; no fields where it was trimmed meanwhile."""

NOTHING: Final[frozenset[str]] = frozenset()
_LONGEST_SHOWN: Final = 64


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
        """Return the event's id for people and logs, whatever it holds; none where the entry was trimmed."""
        return self.fields.get(b"id", b"").decode(errors="replace")[:_LONGEST_SHOWN]

    @property
    def text(self) -> str:
        """Return the event as JSON; of an entry without one, all its fields.

        Bytes that are no UTF-8 become lone surrogates (`surrogateescape`), so that none is lost.
        """
        event = self.fields.get(b"event")
        return json.dumps(self._decoded()) if event is None else event.decode(errors="surrogateescape")

    def _decoded(self) -> dict[str, str]:
        return {
            name.decode(errors="surrogateescape"): value.decode(errors="surrogateescape")
            for name, value in self.fields.items()
        }
