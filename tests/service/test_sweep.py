"""The sweep: what was lost is found again, and trimming takes nothing that the handlers have not finished."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from ringback.schemas.keys import HANDLERS_GROUP
from ringback.schemas.settings import Settings
from ringback.workers.sweep import Sweep
from tests.support.service import RINGBACK, await_ready, process, running, wait_for


def test_a_lost_ring_is_made_good(redis_url: str) -> None:
    with running(redis_url, queues="") as service:
        text = service.sms("-")
        assert service.redis.delete(service.keys.rq_queue("events")) == 1
        with process([*RINGBACK, "work", "--queues", "events"], **service.settings):
            wait_for(lambda: service.noted_of("everything", text), "the event", seconds=30)


def test_events_from_before_the_first_worker_are_handled(redis_url: str) -> None:
    with running(redis_url, queues="") as service:
        texts = [service.sms("-") for _ in range(5)]
        with process([*RINGBACK, "work", "--queues", "events"], **service.settings):
            await_ready(service, 1)
            wait_for(lambda: all(service.noted_of("everything", text) for text in texts), "the events")


def test_trimming_waits_for_the_handlers(redis_url: str) -> None:
    with running(redis_url, queues="events,events", RINGBACK_RETENTION="1s") as service:

        def texts() -> list[str]:
            return [text for text in sent if any(text in one["event"] for one in service.stored())]

        sent = [service.sms("-"), service.sms("SLOW"), service.sms("-")]
        wait_for(lambda: texts() == sent[1:], "the first to be trimmed", seconds=30)
        assert service.noted_of("slow", sent[1]) == []
        service.redis.set(f"{service.prefix}:go", 1)
        wait_for(lambda: not service.stored(), "the others to be trimmed", seconds=30)
        assert len(service.noted_of("slow", sent[1])) == 1


def test_notes_of_entries_that_are_finished_are_removed(redis_url: str) -> None:
    with running(redis_url, queues="events,events") as service:
        slow = service.sms("SLOW")
        wait_for(lambda: service.noted_of("slow-started", slow), "the handler's start")
        wait_for(lambda: service.redis.hlen(service.keys.ledger), "the other handler to be noted")
        (held,) = service.redis.hkeys(service.keys.ledger)
        leftover = "1700000000000-0"
        service.redis.hset(service.keys.ledger, leftover, '["gone"]')
        service.redis.hset(service.keys.suspects, f"{leftover} gone", 1)
        wait_for(lambda: service.redis.hkeys(service.keys.ledger) == [held], "the sweep", seconds=15)
        assert not service.redis.exists(service.keys.suspects)
        service.redis.set(f"{service.prefix}:go", 1)
        wait_for(lambda: service.noted_of("slow", slow), "the handler's end")


def test_an_error_that_nobody_expects_does_not_end_the_sweep(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Redis.from_url(redis_url) as redis:
        sweep = Sweep(redis, Settings(prefix=f"t{secrets.token_hex(4)}", data_dir=tmp_path))
        broken = iter([ValueError("?"), KeyError("?")])
        looked: list[bool] = []

        def look() -> None:
            if (error := next(broken, None)) is not None:
                raise error
            looked.append(True)

        monkeypatch.setattr(sweep, "look", look)
        sweep.start()
        try:
            wait_for(lambda: looked, "the look after those that failed")
        finally:
            sweep.stop()


@pytest.mark.timed
def test_a_long_stream_is_trimmed_in_steps_that_hold_up_nobody(
    redis_url: str, record_property: Callable[[str, object], None]
) -> None:
    with running(redis_url, queues="") as service:
        events, redis = service.keys.events, service.redis
        for _ in range(100):
            with redis.pipeline(transaction=False) as pipeline:
                for _ in range(1000):
                    pipeline.xadd(events, {"event": "x" * 700})
                pipeline.execute()
        # As if the handlers had finished them all but one, and what has come since.
        unread = cast("bytes", redis.xadd(events, {"event": "{"}))
        held = cast("list[tuple[bytes, object]]", redis.xrange(events, count=1))[0][0]
        redis.xgroup_create(events, HANDLERS_GROUP, "0")
        redis.xreadgroup(HANDLERS_GROUP, "held", {events: ">"}, count=1)
        ((last, _),) = cast("list[tuple[bytes, object]]", redis.xrevrange(events, f"({unread.decode()}", count=1))
        redis.xgroup_setid(events, HANDLERS_GROUP, last)
        # Shorter than may be set, so that nothing is kept for its age.
        settings = Settings(prefix=service.prefix).model_copy(update={"retention": timedelta(milliseconds=1)})
        sweep = Sweep(redis, settings)
        redis.config_set("slowlog-log-slower-than", 1000)
        redis.config_set("slowlog-max-len", 10_000)
        redis.slowlog_reset()
        try:
            sweep.sweep()
            assert redis.xlen(events) == 100_001, "one is still in a handler's hands"
            redis.xack(events, HANDLERS_GROUP, held)
            steps = redis.info("commandstats")["cmdstat_xtrim"]["calls"]
            while redis.xlen(events) > 1:
                left = redis.xlen(events)
                sweep.sweep()
                assert redis.xlen(events) < left, "a sweep that trims nothing"
            steps = redis.info("commandstats")["cmdstat_xtrim"]["calls"] - steps
            scripts = [one["duration"] / 1000 for one in redis.slowlog_get(10_000) if b"EVALSHA" in one["command"]]
        finally:
            redis.config_set("slowlog-log-slower-than", 10_000)
        assert [entry for entry, _ in cast("list[tuple[bytes, object]]", redis.xrange(events))] == [unread]
        assert steps > 10
        record_property("measured", f"100,000 entries in {steps} steps, the longest {max(scripts, default=0):.1f} ms")
        assert max(scripts, default=0) < 50
