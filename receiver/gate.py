"""The gate: one request from its first header to its answer; who is let in, and who is turned away.

What a request that was let in holds is stored by ringback.receiver.storing, or answered by ringback.receiver.call.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from starlette.types import Receive, Scope, Send

from ringback.receiver.bounds.load import LONGEST_USUAL_BODY, NoRoomError, Shares
from ringback.receiver.call import answer_of
from ringback.receiver.http.addresses import Caller
from ringback.receiver.http.answers import Answer, answer, answer_call
from ringback.receiver.metrics import CallOutcome
from ringback.receiver.parsing.callbacks import Callback
from ringback.receiver.parsing.codings import TooLargeError
from ringback.receiver.parsing.parse import MAX_FIELDS
from ringback.receiver.parsing.request import CallbackRequest
from ringback.receiver.storing import store_callbacks
from ringback.receiver.visit import Receiver, Visit

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT"})


class BrokenError(Exception):
    """An error of ours, before a request could be kept."""


class GoneError(Exception):
    """The client went away before its body was whole."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The ASGI app of one callback's path."""

    callback: Callback
    receiver: Receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method: str = scope["method"]
        caller = self.receiver.addresses.caller(scope)
        if method not in _METHODS:
            await self._refuse(send, Answer.WRONG_METHOD, caller)
            return
        if not caller.is_allowed:
            await self._refuse(send, Answer.NOT_ALLOWED, caller)
            return
        authorization, content_type, content_encoding, content_length = _headers(scope)
        raw_query: bytes = scope["query_string"]
        query, account = self.receiver.door.let_in(raw_query, authorization)
        if account is None:
            is_limited = self.receiver.limiter.failed(caller.key)
            await self._refuse(send, Answer.LIMITED if is_limited else Answer.NO_ENTRY, caller)
            return
        if method == "HEAD":
            await answer(send, Answer.PROBE)
            return
        received = datetime.now(UTC)
        load = self.receiver.load
        try:
            body = await read_body(receive, content_length, self.receiver.max_body, load.bodies, account)
        except GoneError:
            return
        except TooLargeError:
            await self._turn_away_too_large(send, account, caller)
            return
        except NoRoomError:
            await self._turn_away(send, account, Answer.BUSY, caller, {}, CallOutcome.BUSY)
            return
        if not load.requests.has(account) or not self.receiver.committer.room.has(account):
            await self._turn_away(send, account, Answer.BUSY, caller, {}, CallOutcome.BUSY)
            return
        path = scope.get("path_params", {})
        request = CallbackRequest(
            self.callback, path, query, account, received, content_type, content_encoding, body,
            self.receiver.max_body, self.receiver.censor,
        )  # fmt: skip
        began = time.monotonic()
        load.requests.take(account)
        try:
            is_usual = not content_encoding and len(body) <= LONGEST_USUAL_BODY
            opened = self._censored(request) if is_usual else await self._opened(request)
            await self._work(Visit(opened, self.receiver, scope, began), send)
        except TooLargeError:
            await self._turn_away_too_large(send, account, caller)
        except NoRoomError:
            await self._turn_away(send, account, Answer.BUSY, caller, {}, CallOutcome.BUSY)
        except BrokenError:
            await self._turn_away(send, account, Answer.BROKEN, caller, {}, CallOutcome.BROKEN)
        finally:
            load.requests.give_back(account)

    def _censored(self, request: CallbackRequest) -> CallbackRequest:
        """Return a request as it may be kept. Raises BrokenError."""
        try:
            return request.censored()
        except Exception:  # noqa: BLE001 - logged there
            raise self._broken(request) from None

    async def _opened(self, request: CallbackRequest) -> CallbackRequest:
        """Return a request as it may be kept, if that takes long. Raises NoRoomError, BrokenError."""
        try:
            deadline_s = self.receiver.voice_deadline.total_seconds() if self.callback.wants_answer else None
            async with asyncio.timeout(deadline_s):
                return await self.receiver.load.aside(request.account, request.opened)
        except TimeoutError:  # so many long ones of this account that a call cannot wait for its turn
            raise NoRoomError from None
        except Exception:  # noqa: BLE001 - logged there
            raise self._broken(request) from None

    def _broken(self, request: CallbackRequest) -> BrokenError:
        """Note an error of ours. The request may hold tokens, so it cannot be kept."""
        self.receiver.lines.exception("callback.broken", callback=self.callback.name)
        self.receiver.event_counts.broken(self.callback.provider, request.account)
        return BrokenError()

    async def _work(self, visit: Visit, send: Send) -> None:
        """Answer a request that was let in and is whole."""
        query = visit.request.query
        is_probe = (
            visit.scope["method"] == "GET" and not visit.request.body and not query.fields and query.count <= MAX_FIELDS
        )
        if self.callback.wants_answer:
            fallback = self.receiver.voice_fallbacks[visit.request.account]
            await answer_call(send, fallback if is_probe else await answer_of(visit))
        elif is_probe:
            await answer(send, Answer.PROBE)
        else:
            outcome, problem = await store_callbacks(visit)
            await answer(send, outcome, problem)

    async def _refuse(self, send: Send, outcome: Answer, caller: Caller) -> None:
        """Refuse a request without the right secret. It is told no more than that."""
        self.receiver.refusals.count(outcome, caller.key, self.callback.name)
        await answer(send, outcome)

    async def _turn_away_too_large(self, send: Send, account: str, caller: Caller) -> None:
        problem = {"detail": f"the limit is {self.receiver.max_body} bytes"}
        await self._turn_away(send, account, Answer.TOO_LARGE, caller, problem, CallOutcome.UNUSABLE)

    async def _turn_away(
        self,
        send: Send,
        account: str,
        outcome: Answer,
        caller: Caller,
        problem: Mapping[str, str],
        call_outcome: CallOutcome,
    ) -> None:
        """Refuse a request that had the right secret; a call still gets an MC."""
        self.receiver.refusals.count(outcome, caller.key, self.callback.name)
        if self.callback.wants_answer:
            self.receiver.call_counts.count(call_outcome, 0.0)
            await answer_call(send, self.receiver.voice_fallbacks[account])
        else:
            await answer(send, outcome, problem)


