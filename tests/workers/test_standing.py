"""Standing, and what waits in Redis: paused, set aside, held back in order, due by the server's clock."""

import secrets
import time
from collections.abc import Iterator
from typing import cast

import pytest
from redis import Redis

from ringback.schemas.keys import HANDLERS_GROUP, Keys
from ringback.workers.failures import due
from ringback.workers.failures.stored_run import StoredRun
from ringback.workers.handling.standing import TIMEOUTS_IN_A_ROW, Standing, hold
from ringback.workers.intake.group import ensure_group
from ringback.workers.scripts.lua import NOW, script


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def keys() -> Keys:
    return Keys(f"t{secrets.token_hex(4)}")


@pytest.fixture
def standing(redis: Redis, keys: Keys) -> Standing:
    made = Standing(redis, keys)
    made.look()
    return made


def record(number: int, handler: str = "h") -> StoredRun:
    return StoredRun(handler, f"event {number}", f"{number}-0", b"{}")


def held_back(redis: Redis, keys: Keys, handler: str, records: list[StoredRun]) -> None:
    with redis.pipeline(transaction=True) as pipeline:
        hold(pipeline, keys, handler, records)
        pipeline.execute()


def let_wait(redis: Redis, keys: Keys, *runs: tuple[float, StoredRun]) -> None:
    with redis.pipeline(transaction=True) as pipeline:
        due.add(pipeline, keys, runs)
        pipeline.execute()


def waiting(redis: Redis, key: str) -> list[StoredRun]:
    return [StoredRun.load(one) for one in cast("list[bytes]", redis.zrange(key, 0, -1))]


def test_a_handler_that_people_have_paused(redis: Redis, keys: Keys, standing: Standing) -> None:
    assert standing.may_run("h", probe=False)
    redis.hset(keys.paused, "h", "2026-03-02T08:00:00Z")
    assert standing.may_run("h", probe=False), "nobody has looked yet"
    standing.look()
    assert [standing.may_run(name, probe=probe) for name, probe in (("h", False), ("h", True), ("i", False))] == [
        False, False, True,
    ]  # fmt: skip
    held_back(redis, keys, "h", [record(1)])
    standing.look()
    assert (set(standing.held), standing.may_be_released("h"), standing.release("h", 10)) == ({"h"}, False, 0)
    redis.hdel(keys.paused, "h")
    standing.look()
    assert (standing.may_be_released("h"), standing.release("h", 10)) == (True, 1)
    assert waiting(redis, keys.due) == [record(1)]


def test_a_handler_stays_paused_under_its_next_name(redis: Redis, keys: Keys) -> None:
    redis.hset(keys.paused, "old.h", "2026-03-02T08:00:00Z")
    renamed = Standing(redis, keys, {"old.h": "new.h"})
    renamed.look()
    assert [renamed.may_run(name, probe=False) for name in ("old.h", "new.h", "i")] == [False, False, True]


def test_a_handler_that_times_out_again_and_again(redis: Redis, keys: Keys, standing: Standing) -> None:
    for _ in range(TIMEOUTS_IN_A_ROW):
        assert standing.may_run("h", probe=False)
        standing.timed_out("h")
    other = Standing(redis, keys)
    other.look()
    for one in (standing, other):
        assert (one.is_aside("h"), one.may_run("h", probe=False), one.may_run("h", probe=True)) == (True, False, True)
    assert redis.ttl(keys.timeouts) > 1800
    held_back(redis, keys, "h", [record(number) for number in range(5)])
    other.look()
    assert (other.release("h", 256), other.release("h", 256), standing.release("h", 256)) == (1, 0, 0)
    (probe,) = waiting(redis, keys.due)
    assert (probe.key, probe.probe) == ("0-0", True)
    assert not other.may_be_released("h")
    standing.ended_in_time("h")
    other.look()
    assert (other.is_aside("h"), other.release("h", 256)) == (False, 4)
    other.look()
    assert other.held == frozenset()


def test_an_end_in_time_between_starts_the_count_again(standing: Standing) -> None:
    for _ in range(5):
        standing.timed_out("h")
        standing.timed_out("h")
        standing.ended_in_time("h")
    assert not standing.is_aside("h")


def test_what_is_held_keeps_its_order(redis: Redis, keys: Keys, standing: Standing) -> None:
    records = [record(number) for number in range(300)]
    held_back(redis, keys, "h", records[:100])
    held_back(redis, keys, "h", records[100:])
    held_back(redis, keys, "i", [record(1, "i")])
    assert waiting(redis, keys.held("h")) == records
    standing.look()
    assert standing.held == {"h", "i"}
    assert standing.release("h", 3) == 3
    assert waiting(redis, keys.held("h")) == records[3:]
    assert {one.key for one in waiting(redis, keys.due)} == {"0-0", "1-0", "2-0"}
    assert standing.release("h", 1000) == 297
    standing.look()
    assert standing.held == {"i"}


def take(redis: Redis, keys: Keys, most: int, bytes_: int = 1_000_000) -> tuple[list[StoredRun], int]:
    """Take what is due as a drain does; return it, and in how many ms the next is."""
    ensure_group(redis, keys)
    found, wait = cast(
        "tuple[list[tuple[bytes, list[bytes]]], int]",
        redis.register_script(NOW + script("due.lua"))([keys.due, keys.due_taken], [HANDLERS_GROUP, "w", most, bytes_]),
    )
    return [StoredRun.load(fields[1]) for _, fields in found], wait


def test_what_is_due_is_taken_in_its_order_and_nothing_early(redis: Redis, keys: Keys) -> None:
    assert take(redis, keys, 10) == ([], -1)
    let_wait(redis, keys, (60, record(99)), *((0.001 * number, record(number)) for number in range(40)))
    time.sleep(0.05)
    assert take(redis, keys, 30) == ([record(number) for number in range(30)], 0)
    taken, wait = take(redis, keys, 30)
    assert taken == [record(number) for number in range(30, 40)]
    assert 59_000 < wait <= 60_000
    assert redis.xpending(keys.due_taken, HANDLERS_GROUP)["pending"] == redis.xlen(keys.due_taken)


def test_no_more_bytes_are_taken_than_so_many_and_a_portion(redis: Redis, keys: Keys) -> None:
    large = [StoredRun("h", str(number), f"{number}-0", b"x" * 10_000) for number in range(100)]
    let_wait(redis, keys, *((0, one) for one in large))
    taken, wait = take(redis, keys, 100, 50_000)
    assert 5 <= len(taken) <= 5 + 16
    assert wait == 0


def test_one_that_waits_already_waits_anew(redis: Redis, keys: Keys) -> None:
    let_wait(redis, keys, (0, record(1)))
    let_wait(redis, keys, (60, record(1)))
    assert redis.zcard(keys.due) == 1
    assert take(redis, keys, 1)[0] == []
