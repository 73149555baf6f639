"""Ringing: calls come to the queue in turn, as many as there are workers, and those that are over take no place."""

import secrets
from collections.abc import Iterator
from importlib.resources import files
from typing import cast

import pytest
from redis import Redis

from ringback.schemas.keys import VOICE_QUEUE, Keys
from ringback.workers.voice import ringing

WAIT = files("ringback.schemas").joinpath("ringing.lua").read_text() + (
    "calls.wait(KEYS[1], KEYS[2], ARGV[1], ARGV[2], tonumber(ARGV[3]))"
)


class Phones:
    """Calls that wait, and the queue that they come to. A call is named `<account><number>`."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys
        self.queue = keys.rq_queue(VOICE_QUEUE)

    def ring(self, *names: str, ms: int = 10_000) -> None:
        for name in names:
            self.redis.set(self.keys.rq_job(name), "a job", px=ms)
            self.redis.eval(WAIT, 2, self.keys.call_turns, self.keys.call_lines, name[0], name, ms)

    def hang_up(self, *names: str) -> None:
        self.redis.delete(*map(self.keys.rq_job, names))

    def work(self, workers: int) -> None:
        self.redis.sadd(self.keys.rq_workers(VOICE_QUEUE), *range(workers))

    def waiting(self) -> list[str]:
        """Move calls; return what is in the queue."""
        ringing.move(self.redis, self.keys)
        return [name.decode() for name in cast("list[bytes]", self.redis.lrange(self.queue, 0, -1))]

    def take(self) -> str:
        """Take calls as a worker does, one; move the next."""
        taken = cast("bytes", self.redis.lpop(self.queue)).decode()
        self.waiting()
        return taken


@pytest.fixture
def phones(redis_url: str) -> Iterator[Phones]:
    with Redis.from_url(redis_url) as redis:
        yield Phones(redis, Keys(f"t{secrets.token_hex(4)}"))


def test_accounts_take_turns(phones: Phones) -> None:
    phones.work(2)
    phones.ring("a1", "a2", "a3", "a4", "a5")
    assert phones.waiting() == ["a1", "a2"]
    phones.ring("b1", "b2", "c1")
    assert phones.waiting() == ["a1", "a2"], "no more than there are workers"
    assert [phones.take() for _ in range(8)] == ["a1", "a2", "b1", "c1", "a3", "b2", "a4", "a5"]


def test_accounts_take_turns_also_where_many_come_at_once(phones: Phones) -> None:
    phones.work(8)
    phones.ring(*(f"{account}{number}" for account in "abc" for number in range(8)))
    assert [name[0] for name in phones.waiting()] == list("abcabcab")


def test_one_comes_also_where_no_worker_is_known(phones: Phones) -> None:
    phones.ring("a1", "a2")
    assert phones.waiting() == ["a1"]


def test_calls_that_are_over_take_no_place_and_no_turn(phones: Phones) -> None:
    phones.work(2)
    phones.ring("a1", "a2", "a3", "b1", "b2")
    assert phones.waiting() == ["a1", "b1"]
    phones.hang_up("a1", "a2", "b1")
    assert phones.waiting() == ["a3", "b2"]


def test_an_account_whose_calls_are_over_is_forgotten(phones: Phones) -> None:
    phones.work(1)
    phones.ring("a1", "b1")
    phones.hang_up("a1", "b1")
    assert phones.waiting() == []
    assert not phones.redis.exists(phones.keys.call_turns, f"{phones.keys.call_lines}a", f"{phones.keys.call_lines}b")


def test_a_line_lives_as_long_as_the_longest_of_its_calls(phones: Phones) -> None:
    phones.ring("a1", ms=60_000)
    phones.ring("a2", ms=1_000)
    assert phones.redis.pttl(f"{phones.keys.call_lines}a") > 50_000


def test_a_line_has_an_end(phones: Phones) -> None:
    with phones.redis.pipeline(transaction=False) as pipeline:
        for number in range(4_100):
            names = (phones.keys.call_turns, phones.keys.call_lines)
            pipeline.eval(WAIT, 2, *names, "a", f"a{number}", 10_000)
        pipeline.execute()
    assert phones.redis.llen(f"{phones.keys.call_lines}a") == 4_000
