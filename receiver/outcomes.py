"""Outcomes of calls, and how often each came about: counted in this process, so that it also works with Redis away."""

from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

_SECONDS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class CallOutcome(StrEnum):
    """How a call was answered: by its handler, or with the fallback, and then why."""

    ANSWERED = "answered"
    NO_HANDLER = "no_handler"
    HANDLER_RAISED = "handler_raised"
    HANDLER_TIMEOUT = "handler_timeout"
    INVALID_MC = "invalid_mc"
    NO_WORKER = "no_worker"  # none runs, all are busy, or it died with the call in its hands
    REDIS_AWAY = "redis_away"
    UNUSABLE = "unusable"  # it cannot be read, or a mandatory field is missing
    BUSY = "busy"  # more requests at once than RINGBACK_MAX_CONCURRENT
    BROKEN = "broken"  # an error of ours


class CallCounts:
    """The counters of this process's calls. The registry is made by whoever shows them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "ringback_voice_answers", "Calls answered, by how; all but `answered` got the fallback.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self._late = Counter(
            "ringback_voice_late_answers", "Answers of handlers that came after the deadline.", registry=registry
        )
        self._seconds = Histogram(
            "ringback_voice_answer_seconds", "Time until a call has its answer.", buckets=_SECONDS, registry=registry
        )
        for outcome in CallOutcome:
            self._answers.labels(outcome)

    def count(self, outcome: CallOutcome, seconds: float) -> None:
        """Count a call that had its answer after so many seconds."""
        self._answers.labels(outcome).inc()
        self._seconds.observe(seconds)

    def count_late(self) -> None:
        """Count an answer that nobody waits for any more."""
        self._late.inc()
