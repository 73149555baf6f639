"""Ingest: how many callbacks a second a server takes, by how many connections send them, and how long one waits.

All servers run side by side, each with a store of its own that holds events already, and take turns under the load: so
what the machine does meanwhile meets them alike.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from benchmarks.contestants.servers import SERVERS, Server
from benchmarks.dlr import TARGET, body
from benchmarks.load import fire
from benchmarks.machine import Bench, BenchError, Store, free_port, processor_seconds, until
from benchmarks.results import CONNECTION_COUNTS, Ingest, IngestRound
from benchmarks.tree import FilledStore, Tree

FILLED: Final = 200_000
_WARM_S: Final = 1


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that runs."""

    port: int
    pid: int


@dataclass(frozen=True, slots=True)
class Contest:
    """How much is measured: the numbers of connections, rounds, the seconds of each."""

    rounds: int
    seconds: int
    connections: Sequence[int] = CONNECTION_COUNTS


def ingest(bench: Bench, contest: Contest, filled: int = FILLED) -> list[Ingest]:
    """Measure Ringback beside the alternatives, on the store that `ringback up` would start."""
    store = FilledStore.prepare(bench, Tree.own(), filled)
    return compete(bench, contest, {server: store if server.stored else None for server in SERVERS})


def compete(bench: Bench, contest: Contest, stores: Mapping[Server, FilledStore | None]) -> list[Ingest]:
    """Measure each server in turn with each number of connections, several times round; who begins changes."""
    found: dict[tuple[str, int], list[IngestRound]] = {
        (server.name, connections): [] for connections in contest.connections for server in stores
    }
    for number in range(contest.rounds):
        with ExitStack() as opened:
            running = []
            for server, filled in stores.items():
                store = opened.enter_context(filled.opened(bench)) if filled else bench.store
                serves = opened.enter_context(serving(bench, server, store))
                fire(bench, serves.port, _WARM_S)
                running.append((server, store, serves))
            running = running[number % len(running) :] + running[: number % len(running)]
            for connections in contest.connections:
                for server, store, serves in running:
                    once = _once(bench, contest.seconds, connections, server, store, serves)
                    found[server.name, connections].append(once)
    return [Ingest.of(name, connections, measured) for (name, connections), measured in found.items()]


def _once(bench: Bench, seconds: int, connections: int, server: Server, store: Store, serves: Serving) -> IngestRound:
    """Put a server under load once, and count afterwards what its store has got."""
    stored, used, log, rewrites = _stored(store, server), store.used(), *_log(store)
    server_s, store_s = processor_seconds(serves.pid), processor_seconds(store.pid)
    load, load_share = fire(bench, serves.port, seconds, connections)
    server_s, store_s = processor_seconds(serves.pid) - server_s, processor_seconds(store.pid) - store_s
    # A rewrite that is under way is of this one's making, and would be in the next one's way.
    store.await_rewrite()
    more, grown = _stored(store, server) - stored, store.used() - used
    longer, rewritten = _log(store)
    if server.stored and more < load.requests:
        raise BenchError(f"{server.name} answered {load.requests} requests with success and stored {more}")
    return IngestRound(
        requests_per_second=load.per_second,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        server_share=server_s / load.seconds,
        store_share=store_s / load.seconds,
        load_share=load_share,
        server_us_a_request=server_s / load.requests * 1e6,
        store_us_a_request=store_s / load.requests * 1e6 if more else None,
        stored_bytes_a_request=grown / more if more else None,
        log_bytes_a_request=(longer - log) / more if more and rewrites == rewritten else None,
    )


@contextmanager
def serving(bench: Bench, server: Server, store: Store | None = None) -> Iterator[Serving]:
    """Run a server until it answers one request with success."""
    port, store = free_port(), store or bench.store
    command = server.command(store, port)
    with bench.measured(f"server-{port}", command, **server.environment(store, port)) as pid:
        until(lambda: _answers(port), f"{server.name} to answer")
        yield Serving(port, pid)


def put(port: int, msgid: str) -> bool:
    """Send one report; tell whether it was answered with success."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return httpx.put(f"http://127.0.0.1:{port}{TARGET}", content=body(msgid), headers=headers).is_success


def _answers(port: int) -> bool:
    try:
        return put(port, secrets.token_hex(8))
    except httpx.TransportError:
        return False


def _stored(store: Store, server: Server) -> int:
    return server.stored(store.client) if server.stored else 0


def _log(store: Store) -> tuple[int, int]:
    """Return how long the log on disk is, and how often it was rewritten."""
    said = store.client.info("persistence")
    return int(said["aof_current_size"]), int(said["aof_rewrites"])
