"""The gate: one request from its first header to its answer; who is let in, and who is turned away.

What a request that was let in holds is stored by ringback.receiver.storing, or answered by ringback.receiver.call.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

from starlette.types import Receive, Scope, Send

from ringback.receiver.bounds.load import LONGEST_USUAL_BODY, NoRoomError, Shares
from ringback.receiver.call import answer_of
from ringback.receiver.commit.committer import CommitError
from ringback.receiver.commit.waiting import CommitOutcome, Waiting
from ringback.receiver.http.addresses import Caller
from ringback.receiver.http.answers import Answer, answer, answer_call
from ringback.receiver.http.door import Query
from ringback.receiver.http.protocol import Tell
from ringback.receiver.metrics import CallOutcome
from ringback.receiver.parsing.callbacks import Callback
from ringback.receiver.parsing.codings import TooLargeError
from ringback.receiver.parsing.parse import MAX_FIELDS
from ringback.receiver.parsing.request import CallbackRequest
from ringback.receiver.storing import event_of, note_outcome, store_callbacks
from ringback.receiver.visit import Receiver, Visit

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT"})
_WITH_BODY: Final = frozenset({"POST", "PUT"})


class BrokenError(Exception):
    """An error of ours, before a request could be kept."""


class GoneError(Exception):
    """The client went away before its body was whole."""


class Admitted(NamedTuple):
    """What a request was let in with, and what its head says of its body."""

    query: Query
    account: str
    content_type: str
    content_encoding: str
    content_length: int | None


@dataclass(frozen=True, slots=True)
class Gate:
    """One callback's path: an ASGI app, which answers any request, and a shorter way for nearly all of them."""

    callback: Callback
    receiver: Receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        caller = self.receiver.addresses.caller(scope)
        admitted = self._admit(scope, caller)
        if isinstance(admitted, Answer):
            is_limited = admitted is Answer.NO_ENTRY and self.receiver.limiter.failed(caller.key)
            await self._refuse(send, Answer.LIMITED if is_limited else admitted, caller)
            return
        if scope["method"] == "HEAD":
            await answer(send, Answer.PROBE)
            return
        received = datetime.now(UTC)
        load, account = self.receiver.load, admitted.account
        try:
            body = await read_body(receive, admitted.content_length, self.receiver.max_body, load.bodies, account)
        except GoneError:
            return
        except TooLargeError:
            await self._turn_away_too_large(send, account, caller)
            return
        except NoRoomError:
            await self._turn_away(send, account, Answer.BUSY, caller, {}, CallOutcome.BUSY)
            return
        if not self._has_room(account):
            await self._turn_away(send, account, Answer.BUSY, caller, {}, CallOutcome.BUSY)
            return
        request = self._request(scope, admitted, received, body)
        began = time.monotonic()
        load.requests.take(account)
        try:
            is_usual = not request.content_encoding and len(body) <= LONGEST_USUAL_BODY
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

    def take(self, scope: Scope, body: bytes, tell: Tell) -> bool:
        """Take a request that is whole and holds one callback that becomes an event, as nearly all do.

        Returns whether it is one; any other is for `__call__`. `tell` is told the answer later, when the event is
        stored or was not; None where an error of ours came between, so that `__call__` is to see to it.
        """
        try:
            one = self._usual(scope, body)
        except Exception:  # noqa: BLE001 - `__call__` meets it again, and says what is wrong
            return False
        if one is None:
            return False
        one.settle = partial(self._settled, one, tell)
        self.receiver.load.requests.take(one.account)
        self.receiver.committer.hand_over(one)
        return True

    def _usual(self, scope: Scope, body: bytes) -> Waiting | None:
        """Return the event of a request, None of one that is not as nearly all are. Raises what is wrong with it."""
        if scope["method"] not in _WITH_BODY or not 0 < len(body) <= LONGEST_USUAL_BODY:
            return None
        admitted = self._admit(scope, self.receiver.addresses.caller(scope))
        if isinstance(admitted, Answer) or admitted.content_encoding or not self._has_room(admitted.account):
            return None
        request = self._request(scope, admitted, datetime.now(UTC), body).censored()
        return event_of(request, self.receiver.normaliser)

    def _settled(self, one: Waiting, tell: Tell, outcome: CommitOutcome | Exception) -> None:
        self.receiver.load.requests.give_back(one.account)
        try:
            if isinstance(outcome, CommitOutcome | CommitError):
                tell(note_outcome(self.receiver, one, outcome))
            else:
                tell(None)
        except Exception:  # noqa: BLE001 - what goes wrong with one request concerns no other of its group
            self.receiver.lines.exception("callback.broken", callback=self.callback.name)

    def _admit(self, scope: Scope, caller: Caller) -> Admitted | Answer:
        """Return what a request is let in with, or how it is refused."""
        if scope["method"] not in _METHODS:
            return Answer.WRONG_METHOD
        if not caller.is_allowed:
            return Answer.NOT_ALLOWED
        authorization, content_type, content_encoding, content_length = _headers(scope)
        query, account = self.receiver.door.let_in(scope["query_string"], authorization)
        if account is None:
            return Answer.NO_ENTRY
        return Admitted(query, account, content_type, content_encoding, content_length)

    def _has_room(self, account: str) -> bool:
        return self.receiver.load.requests.has(account) and self.receiver.committer.room.has(account)

    def _request(self, scope: Scope, admitted: Admitted, received: datetime, body: bytes) -> CallbackRequest:
        return CallbackRequest(
            self.callback, scope.get("path_params", {}), admitted.query, admitted.account, received,
            admitted.content_type, admitted.content_encoding, body, self.receiver.max_body, self.receiver.censor,
        )  # fmt: skip

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
