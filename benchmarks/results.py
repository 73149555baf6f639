"""Results: what a run found, as it is kept in `results.json`."""

from collections.abc import Iterable
from datetime import datetime
from statistics import median, quantiles
from typing import Final

from pydantic import BaseModel, ConfigDict

RINGBACK: Final = "Ringback"
CONNECTION_COUNTS: Final = (8, 32, 128)
CONNECTIONS: Final = 32  # where a figure is for one number of them only


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Machine(_Record):
    """Where it ran. `others`: the share of all cores that other programs used meanwhile."""

    processor: str
    cores: int
    system: str
    pinned: bool
    fsync_us: float
    others: float | None = None


class Load(_Record):
    """What wrk reports of one run. `refused`: answers that are no success; `broken`: no answer."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int

    @property
    def per_second(self) -> float:
        """Requests answered a second."""
        return self.requests / self.seconds


class IngestRound(_Record):
    """One contestant under load once. Shares are of one core. What one has not is None; so are the bytes by which its
    log grew where that was rewritten meanwhile.
    """

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    server_share: float
    store_share: float
    load_share: float
    server_us_a_request: float
    store_us_a_request: float | None = None
    stored_bytes_a_request: float | None = None
    log_bytes_a_request: float | None = None


class Ingest(_Record):
    """One contestant's rounds with so many connections, and each figure's median."""

    name: str
    connections: int
    rounds: list[IngestRound]
    median: IngestRound

    @classmethod
    def of(cls, name: str, connections: int, rounds: list[IngestRound]) -> "Ingest":
        """Sum the rounds up."""
        middle = IngestRound(
            requests_per_second=median(one.requests_per_second for one in rounds),
            p50_ms=median(one.p50_ms for one in rounds),
            p99_ms=median(one.p99_ms for one in rounds),
            server_share=median(one.server_share for one in rounds),
            store_share=median(one.store_share for one in rounds),
            load_share=median(one.load_share for one in rounds),
            server_us_a_request=median(one.server_us_a_request for one in rounds),
            store_us_a_request=_known(one.store_us_a_request for one in rounds),
            stored_bytes_a_request=_known(one.stored_bytes_a_request for one in rounds),
            log_bytes_a_request=_known(one.log_bytes_a_request for one in rounds),
        )
        return cls(name=name, connections=connections, rounds=rounds, median=middle)


def _known(figures: Iterable[float | None]) -> float | None:
    known = [one for one in figures if one is not None]
    return median(known) if known else None


class HandlingRound(_Record):
    """One worker emptying a backlog once: its processor time, and its memory after 10 % and 90 % of the events."""

    events: int
    events_per_second: float
    worker_us_an_event: float
    memory_early_mb: float
    memory_late_mb: float


class Handling(_Record):
    """One contestant's rounds with a backlog of `events`, and the medians."""

    name: str
    events: int
    rounds: list[HandlingRound]
    median_per_second: float
    median_worker_us: float

    @classmethod
    def of(cls, name: str, events: int, rounds: list[HandlingRound]) -> "Handling":
        """Sum the rounds up."""
        return cls(
            name=name,
            events=events,
            rounds=rounds,
            median_per_second=median(one.events_per_second for one in rounds),
            median_worker_us=median(one.worker_us_an_event for one in rounds),
        )


class Latency(_Record):
    """From sending a request to its handler's run, at a steady rate. Shares are of one core."""

    asked_per_second: float
    sent_per_second: float
    events: int
    p50_ms: float
    p99_ms: float
    largest_ms: float
    receiver_share: float
    workers_share: float
    store_share: float


class CallsMade(_Record):
    """Calls made by the client: how many were answered by their handler, and how long they took."""

    calls: int
    by_handler: int
    seconds: float
    p50_ms: float
    p99_ms: float
    largest_ms: float

    @classmethod
    def of(cls, took: list[float], by_handler: int, seconds: float) -> "CallsMade":
        """Sum the calls up; `took` in seconds."""
        cuts = quantiles(took, n=100)
        return cls(
            calls=len(took),
            by_handler=by_handler,
            seconds=seconds,
            p50_ms=cuts[49] * 1e3,
            p99_ms=cuts[98] * 1e3,
            largest_ms=max(took) * 1e3,
        )


