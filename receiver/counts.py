"""Counts of this process: which callbacks became which events, and how commits went. Shown under `/metrics`.

Events are counted in a plain dict: a counter object a request would cost more than looking up its token.
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from receiver.spool import Spool
from receiver.waiting import Outcome, Waiting

_UNUSABLE: Final = "unusable"
_NOT_STORED: Final = "not_stored"
_GROUPS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class EventCounts(Collector):
    """How many callbacks came, by provider, account, type of event and what became of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counts: dict[tuple[str, str, str, str], int] = {}
        registry.register(self)

    def stored(self, event: Waiting, outcome: Outcome) -> None:
        """Count an event."""
        self._add((event.provider, event.account, event.type, outcome.name.lower()))

    def not_stored(self, event: Waiting) -> None:
        """Count an event that neither Redis nor the spool took."""
        self._add((event.provider, event.account, event.type, _NOT_STORED))

    def unusable(self, provider: str, account: str) -> None:
        """Count a callback that could become no event."""
        self._add((provider, account, "", _UNUSABLE))

    def _add(self, key: tuple[str, str, str, str]) -> None:
        self._counts[key] = self._counts.get(key, 0) + 1

    def collect(self) -> Iterable[Metric]:
        """Give the counter."""
        labels = ["provider", "account", "type", "outcome"]
        family = CounterMetricFamily("ringback_events", "Callbacks let in, by what became of them.", labels=labels)
        for key, count in list(self._counts.items()):
            family.add_metric(key, count)
        yield family


class CommitCounts:
    """How large the groups are that are committed together, and how long a commit takes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._group = Histogram(
            "ringback_commit_group_events", "Events committed in one call.", buckets=_GROUPS, registry=registry
        )
        self._seconds = Histogram(
            "ringback_commit_seconds", "Time of a commit, with its fsync.", buckets=_SECONDS, registry=registry
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


class SpoolGauges(Collector):
    """What waits in this process's spool."""

    def __init__(self, registry: CollectorRegistry, spool: Spool | None) -> None:
        self._spool = spool
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Give the gauges; none without a spool."""
        if self._spool is not None:
            yield GaugeMetricFamily("ringback_spool_events", "Events in the spool.", self._spool.depth)
            yield GaugeMetricFamily("ringback_spool_age_seconds", "Age of the oldest of them.", self._spool.age_s)
            yield GaugeMetricFamily("ringback_spool_bytes", "Bytes of them.", self._spool.size)
