"""Stored run: an event and a handler that is to run on it later, in the bytes in which that waits in Redis.

One line of JSON that says what is to be run, then the event as it was received. So it needs neither the stream, which
may have been trimmed meanwhile, nor an RQ job.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import UnionType
from typing import Final

_PROBE: Final = b"!"
_MOST_ERRORS: Final = 10


class StoredRunError(ValueError):
    """Bytes that should be a stored run are none."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run that waits.

    `handler`: what it was called when its first run was due. `key`: what tells this run from others of the same event
    and handler: the entry it came in, or who asked for a replay. `event`: the event's JSON, as received; of an entry
    that could not be read, all there is of it. `attempts`: how many have ended so far. `errors`: the names of what they
    raised, the last ones. `resend`: whether what a replayed run asks to be sent goes out. `letter`: the dead letter
    that it was, if somebody asked for another try of that. `probe`: whether it is to find out if a handler that is set
    aside still hangs.
    """

    handler: str
    event_id: str
    key: str
    event: bytes
    advanced: bool | None = None
    attempts: int = 0
    errors: tuple[str, ...] = ()
    replay: bool = False
    resend: bool = False
    letter: str | None = None
    probe: bool = False

    def dump(self) -> bytes:
        """Return the bytes in which it waits."""
        head = {name: value for name in _HEAD if (value := getattr(self, name)) != _DEFAULTS.get(name)}
        return json.dumps(head, separators=(",", ":")).encode() + b"\n" + self.event

    @classmethod
    def load(cls, stored: bytes) -> "StoredRun":
        """Read what `dump` gave. Raises StoredRunError."""
        head, _, event = stored.removeprefix(_PROBE).partition(b"\n")
        try:
            said = json.loads(head)
            named = {name: said[name] for name in _HEAD if name in said}
            if wrong := [name for name, value in named.items() if not isinstance(value, _TYPES[name])]:
                raise TypeError(wrong[0])
            named["errors"] = tuple(map(str, named.get("errors", ())))
            return cls(**named, event=event, probe=stored.startswith(_PROBE))
        except (ValueError, TypeError, RecursionError) as error:
            raise StoredRunError(f"a waiting run cannot be read: {type(error).__name__}") from None

    def failed(self, error: str) -> "StoredRun":
        """Return it with one attempt more, which has ended by this error."""
        return replace(self, attempts=self.attempts + 1, errors=(*self.errors, error)[-_MOST_ERRORS:], probe=False)


_HEAD: Final = tuple(field.name for field in fields(StoredRun) if field.name not in ("event", "probe"))
# As JSON has them: what others have written must not be found out when it is run.
_TYPES: Final[Mapping[str, UnionType | type]] = {
    "handler": str, "event_id": str, "key": str, "advanced": bool | None, "attempts": int, "errors": list,
    "replay": bool, "resend": bool, "letter": str | None,
}  # fmt: skip
_DEFAULTS: Final[Mapping[str, object]] = {
    "advanced": None, "attempts": 0, "errors": (), "replay": False, "resend": False, "letter": None,
}  # fmt: skip
