"""Refusals: requests that were turned away before anyone looked at what they hold. Each is counted, by why.

They are also logged, but not each: whoever is refused must not fill the disk (receiver.bounded_log).
"""

from typing import Final

from prometheus_client import CollectorRegistry, Counter

from receiver.answers import Answer
from receiver.bounded_log import BoundedLog

REFUSALS: Final = (
    Answer.BAD_REQUEST, Answer.NO_ENTRY, Answer.NOT_ALLOWED, Answer.UNKNOWN_PATH, Answer.WRONG_METHOD,
    Answer.LIMITED, Answer.TOO_LARGE, Answer.BUSY, Answer.TOO_SLOW, Answer.HEAD_TOO_LARGE,
    Answer.UNKNOWN_TRANSFER_CODING,
)  # fmt: skip
"""What is shown from the start, with 0. Another outcome is shown once it has been counted."""


class Refusals:
    """The counter of this process's refusals, and their lines in the log. The registry is made by whoever shows it."""

    def __init__(self, registry: CollectorRegistry, lines: BoundedLog) -> None:
        self._lines = lines
        self._refused = Counter(
            "ringback_refused_requests", "Requests turned away unread, by why.", ["outcome"], registry=registry
        )
        for outcome in REFUSALS:
            self._refused.labels(outcome.label)

    def count(
        self, outcome: Answer, caller: str | None = None, callback: str | None = None, **further: str | None
    ) -> None:
        """Count a refusal, and log it: one line a second of each outcome, with what is known of the last."""
        self._refused.labels(outcome.label).inc()
        self._lines.warning(
            "request.refused", kind=outcome.label, outcome=outcome.label, callback=callback, caller=caller, **further
        )
