"""The bounded log: lines that callers can cause without end, at most one a second of each kind, with how many it means.

The first of a kind is written at once. While more of it come, one line a second says how many came since the line
before, and has the fields of the last one; the rest is also written when nothing comes any more. At the level `debug`
each has a line of its own too.
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import Final

import structlog

log = structlog.get_logger()

EVERY_S: Final = 1.0


class BoundedLog:
    """Writes such lines. To be used from within an event loop.

    `kind` parts the lines of one name, each part with its own second: give it what has few values, such as an account
    or an outcome, so that a flood of one does not hide the others.
    """

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._open: dict[tuple[str, str], _Held] = {}

    def warning(self, event: str, kind: str = "", **fields: object) -> None:
        """Log a warning of this kind, now or within a second."""
        self._log("warning", event, kind, fields)

    def error(self, event: str, kind: str = "", **fields: object) -> None:
        """Log an error of this kind, now or within a second."""
        self._log("error", event, kind, fields)

    def exception(self, event: str, kind: str = "", **fields: object) -> None:
        """Log an error of this kind with the traceback of the exception being handled, now or within a second."""
        self._log("error", event, kind, {**fields, "exc_info": sys.exc_info()})

    def flush(self) -> None:
        """Write what is held. To be called at the end."""
        for key in list(self._open):
            self._open.pop(key).end()

    def _log(self, level: str, event: str, kind: str, fields: Mapping[str, object]) -> None:
        log.debug(event, **fields)
        held = self._open.get((event, kind))
        if held is not None:
            held.hold(level, fields)
            return
        held = self._open[event, kind] = _Held(event)
        held.hold(level, fields)
        self._write((event, kind))

    def _write(self, key: tuple[str, str]) -> None:
        """Write what is held of a kind, and look again in a second; forget it once a second has brought nothing."""
        held = self._open[key]
        if held.write():
            held.timer = asyncio.get_running_loop().call_later(self._every_s, self._write, key)
        else:
            del self._open[key]


class _Held:
    """What came of one kind since its last line."""

    def __init__(self, event: str) -> None:
        self.timer: asyncio.TimerHandle | None = None
        self._event = event
        self._level = ""
        self._fields: Mapping[str, object] = {}
        self._count = 0

    def hold(self, level: str, fields: Mapping[str, object]) -> None:
        self._level, self._fields = level, fields
        self._count += 1

    def write(self) -> bool:
        """Write the line; return whether there was one to write."""
        if not self._count:
            return False
        (log.error if self._level == "error" else log.warning)(self._event, **self._fields, count=self._count)
        self._fields, self._count = {}, 0
        return True

    def end(self) -> None:
        self.write()
        if self.timer is not None:
            self.timer.cancel()
