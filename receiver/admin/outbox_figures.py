"""Figures of the outbox: what waits to be sent, what is in doubt, who is paused, and how sends have ended.

Shared like the others (ringback.receiver.admin.figures). No label has a number, a name of a handler or a text.
"""

import math
from collections import Counter
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import Final, cast

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from redis.asyncio import Redis

from ringback.receiver.providers import PROVIDERS
from ringback.schemas.keys import Keys
from ringback.schemas.tally_fields import SEND_BUCKETS_S, SendBucket, SendOutcome, Sends, SendSeconds, read

MOST: Final = 20_000
"""How many new sends, and how many lines of an account, are looked at: more makes no difference to who looks."""
_AT_ONCE: Final = 500

# KEYS: lines, what the keys of lines and of sends begin with. ARGV: the first, how many. Returns how many lines there
# were, how many sends they have, and when the oldest of their first ones was asked for (ms; 0 where nobody knows).
_LINES: Final = """
local lines = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[1] + ARGV[2] - 1)
local count, oldest = 0, 0
for _, line in ipairs(lines) do
  local key = KEYS[2] .. line
  count = count + redis.call('LLEN', key)
  local ref = redis.call('LINDEX', key, 0)
  local noted = ref and tonumber(redis.call('HGET', KEYS[3] .. ref, 'noted') or nil)
  if noted and (oldest == 0 or noted < oldest) then oldest = noted end
end
return {#lines, count, string.format('%.0f', oldest)}
"""


@dataclass(slots=True)
class Queued:
    """What waits of one account by one provider. `since`: when the oldest was asked for, in seconds of UNIX time."""

    sends: int = 0
    since: float = math.inf


@dataclass(frozen=True, slots=True)
class OutboxDepth:
    """What one look at the outbox gave. `paused`: for how many seconds each paused account sends nothing."""

    now: float = 0.0
    queued: Mapping[tuple[str, str], Queued] = field(default_factory=dict)
    open: int = 0
    in_doubt: int = 0
    paused: Mapping[str, float] = field(default_factory=dict)
    is_sending: bool = False


async def look(client: Redis, keys: Keys) -> OutboxDepth:
    """Read everything. Raises RedisError, OSError."""
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.smembers(keys.outbox_accounts)
        pipeline.zcard(keys.outbox_open)
        pipeline.zcard(keys.outbox_doubt)
        pipeline.hgetall(keys.outbox_paused)
        pipeline.exists(keys.sender)
        pipeline.time()
        accounts, open_, in_doubt, paused, sender, (seconds, micros) = await pipeline.execute()
    now = seconds + micros / 1e6
    queued = {named: await _queued(client, keys, named) for named in map(_named, accounts)}
    await _add_new(client, keys, queued)
    return OutboxDepth(now, queued, open_, in_doubt, _paused(paused, now), bool(sender))


def families(outbox: OutboxDepth, tally: Mapping[str, float]) -> Iterable[Metric]:
    """Yield the figures in Prometheus's form."""
    labels = ["provider", "account"]
    waiting = GaugeMetricFamily("ringback_outbox_sends", "Sends that wait (`ringback sends ls`).", labels=labels)
    oldest = GaugeMetricFamily("ringback_outbox_oldest_seconds", "Age of the oldest send that waits.", labels=labels)
    for named, queued in outbox.queued.items():
        waiting.add_metric(named, queued.sends)
        oldest.add_metric(named, max(0.0, outbox.now - queued.since) if queued.sends else 0.0)
    yield waiting
    yield oldest
    yield GaugeMetricFamily(
        "ringback_outbox_open_sends", "Sends under way, or decided and not yet told as an event.", outbox.open
    )
    yield GaugeMetricFamily(
        "ringback_sends_in_doubt", "Sends whose fate is unknown (`ringback sends ls --in-doubt`).", outbox.in_doubt
    )
    paused = GaugeMetricFamily(
        "ringback_sends_paused_seconds", "For how long an account sends nothing.", labels=["account"]
    )
    for account, since in outbox.paused.items():
        paused.add_metric([account], since)
    yield paused
    yield GaugeMetricFamily("ringback_sender_up", "Whether a sender is at work.", float(outbox.is_sending))
    yield from _ended(tally)


