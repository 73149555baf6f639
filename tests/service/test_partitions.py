"""Partitions: with `RINGBACK_PARTITIONS` the events of one conversation are started in the order of the stream."""

import json
import subprocess
from collections import defaultdict
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise

from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.service import RINGBACK, Service, process, running, wait_for

HANDLERS = {"RINGBACK_HANDLERS": "tests.support.handlers.partitioned"}
PARTITIONS = {**HANDLERS, "RINGBACK_PARTITIONS": "8", "RINGBACK_CLAIM_IDLE": "3s"}


@dataclass
class Ran:
    """One run of a handler."""

    key: str
    text: str
    pid: int
    began: float
    ended: float


def send(service: Service, conversations: int, each: int, *, of: str = "", keyword: str = "-") -> None:
    """Send messages of several senders in turn, numbered."""
    for number in range(each):
        for sender in range(conversations):
            overrides = {
                "mocean-from": f"6012345{sender:04d}",
                "mocean-text": f"{of}{number:05d}",
                "mocean-keyword": keyword,
            }
            assert service.send(build(find("mocean/inbound-sms"), overrides)).status_code == 200


def ran(service: Service, handler: str) -> dict[str, list[Ran]]:
    """Give the runs of a handler by conversation, in the order in which they began."""
    runs = defaultdict(list)
    for one in service.redis.lrange(f"{service.prefix}:{handler}", 0, -1):
        run = Ran(**json.loads(one))
        runs[run.key].append(run)
    return {key: sorted(of, key=lambda run: run.began) for key, of in runs.items()}


def count(service: Service, handler: str) -> int:
    return int(service.redis.llen(f"{service.prefix}:{handler}"))


def texts(runs: list[Ran]) -> list[str]:
    return [run.text for run in runs]


def overlaps(runs: list[Ran]) -> list[tuple[Ran, Ran]]:
    return [(one, other) for one, other in pairwise(runs) if other.began < one.ended]


def work(service: Service, **settings: str) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    return process([*RINGBACK, "work", "--queues", "events,events"], **{**service.settings, **settings})


def test_events_of_one_conversation_keep_their_order_and_others_run_beside(redis_url: str) -> None:
    with running(redis_url, queues="events,events,events", **PARTITIONS) as service:
        send(service, conversations=12, each=20)
        wait_for(lambda: count(service, "one-by-one") >= 240 and count(service, "beside-others") >= 240, "all of them")
        wait_for(lambda: service.pending == 0, "the ledger")
        for handler in ("one-by-one", "beside-others"):
            for runs in ran(service, handler).values():
                assert texts(runs) == [f"{number:05d}" for number in range(20)]
                assert overlaps(runs) == []
        workers = {run.pid for runs in ran(service, "one-by-one").values() for run in runs}
        assert len(workers) > 1


def test_the_order_is_kept_whatever_handlers_take_and_however_they_run(redis_url: str) -> None:
    with running(redis_url, queues="events,events", **PARTITIONS) as service:
        send(service, conversations=6, each=25, keyword="MIXED")
        handlers = ("mixed", "mixed-async", "mixed-blocking", "mixed-failing")
        wait_for(lambda: all(count(service, one) >= 150 for one in handlers), "all of them", 60)
        wait_for(lambda: service.pending == 0, "the ledger")
        assert [count(service, one) for one in handlers] == [150] * 4
        for handler in handlers[:3]:
            for runs in ran(service, handler).values():
                assert texts(runs) == [f"{number:05d}" for number in range(25)]
                assert overlaps(runs) == []
        # What fails goes out of its turn; the others are not held up by it.
        for runs in ran(service, "mixed-failing").values():
            at_once = [text for text in texts(runs) if int(text) % 5 != 3]
            assert at_once == [f"{number:05d}" for number in range(25) if number % 5 != 3]


def test_a_killed_drain_leaves_its_conversations_in_order(redis_url: str) -> None:
    with running(redis_url, queues="", **PARTITIONS) as service:
        send(service, conversations=4, each=5)
        send(service, conversations=1, each=1, of="k", keyword="KILL")
        send(service, conversations=4, each=5, of="x")
        with work(service, **PARTITIONS):
            wait_for(lambda: count(service, "one-by-one") >= 41 and service.pending == 0, "all")
        assert service.redis.get(f"{service.prefix}:killed") == b"2"
        for runs in ran(service, "one-by-one").values():
            first = list(dict.fromkeys(texts(runs)))
            assert first == sorted(first, key=lambda text: ("0kx".index(text[0]), text))
        assert service.dead_letters() == []


def test_a_handler_that_blocks_the_loop_changes_no_order(redis_url: str) -> None:
    with running(redis_url, queues="", **PARTITIONS) as service:
        for number in range(5):
            send(service, conversations=3, each=1, of=f"{number}", keyword="BLOCK" if number == 1 else "-")
        with work(service, **PARTITIONS):
            wait_for(lambda: count(service, "beside-others") >= 15 and service.pending == 0, "all")
        for runs in ran(service, "beside-others").values():
            assert texts(runs) == [f"{number}00000" for number in range(5)]


def test_what_was_there_before_the_partitions_is_dealt_too(redis_url: str) -> None:
    with running(redis_url, queues="", **HANDLERS) as service:
        send(service, conversations=3, each=4)
        # A worker without partitions took some and is gone; one with others took some more.
        service.redis.xgroup_create(service.keys.events, "handlers", id="0", mkstream=True)
        service.redis.xreadgroup("handlers", "gone", {service.keys.events: ">"}, count=3)
        service.redis.xreadgroup("handlers", "partition-0-of-3", {service.keys.events: ">"}, count=3)
        with work(service, **PARTITIONS):
            wait_for(lambda: count(service, "one-by-one") >= 12, "all", seconds=15)
            wait_for(lambda: service.pending == 0, "the ledger")
        assert count(service, "one-by-one") == 12


def test_without_partitions_any_more_nothing_is_left(redis_url: str) -> None:
    with running(redis_url, queues="", **HANDLERS) as service:
        send(service, conversations=3, each=4)
        service.redis.xgroup_create(service.keys.events, "handlers", id="0", mkstream=True)
        service.redis.xreadgroup("handlers", "partition-0-of-3", {service.keys.events: ">"}, count=7)
        with work(service, **HANDLERS, RINGBACK_CLAIM_IDLE="3s"):
            wait_for(lambda: count(service, "one-by-one") >= 12, "all", seconds=15)
            wait_for(lambda: service.pending == 0, "the ledger")
        assert count(service, "one-by-one") == 12
