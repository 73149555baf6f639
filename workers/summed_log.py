"""The summed log: lines that callers can cause without end, at most one a second of each name, with how many it means.

The first is written at once. What comes within a second of it waits for the next second, and is then one line: how many
they were, and the fields of the last. As ringback.receiver.bounds.bounded_log, for a process without an event loop:
whoever holds one calls `look` now and then.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog

log = structlog.get_logger()

EVERY_S: Final = 1.0


class SummedLog:
    """Writes such lines."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._written: dict[str, float] = {}  # by name, of which there are few: when its last line was
        self._held: dict[str, tuple[str, Mapping[str, object], int]] = {}

    def warning(self, event: str, **fields: object) -> None:
        """Log a warning of this name, now or within a second."""
        self._log("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Log an error of this name, now or within a second."""
        self._log("error", event, fields)

    def look(self) -> None:
        """Write what has waited long enough."""
        for event in [event for event in self._held if self._is_due(event)]:
            self._write(event)

    def flush(self) -> None:
        """Write what is held. To be called at the end."""
        for event in list(self._held):
            self._write(event)

    def _log(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        log.debug(event, **fields)
        _, _, count = self._held.get(event, ("", {}, 0))
        self._held[event] = (level, fields, count + 1)
        self.look()

    def _is_due(self, event: str) -> bool:
        return self._clock() - self._written.get(event, -EVERY_S) >= EVERY_S

    def _write(self, event: str) -> None:
        level, fields, count = self._held.pop(event)
        self._written[event] = self._clock()
        (log.error if level == "error" else log.warning)(event, **fields, count=count)
