"""The outbox as operators see it: at `/metrics` of the admin port, by `ringback doctor`, and among the dead letters."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ringback.outbox import queue
from ringback.outbox.record import SendState
from ringback.schemas.tally_fields import SendOutcome, Sends, SendSeconds, send_bucket
from ringback.sender.scripts import Fate
from tests.support.doctor import graded
from tests.support.service import TOKEN, Service, free_port, running, wait_for
from tests.support.simulated import MOCEAN_LOGIN, simulated
from tests.support.still_outbox import ACCEPTED, IN_DOUBT, asked, decided, draft

Figures = dict[tuple[str, ...], float]
NO_CREDIT = "+99900000002"
LABELS = ("provider", "account", "outcome", "le")


@pytest.fixture(scope="module")
def admin_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def receiver(redis_url: str, admin_port: int) -> Iterator[Service]:
    """Return a receiver without workers or a sender."""
    with running(redis_url, queues="", RINGBACK_ADMIN_PORT=str(admin_port)) as started:
        yield started


@pytest.fixture
def outbox(receiver: Service) -> Iterator[Service]:
    """Return a receiver whose outbox is empty."""
    yield receiver
    for key in receiver.redis.scan_iter(f"{receiver.prefix}:*"):
        receiver.redis.delete(key)


def figures(admin_port: int) -> Figures:
    """Return what `/metrics` shows of sends, by name and labels."""
    text = httpx.get(f"http://127.0.0.1:{admin_port}/metrics", timeout=10).text
    return {
        (
            sample.name.removeprefix("ringback_"),
            *(sample.labels[one] for one in LABELS if one in sample.labels),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.name.startswith(("ringback_send", "ringback_outbox"))
    }


def said(folder: Path, service: Service) -> dict[str, tuple[str, str]]:
    """Return what doctor says of the outbox."""
    found = graded(folder, **{**service.settings, "RINGBACK_PORT": "0"})
    return {name: found[name] for name in ("sender", "sends in doubt", "paused sends")}


def test_an_empty_outbox(outbox: Service, admin_port: int, tmp_path: Path) -> None:
    counted: Figures = {
        ("sends_total", name, how.value): 0.0 for name in ("mocean", "mycoolsms") for how in SendOutcome
    }
    empty: Figures = {("outbox_open_sends",): 0, ("sends_in_doubt",): 0, ("sender_up",): 0}
    assert figures(admin_port) == empty | counted
    assert said(tmp_path, outbox) == {
        "sender": ("ok", "none is at work, and nothing waits"),
        "sends in doubt": ("ok", "0"),
        "paused sends": ("ok", "no account is paused"),
    }


def test_what_no_sender_has_taken_and_what_waits_in_lines(outbox: Service, admin_port: int, tmp_path: Path) -> None:
    refs = asked(outbox, *(draft(f"+6012345678{last}") for last in (0, 0, 1, 2)), draft(provider="mycoolsms"))
    queue.pause(outbox.redis, outbox.keys, "acme", datetime.now(UTC) - timedelta(hours=2))
    new = figures(admin_port)
    assert (new["outbox_sends", "mocean", "acme"], new["outbox_sends", "mycoolsms", "acme"]) == (4, 1)
    assert new["outbox_oldest_seconds", "mocean", "acme"] < 60
    assert 7200 <= new["sends_paused_seconds", "acme"] < 7260
    grade, detail = said(tmp_path, outbox)["sender"]
    assert (grade, detail) == ("not ok", "none is at work, and something waits for 5 recipients at most")
    decided(outbox, {})  # a sender has come, and takes nothing of a paused account
    hour_ago = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
    outbox.redis.hset(outbox.keys.send(refs[0]), "noted", f"{hour_ago * 1000:.0f}")
    taken = figures(admin_port)
    assert (taken["outbox_sends", "mocean", "acme"], taken["outbox_sends", "mycoolsms", "acme"]) == (4, 1)
    assert 3600 <= taken["outbox_oldest_seconds", "mocean", "acme"] < 3660
    assert said(tmp_path, outbox)["paused sends"][0] == "warning"


def test_more_lines_than_are_looked_at_together(outbox: Service, admin_port: int) -> None:
    asked(outbox, *(draft(f"+60{12000000 + number}") for number in range(1203)))
    assert figures(admin_port)["outbox_sends", "mocean", "acme"] == 1203
    queue.pause(outbox.redis, outbox.keys, "acme", datetime.now(UTC))
    decided(outbox, {})
    assert figures(admin_port)["outbox_sends", "mocean", "acme"] == 1203


def test_what_is_under_way_in_doubt_and_done(outbox: Service, admin_port: int, tmp_path: Path) -> None:
    refs = asked(outbox, *(draft(f"+6012345678{last}") for last in range(4)))
    again = Fate(SendState.QUEUED, due_s=600, is_attempt=True)
    decided(outbox, {refs[0]: ACCEPTED, refs[1]: IN_DOUBT, refs[2]: again})
    tally: dict[Any, Any] = {
        str(Sends("mocean", SendOutcome.ACCEPTED)): 2, str(Sends("mocean", SendOutcome.LOOP)): 3,
        str(SendSeconds("mocean")): 4001.5, str(send_bucket("mocean", 0.02)): 4, str(send_bucket("mocean", 4000)): 1,
        "sends mocean of_a_later_version": 1,
    }  # fmt: skip
    outbox.redis.hset(outbox.keys.tally, mapping=tally)
    found = figures(admin_port)
    # Three are open: one under way, and two of which no event has been stored yet.
    assert (found["outbox_open_sends",], found["sends_in_doubt",], found["outbox_sends", "mocean", "acme"]) == (3, 1, 1)
    assert (found["sends_total", "mocean", "accepted"], found["sends_total", "mocean", "loop"]) == (2, 3)
    buckets = {labels[-1]: value for labels, value in found.items() if labels[0] == "send_wait_seconds_bucket"}
    assert (buckets["0.01"], buckets["0.025"], buckets["3600.0"], buckets["+Inf"]) == (0, 4, 4, 5)
    assert (found["send_wait_seconds_count", "mocean"], found["send_wait_seconds_sum", "mocean"]) == (5, 4001.5)
    assert said(tmp_path, outbox)["sends in doubt"] == ("warning", "1")


def run(service: Service, *words: str) -> Any:
    """Run a command that prints JSON, or says what it has done."""
    done = service.ringback(*words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


def letter_times(service: Service) -> set[str]:
    return {row["time"] for row in run(service, "dead", "ls", "--json")}


def test_what_a_provider_refuses_is_a_dead_letter_until_it_is_sent_or_dropped(redis_url: str, tmp_path: Path) -> None:
    login = {f"RINGBACK_{name.upper().replace('-', '_')}": value for name, value in MOCEAN_LOGIN.items()}
    with simulated(tmp_path) as provider:
        settings = {**login, "RINGBACK_MOCEAN_URL": f"{provider.url}/rest/2", "RINGBACK_TOKENS": f"acme:{TOKEN}"}
        with running(redis_url, queues="events,sends", **settings) as service:
            refs = asked(service, draft(NO_CREDIT), draft("+60123456789"))
            wait_for(service.dead_letters, "the dead letter")
            wait_for(lambda: provider.got("60123456789"), "the other")
            (row,) = run(service, "dead", "ls", "--json")
            assert (row["id"], row["handler"], row["send"]) == (f"send-{refs[0]}", "ringback.sends", refs[0])
            assert (row["type"], row["attempts"], row["replay"]) == ("message.sent", 1, False)
            shown = run(service, "dead", "show", "send", "--json")
            assert (shown["event"]["data"]["ref"], shown["event"]["data"]["status"]) == (refs[0], "refused")
            died = row["time"]
            assert "Put 1 back on the queue." in run(service, "dead", "retry", "--handler", "ringback.sends")
            wait_for(lambda: letter_times(service) - {died}, "the dead letter of the second refusal")
            assert "Dropped 1." in run(service, "dead", "drop", row["id"])
            assert run(service, "sends", "ls", "--json", "--state", "refused")[0]["ref"] == refs[0]
            assert "Queued 1 again." in run(service, "sends", "again", refs[0])
            wait_for(service.dead_letters, "the dead letter of the third refusal")
            assert "Dropped 1." in run(service, "sends", "drop", refs[0])
            assert service.dead_letters() == []
