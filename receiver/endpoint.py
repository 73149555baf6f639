"""The endpoint: one request from the door to its answer. What it holds is stored, or asked, by receiver.visit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import structlog
from starlette.types import Receive, Scope, Send

from receiver.addresses import Caller
from receiver.answers import Outcome, answer, answer_call
from receiver.callbacks import Callback
from receiver.door import Query
from receiver.incoming import Incoming
from receiver.outcomes import CallOutcome
from receiver.parse import MAX_FIELDS, parse_query
from receiver.visit import Receiver, Visit

log = structlog.get_logger()

_LONGEST_USUAL_QUERY: Final = 256
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT"})


class TooLargeError(Exception):
    """The body is over the limit."""


class GoneError(Exception):
    """The client went away before its body was whole."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The ASGI app of one callback's path."""

    callback: Callback
    receiver: Receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method: str = scope["method"]
        if method not in _METHODS:
            await answer(send, Outcome.WRONG_METHOD)
            return
        caller = self.receiver.addresses.caller(scope)
        if not caller.is_allowed:
            log.warning("request.not_allowed", callback=self.callback.name, caller=caller.key)
            await self._refuse(send, Outcome.NOT_ALLOWED)
            return
        if self.receiver.limiter.is_limited(caller.key):
            await self._refuse(send, Outcome.LIMITED)
            return
        authorization, content_type, content_length = _headers(scope)
        raw_query: bytes = scope["query_string"]
        query = _usual_query(raw_query) if len(raw_query) <= _LONGEST_USUAL_QUERY else _read_query(raw_query)
        account = self.receiver.door.account(query.token, authorization)
        if account is None:
            self._note_wrong_secret(caller)
            await self._refuse(send, Outcome.NO_ENTRY)
            return
        self.receiver.limiter.passed(caller.key)
        if method == "HEAD":
            await answer(send, Outcome.PROBE)
            return
        received = datetime.now(UTC)
        try:
            body = await read_body(receive, content_length, self.receiver.max_body)
        except GoneError:
            return
        except TooLargeError:
            problem = {"detail": f"the limit is {self.receiver.max_body} bytes"}
            await self._turn_away(send, Outcome.TOO_LARGE, problem, CallOutcome.UNUSABLE)
            return
        load = self.receiver.load
        if load.is_full or not self.receiver.committer.room.has(account):
            await self._turn_away(send, Outcome.BUSY, {}, CallOutcome.BUSY)
            return
        path = scope.get("path_params", {})
        visit = Visit(Incoming(self.callback, path, query, account, received, content_type, body), self.receiver, scope)
        load.running += 1
        try:
            await self._work(visit, send)
        finally:
            load.running -= 1

    async def _work(self, visit: Visit, send: Send) -> None:
        """Answer a request that was let in and is whole."""
        query = visit.incoming.query
        is_probe = (
            visit.scope["method"] == "GET"
            and not visit.incoming.body
            and not query.fields
            and query.count <= MAX_FIELDS
        )
        if self.callback.wants_answer:
            await answer_call(send, self.receiver.voice_fallback if is_probe else await visit.call())
        elif is_probe:
            await answer(send, Outcome.PROBE)
        else:
            outcome, problem = await visit.callbacks()
            await answer(send, outcome, problem)

    def _note_wrong_secret(self, caller: Caller) -> None:
        log.warning("request.refused", callback=self.callback.name, caller=caller.key)
        if self.receiver.limiter.failed(caller.key):
            log.warning("caller.limited", caller=caller.key)

    async def _refuse(self, send: Send, outcome: Outcome) -> None:
        """Refuse a request without the right secret. It is told no more than that."""
        self.receiver.refusals.count(outcome)
        await answer(send, outcome)

    async def _turn_away(
        self, send: Send, outcome: Outcome, problem: Mapping[str, str], call_outcome: CallOutcome
    ) -> None:
        """Refuse a request that had the right secret; a call still gets an MC."""
        log.warning("request.turned_away", callback=self.callback.name, outcome=outcome.label)
        self.receiver.refusals.count(outcome)
        if self.callback.wants_answer:
            self.receiver.call_counts.count(call_outcome, 0.0)
            await answer_call(send, self.receiver.voice_fallback)
        else:
            await answer(send, outcome, problem)


def _read_query(query: bytes) -> Query:
    return Query.of(*parse_query(query))


# A provider calls the same few URLs again and again.
_usual_query = lru_cache(maxsize=1024)(_read_query)


def _headers(scope: Scope) -> tuple[bytes | None, str, int | None]:
    """Give the three headers that matter: Authorization, Content-Type in lower case, Content-Length."""
    authorization: bytes | None = None
    content_type = ""
    length: int | None = None
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value.decode("latin-1").lower()
        elif name == b"content-length":
            length = int(value) if value.isdigit() else None
        elif name == b"authorization":
            authorization = value
    return authorization, content_type, length


async def read_body(receive: Receive, length: int | None, limit: int) -> bytes:
    """Read a body of `limit` bytes at most; a declared length over it is not read at all.

    Raises TooLargeError, and GoneError where the client left.
    """
    if length is not None and length > limit:
        raise TooLargeError
    body = bytearray()  # a list of many small chunks would take many times their size
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
        body += chunk
        if is_last:
            return bytes(body)
