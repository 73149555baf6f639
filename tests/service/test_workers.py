"""Handlers in real RQ workers: each event to each handler, through failures, crashes and stops."""

import os
import signal
import time
from pathlib import Path

import pytest

from ringback.workers.handling.notes import MAX_DEATHS
from tests.support.service import (
    RINGBACK,
    Service,
    await_ready,
    is_alive,
    kill,
    process,
    running,
    wait_for,
    worker_pids,
)


def dead_letters(service: Service, text: str, handler: str) -> list[str]:
    """Give the dead letters of the message with this text."""
    (seen,) = {one.event["id"] for one in service.noted_of(handler, text)}
    return [one["description"] for one in service.dead_letters() if seen in one["description"]]


def test_an_async_handler_runs(service: Service) -> None:
    assert service.trigger("mocean/whatsapp-inbound-message").status_code == 200
    wait_for(lambda: service.noted("whatsapp"), "the async handler")


def test_a_failing_handler_is_retried_alone_and_then_a_dead_letter(service: Service) -> None:
    text = service.sms("FAIL")
    wait_for(lambda: service.attempts("failing", text) == [1, 2], "the second attempt")
    (letter,) = wait_for(lambda: dead_letters(service, text, "failing"), "the dead letter")
    assert letter.startswith("tests.support.handlers.recording.failing on ")
    assert service.attempts("everything", text) == [1]


def test_a_handler_that_recovers_leaves_nothing_behind(service: Service) -> None:
    text = service.sms("RECOVER")
    wait_for(lambda: service.attempts("recovering", text) == [1, 2], "the second attempt")
    assert dead_letters(service, text, "recovering") == []
    assert service.attempts("everything", text) == [1]


def test_without_retries_a_failure_is_final(service: Service) -> None:
    text = service.sms("FINAL")
    wait_for(lambda: service.noted_of("final", text), "the handler")
    (letter,) = wait_for(lambda: dead_letters(service, text, "final"), "the dead letter")
    assert letter.startswith("tests.support.handlers.recording.final on ")
    assert service.attempts("final", text) == [1]


def test_a_hung_handler_is_ended_alone(service: Service) -> None:
    text = service.sms("HANG")
    wait_for(lambda: service.attempts("patient", text) == [1], "the handler beside it")
    wait_for(lambda: dead_letters(service, text, "hanging"), "the dead letter")
    assert service.attempts("hanging", text) == [1]


@pytest.mark.parametrize(
    ("order", "advanced", "furthest"),
    [
        pytest.param(["QUEUED", "AT_CARRIER", "DELIVERED"], ["1", "1", "1"], "delivered", id="in order"),
        pytest.param(["DELIVERED", "AT_CARRIER"], ["1", "0"], "delivered", id="a late sent"),
        pytest.param(["ERROR", "DELIVERED"], ["1", "1"], "delivered", id="the carrier corrects itself"),
        pytest.param(["DELIVERED", "ERROR"], ["1", "0"], "delivered", id="failed after delivered"),
        pytest.param(["ERROR", "AT_CARRIER"], ["1", "0"], "failed", id="sent never clears failed"),
        pytest.param(["AT_CARRIER", "FROM_MARS"], ["1", "0"], "sent", id="unknown never counts"),
    ],
)
def test_status_order(service: Service, order: list[str], advanced: list[str], furthest: str) -> None:
    smsid = f"order-{'-'.join(order)}"
    for status in order:
        body = {"smsid": smsid, "status": f"SMS_STATUS_{status}"}
        assert service.request("POST", "mycoolsms/delivery-report", json=body).status_code == 200
    entries = [one for one in service.stored() if f'"subject":"{smsid}"' in one["event"]]
    assert [one["advanced"] for one in entries] == advanced
    known = service.redis.hgetall(service.keys.message("mycoolsms", "acme", smsid))
    last = entries[len(advanced) - 1 - advanced[::-1].index("1")]
    assert known == {b"status": furthest.encode(), b"event": last["id"].encode(), b"at": known[b"at"]}

    def noted(handler: str) -> list[bool | None]:
        return [one.advanced for one in service.noted(handler) if one.event.get("subject") == smsid]

    wait_for(lambda: len(noted("everything")) == len(order), "all of them")
    assert sorted(map(bool, noted("everything"))) == sorted(flag == "1" for flag in advanced)
    wait_for(lambda: len(noted("advanced")) >= advanced.count("1"), "those that moved it forward")
    assert noted("advanced") == [True] * advanced.count("1")