def _headers(scope: Scope) -> tuple[bytes | None, str, str, int | None]:
    """Return the headers that matter: Authorization, Content-Type, Content-Encoding (all of them), Content-Length."""
    authorization: bytes | None = None
    content_type = content_encoding = ""
    length: int | None = None
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value.decode("latin-1")
        elif name == b"content-length":
            length = int(value) if value.isdigit() else None
        elif name == b"authorization":
            authorization = value
        elif name == b"content-encoding":
            content_encoding += f",{value.decode('latin-1')}"
    return authorization, content_type, content_encoding, length


async def read_body(receive: Receive, length: int | None, limit: int, bodies: Shares, account: str) -> bytes:
    """Read a body of `limit` bytes at most; a declared length over it is not read at all.

    What came of one that comes in pieces is counted in `bodies` until it is whole. Raises TooLargeError, NoRoomError
    where bodies on their way take too much already, and GoneError where the client left.
    """
    if length is not None and length > limit:
        raise TooLargeError
    body = bytearray()  # a list of many small chunks would take many times their size
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise GoneError
            chunk: bytes = message.get("body", b"")
            if len(body) + len(chunk) > limit:
                raise TooLargeError
            is_last = not message.get("more_body", False)
            if is_last and not body:
                return chunk
            if not bodies.has(account, len(chunk)):
                raise NoRoomError
            bodies.take(account, len(chunk))
            body += chunk
            if is_last:
                return bytes(body)
    finally:
        if body:
            bodies.give_back(account, len(body))
