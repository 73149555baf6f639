"""Load: `wrk`, which keeps its connections busy or, by `dlr.lua`, sends at a steady rate.

`oha` is not used: it picks bodies from a list at random, so that some ids would come twice, and be repeats.
"""

import secrets
import shutil
from typing import Final

from benchmarks.dlr import TARGET, body
from benchmarks.machine import HERE, Bench, BenchError
from benchmarks.results import CONNECTIONS, Load

_DIGITS: Final = "0000000000"
_ANSWER_S: Final = "10s"  # a machine that others use holds one up for longer than the two of wrk


def require_wrk() -> None:
    """Raise BenchError where wrk, the load program, is not installed."""
    if shutil.which("wrk") is None:
        raise BenchError("wrk is missing, which makes the load: install it (Debian, Ubuntu: apt-get install wrk)")


def fire(bench: Bench, port: int, seconds: int, connections: int = CONNECTIONS) -> tuple[Load, float]:
    """Keep so many connections busy; return what came of it, and the share of a core that this took.

    Raises BenchError where not each request was answered with success.
    """
    return _wrk(bench, port, seconds, connections)


def drip(bench: Bench, port: int, seconds: int, rate: float) -> Load:
    """Send `rate` requests a second, each with the time of its sending as context; return what came of it.

    The time is CLOCK_MONOTONIC's, which all processes of a machine share. wrk waits in whole milliseconds, so that what
    is due in the same one is sent together. Raises BenchError as `fire` does.
    """
    return _wrk(bench, port, seconds, CONNECTIONS, f"{rate:g}")[0]


def _wrk(bench: Bench, port: int, seconds: int, connections: int, *rate: str) -> tuple[Load, float]:
    before, after = template()
    options = [
        "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", _ANSWER_S, "-s", str(HERE / "dlr.lua"),
    ]  # fmt: skip
    command = ["wrk", *options, f"http://127.0.0.1:{port}{TARGET}", "--", before, after, *rate]
    printed, used = bench.load(command, seconds)
    load = Load.model_validate_json(printed.strip().splitlines()[-1])
    if load.refused or load.broken or not load.requests:
        raise BenchError(f"{load.requests} requests, {load.refused} refused, {load.broken} without an answer")
    return load, used / load.seconds


def template() -> tuple[str, str]:
    """Return a body's two parts, around the ten digits that make its id fresh; no other run has the same."""
    before, _, after = body(f"{secrets.token_hex(8)}{_DIGITS}").partition(_DIGITS)
    return before, after
