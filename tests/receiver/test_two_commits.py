"""Two commits in flight: wherever the connection breaks, nothing that was said to be kept is lost, and order holds."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import pytest
from redis import Redis

from ringback.receiver.commit.committer import CommitError, Committer
from ringback.receiver.commit.script import Terms, commit_client
from ringback.receiver.commit.spool import Spool
from ringback.receiver.commit.waiting import CommitOutcome
from ringback.schemas.events import Event
from ringback.schemas.keys import Keys
from ringback.wire.samples import find
from tests.support.sample_events import event_of
from tests.support.spool import bounds

FIRST, SECOND = 3, 5
FIRST_REPLY = len(b"*3\r\n" + FIRST * b":1\r\n")
SECOND_REPLY = len(b"*5\r\n" + SECOND * b":1\r\n")


class Line:
    """A way to Redis that lets through as many commits, and bytes of replies, as it is told, and then breaks."""

    def __init__(self, redis_url: str) -> None:
        parts = urlsplit(redis_url)
        self._host, self._port = cast("str", parts.hostname), cast("int", parts.port)
        self.commits = 0
        self.most_commits: int | None = None
        self.most_bytes: int | None = None
        self.may_reply = asyncio.Event()
        self.may_reply.set()
        self.is_up = True
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        finally:
            server.close()
            self._break()

    def _break(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        self.most_commits = self.most_bytes = None
        self.may_reply.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_up:
            writer.transport.abort()
            return
        from_redis, to_redis = await asyncio.open_connection(self._host, self._port)
        self._writers += [writer, to_redis]
        with suppress(ConnectionError):
            await asyncio.gather(self._there(reader, to_redis), self._back(from_redis, writer))

    async def _there(self, reader: asyncio.StreamReader, to_redis: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.commits += data.count(b"EVALSHA")
            if self.most_commits is not None and self.commits > self.most_commits:
                await asyncio.sleep(0.01)  # what was let through arrives
                self._break()
                return
            to_redis.write(data)

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self.may_reply.wait()
            if self.most_bytes is not None:
                if len(data) >= self.most_bytes:
                    writer.write(data[: self.most_bytes])
                    await asyncio.sleep(0.01)
                    self._break()
                    return
                self.most_bytes -= len(data)
            writer.write(data)


def event(name: str) -> Event:
    return event_of(find("mycoolsms/delivery-report"), {"smsid": f"{name}-{secrets.token_hex(4)}"})


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("returns", [True, False], ids=["Redis is there", "Redis is away for a while"])
@pytest.mark.parametrize("is_spooled", [True, False], ids=["spool", "no spool"])
@pytest.mark.parametrize(
    ("most_commits", "most_bytes"),
    [
        pytest.param(0, None, id="before the first is sent"),
        pytest.param(1, None, id="between both"),
        pytest.param(None, 1, id="in the midst of the first reply"),
        pytest.param(None, FIRST_REPLY, id="between both replies"),
        pytest.param(None, FIRST_REPLY + 7, id="in the midst of the second reply"),
        pytest.param(None, FIRST_REPLY + SECOND_REPLY, id="behind both"),
    ],
)
async def test_the_connection_breaks(
    redis_url: str, tmp_path: Path, most_commits: int | None, most_bytes: int | None, is_spooled: bool, returns: bool
) -> None:
    keys, line = Keys(f"t{secrets.token_hex(4)}"), Line(redis_url)
    async with line.listening() as url:
        spool = Spool.open(tmp_path, bounds(1_000_000)) if is_spooled else None
        committer = Committer(commit_client(url), Terms(keys, 3600, 3600), spool)
        await committer.commit(event("warm"))
        line.commits = 0
        line.most_commits, line.most_bytes = most_commits, most_bytes
        line.may_reply.clear()
        line.is_up = returns
        events = [event(str(number)) for number in range(FIRST + SECOND)]
        tasks = [asyncio.create_task(committer.commit(one)) for one in events[:FIRST]]
        await until(lambda: line.commits == 1)
        tasks += [asyncio.create_task(committer.commit(one)) for one in events[FIRST:]]
        if most_commits != 0:
            await until(lambda: line.commits >= 2)
        if most_commits is None:
            await asyncio.sleep(0.01)  # Redis has replied to both
        line.may_reply.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        line.is_up = True
        if spool is not None:
            await until(lambda: not spool.depth)
            assert all(isinstance(outcome, CommitOutcome) for outcome in outcomes)
        after = event("after")
        await committer.commit(after)
        await committer.close()
    with Redis.from_url(redis_url) as redis:
        stored = [
            fields[b"id"].decode()
            for _, fields in cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrange(keys.events))
        ][1:]
    kept = [one.id for one, outcome in zip(events, outcomes, strict=True) if isinstance(outcome, CommitOutcome)]
    assert all(isinstance(outcome, CommitOutcome | CommitError) for outcome in outcomes)
    assert set(kept) <= set(stored), "answered 200, and not there"
    assert len(set(stored)) == len(stored), "twice"
    assert stored == [one.id for one in [*events, after] if one.id in stored], "one overtook another"
    if returns:
        assert len(kept) == len(events)


async def test_the_script_is_forgotten_while_two_are_in_flight(redis_url: str) -> None:
    keys, line = Keys(f"t{secrets.token_hex(4)}"), Line(redis_url)
    with Redis.from_url(redis_url) as redis:
        async with line.listening() as url:
            committer = Committer(commit_client(url), Terms(keys, 3600, 3600))
            await committer.commit(event("warm"))
            redis.script_flush()
            line.commits = 0
            line.may_reply.clear()
            events = [event(str(number)) for number in range(FIRST + SECOND)]
            tasks = [asyncio.create_task(committer.commit(one)) for one in events[:FIRST]]
            await until(lambda: line.commits == 1)
            tasks += [asyncio.create_task(committer.commit(one)) for one in events[FIRST:]]
            await until(lambda: line.commits == 2)
            line.may_reply.set()
            assert await asyncio.gather(*tasks) == [CommitOutcome.STORED] * len(events)
            await committer.close()
        stored = [
            fields[b"id"].decode()
            for _, fields in cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrange(keys.events))
        ][1:]
    assert stored == [one.id for one in events]


async def test_fewer_than_are_in_flight_wait(redis_url: str) -> None:
    keys, line = Keys(f"t{secrets.token_hex(4)}"), Line(redis_url)
    async with line.listening() as url:
        committer = Committer(commit_client(url), Terms(keys, 3600, 3600))
        await committer.commit(event("warm"))
        line.commits = 0
        line.may_reply.clear()
        tasks = [asyncio.create_task(committer.commit(event(str(number)))) for number in range(4)]
        await until(lambda: line.commits == 1)
        tasks += [asyncio.create_task(committer.commit(event(str(number)))) for number in range(3)]
        await asyncio.sleep(0.02)
        assert line.commits == 1
        tasks.append(asyncio.create_task(committer.commit(event("a fourth"))))
        await until(lambda: line.commits == 2)
        tasks += [asyncio.create_task(committer.commit(event(str(number)))) for number in range(20)]
        await asyncio.sleep(0.02)
        assert line.commits == 2, "no third"
        closing = asyncio.create_task(committer.close())
        await asyncio.sleep(0)
        line.may_reply.set()
        assert await asyncio.gather(*tasks) == [CommitOutcome.STORED] * 28
        await closing
