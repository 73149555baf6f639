"""Replies: the answers to calls, from the voice workers back to the requests that wait for them.

All of a process's calls wait on one list over one connection, so that any number of them costs one.
"""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final, cast

import structlog
from pydantic import JsonValue, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ringback.receiver.metrics import CallCounts, Fault, Faults
from ringback.schemas.call_reply import Failure, Reply
from ringback.schemas.keys import Keys
from ringback.system.redis_async import connect, hang_up

log = structlog.get_logger()

_BLOCK_S: Final = 2
_CLOSE_S: Final = 2.0
_CONNECT_S: Final = 1
_PAUSE_AFTER_ERROR_S: Final = 0.2
_MORE_AT_ONCE: Final = 100


class AnswerFailedError(Exception):
    """The voice worker could give no answer, and says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure


class Replies:
    """This process's list of replies. Its name has a boot nonce, so a reply to an earlier process meets nobody."""

    def __init__(self, client: Redis, keys: Keys, counts: CallCounts, faults: Faults) -> None:
        self._client = client
        self._counts = counts
        self._faults = faults
        self.key = keys.replies(secrets.token_hex(8))
        self._awaited: dict[str, asyncio.Future[list[JsonValue]]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        """Begin to listen."""
        self._listener = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Hang up."""
        self._closing = True  # redis-py may take a cancellation for the end of a wait of its own
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait({self._listener}, timeout=_CLOSE_S)
        await hang_up(self._client)

    def expect(self, event_id: str) -> asyncio.Future[list[JsonValue]]:
        """Give the future of a call's MC; it fails with AnswerFailedError. Call `forget` when it is of no more use."""
        future: asyncio.Future[list[JsonValue]] = asyncio.get_running_loop().create_future()
        self._awaited[event_id] = future
        return future

    def forget(self, event_id: str) -> None:
        """Stop waiting. A reply that comes later is dropped."""
        self._awaited.pop(event_id, None)

    async def _listen(self) -> None:
        while not self._closing:
            try:
                popped = await self._client.blpop([self.key], timeout=_BLOCK_S)
                if popped is None:
                    continue
                self._deliver_each([cast("tuple[bytes, bytes]", popped)[1]])
                # Each pop waits for the disk: when many calls are answered at once, one takes what is there.
                self._deliver_each(cast("list[bytes]", await self._client.lpop(self.key, _MORE_AT_ONCE) or []))
            except (RedisError, OSError):
                # The commit says that Redis is away; here it is enough to be back when it is.
                await asyncio.sleep(_PAUSE_AFTER_ERROR_S)
            except Exception:
                # Without this loop no call would be answered any more.
                log.exception("voice.broken", list=self.key)
                self._faults.count(Fault.REPLIES)
                await asyncio.sleep(_PAUSE_AFTER_ERROR_S)

    def _deliver_each(self, payloads: Sequence[bytes]) -> None:
        """Deliver replies, each for itself: an error with one is no other caller's."""
        for payload in payloads:
            try:
                self._deliver(payload)
            except Exception:
                log.exception("voice.broken", list=self.key)
                self._faults.count(Fault.REPLIES)

    def _deliver(self, payload: bytes) -> None:
        try:
            reply = Reply.model_validate_json(payload)
        except ValidationError:
            log.error("voice.unreadable_reply", list=self.key)
            return
        future = self._awaited.get(reply.call)
        if future is None or future.done():
            self._counts.count_late()
            log.warning("voice.late", event_id=reply.call, failure=reply.failure)
        elif reply.mc is not None:
            future.set_result(reply.mc)
        else:
            future.set_exception(AnswerFailedError(reply.failure or Failure.INVALID_MC))


def reply_client(url: str) -> Redis:
    """Make the connection that blocks for replies, longer than any one wait. It tries again by `_listen` alone."""
    return connect(url, reply_s=_BLOCK_S + 1, connect_s=_CONNECT_S)
