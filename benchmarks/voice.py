"""Voice: how long a caller waits for an answer, beside an answer that is made in the web process itself."""

import sys
from collections.abc import Callable
from statistics import median
from typing import Final

import httpx

from benchmarks.calls import PATH
from benchmarks.contestants.servers import KEYS, RINGBACK_SERVER, gunicorn, ringback_command, ringback_settings
from benchmarks.dlr import TOKEN
from benchmarks.ingest import serving
from benchmarks.machine import Bench, BenchError, free_port, until
from benchmarks.results import RINGBACK, CallsMade, Voice
from ringback.schemas.keys import VOICE_QUEUE

SEQUENTIAL: Final = 300
AT_ONCE: Final = 200
_WARM: Final = 20
_FLASK: Final = "bare Flask, the answer in the web process"


def voice(bench: Bench, rounds: int) -> list[Voice]:
    """Call one after another, and many at once; in each round everyone takes a turn."""
    ways: dict[str, Callable[[], CallsMade]] = {
        f"{_FLASK}, one after another": lambda: _flask(bench),
        f"{RINGBACK}, one voice worker, one after another": lambda: _ringback(bench, 1, SEQUENTIAL, 1),
        f"{RINGBACK}, two voice workers, {AT_ONCE} at once": lambda: _ringback(bench, 2, AT_ONCE, AT_ONCE),
    }
    found: dict[str, list[CallsMade]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
    return [_voice(name, made) for name, made in found.items()]


def _voice(name: str, rounds: list[CallsMade]) -> Voice:
    return Voice(
        name=name,
        calls=rounds[0].calls,
        p50_ms=median(one.p50_ms for one in rounds),
        p99_ms=median(one.p99_ms for one in rounds),
        largest_ms=max(one.largest_ms for one in rounds),
        rounds=rounds,
    )


def _ringback(bench: Bench, workers: int, calls: int, at_once: int) -> CallsMade:
    settings = ringback_settings(bench.store, RINGBACK_HANDLERS="benchmarks.contestants.voice_handlers")
    work = ringback_command("work", "--queues", ",".join([VOICE_QUEUE] * workers))
    bench.store.empty()
    with serving(bench, RINGBACK_SERVER) as receiver, bench.measured("voice", work, **settings):
        registered = f"{KEYS.rq_prefix}:workers:{VOICE_QUEUE}"
        until(lambda: bench.store.client.scard(registered) == workers, "the voice workers")
        _calls(bench, receiver.port, _WARM, 1)
        return _calls(bench, receiver.port, calls, at_once)


def _flask(bench: Bench) -> CallsMade:
    port = free_port()
    with bench.measured(f"flask-{port}", gunicorn("benchmarks.contestants.flask_voice:app", port)):
        until(lambda: _answers(port), "Flask to answer")
        _calls(bench, port, _WARM, 1)
        return _calls(bench, port, SEQUENTIAL, 1)


def _answers(port: int) -> bool:
    try:
        return httpx.post(f"http://127.0.0.1:{port}{PATH}", params={"token": TOKEN}).is_success
    except httpx.TransportError:
        return False


def _calls(bench: Bench, port: int, calls: int, at_once: int) -> CallsMade:
    """Make the calls. Raises BenchError where one was not answered by its handler."""
    command = [sys.executable, "-m", "benchmarks.calls", str(port), str(calls), "--at-once", str(at_once)]
    made = CallsMade.model_validate_json(bench.load(command, 60)[0])
    if made.by_handler < calls:
        raise BenchError(f"{calls} calls, and only {made.by_handler} answered by their handler")
    return made
