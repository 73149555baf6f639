"""The bounded log: lines that callers can cause without end, at most one a second of each kind, with how many it means.

The first of a kind is written at once. While more of it come, one line a second says how many came since the line
before, and has the fields of the last one. At the level `debug` each has a line of its own too.
"""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog

log = structlog.get_logger()

EVERY_S: Final = 1.0


class BoundedLog:
    """Writes such lines. Whoever makes one calls `look` about twice a second, and `flush` at the end.

    `kind` parts the lines of one name, each part with its own second: give it what has few values, such as an account
    or an outcome, so that a flood of one does not hide the others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[tuple[str, str], _Held] = {}

    def warning(self, event: str, kind: str = "", **fields: object) -> None:
        """Log a warning of this kind, now or once its second is over."""
        self._log("warning", event, kind, fields)

    def error(self, event: str, kind: str = "", **fields: object) -> None:
        """Log an error of this kind, now or once its second is over."""
        self._log("error", event, kind, fields)

    def exception(self, event: str, kind: str = "", **fields: object) -> None:
        """Log an error of this kind with the traceback of the exception being handled, now or then."""
        self._log("error", event, kind, {**fields, "exc_info": sys.exc_info()})

    def look(self) -> None:
        """Write what has waited for a second; forget the kinds of which none came."""
        now = self._clock()
        for key, held in list(self._held.items()):
            if now >= held.due and not held.write(now):
                del self._held[key]

    def flush(self) -> None:
        """Write what is held."""
        now = self._clock()
        for held in list(self._held.values()):
            held.write(now)
        self._held.clear()

    def _log(self, level: str, event: str, kind: str, fields: Mapping[str, object]) -> None:
        log.debug(event, **fields)
        held = self._held.get((event, kind))
        if held is None:
            held = self._held[event, kind] = _Held(event)
        held.hold(level, fields)
        if (now := self._clock()) >= held.due:
            held.write(now)


class _Held:
    """What came of one kind since its last line. `due`: when it may have the next one."""

    def __init__(self, event: str) -> None:
        self.due = 0.0
        self._event = event
        self._level = ""
        self._fields: Mapping[str, object] = {}
        self._count = 0

    def hold(self, level: str, fields: Mapping[str, object]) -> None:
        self._level, self._fields = level, fields
        self._count += 1

    def write(self, now: float) -> bool:
        """Write the line; return whether there was one to write."""
        if not self._count:
            return False
        fields, count = self._fields, self._count
        self._fields, self._count, self.due = {}, 0, now + EVERY_S
        (log.error if self._level == "error" else log.warning)(self._event, **fields, count=count)
        return True
