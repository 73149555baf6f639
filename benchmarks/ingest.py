"""Ingest: how many callbacks a second a server takes, with 32 connections, and how long one waits."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from benchmarks.contestants.servers import SERVERS, Server
from benchmarks.dlr import TARGET, body
from benchmarks.load import fire
from benchmarks.machine import Bench, BenchError, free_port, processor_seconds, until
from benchmarks.results import Ingest, IngestRound

_WARM_S: Final = 1


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that runs."""

    port: int
    pid: int


def ingest(bench: Bench, rounds: int, seconds: int) -> list[Ingest]:
    """Measure each server in turn, several times round."""
    found: dict[str, list[IngestRound]] = {server.name: [] for server in SERVERS}
    for _ in range(rounds):
        for server in SERVERS:
            found[server.name].append(once(bench, server, seconds))
    return [Ingest.of(name, measured) for name, measured in found.items()]


def once(bench: Bench, server: Server, seconds: int) -> IngestRound:
    """Measure one server once: started afresh, warmed up, and its store counted afterwards."""
    store = bench.store
    store.empty()
    with serving(bench, server) as running:
        warm, _ = fire(bench, running.port, _WARM_S)
        stored, used = _stored(bench, server), store.used()
        server_s, store_s = processor_seconds(running.pid), processor_seconds(store.pid)
        load, load_share = fire(bench, running.port, seconds)
        server_s, store_s = processor_seconds(running.pid) - server_s, processor_seconds(store.pid) - store_s
        more, grown = _stored(bench, server) - stored, store.used() - used
    if server.stored and (stored < warm.requests or more < load.requests):
        raise BenchError(f"{server.name} answered {load.requests} requests with success and stored {more}")
    return IngestRound(
        requests_per_second=load.per_second,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        server_share=server_s / load.seconds,
        store_share=store_s / load.seconds,
        load_share=load_share,
        server_us_a_request=server_s / load.requests * 1e6,
        stored_bytes_a_request=grown / more if more else None,
    )


@contextmanager
def serving(bench: Bench, server: Server) -> Iterator[Serving]:
    """Run a server until it answers one request with success."""
    port = free_port()
    command = server.command(bench.store, port)
    with bench.measured(f"server-{port}", command, **server.environment(bench.store, port)) as pid:
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


def _stored(bench: Bench, server: Server) -> int:
    return server.stored(bench.store.client) if server.stored else 0
