"""An entry, as a drain works on it: of the events stream, or of that of the due runs that workers have taken."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

RawEntry = tuple[bytes, dict[bytes, bytes] | None]
"""As redis-py gives it; no fields where it was trimmed meanwhile."""

NOTHING: Final[frozenset[str]] = frozenset()
_LONGEST_SHOWN: Final = 64


@dataclass(slots=True)
class Entry:
    """An entry of a stream, which this worker has in its hands.

    `is_due`: it is a run that was due, and no new event. `already`: the handlers that were done with it before it came
    here. `is_suspect`: a worker died with it in its hands. `trusted_until`: when it may have been taken over since this
    process stood still, on the machine's clock.
    """

    id: str
    fields: Mapping[bytes, bytes]
    already: frozenset[str] = NOTHING
    is_due: bool = False
    is_suspect: bool = False
    trusted_until: float = 0.0

    @property
    def advanced(self) -> bool | None:
        """Whether a status moved its message forward; None for other events."""
        value = self.fields.get(b"advanced")
        return None if value is None else value == b"1"

    @property
    def event_id(self) -> str:
        """The event's id for people and logs, whatever it holds; none where the entry was trimmed."""
        return self.fields.get(b"id", b"").decode(errors="replace")[:_LONGEST_SHOWN]

    @property
    def content(self) -> bytes:
        """The event as JSON; of an entry without one, all its fields."""
        event = self.fields.get(b"event")
        return json.dumps(self._decoded()).encode() if event is None else event

    def _decoded(self) -> dict[str, str]:
        return {
            name.decode(errors="surrogateescape"): value.decode(errors="surrogateescape")
            for name, value in self.fields.items()
        }


def suspect_id(entry: Entry) -> str:
    """Return what names an entry among those that workers have died with, of whichever stream it is."""
    return f"due:{entry.id}" if entry.is_due else entry.id
