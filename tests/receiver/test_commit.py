"""The committer: whatever happens to requests and connections, what is answered 200 is stored, and nothing is twice."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import cast

import pytest
from redis import Redis

from ringback.receiver.commit.committer import CommitError, Committer
from ringback.receiver.commit.script import Terms, commit_client
from ringback.receiver.commit.waiting import CommitOutcome
from ringback.schemas.events import Event
from ringback.schemas.keys import Keys
from ringback.wire.samples import find
from tests.support.sample_events import event_of
from tests.support.service import held_commit, wait_for

REPORT = find("mycoolsms/delivery-report")
TTL_S = 3600


def reports(number: int) -> list[Event]:
    """Make events, each of a message of its own."""
    return [event_of(REPORT, {"smsid": secrets.token_hex(8)}) for _ in range(number)]


@dataclass
class Bench:
    """A committer of the test's own, and its Redis."""

    redis: Redis
    committer: Committer
    keys: Keys
    tasks: list["asyncio.Task[CommitOutcome]"] = field(default_factory=list)

    def stored(self) -> list[str]:
        """Give the ids of the events in the stream."""
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", self.redis.xrange(self.keys.events))
        return [fields[b"id"].decode() for _, fields in entries]

    async def hand_over(self, events: Iterable[Event]) -> list["asyncio.Task[CommitOutcome]"]:
        """Start to commit events; gives back control once the committer has them all."""
        tasks = [asyncio.create_task(self.committer.commit(event)) for event in events]
        await asyncio.sleep(0)
        return tasks

    async def commit(self, events: Iterable[Event]) -> list[CommitOutcome | BaseException]:
        """Commit events together and give what became of each."""
        return await asyncio.gather(*await self.hand_over(events), return_exceptions=True)

    async def held(self) -> int:
        """Wait until a commit is held up in Redis; give the id of its connection there."""
        return await asyncio.to_thread(wait_for, lambda: held_commit(self.redis), "the commit")


@pytest.fixture
async def bench(redis_url: str) -> AsyncIterator[Bench]:
    keys = Keys(f"t{secrets.token_hex(4)}")
    committer = Committer(commit_client(redis_url), Terms(keys, TTL_S, TTL_S))
    with Redis.from_url(redis_url) as redis:
        yield Bench(redis, committer, keys)
    await committer.close()


async def test_requests_that_are_cancelled_at_any_moment_take_no_event_along(bench: Bench) -> None:
    events = reports(500)
    dice = random.Random(5)  # noqa: S311
    cancelled = 0
    for start in range(0, len(events), 50):
        for task in await bench.hand_over(events[start : start + 50]):
            if dice.random() < 0.5:
                asyncio.get_running_loop().call_later(dice.random() * 0.004, task.cancel)
            bench.tasks.append(task)
        await asyncio.sleep(dice.random() * 0.004)
    for ended in await asyncio.gather(*bench.tasks, return_exceptions=True):
        assert ended is CommitOutcome.STORED or isinstance(ended, asyncio.CancelledError)
        cancelled += ended is not CommitOutcome.STORED
    assert 0 < cancelled < len(events)
    # A provider that had no answer repeats.
    assert set(await bench.commit(events)) == {CommitOutcome.DUPLICATE}
    assert sorted(bench.stored()) == sorted(event.id for event in events)


async def test_closing_finishes_what_was_handed_over(bench: Bench) -> None:
    events = reports(600)
    tasks = await bench.hand_over(events)
    await bench.committer.close()
    assert {task.result() for task in tasks} == {CommitOutcome.STORED}
    assert bench.stored() == [event.id for event in events]


async def test_a_connection_that_breaks_fails_only_the_requests_of_its_commit(bench: Bench) -> None:
    first, then = reports(1), reports(20)
    await bench.commit(reports(1))  # so that the connection and the script are there
    bench.redis.client_pause(10_000, all=False)
    try:
        (task,) = await bench.hand_over(first)
        connection = await bench.held()
        tasks = await bench.hand_over(then)
        bench.redis.client_kill_filter(_id=str(connection))
        with pytest.raises(CommitError):
            await task
    finally:
        bench.redis.client_unpause()
    assert await asyncio.gather(*tasks) == [CommitOutcome.STORED] * len(then)
    assert await bench.commit(first) == [CommitOutcome.STORED]
    assert bench.stored()[1:] == [event.id for event in (*then, *first)]


async def test_a_commit_whose_reply_is_late_is_not_stored_twice(bench: Bench) -> None:
    events = reports(20)
    await bench.commit(reports(1))
    bench.redis.client_pause(10_000, all=False)
    try:
        (task,) = await bench.hand_over(events[:1])
        await bench.held()
        with pytest.raises(CommitError):  # after its second
            await task
    finally:
        bench.redis.client_unpause()
    outcomes = await bench.commit(events)
    assert set(outcomes) <= {CommitOutcome.STORED, CommitOutcome.DUPLICATE}
    assert sorted(bench.stored()[1:]) == sorted(event.id for event in events)


async def test_an_event_that_redis_cannot_take_loses_no_other(bench: Bench) -> None:
    """Nobody but Ringback writes these keys; should one be of a wrong type all the same, others get in by a repeat."""
    events = reports(21)
    bad = events.pop(10)
    subject = cast("str", bad.subject)
    key = bench.keys.message(bad.provider, bad.account, subject)
    bench.redis.set(key, "no hash")
    bench.redis.client_pause(10_000, all=False)  # so that all the others are in one group
    try:
        (warm,) = await bench.hand_over(reports(1))
        await bench.held()
        tasks = await bench.hand_over([*events[:10], bad, *events[10:]])
    finally:
        bench.redis.client_unpause()
    assert await warm is CommitOutcome.STORED
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[10], CommitError)
    assert set(await bench.commit(events)) <= {CommitOutcome.STORED, CommitOutcome.DUPLICATE}
    assert sorted(bench.stored()[1:]) == sorted(event.id for event in events)
    bench.redis.delete(key)
    assert await bench.commit([bad]) == [CommitOutcome.STORED]


async def test_a_message_is_known_for_its_time_after_its_last_report(bench: Bench) -> None:
    """It lives somewhat longer, and only a report that finds less than its time left touches it."""
    smsid = secrets.token_hex(8)
    queued, sent, late, last = [
        event_of(REPORT, {"smsid": smsid, "status": f"SMS_STATUS_{status}"})
        for status in ("QUEUED", "AT_CARRIER", "DELIVERY_DELAYED", "ERROR")
    ]
    key = bench.keys.message(queued.provider, queued.account, smsid)
    lives = range(TTL_S, TTL_S + TTL_S // 20)
    await bench.commit([queued])
    assert bench.redis.ttl(key) in lives
    bench.redis.expire(key, TTL_S + 10)
    await bench.commit([sent])
    assert bench.redis.ttl(key) in range(TTL_S, TTL_S + 11)
    for event in (last, late):  # whether it moves the message forward or not
        bench.redis.expire(key, TTL_S - 10)
        await bench.commit([event])
        assert bench.redis.ttl(key) in lives
    assert bench.redis.hget(key, "status") == b"failed"
