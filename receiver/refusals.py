"""Refusals: how often a request was turned away before anyone looked at what it holds, by why."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter

from receiver.answers import Outcome

REFUSALS: Final = (
    Outcome.BAD_REQUEST, Outcome.NO_ENTRY, Outcome.NOT_ALLOWED, Outcome.UNKNOWN_PATH, Outcome.WRONG_METHOD,
    Outcome.LIMITED, Outcome.TOO_LARGE, Outcome.BUSY, Outcome.TOO_SLOW, Outcome.HEAD_TOO_LARGE, Outcome.UNKNOWN_CODING,
)  # fmt: skip


class Refusals:
    """The counter of this process's refusals. The registry is made by whoever shows it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._refused = Counter(
            "ringback_refused_requests", "Requests turned away unread, by why.", ["outcome"], registry=registry
        )
        for outcome in REFUSALS:
            self._refused.labels(outcome.label)

    def count(self, outcome: Outcome) -> None:
        """Count a request."""
        self._refused.labels(outcome.label).inc()
