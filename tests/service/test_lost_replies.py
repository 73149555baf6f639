"""Lost replies: what Redis has given a worker that never heard of it is run all the same, also while more comes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

from ringback.schemas.keys import HANDLERS_GROUP
from tests.chaos.house import children_of
from tests.support.service import Service, kill, running, wait_for, worker_pids

SETTINGS = {
    "RINGBACK_HANDLERS": "tests.support.handlers.busy,tests.support.handlers.recording",
    "RINGBACK_CLAIM_IDLE": "3s",
}


@contextmanager
def load(service: Service) -> Iterator[None]:
    """Let something be at work all the time, so that no drain ends."""
    over = threading.Event()

    def send() -> None:
        while not over.wait(0.04):
            service.sms("-")

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def consumer_of(service: Service) -> str:
    """Return the name under which the one worker takes events."""
    (key,) = cast("set[bytes]", service.redis.smembers(service.keys.rq_workers("events")))
    return key.decode().rpartition(":")[2]


def test_an_event_that_a_worker_was_given_unheard(redis_url: str) -> None:
    with running(redis_url, queues="events", **SETTINGS) as service:
        text = service.sms("-")
        wait_for(lambda: service.noted_of("everything", text), "its handler")
        (stored,) = service.stored()
        with load(service):
            consumer = consumer_of(service)
            with service.redis.pipeline(transaction=True) as pipeline:
                pipeline.xadd(service.keys.events, cast("dict[Any, Any]", stored))
                pipeline.xreadgroup(HANDLERS_GROUP, consumer, {service.keys.events: ">"})
                pipeline.execute()
            wait_for(lambda: len(service.noted_of("everything", text)) == 2, "it is run too", 15)


def test_a_due_run_that_a_worker_was_given_unheard(redis_url: str) -> None:
    with running(redis_url, queues="events", **SETTINGS) as service:
        text = service.sms("-")
        wait_for(lambda: service.noted_of("everything", text), "its handler")
        (event,) = service.stored()
        handler = "tests.support.handlers.recording.everything"
        head = f'{{"handler":"{handler}","event_id":"{event["id"]}","key":"k"}}\n'
        with load(service):
            consumer = consumer_of(service)
            with service.redis.pipeline(transaction=True) as pipeline:
                pipeline.xadd(service.keys.due_taken, {"record": head + event["event"]})
                pipeline.xreadgroup(HANDLERS_GROUP, consumer, {service.keys.due_taken: ">"})
                pipeline.execute()
            wait_for(lambda: len(service.noted_of("everything", text)) == 2, "it is run too", 15)


def test_what_a_worker_could_not_let_go_of_when_its_horse_died(redis_url: str) -> None:
    with running(redis_url, queues="events", **SETTINGS) as service:
        busy = service.sms("SLOW")
        wait_for(lambda: service.noted_of("slow-started", busy), "it is taken")
        (worker,) = worker_pids(service, "events")
        (horse,) = children_of(worker)
        with load(service):
            service.redis.execute_command("ACL", "SETUSER", "default", "-xclaim")  # type: ignore[no-untyped-call]
            try:
                kill(horse)
                wait_for(lambda: horse not in children_of(worker), "its end is seen")
                with suppress(AssertionError):
                    wait_for(lambda: children_of(worker), "the next", 3)
            finally:
                service.redis.execute_command("ACL", "SETUSER", "default", "+xclaim")  # type: ignore[no-untyped-call]
            service.redis.set(f"{service.prefix}:go", 1)
            wait_for(lambda: service.noted_of("slow", busy), "it is run again", 15)


def test_a_partition_that_a_worker_was_given_unheard(redis_url: str) -> None:
    with running(redis_url, queues="events", **SETTINGS, RINGBACK_PARTITIONS="4") as service, load(service):
        consumer = consumer_of(service)
        wait_for(lambda: len(service.noted("busy")) > 2, "it is at work")
        # That of the load's one conversation is let go of again and again; the others stay so.
        for partition in range(4):
            service.redis.set(service.keys.lease(partition), consumer)
        others = [f"6012345{sender:04d}" for sender in range(8)]
        for sender in others:
            words = {"mocean-from": sender, "mocean-text": sender, "mocean-keyword": "-"}
            service.trigger("mocean/inbound-sms", **words)
        wait_for(lambda: all(service.noted_of("everything", sender) for sender in others), "they are run too", 15)
