"""Metrics of this process: what it counts, so that it also works with Redis away. Shown under `/metrics`.

The registry is made by whoever shows it. Events are counted in a plain dict: a counter object a request would cost more
than looking up its token.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ringback.logs.bounded import BoundedLog
from ringback.receiver.commit.spool import Spool
from ringback.receiver.commit.waiting import LABELS, CommitOutcome, Waiting
from ringback.receiver.http.answers import Answer
from ringback.receiver.providers import PROVIDERS

_UNUSABLE: Final = "unusable"
_BROKEN: Final = "broken"
_NOT_STORED: Final = "not_stored"
_GROUPS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_COMMIT_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
_CALL_SECONDS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
REFUSALS: Final = (
    Answer.BAD_REQUEST, Answer.NO_ENTRY, Answer.NOT_ALLOWED, Answer.UNKNOWN_PATH, Answer.WRONG_METHOD,
    Answer.LIMITED, Answer.TOO_LARGE, Answer.BUSY, Answer.TOO_SLOW, Answer.HEAD_TOO_LARGE,
    Answer.UNKNOWN_TRANSFER_CODING,
)  # fmt: skip
"""What is shown from the start, with 0. Another outcome is shown once it has been counted."""


class EventCounts(Collector):
    """How many callbacks came, by provider, account, type of event and what became of them."""

    def __init__(self, registry: CollectorRegistry, accounts: Iterable[str]) -> None:
        # From the start, so that the first one is a rise that an alert can see.
        self._counts = {
            (name, account, "", outcome): 0
            for name in PROVIDERS
            for account in accounts
            for outcome in (_BROKEN, _NOT_STORED)
        }
        registry.register(self)

    def stored(self, event: Waiting, outcome: CommitOutcome) -> None:
        """Count an event."""
        self._add((event.provider, event.account, event.type, LABELS[outcome]))

    def not_stored(self, event: Waiting) -> None:
        """Count an event that neither Redis nor the spool took. Of whatever type: its alert asks for no other."""
        self._add((event.provider, event.account, "", _NOT_STORED))

    def unusable(self, provider: str, account: str) -> None:
        """Count a callback that could become no event."""
        self._add((provider, account, "", _UNUSABLE))

    def broken(self, provider: str, account: str) -> None:
        """Count a callback that an error of ours kept from becoming an event."""
        self._add((provider, account, "", _BROKEN))

    def _add(self, key: tuple[str, str, str, str]) -> None:
        self._counts[key] = self._counts.get(key, 0) + 1

    def collect(self) -> Iterable[Metric]:
        """Yield the counter."""
        labels = ["provider", "account", "type", "outcome"]
        family = CounterMetricFamily("ringback_events", "Callbacks let in, by what became of them.", labels=labels)
        for key, count in list(self._counts.items()):
            family.add_metric(key, count)
        yield family


class Refusals:
    """How many requests were turned away before anyone looked at what they hold, by why.

    They are also logged, but not each: whoever is refused must not fill the disk
    (ringback.logs.bounded).
    """

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
    """How calls were answered, and how long that took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "ringback_voice_answers", "Calls answered, by how; all but `answered` got the fallback.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self._late = Counter(
            "ringback_voice_late_answers", "Answers of handlers that came after the deadline.", registry=registry
        )
        self._seconds = Histogram(
            "ringback_voice_answer_seconds",
            "Time until a call has its answer.",
            buckets=_CALL_SECONDS,
            registry=registry,
        )  # fmt: skip
        for outcome in CallOutcome:
            self._answers.labels(outcome)

    def count(self, outcome: CallOutcome, seconds: float) -> None:
        """Count a call that had its answer after so many seconds."""
        self._answers.labels(outcome).inc()
        self._seconds.observe(seconds)

    def count_late(self) -> None:
        """Count an answer that nobody waits for any more."""
        self._late.inc()


class CommitCounts:
    """How large the groups are that are committed together, and how long a commit takes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._group = Histogram(
            "ringback_commit_group_events", "Events committed in one call.", buckets=_GROUPS, registry=registry
        )
        self._seconds = Histogram(
            "ringback_commit_seconds", "Time of a commit, with its fsync.", buckets=_COMMIT_SECONDS, registry=registry
        )
        self._unreplicated = Counter(
            "ringback_commits_unreplicated", "Commits that too few replicas had in time.", registry=registry
        )

    def committed(self, events: int, seconds: float, *, is_replicated: bool) -> None:
        """Count a commit."""
        self._group.observe(events)
        self._seconds.observe(seconds)
        if not is_replicated:
            self._unreplicated.inc()


class Fault(StrEnum):
    """Where an unexpected error of ours was survived."""

    COMMIT = "commit"
    QUARANTINE = "quarantine"
    REPLIES = "replies"
    SPOOL = "spool"


class Faults:
    """How often this process has survived an unexpected error of ours in what runs beside its requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._faults = Counter(
            "ringback_faults", "Unexpected errors of Ringback's own that were survived, by where.", ["where"],
            registry=registry,
        )  # fmt: skip
        for where in Fault:
            self._faults.labels(where)

    def count(self, where: Fault) -> None:
        """Count an error."""
        self._faults.labels(where).inc()


def serving(there: int, wanted: int) -> Iterable[Metric]:
    """Yield how many receivers serve behind this admin port, and how many more should."""
    yield GaugeMetricFamily("ringback_receivers", "Receiver processes that serve behind this admin port.", there)
    missing = max(0, wanted - there)
    yield GaugeMetricFamily("ringback_receivers_missing", "Receiver processes that should serve and do not.", missing)


class SpoolGauges(Collector):
    """What waits in this process's spool."""

    def __init__(self, registry: CollectorRegistry, spool: Spool | None) -> None:
        self._spool = spool
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges; none without a spool."""
        if self._spool is not None:
            yield GaugeMetricFamily("ringback_spool_events", "Events in the spool.", self._spool.depth)
            yield GaugeMetricFamily("ringback_spool_age_seconds", "Age of the oldest of them.", self._spool.age_s)
            yield GaugeMetricFamily("ringback_spool_bytes", "Bytes in the spool.", self._spool.size)
            yield GaugeMetricFamily("ringback_spool_requests", "Unusable requests in the spool.", self._spool.requests)
            yield GaugeMetricFamily(
                "ringback_spool_refused_events", "Events in the spool that Redis takes in no way.", self._spool.refused
            )
