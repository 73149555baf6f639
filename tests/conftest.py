"""Fixtures: one Valkey a run, one service a module that wants no more than that. And what is run first."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.service import Service, free_port, running, store_program, valkey

# Each is one worker's matter, and takes long: begun last it would leave the other workers without work.
BEGIN_WITH = (
    "test_up.py",
    "test_bulkhead.py",
    "test_doctor.py",
    "test_ivr.py",
    "test_flow.py",
    "test_quarantine.py",
    "test_scale_out.py",
    "test_scaling.py",
    "test_sentinel.py",
    "test_sends_killed.py",
    "test_chaos.py",
    "test_sends_once.py",
    "test_direct_calls.py",
    "test_bench.py",
    "test_redis_away.py",
    "test_due.py",
    "test_partitions.py",
    "test_sends_fate.py",
    "test_sends_rules.py",
    "test_events_of_sends.py",
    "test_examples.py",
    "test_sends_replicated.py",
    "test_sent_and_polled.py",
    "test_polled_inbox.py",
    "test_outbox_seen.py",
    "test_sends_listed.py",
    "test_up_simulates.py",
    "test_readme.py",
    "test_operations.py",
    "test_handling.py",
    "test_canary.py",
    "test_dead.py",
    "test_replay.py",
    "test_workers.py",
    "test_tunnel.py",
    "test_sweep.py",
    "test_listings.py",
)

# Tests of what servers do differently: scripts, streams, errors, a full memory. `make test` runs them a second time
# with Redis, and so single tests of other files that are marked `each_store`.
ON_EACH_STORE = (
    "test_answered_is_stored.py",
    "test_commit.py",
    "test_end_to_end.py",
    "test_partitions.py",
    "test_quarantine.py",
    "test_recommit.py",
    "test_redis_away.py",
    "test_spool.py",
    "test_status_order.py",
    "test_store.py",
    "test_sweep.py",
)

# Expressions of `-m` for which few files have tests, and the word that these files hold: no other is imported.
FEW = {"timed": "mark.timed", "each_store and not timed": "mark.each_store"}

# A shell's background job ignores SIGINT, and so would every program that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """Name the server that the tests run on."""
    return f"store: {store_program()}"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files that have none of the tests that `-m` asks for, since to import them all takes long."""
    word = FEW.get(config.option.markexpr)
    if word is None or not collection_path.match("test_*.py"):
        return None
    if word == "mark.each_store" and collection_path.name in ON_EACH_STORE:
        return None
    return True if word not in collection_path.read_text() else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take long before the others, and mark those that are run on each store."""
    for item in items:
        if item.path.name in ON_EACH_STORE:
            item.add_marker("each_store")
    place = {name: number for number, name in enumerate(BEGIN_WITH)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of a store of this run's own."""
    folder: Path = tmp_path_factory.mktemp("valkey")
    with valkey(folder, free_port()) as (url, _):
        yield url


@pytest.fixture(scope="module")
def service(redis_url: str) -> Iterator[Service]:
    """Give a running service, shared by the tests of a module."""
    # A test that sends many wrong secrets says with X-Forwarded-For that they are of many callers.
    with running(redis_url, RINGBACK_TRUSTED_PROXIES="127.0.0.1") as started:
        yield started


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have measured."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "measured":
                terminalreporter.write_line(f"{report.nodeid.partition('::')[2]}: {value}")