class Voice(_Record):
    """One way to answer calls: its rounds, the medians of their quantiles, and the longest wait of all."""

    name: str
    calls: int
    p50_ms: float
    p99_ms: float
    largest_ms: float
    rounds: list[CallsMade]


class Memory(_Record):
    """Bytes in the store, each as MEMORY USAGE tells it."""

    events: int
    stream_an_event: float
    dedupe_key: float
    message_hash: float


class StoreCost(_Record):
    """What one piece of work cost the store, an event: processor time of its main thread, and bytes.

    `syncs`: how often it waited for its disk in all, where that is known.
    """

    events: int
    seconds: float
    store_us: float
    syncs: int | None
    log_bytes: float
    received_bytes: float
    sent_bytes: float
    memory_bytes: float


class StoreWork(_Record):
    """One kind of work for the store: its rounds, and the medians of each figure."""

    name: str
    events: int
    rounds: list[StoreCost]
    events_per_second: float
    store_us: float
    events_a_sync: float | None
    log_bytes: float
    received_bytes: float
    sent_bytes: float

    @classmethod
    def of(cls, name: str, rounds: list[StoreCost]) -> "StoreWork":
        """Sum the rounds up."""
        synced = [one.events / one.syncs for one in rounds if one.syncs]
        return cls(
            name=name,
            events=rounds[0].events,
            rounds=rounds,
            events_per_second=median(one.events / one.seconds for one in rounds),
            store_us=median(one.store_us for one in rounds),
            events_a_sync=median(synced) if synced else None,
            log_bytes=median(one.log_bytes for one in rounds),
            received_bytes=median(one.received_bytes for one in rounds),
            sent_bytes=median(one.sent_bytes for one in rounds),
        )


class StoreKept(_Record):
    """What an event of a kind takes in the store's memory, with all that goes with it, and in its rewritten log.

    `stream` goes with the retention; `keys`, the dedupe key and for reports the message's status, with their own times.
    """

    name: str
    event_json: int
    stream: float
    keys: float
    rewritten_log: float


class StoreResults(_Record):
    """What one store does: commits, what comes after them, and what it keeps."""

    commits: list[StoreWork]
    after: list[StoreWork]
    kept: list[StoreKept]


class WaitsRound(_Record):
    """One worker emptying a backlog once, with a handler that waits: processor time an event, also the store's.

    The store's is its main thread's, less what it uses when nobody asks it anything.
    """

    events: int
    events_per_second: float
    worker_us: float
    store_us: float


class Waits(_Record):
    """One handler that waits: its rounds, and the medians."""

    name: str
    rounds: list[WaitsRound]
    events_per_second: float
    worker_us: float
    store_us: float

    @classmethod
    def of(cls, name: str, rounds: list[WaitsRound]) -> "Waits":
        """Sum the rounds up."""
        return cls(
            name=name,
            rounds=rounds,
            events_per_second=median(one.events_per_second for one in rounds),
            worker_us=median(one.worker_us for one in rounds),
            store_us=median(one.store_us for one in rounds),
        )


class RepeatedRound(_Record):
    """Runs that were done once more: how many a second, and the processor time a run, of the worker and of the command
    that asked for them if it counts.
    """

    runs_per_second: float
    worker_us: float
    command_us: float | None = None


class Repeated(_Record):
    """Runs of events that are run once more: the rounds, and the medians."""

    name: str
    events: int
    rounds: list[RepeatedRound]
    per_second: float
    worker_us: float
    command_us: float | None

    @classmethod
    def of(cls, name: str, events: int, rounds: list[RepeatedRound]) -> "Repeated":
        """Sum the rounds up."""
        commands = [one.command_us for one in rounds if one.command_us is not None]
        return cls(
            name=name,
            events=events,
            rounds=rounds,
            per_second=median(one.runs_per_second for one in rounds),
            worker_us=median(one.worker_us for one in rounds),
            command_us=median(commands) if commands else None,
        )


