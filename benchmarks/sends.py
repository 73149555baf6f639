"""Sends: what Ringback's client adds to a bare httpx post, one send after another over one client."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from benchmarks.machine import Bench, free_port, process, until
from benchmarks.results import Sends, SendsRound
from ringback.clients.mocean.client import Mocean

_FIELDS: Final = {
    "mocean-api-key": "key",
    "mocean-api-secret": "secret",
    "mocean-to": "60123456789",
    "mocean-from": "ACME",
    "mocean-text": "Thank you.",
    "mocean-resp-format": "json",
}


def sends(bench: Bench, rounds: int, count: int) -> Sends:
    """Send `count` SMS by each client in turn, several times round."""
    with provider(bench) as address:
        return Sends.of(count, [_round(address, count) for _ in range(rounds)])


@contextmanager
def provider(bench: Bench, cores: set[int] | None = None) -> Iterator[str]:
    """Run the provider's server and yield its address; on the measured core if no others are named."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.contestants.provider", str(port)]
    with process(command, cores or bench.cores.measured, bench.folder / "provider.log", {}):
        address = f"http://127.0.0.1:{port}"
        until(lambda: _listens(address), "the provider's server")
        yield address


def _round(address: str, count: int) -> SendsRound:
    with Mocean(api_key="key", api_secret="secret", url=f"{address}/rest/2") as mocean:  # noqa: S106
        client_s = _seconds(lambda: mocean.sms(to="+60 12-345 6789", from_="ACME", text="Thank you."), count)
    connections = int(httpx.get(f"{address}/opened").text)
    with httpx.Client() as bare:
        bare_s = _seconds(lambda: bare.post(f"{address}/rest/2/sms", data=_FIELDS).json(), count)
    httpx.get(f"{address}/opened")
    return SendsRound(client_us=client_s / count * 1e6, bare_us=bare_s / count * 1e6, connections=connections)


def _seconds(send: Callable[[], object], count: int) -> float:
    send()  # connects
    began = time.perf_counter()
    for _ in range(count):
        send()
    return time.perf_counter() - began


def _listens(address: str) -> bool:
    try:
        return httpx.get(f"{address}/opened").is_success
    except httpx.TransportError:
        return False
