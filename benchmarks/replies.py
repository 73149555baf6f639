"""Replies: what a reply costs a drain, how long one takes from the SMS to the provider, and what one sender does."""

import statistics
import time
from datetime import datetime
from typing import Final

import httpx
from redis import Redis

from benchmarks.commits import INBOUND
from benchmarks.contestants.servers import KEYS, RINGBACK_SERVER, ringback_command, ringback_settings
from benchmarks.dlr import TOKEN
from benchmarks.ingest import serving
from benchmarks.machine import Bench, BenchError, processor_seconds, until
from benchmarks.results import Replies, ReplyCost, ReplyLatency, SenderRound, SenderSpeed, WaitsRound
from benchmarks.sends import provider
from benchmarks.waits import drained
from ringback.outbox.draft import ref_of
from ringback.outbox.drafting import sms
from ringback.outbox.queue import Intent, add
from ringback.schemas.keys import EVENTS_QUEUE
from ringback.wire.samples import MOCEAN_ZONE, find
from ringback.wire.sending import build

SENDS_QUEUE: Final = "sends"
_MODULE: Final = "benchmarks.contestants.replying"
_HANDLERS: Final = {"a handler that does nothing else": (0.0, 1.0), "a handler of 1 ms": (1.0, 0.2)}
"""How long each waits (ms), and how much of the events it is given."""
_WARM: Final = 20
_APART_S: Final = 0.05
_LONGEST_S: Final = 120.0
_LOOK_S: Final = 0.05
_FIRST_NUMBER: Final = 60120000000
_AT_ONCE: Final = 500
_ANY_PORT: Final = 8000
"""Of a receiver that does not run: nobody reports anything."""
_EARLY, _LATE = 0.1, 0.9


def replies(bench: Bench, rounds: int, *, events: int, one_by_one: int, sends: int) -> Replies:
    """Measure each in turn, several times round."""
    silent: dict[str, list[WaitsRound]] = {name: [] for name in _HANDLERS}
    replying: dict[str, list[WaitsRound]] = {name: [] for name in _HANDLERS}
    speed: list[SenderRound] = []
    for _ in range(rounds):
        for name, (wait_ms, share) in _HANDLERS.items():
            count = int(events * share)
            silent[name].append(_handled(bench, count, wait_ms, replies=False))
            replying[name].append(_handled(bench, count, wait_ms, replies=True))
        speed.append(_sender(bench, sends))
    costs = [ReplyCost.of(name, silent[name], replying[name]) for name in _HANDLERS]
    return Replies(costs=costs, latency=_one_by_one(bench, one_by_one), sender=SenderSpeed.of(speed))


def _handled(bench: Bench, events: int, wait_ms: float, *, replies: bool) -> WaitsRound:
    """Have one worker empty a backlog of inbound SMS; nothing is sent, since no sender runs."""
    settings = {"RINGBACK_HANDLERS": _MODULE, "BENCH_REPLIES": str(int(replies)), "BENCH_WAIT_MS": str(wait_ms)}
    found = drained(bench, INBOUND, events, **settings)
    if (asked := bench.store.client.xlen(KEYS.outbox)) != (events if replies else 0):
        raise BenchError(f"{events} events, and {asked} replies in the outbox")
    return found


def _one_by_one(bench: Bench, count: int) -> ReplyLatency:
    """Send one SMS after another through a receiver, a drain and a sender, which are idle in between."""
    bench.store.empty()
    with provider(bench, bench.cores.rest) as address, serving(bench, RINGBACK_SERVER) as receiver:
        bench.store.empty()  # of the request that asked whether it serves
        work = ringback_command("work", "--queues", f"{EVENTS_QUEUE},{SENDS_QUEUE}")
        with bench.measured("work", work, **_settings(bench, address, receiver.port)):
            until(lambda: bool(bench.store.client.exists(KEYS.sender)), "the sender")
            until(lambda: bench.store.client.scard(f"{KEYS.rq_prefix}:workers") > 0, "the worker")
            with httpx.Client(base_url=f"http://127.0.0.1:{receiver.port}") as phones:
                for number in range(_WARM + count):
                    _write(phones, number)
                    time.sleep(_APART_S)
            until(lambda: not bench.store.client.zcard(KEYS.outbox_open), "the last replies")
            took = _took(address)[-count:]
    if len(took) != count:
        raise BenchError(f"{_WARM + count} SMS, and {len(took)} replies that count")
    cuts = statistics.quantiles(took, n=100)
    return ReplyLatency(replies=count, p50_ms=cuts[49], p99_ms=cuts[98], largest_ms=max(took))