class Again(_Record):
    """What is run once more. Bytes in the store, of an event with `event_json` bytes of JSON: of a run that waits, as
    MEMORY USAGE tells it, and of a dead letter, by all memory in use.
    """

    repeated: list[Repeated]
    event_json: int
    waiting_bytes: float
    letter_bytes: float


class SendsRound(_Record):
    """Some sends by Ringback's client, and as many bare posts: time of each, and the connections of the first."""

    client_us: float
    bare_us: float
    connections: int


class Sends(_Record):
    """Sends one after another over one client: the rounds, and the medians."""

    count: int
    rounds: list[SendsRound]
    client_us: float
    bare_us: float
    ratio: float
    connections: int

    @classmethod
    def of(cls, count: int, rounds: list[SendsRound]) -> "Sends":
        """Sum the rounds up."""
        return cls(
            count=count,
            rounds=rounds,
            client_us=median(one.client_us for one in rounds),
            bare_us=median(one.bare_us for one in rounds),
            ratio=median(one.client_us / one.bare_us for one in rounds),
            connections=max(one.connections for one in rounds),
        )


class ReplyLatency(_Record):
    """From sending an inbound SMS to the request of its reply at the provider, one after another."""

    replies: int
    p50_ms: float
    p99_ms: float
    largest_ms: float


class SenderRound(_Record):
    """One sender emptying an outbox once; its processor time a send."""

    sends: int
    sends_per_second: float
    sender_us: float


class SenderSpeed(_Record):
    """What one sender does: the rounds, and the medians."""

    rounds: list[SenderRound]
    sends_per_second: float
    sender_us: float

    @classmethod
    def of(cls, rounds: list[SenderRound]) -> "SenderSpeed":
        """Sum the rounds up."""
        return cls(
            rounds=rounds,
            sends_per_second=median(one.sends_per_second for one in rounds),
            sender_us=median(one.sender_us for one in rounds),
        )


class ReplyCost(_Record):
    """A handler that replies beside the same one that does not. `ratio`: of events a second, the median of the rounds'
    own.
    """

    silent: Waits
    replying: Waits
    ratio: float

    @classmethod
    def of(cls, name: str, silent: list[WaitsRound], replying: list[WaitsRound]) -> "ReplyCost":
        """Sum the rounds up."""
        return cls(
            silent=Waits.of(name, silent),
            replying=Waits.of(f"{name}, and a reply", replying),
            ratio=median(
                with_.events_per_second / without.events_per_second
                for with_, without in zip(replying, silent, strict=True)
            ),
        )


class Replies(_Record):
    """What a reply costs a drain, how long one takes, and how quick a sender is."""

    costs: list[ReplyCost]
    latency: ReplyLatency
    sender: SenderSpeed


class Later(_Record):
    """When a part was measured once more by itself, and what share of all cores other programs used meanwhile."""

    at: datetime
    ringback: str
    others: float | None


class Results(BaseModel):
    """One run of `make bench`. What was not measured is empty."""

    at: datetime
    seconds: float = 0.0
    rounds: int
    machine: Machine
    versions: dict[str, str]
    ingest: list[Ingest] = []
    handling: list[Handling] = []
    backlog: list[Handling] = []
    latency: list[Latency] = []
    voice: list[Voice] = []
    memory: Memory | None = None
    waits: list[Waits] = []
    again: Again | None = None
    store: StoreResults | None = None
    sends: Sends | None = None
    replies: Replies | None = None
    later: dict[str, Later] = {}

    def with_parts(self, parts: Iterable[str], other: "Results") -> "Results":
        """Return these results with some parts of another run instead."""
        later = Later(at=other.at, ringback=other.versions["ringback"], others=other.machine.others)
        update: dict[str, object] = {part: getattr(other, part) for part in parts}
        return self.model_copy(update=update | {"later": self.later | dict.fromkeys(parts, later)})

    def taken(self, name: str, connections: int = CONNECTIONS) -> Ingest | None:
        """Return what a server took from so many connections; None where that was not measured."""
        wanted = (name, connections)
        return next((one for one in self.ingest if (one.name, one.connections) == wanted), None)
