"""The endpoint: one request from the door to the answer. Everything that a request costs is in here."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote

import structlog
from pydantic import JsonValue
from starlette.types import Receive, Scope, Send

from receiver.addresses import Addresses, Caller
from receiver.answers import Outcome, answer, answer_call
from receiver.callbacks import Callback
from receiver.commit import CommitError, Committer
from receiver.counts import EventCounts
from receiver.door import Door, Query, without_secret
from receiver.incoming import Incoming
from receiver.limiter import Limiter
from receiver.load import Load
from receiver.normalise import Normaliser, UnusableError
from receiver.outcomes import CallCounts, CallOutcome
from receiver.parse import MAX_FIELDS, Parsed, parse_query
from receiver.quarantine import Kept, Quarantine, without_secrets
from receiver.refusals import Refusals
from receiver.replies import AnswerFailedError, Replies
from receiver.waiting import Outcome as Stored
from receiver.waiting import Question

log = structlog.get_logger()

_LONGEST_USUAL_QUERY: Final = 256
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT"})


class TooLargeError(Exception):
    """The body is over the limit."""


class GoneError(Exception):
    """The client went away before its body was whole."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """What every endpoint works with. One a process, made by the app."""

    addresses: Addresses
    limiter: Limiter
    door: Door
    load: Load
    refusals: Refusals
    normaliser: Normaliser
    committer: Committer
    quarantine: Quarantine
    replies: Replies
    call_counts: CallCounts
    event_counts: EventCounts
    max_body: int
    voice_deadline: timedelta
    voice_fallback: list[dict[str, object]]


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
        if load.is_full:
            await self._turn_away(send, Outcome.BUSY, {}, CallOutcome.BUSY)
            return
        path = scope.get("path_params", {})
        visit = Visit(Incoming(self.callback, path, query, account, received, content_type, body), self.receiver, scope)
        load.running += 1
        try:
            await self._work(visit, send)
        finally:
            load.running -= 1

    async def _work(self, visit: "Visit", send: Send) -> None:
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


class Visit(NamedTuple):
    """One request that was let in."""

    incoming: Incoming
    receiver: Receiver
    scope: Scope

    async def callbacks(self) -> tuple[Outcome, dict[str, str]]:
        """Store the callbacks of a request, each for itself: the good ones as events, the bad ones quarantined."""
        try:
            parsed = self.incoming.callbacks()
        except UnusableError as error:
            return await self._unusable(error, self.incoming.body)
        if len(parsed) == 1:
            return await self._store(parsed[0])
        ended = await asyncio.gather(*(self._store(one) for one in parsed))
        for worst in (Outcome.NOT_STORED, Outcome.BROKEN, Outcome.STORED):
            for outcome, problem in ended:
                if outcome is worst:
                    return outcome, problem
        return ended[0]

    async def call(self) -> list[JsonValue] | list[dict[str, object]]:
        """Give the MC that answers a call: its handler's, or the fallback whatever is wrong."""
        event_id, stored = None, False
        deadline_s = self.receiver.voice_deadline.total_seconds()
        began = time.monotonic()
        question = Question(self.receiver.replies.key, began + deadline_s)
        try:
            (one,) = self.incoming.callbacks()
            event = self.incoming.event(one.fields, self.receiver.normaliser)
            event_id = event.id
            reply = self.receiver.replies.expect(event_id)
            async with asyncio.timeout(deadline_s):
                outcome_of_commit = await self.receiver.committer.commit(event, question)
                self.receiver.event_counts.stored(event, outcome_of_commit)
                if outcome_of_commit is Stored.SPOOLED:
                    raise CommitError("kept in the spool, where no worker takes it in time")
                stored = True
                commands = await reply
        except AnswerFailedError as error:
            outcome = CallOutcome(error.failure.value)
        except TimeoutError:
            outcome = CallOutcome.NO_WORKER if stored else CallOutcome.REDIS_AWAY
        except CommitError:
            outcome = CallOutcome.REDIS_AWAY
        except UnusableError as error:
            outcome = CallOutcome.UNUSABLE
            with suppress(TimeoutError):
                async with asyncio.timeout(deadline_s):
                    await self._unusable(error, self.incoming.body)
        except Exception:
            outcome = CallOutcome.BROKEN
            log.exception("voice.broken", event_id=event_id)
        else:
            self.receiver.call_counts.count(CallOutcome.ANSWERED, time.monotonic() - began)
            log.debug("voice.answered", event_id=event_id)
            return commands
        finally:
            if event_id is not None:
                self.receiver.replies.forget(event_id)
        self.receiver.call_counts.count(outcome, time.monotonic() - began)
        log.warning("voice.fallback", event_id=event_id, reason=outcome.value)
        return self.receiver.voice_fallback

    async def _store(self, one: Parsed) -> tuple[Outcome, dict[str, str]]:
        try:
            event = self.incoming.event(one.fields, self.receiver.normaliser)
            stored = await self.receiver.committer.commit(event)
        except UnusableError as error:
            return await self._unusable(error, one.body)
        except CommitError:
            self.receiver.event_counts.not_stored(event)
            log.warning("event.not_stored", event_id=event.id)
            return Outcome.NOT_STORED, {}
        except Exception:
            log.exception("callback.broken", callback=self.incoming.callback.name)
            return Outcome.BROKEN, {}
        self.receiver.event_counts.stored(event, stored)
        if event.data.flags and stored is Stored.STORED:
            log.warning("event.odd", event_id=event.id, flags=event.data.flags)
        log.debug("event", event_id=event.id, outcome=stored.name)
        return Outcome.STORED, {}

    async def _unusable(self, error: UnusableError, body: bytes) -> tuple[Outcome, dict[str, str]]:
        """Quarantine a request and say what is wrong with it."""
        name = self.incoming.callback.name
        log.warning("callback.unusable", callback=name, field=error.field, reason=error.reason)
        self.receiver.event_counts.unusable(self.incoming.callback.provider, self.incoming.account)
        problem = {"detail": error.reason}
        if error.field:
            problem["field"] = error.field
        if error.belongs_to:
            problem["path"] = error.belongs_to
        try:
            await self.receiver.quarantine.keep(
                Kept(
                    account=self.incoming.account,
                    path=self._path(),
                    reason=error.reason,
                    method=self.scope["method"],
                    headers=without_secrets(self.scope["headers"]),
                    body=body,
                )
            )
        except CommitError:
            log.warning("quarantine.failed", callback=name)
            return Outcome.NOT_STORED, {}
        return Outcome.UNUSABLE, problem

    def _path(self) -> str:
        """Give the path and the query as sent, less the secret."""
        path = quote(self.scope["path"])
        parameters = without_secret(self.scope["query_string"])
        return f"{path}?{parameters}" if parameters else path


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
