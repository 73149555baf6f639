"""Replies: whatever is wrong with one reply, or with the connection, the other calls are answered."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from ringback.receiver.metrics import CallCounts, Faults
from ringback.receiver.replies import Replies, reply_client
from ringback.schemas.call_reply import Reply
from ringback.schemas.keys import Keys


class Line:
    """A receiver's list of replies, and a worker's connection to it."""

    def __init__(self, url: str) -> None:
        self.registry = CollectorRegistry()
        keys = Keys(f"t{secrets.token_hex(4)}")
        self.client = reply_client(url)
        self.replies = Replies(self.client, keys, CallCounts(self.registry), Faults(self.registry))
        self.worker = Redis.from_url(url)

    async def reply(self, *payloads: str | bytes) -> None:
        """Push replies, as workers do."""
        await self.worker.rpush(self.replies.key, *payloads)

    def faults(self) -> float | None:
        return self.registry.get_sample_value("ringback_faults_total", {"where": "replies"})


@pytest.fixture
async def line(redis_url: str) -> AsyncIterator[Line]:
    made = Line(redis_url)
    yield made
    await made.replies.close()
    await made.worker.aclose()


def mc(text: str) -> list[Any]:
    return [{"action": "say", "text": text}]


def answer(call: str) -> str:
    return Reply(call=call, mc=mc(call)).model_dump_json()


async def test_a_reply_that_breaks_disturbs_no_other(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver = line.replies._deliver

    def broken(payload: bytes) -> None:
        if b"bad" in payload:
            raise ZeroDivisionError
        deliver(payload)

    monkeypatch.setattr(line.replies, "_deliver", broken)
    first, second = line.replies.expect("first"), line.replies.expect("second")
    await line.reply("bad 1", answer("first"), b"\xff", "{}", "bad 2", answer("second"))
    line.replies.start()
    async with asyncio.timeout(10):
        assert [await first, await second] == [mc("first"), mc("second")]
    assert line.faults() == 2


async def test_an_error_of_the_connection_that_nobody_expects(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    blpop = line.client.blpop
    broken = iter([RuntimeError("?"), AttributeError("?"), UnicodeDecodeError("utf-8", b"", 0, 1, "?")])

    async def pop(*arguments: Any, **options: Any) -> Any:
        if (error := next(broken, None)) is not None:
            raise error
        return await blpop(*arguments, **options)

    monkeypatch.setattr(line.client, "blpop", pop)
    expected = line.replies.expect("call")
    line.replies.start()
    await line.reply(answer("call"))
    async with asyncio.timeout(10):
        assert await expected == mc("call")
    assert line.faults() == 3
