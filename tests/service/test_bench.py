"""The benchmark's load: wrk by `benchmarks/dlr.lua`, at full speed and at a steady rate; and without wrk. Small runs of
what needs no load.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis

from benchmarks.again import DEAD_RETRY, REPLAY, RETRIES, again
from benchmarks.contestants.servers import CONSTANT, CONSTANT_SERVER, RINGBACK_SERVER
from benchmarks.dlr import TOKEN
from benchmarks.ingest import Contest, compete
from benchmarks.load import drip, fire
from benchmarks.machine import Bench, BenchError, Cores, Store
from benchmarks.replies import replies
from benchmarks.report import RESULTS, tables
from benchmarks.results import RINGBACK, Results
from benchmarks.tree import FilledStore, Tree
from benchmarks.waits import waits
from tests.support.service import ROOT, Service, free_port, running, valkey
from tests.support.tools import tool

RATE, SECONDS = 50, 2


@pytest.fixture(scope="module")
def receiver(redis_url: str) -> Iterator[Service]:
    tool("wrk", "apt-get install wrk")
    with running(redis_url, queues="", RINGBACK_TOKENS=f"benchmark:{TOKEN}") as service:
        yield service


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(Cores(None, None), cast("Any", None), tmp_path)


def sent(service: Service) -> list[int]:
    """Return when each event that says so was sent, in nanoseconds."""
    contexts = [json.loads(one["event"])["data"].get("context", {}) for one in service.stored()]
    return sorted(int(context["sent"]) for context in contexts if "sent" in context)


def test_every_request_is_a_new_event(receiver: Service, bench: Bench) -> None:
    before = len(receiver.stored())
    load, share = fire(bench, receiver.port, 1)
    assert load.requests > 0
    assert share > 0
    # What was on its way when the time was up is stored and not counted.
    assert load.requests <= len(receiver.stored()) - before <= load.requests + 32


def test_servers_take_turns_on_filled_stores(bench: Bench) -> None:
    filled = FilledStore.prepare(bench, Tree.own(), 300)
    field = compete(bench, Contest(1, 1, (4,)), {CONSTANT_SERVER: filled, RINGBACK_SERVER: filled})
    assert [(one.name, one.connections) for one in field] == [(CONSTANT, 4), (RINGBACK, 4)]
    for one in field:
        once = one.median
        assert once.requests_per_second > 0 < once.p99_ms
        assert once.store_us_a_request is not None is not once.log_bytes_a_request
        assert 1_000 < (once.log_bytes_a_request or 0) < 2_000
    with filled.opened(bench) as store:
        assert store.client.xlen("ringback:events") == 300


def test_a_part_that_is_measured_by_itself_replaces_that_part_alone() -> None:
    before = Results.model_validate_json(RESULTS.read_text())
    other = before.model_copy(update={"ingest": before.ingest[:1], "handling": []})
    after = before.with_parts(["ingest"], other)
    assert (after.ingest, after.handling) == (other.ingest, before.handling)
    assert "- ingest: once more by itself, " in tables(after)["machine"]


def test_a_steady_rate_and_when_each_was_sent(receiver: Service, bench: Bench) -> None:
    before = len(sent(receiver))
    load = drip(bench, receiver.port, SECONDS, RATE)
    assert load.requests <= RATE * load.seconds + 1
    times = sent(receiver)[before:]
    assert load.requests <= len(times) <= load.requests + 32
    assert all(earlier < later for earlier, later in pairwise(times))
    # A turn that is overdue is taken at once, so that a machine that is busy does not send less in all.
    assert (len(times) - 1) / (times[-1] - times[0]) * 1e9 == pytest.approx(RATE, rel=0.2)


def test_a_refusal_is_no_figure(receiver: Service, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.load.TARGET", "/webhooks/mocean/delivery-report?token=wrong")
    with pytest.raises(BenchError, match=r"requests, \d+ refused, 0 without an answer"):
        fire(bench, receiver.port, 1)


@pytest.mark.parametrize("part", ["ingest", "latency", "memory"])
def test_without_wrk_it_says_what_to_install(tmp_path: Path, part: str) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", part]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    said = "bench: wrk is missing, which makes the load: install it (Debian, Ubuntu: apt-get install wrk)\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Bench]:
    """Return a bench with a store that nobody else uses: it is emptied."""
    (tmp_path / "store").mkdir()
    port = free_port()
    with valkey(tmp_path / "store", port) as (url, started), Redis.from_url(url, protocol=2) as redis:
        yield Bench(Cores(None, None), Store(port, started.pid, redis), tmp_path)


def test_what_is_run_once_more(alone: Bench) -> None:
    found = again(alone, 1, 3_000)
    assert [one.name for one in found.repeated] == [RETRIES, DEAD_RETRY, REPLAY]
    assert all(one.per_second > 0 for one in found.repeated)
    assert 700 < found.event_json < 900
    assert found.event_json < found.waiting_bytes < 1_500 < found.letter_bytes


def test_handlers_that_wait(alone: Bench) -> None:
    found = {one.name: one for one in waits(alone, 1, 3_000)}
    assert list(found) == [
        "a quick handler", "a handler of 1 ms", "a handler of 20 ms", "an async handler of 20 ms",
    ]  # fmt: skip
    assert all(one.events_per_second > 0 < one.worker_us for one in found.values())


def test_replies(alone: Bench) -> None:
    found = replies(alone, 1, events=3_000, one_by_one=20, sends=300)
    assert all(cost.ratio > 0 for cost in found.costs)
    assert 0 < found.latency.p50_ms <= found.latency.largest_ms
    assert found.sender.sends_per_second > 0 < found.sender.sender_us