def test_an_entry_of_a_killed_worker_is_handled_by_another(redis_url: str) -> None:
    with running(redis_url, queues="events,events", RINGBACK_CLAIM_IDLE="6s") as service:
        text = service.sms("SLOW")
        (started,) = wait_for(lambda: service.noted_of("slow-started", text), "the handler's start")
        assert started.pid is not None
        horse, parent = started.pid, parent_of(started.pid)
        assert parent in worker_pids(service, "events")
        wait_for(lambda: service.redis.hlen(service.keys.ledger), "the ledger to say that the other handler is done")
        kill(parent)
        kill(horse)
        service.redis.set(f"{service.prefix}:go", 1)
        (done,) = wait_for(lambda: service.noted_of("slow", text), "the other worker", seconds=60)
        assert done.pid != horse
        assert service.attempts("everything", text) == [1]
        wait_for(lambda: not service.pending, "the ledger")


def test_an_entry_of_a_killed_horse_is_handled_again_at_once(redis_url: str) -> None:
    with running(redis_url, queues="events") as service:
        text = service.sms("SLOW")
        (started,) = wait_for(lambda: service.noted_of("slow-started", text), "the handler's start")
        assert started.pid is not None
        kill(started.pid)
        service.redis.set(f"{service.prefix}:go", 1)
        wait_for(lambda: service.noted_of("slow", text), "the next horse", seconds=10)


def test_an_entry_that_kills_its_worker_is_buried_and_no_other(redis_url: str) -> None:
    with running(redis_url, queues="events,events") as service:
        killer = service.sms("CRASH")
        innocent = [service.sms("-") for _ in range(20)]
        (letter,) = wait_for(service.dead_letters, "the dead letter", seconds=60)
        assert letter["description"].startswith("tests.support.handlers.recording.crashing on ")
        assert len(service.noted_of("crashing", killer)) == 1 + MAX_DEATHS
        wait_for(lambda: all(service.noted_of("everything", text) for text in innocent), "the innocent events")


def left_waiting(service: Service) -> str | None:
    """Send a message, and return its text if nobody takes it: a worker that was just told to stop may not know yet."""
    text = service.sms("-")
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        if service.noted_of("everything", text):
            return None
        time.sleep(0.01)
    return text


def test_sigterm_finishes_the_handler_that_runs(redis_url: str) -> None:
    with running(redis_url, queues="") as service:
        with process([*RINGBACK, "work", "--queues", "events"], **service.settings) as workers:
            await_ready(service, 1)
            text = service.sms("SLOW")
            (started,) = wait_for(lambda: service.noted_of("slow-started", text), "the handler's start")
            assert started.pid is not None
            workers.send_signal(signal.SIGTERM)
            waiting = wait_for(lambda: left_waiting(service), "the worker to take no more")
            service.redis.set(f"{service.prefix}:go", 1)
            assert workers.wait(20) == 0
            assert not is_alive(started.pid)
        assert [one.pid for one in service.noted_of("slow", text)] == [started.pid]
        assert service.noted_of("everything", waiting) == []
        assert not service.pending
        with process([*RINGBACK, "work", "--queues", "events"], **service.settings):
            wait_for(lambda: service.noted_of("everything", waiting), "what waited")


def parent_of(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
        return int(stat.read().rpartition(")")[2].split()[1])


def test_horses_end_with_their_worker(redis_url: str) -> None:
    with running(redis_url, queues="events") as service:
        text = service.sms("SLOW")
        (started,) = wait_for(lambda: service.noted_of("slow-started", text), "the handler's start")
        assert started.pid is not None
        horse = started.pid
        os.kill(parent_of(horse), signal.SIGKILL)
        service.redis.set(f"{service.prefix}:go", 1)
        wait_for(lambda: not is_alive(horse), "the horse's end")
        assert len(service.noted_of("slow", text)) == 1


def test_signals_wake_the_thread_that_waits_for_the_horse(redis_url: str) -> None:
    with running(redis_url, queues="events") as service:
        pid = worker_pids(service, "events")[0]

        def threads() -> list[Path]:
            return [task / "status" for task in Path(f"/proc/{pid}/task").iterdir() if task.name != str(pid)]

        others = wait_for(threads, "the thread that listens")
        for status in others:
            (blocked,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigBlk:"))
            assert int(blocked, 16) & 1 << (signal.SIGALRM - 1)
