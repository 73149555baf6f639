"""Shared figures: what is the same whichever receiver is asked, read from Redis at each look at `/metrics`.

Summed over several receivers they would count double: take the largest, as `deploy/alerts.yml` does.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, cast

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from ringback.receiver.admin import health, outbox_figures
from ringback.schemas.backlog import Backlog
from ringback.schemas.keys import EVENTS_QUEUE, HANDLERS_GROUP, VOICE_QUEUE, Keys
from ringback.schemas.tally_fields import BUCKETS_S, Bucket, Runs, Seconds, read

_QUEUES: Final = (EVENTS_QUEUE, VOICE_QUEUE)


@dataclass(frozen=True, slots=True)
class Shared:
    """What one look at Redis gave."""

    length: int
    behind: Backlog
    oldest_s: float
    retries: int
    dead: int
    quarantined: int
    evicted: Mapping[str, float]
    workers: Mapping[str, int]
    oddities: Mapping[str, float]
    tally: Mapping[str, float]
    polled: Mapping[str, float]
    outbox: outbox_figures.OutboxDepth = field(default_factory=outbox_figures.OutboxDepth)


async def look(client: Redis, keys: Keys) -> Shared:
    """Read everything. Raises RedisError, OSError."""
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.xlen(keys.events)
        pipeline.zcard(keys.due)
        pipeline.xlen(keys.due_taken)
        pipeline.smembers(keys.held_handlers)
        pipeline.zcard(keys.rq_registry("failed", EVENTS_QUEUE))
        pipeline.xlen(keys.quarantine)
        pipeline.hkeys(keys.quarantine_held)
        pipeline.hgetall(keys.quarantine_evicted)
        pipeline.hgetall(keys.oddities)
        pipeline.hgetall(keys.tally)
        pipeline.hgetall(keys.polled)
        (
            length,
            due,
            taken,
            held,
            dead,
            quarantined,
            accounts,
            evicted,
            oddities,
            tally,
            polled,
        ) = await pipeline.execute()
        for handler in held:
            pipeline.zcard(keys.held(handler.decode(errors="surrogateescape")))
        held_back = sum(await pipeline.execute())
    behind = await health.backlog(client, keys)
    return Shared(
        length=length,
        behind=behind,
        oldest_s=await oldest_s(client, keys, behind.delivered),
        retries=due + taken + held_back,
        dead=dead,
        quarantined=quarantined,
        # Also of those that have lost none, so that the first one is a rise that an alert can see.
        evicted={account.decode(errors="replace"): 0 for account in accounts} | _counts(evicted),
        workers={queue: await health.workers_seen(client, keys, queue) for queue in _QUEUES},
        oddities=_counts(oddities),
        tally=_counts(tally),
        polled=_counts(polled),
        outbox=await outbox_figures.look(client, keys),
    )


def _counts(fields: Mapping[bytes, bytes]) -> dict[str, float]:
    """Read a hash of counts, also one that others have written to; what is no number is left out."""
    counts = {}
    for name, count in fields.items():
        with suppress(ValueError):
            counts[name.decode(errors="replace")] = float(count)
    return counts


async def oldest_s(client: Redis, keys: Keys, delivered: str) -> float:
    """Return the age in seconds of the oldest event that the handlers have not finished; 0 where there is none."""
    try:
        pending = cast("Mapping[str, bytes | None]", await client.xpending(keys.events, HANDLERS_GROUP))
    except ResponseError:  # no worker has ever been there, nor perhaps an event
        pending = {"min": None}
    undelivered = cast("list[tuple[bytes, object]]", await client.xrange(keys.events, f"({delivered}", count=1))
    oldest = [entry_id for entry_id in (pending["min"], *(one for one, _ in undelivered)) if entry_id]
    if not oldest:
        return 0.0
    seconds, micros = await client.time()
    stored_ms = min(int(entry_id.partition(b"-")[0]) for entry_id in oldest)
    return max(0.0, seconds + micros / 1e6 - stored_ms / 1000)


def families(shared: Shared) -> Iterable[Metric]:
    """Give the figures in Prometheus's form."""
    yield _gauge("stream_events", "Events in the stream.", shared.length)
    if shared.behind.lag is not None:
        yield _gauge("stream_lag_events", "Events that no worker has taken.", shared.behind.lag)
    yield _gauge("stream_pending_events", "Events in workers' hands.", shared.behind.pending)
    yield _gauge("oldest_unhandled_seconds", "Age of the oldest event that is not handled.", shared.oldest_s)
    yield _gauge("retries", "Runs of handlers that wait: for their time, or for room.", shared.retries)
    yield _gauge("dead_letters", "Dead letters (`ringback dead ls`).", shared.dead)
    yield _gauge("quarantined_requests", "Requests in quarantine (`ringback quarantine ls`).", shared.quarantined)
    evicted = CounterMetricFamily(
        "ringback_quarantine_evicted", "Requests that left quarantine for newer ones.", labels=["account"]
    )
    for account, count in shared.evicted.items():
        evicted.add_metric([account], count)
    yield evicted
    workers = GaugeMetricFamily("ringback_workers", "Workers seen lately.", labels=["queue"])
    for queue, count in shared.workers.items():
        workers.add_metric([queue], count)
    yield workers
    oddities = CounterMetricFamily(
        "ringback_oddities", "Events with something that the provider's document lacks.", labels=["provider", "flag"]
    )
    for name, number in shared.oddities.items():
        provider, _, flag = name.partition(" ")
        oddities.add_metric([provider, flag], number)
    yield oddities
    polled = CounterMetricFamily(
        "ringback_polled", "What came of asking the providers for what they did not call us with.",
        labels=["provider", "outcome"],
    )  # fmt: skip
    for name, number in shared.polled.items():
        provider, _, outcome = name.partition(" ")
        polled.add_metric([provider, outcome], number)
    yield polled
    yield from _handlers(shared.tally)
    yield from outbox_figures.families(shared.outbox, shared.tally)


def _handlers(tally: Mapping[str, float]) -> Iterable[Metric]:
    runs = CounterMetricFamily(
        "ringback_handler_runs", "Runs of handlers, by how they ended.", labels=["handler", "outcome"]
    )
    counts: dict[str, float] = {}
    sums: dict[str, float] = {}
    buckets: dict[str, dict[float, float]] = {}
    for name, count in tally.items():
        match read(name):
            case Runs(handler, how):
                runs.add_metric([handler, how.value], count)
                counts[handler] = counts.get(handler, 0) + count
            case Seconds(handler):
                sums[handler] = count
            case Bucket(handler, upto):
                buckets.setdefault(handler, {})[upto] = count
    yield runs
    seconds = HistogramMetricFamily("ringback_handler_seconds", "Time of a handler's run.", labels=["handler"])
    for handler, count in counts.items():
        numbers = accumulate(buckets.get(handler, {}).get(bound, 0) for bound in BUCKETS_S)
        cumulated = [(str(bound), number) for bound, number in zip(BUCKETS_S, numbers, strict=True)]
        seconds.add_metric([handler], [*cumulated, ("+Inf", count)], sums.get(handler, 0.0))
    yield seconds


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"ringback_{name}", what, value)


def up(is_up: bool) -> Metric:
    """Say whether Redis answered."""
    return _gauge("redis_up", "Whether Redis answered.", float(is_up))