def _ended(tally: Mapping[str, float]) -> Iterable[Metric]:
    # From the start, so that the first one is a rise that an alert can see.
    ended = {(provider, outcome.value): 0.0 for provider in PROVIDERS for outcome in SendOutcome}
    sums: dict[str, float] = {}
    buckets: dict[str, Counter[float]] = {}
    for name, count in tally.items():
        match read(name):
            case Sends(provider, outcome):
                ended[provider, outcome.value] = count
            case SendSeconds(provider):
                sums[provider] = count
            case SendBucket(provider, upto):
                buckets.setdefault(provider, Counter())[upto] = cast("int", count)
    sends = CounterMetricFamily("ringback_sends", "Sends, by what became of them.", labels=["provider", "outcome"])
    for named, count in ended.items():
        sends.add_metric(named, count)
    yield sends
    seconds = HistogramMetricFamily(
        "ringback_send_wait_seconds", "Time from when a send was asked for to its first request.", labels=["provider"]
    )
    for provider, found in buckets.items():
        numbers = accumulate(found[bound] for bound in SEND_BUCKETS_S)
        cumulated = [(str(bound), number) for bound, number in zip(SEND_BUCKETS_S, numbers, strict=True)]
        seconds.add_metric([provider], [*cumulated, ("+Inf", found.total())], sums.get(provider, 0.0))
    yield seconds


async def _queued(client: Redis, keys: Keys, named: tuple[str, str]) -> Queued:
    """Count what waits in the lines of an account."""
    found, start, there = Queued(), 0, _AT_ONCE
    lines = keys.outbox_lines + ":".join(named)
    while there == _AT_ONCE and start < MOST:
        arguments = (lines, keys.outbox_line, keys.sends, str(start), str(_AT_ONCE))
        reply = await cast("Awaitable[tuple[int, int, bytes]]", client.eval(_LINES, 3, *arguments))
        there, count, oldest_ms = reply
        found.sends += count
        if int(oldest_ms):
            found.since = min(found.since, int(oldest_ms) / 1000)
        start += there
    return found


async def _add_new(client: Redis, keys: Keys, queued: dict[tuple[str, str], Queued]) -> None:
    """Count what no sender has put into a line: what it has is no more in the stream."""
    last = "0-0"
    for _ in range(0, MOST, _AT_ONCE):
        reply = await client.xrange(keys.outbox, f"({last}", count=_AT_ONCE)
        page = cast("list[tuple[bytes, dict[bytes, bytes]]]", reply)
        for entry_id, fields in page:
            # A run may have asked for several; an entry without a line has nothing to be sent, but to be told.
            for line in (value for name, value in fields.items() if name.startswith(b"line")):
                waiting = queued.setdefault(_named(line), Queued())
                waiting.sends += 1
                waiting.since = min(waiting.since, int(entry_id.partition(b"-")[0]) / 1000)
        if len(page) < _AT_ONCE:
            return
        last = page[-1][0].decode()


def _named(line: bytes) -> tuple[str, str]:
    """Return the provider and the account of a line, or of what lines are named by."""
    provider, _, rest = line.decode(errors="replace").partition(":")
    return provider, rest.partition(":")[0]


def _paused(accounts: Mapping[bytes, bytes], now: float) -> dict[str, float]:
    found = {}
    for account, since in accounts.items():
        try:
            moment = datetime.fromisoformat(since.decode()).astimezone(UTC)
        except ValueError:  # another's word: it is paused all the same
            found[account.decode(errors="replace")] = 0.0
        else:
            found[account.decode(errors="replace")] = max(0.0, now - moment.timestamp())
    return found