def _write(phones: httpx.Client, number: int) -> None:
    """Send an SMS whose text is the time at which this begins; each is from a number of its own."""
    message = {
        "mocean-from": str(_FIRST_NUMBER + number),
        "mocean-time": f"{datetime.now(MOCEAN_ZONE):%Y-%m-%d %H:%M:%S}",
        "mocean-text": str(time.monotonic_ns()),
    }
    wire = build(find(INBOUND), message)
    answer = phones.request(
        wire.method, wire.path, params={"token": TOKEN}, headers=dict(wire.headers), content=wire.body
    )
    if not answer.is_success:
        raise BenchError(f"Ringback answered an SMS with {answer.status_code}")


def _took(address: str) -> list[float]:
    """Return how long each reply took, in ms."""
    return [(at - int(text)) / 1e6 for text, at in _came(address)]


def _came(address: str) -> list[tuple[str, int]]:
    came: list[tuple[str, int]] = httpx.get(f"{address}/came").json()
    return came


def _sender(bench: Bench, count: int) -> SenderRound:
    """Have one sender empty an outbox, of one SMS to each of many numbers; measure from 10 % to 90 % of it."""
    redis = bench.store.client
    bench.store.empty()
    _fill(redis, count)
    seen: list[tuple[int, float]] = []
    came: list[int] = []
    with (
        provider(bench, bench.cores.rest) as address,
        bench.measured("sender", ringback_command("sender"), **_settings(bench, address, _ANY_PORT)) as pid,
    ):
        for share in (_EARLY, _LATE):
            _await(address, came, int(share * count))
            seen.append((len(came), processor_seconds(pid)))
        _await(address, came, count)
    ((first, before), (last, after)) = seen
    if first >= last:
        raise BenchError(f"the sender had sent {first} of {count} before it could be measured")
    return SenderRound(
        sends=last - first,
        sends_per_second=(last - first) / (came[last - 1] - came[first - 1]) * 1e9,
        sender_us=(after - before) / (last - first) * 1e6,
    )


def _fill(redis: Redis, count: int) -> None:
    asked = [
        Intent.of(ref_of("benchmark", str(number)), sms("mocean", "benchmark", to=to, from_="ACME", text="Thank you."))
        for number, to in enumerate(map(str, range(_FIRST_NUMBER, _FIRST_NUMBER + count)))
    ]
    for start in range(0, count, _AT_ONCE):
        with redis.pipeline(transaction=True) as pipeline:
            add(pipeline, KEYS, [[one] for one in asked[start : start + _AT_ONCE]])
            pipeline.execute()


def _await(address: str, came: list[int], count: int) -> None:
    deadline = time.monotonic() + _LONGEST_S
    while True:
        came += [at for _, at in _came(address)]
        if len(came) >= count:
            return
        if time.monotonic() > deadline:
            raise BenchError(f"the sender had sent {len(came)} of {count} after {_LONGEST_S:g} s")
        time.sleep(_LOOK_S)


def _settings(bench: Bench, address: str, port: int) -> dict[str, str]:
    return ringback_settings(
        bench.store,
        RINGBACK_HANDLERS=_MODULE,
        RINGBACK_PUBLIC_URL=f"http://127.0.0.1:{port}",
        RINGBACK_MOCEAN_URL=f"{address}/rest/2",
        RINGBACK_MOCEAN_API_KEY="key",
        RINGBACK_MOCEAN_API_SECRET="secret",  # noqa: S106 - of a server that lives for seconds
        BENCH_REPLIES="1",
        BENCH_WAIT_MS="0",
    )
