"""The visit: one request that was let in and is whole. Its callbacks are stored, or its call is answered."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import starmap
from typing import Final, NamedTuple
from urllib.parse import quote

import structlog
from pydantic import JsonValue
from starlette.types import Scope

from receiver.addresses import Addresses
from receiver.answers import Outcome
from receiver.bounded_log import BoundedLog
from receiver.codings import TooLargeError
from receiver.commit import CommitError, Committer
from receiver.counts import EventCounts
from receiver.door import Door, without_secret
from receiver.incoming import Incoming, UnreadError, check_size
from receiver.limiter import Limiter
from receiver.load import LONGEST_USUAL_BODY, Load, NoRoomError
from receiver.normalise import Normaliser, UnusableError
from receiver.outcomes import CallCounts, CallOutcome
from receiver.parse import Parsed
from receiver.quarantine import BROKEN, Kept, Quarantine, without_secrets
from receiver.refusals import Refusals
from receiver.replies import AnswerFailedError, Replies
from receiver.waiting import LABELS, Question, Waiting
from receiver.waiting import Outcome as Stored
from schemas.censor import Censor

log = structlog.get_logger()

_OF_THE_WHOLE_BODY: Final = frozenset({b"content-type", b"content-encoding", b"content-length"})
_KEPT_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Receiver:
    """What every endpoint works with. One a process, made by the app."""

    addresses: Addresses
    limiter: Limiter
    door: Door
    censor: Censor
    load: Load
    refusals: Refusals
    lines: BoundedLog
    normaliser: Normaliser
    committer: Committer
    quarantine: Quarantine
    replies: Replies
    call_counts: CallCounts
    event_counts: EventCounts
    max_body: int
    voice_deadline: timedelta
    voice_fallbacks: Mapping[str, list[dict[str, object]]]


class Visit(NamedTuple):
    """One request that was let in. `began`: when it was whole, by `time.monotonic`."""

    incoming: Incoming
    receiver: Receiver
    scope: Scope
    began: float

    async def callbacks(self) -> tuple[Outcome, dict[str, str]]:
        """Store the callbacks of a request, each for itself: the good ones as events, the bad ones quarantined.

        Raises TooLargeError where the body is over the limit once its Content-Encoding is undone, and NoRoomError where
        so many events cannot wait here.
        """
        try:
            if len(self.incoming.body) <= LONGEST_USUAL_BODY:
                parsed = self.incoming.callbacks()
                if len(parsed) == 1:
                    return await self._store(parsed[0], self._made(parsed[0]))
            pairs = await self.receiver.load.aside(self.incoming.account, self._read)
        except UnusableError as error:
            return await self._unusable(error, self.incoming.body)
        except (TooLargeError, NoRoomError):
            raise
        except Exception:  # noqa: BLE001 - logged
            self.receiver.lines.exception("callback.broken", callback=self.incoming.callback.name)
            return await self._broken(self.incoming.body)
        good = [pair for pair in pairs if isinstance(pair[1], Waiting)]
        ended = await asyncio.gather(*starmap(self._store, good))
        # The others wait for the quarantine, each with all that is kept of the request.
        bad = [pair for pair in pairs if not isinstance(pair[1], Waiting)]
        for start in range(0, len(bad), _KEPT_AT_ONCE):
            some = bad[start : start + _KEPT_AT_ONCE]
            ended += await asyncio.gather(*starmap(self._store, some))
        for worst in (Outcome.NOT_STORED, Outcome.BROKEN, Outcome.STORED):
            for outcome, problem in ended:
                if outcome is worst:
                    return outcome, problem
        return ended[0]

    async def call(self) -> list[JsonValue] | list[dict[str, object]]:
        """Return the MC that answers a call: its handler's, or the fallback whatever is wrong.

        Raises TooLargeError as `callbacks` does.
        """
        event_id, stored = None, False
        deadline_s = self.receiver.voice_deadline.total_seconds()
        began = self.began
        question = Question(self.receiver.replies.key, began + deadline_s)
        try:
            async with asyncio.timeout(question.due - time.monotonic()):
                if len(self.incoming.body) <= LONGEST_USUAL_BODY:
                    asked = self._asked(question)
                else:
                    asked = await self.receiver.load.aside(self.incoming.account, lambda: self._asked(question))
                event_id = asked.id
                reply = self.receiver.replies.expect(event_id)
                outcome_of_commit = await self.receiver.committer.store(asked)
                self.receiver.event_counts.stored(asked, outcome_of_commit)
                if outcome_of_commit is Stored.SPOOLED:
                    raise CommitError("kept in the spool, where no worker takes it in time")
                stored = True
                commands = await reply
        except AnswerFailedError as error:
            outcome = CallOutcome(error.failure.value)
        except TimeoutError:
            outcome = CallOutcome.NO_WORKER if stored else CallOutcome.REDIS_AWAY if event_id else CallOutcome.BUSY
        except CommitError:
            outcome = CallOutcome.REDIS_AWAY
        except UnusableError as error:
            outcome = CallOutcome.UNUSABLE
            with suppress(TimeoutError):
                async with asyncio.timeout(question.due - time.monotonic()):
                    await self._unusable(error, self.incoming.body)
        except TooLargeError:
            raise
        except Exception:  # noqa: BLE001 - logged
            outcome = CallOutcome.BROKEN
            self.receiver.lines.exception("voice.broken", event_id=event_id)
            if not stored:
                with suppress(TimeoutError):
                    async with asyncio.timeout(question.due - time.monotonic()):
                        await self._broken(self.incoming.body)
        else:
            self.receiver.call_counts.count(CallOutcome.ANSWERED, time.monotonic() - began)
            log.debug("voice.answered", event_id=event_id)
            return commands
        finally:
            if event_id is not None:
                self.receiver.replies.forget(event_id)
        self.receiver.call_counts.count(outcome, time.monotonic() - began)
        self.receiver.lines.warning("voice.fallback", outcome.value, event_id=event_id, reason=outcome.value)
        return self.receiver.voice_fallbacks[self.incoming.account]

    def _made(self, one: Parsed) -> Waiting | Exception:
        """Make what is to be stored of a callback, or what was wrong with it."""
        try:
            made = Waiting.of(self.incoming.event(one.fields, self.receiver.normaliser))
            check_size(made.size)
        except Exception as error:  # noqa: BLE001 - `_store` raises it again and handles each kind
            return error
        return made

    def _read(self) -> list[tuple[Parsed, Waiting | Exception]]:
        """Make all that is to be stored of a request.

        Raises NoRoomError where it cannot wait here, UnusableError where it would take too much.
        """
        parsed = self.incoming.callbacks()
        if not self.receiver.committer.room.has(self.incoming.account, len(parsed)):
            raise NoRoomError
        pairs: list[tuple[Parsed, Waiting | Exception]] = []
        size = 0
        for one in parsed:
            made = self._made(one)
            if isinstance(made, Waiting):
                size += made.size
                check_size(size)
            pairs.append((one, made))
        return pairs

    def _asked(self, question: Question) -> Waiting:
        """Make what is to be stored of a call. Raises UnusableError."""
        (one,) = self.incoming.callbacks()
        asked = Waiting.of(self.incoming.event(one.fields, self.receiver.normaliser), question)
        check_size(asked.size)
        return asked

    async def _store(self, one: Parsed, made: Waiting | Exception) -> tuple[Outcome, dict[str, str]]:
        try:
            event = _sound(made)
            stored = await self.receiver.committer.store(event)
        except UnusableError as error:
            return await self._unusable(error, one.body)
        except CommitError:
            self.receiver.event_counts.not_stored(event)
            self.receiver.lines.warning("event.not_stored", event_id=event.id)
            return Outcome.NOT_STORED, {}
        except Exception:  # noqa: BLE001 - logged
            self.receiver.lines.exception("callback.broken", callback=self.incoming.callback.name)
            return await self._broken(one.body)
        self.receiver.event_counts.stored(event, stored)
        if event.flags and stored is Stored.STORED:
            self.receiver.lines.warning("event.odd", event.account, event_id=event.id, flags=event.flags)
        log.debug("event", event_id=event.id, outcome=LABELS[stored])
        return Outcome.STORED, {}

    async def _unusable(self, error: UnusableError, body: bytes) -> tuple[Outcome, dict[str, str]]:
        """Quarantine a request and say what is wrong with it."""
        name = self.incoming.callback.name
        self.receiver.lines.warning(
            "callback.unusable", self.incoming.account, callback=name, field=error.field, reason=error.reason
        )
        self.receiver.event_counts.unusable(self.incoming.callback.provider, self.incoming.account)
        problem = {"detail": error.reason}
        if error.field:
            problem["field"] = error.field
        if error.belongs_to:
            problem["path"] = error.belongs_to
        if not await self._keep(error.reason, body):
            return Outcome.NOT_STORED, {}
        return Outcome.UNREAD_CODING if isinstance(error, UnreadError) else Outcome.UNUSABLE, problem

    async def _broken(self, body: bytes) -> tuple[Outcome, dict[str, str]]:
        """Quarantine a request that an error of ours keeps from becoming an event: once that is fixed, it can."""
        self.receiver.event_counts.broken(self.incoming.callback.provider, self.incoming.account)
        await self._keep(BROKEN, body)
        return Outcome.BROKEN, {}

    async def _keep(self, reason: str, body: bytes) -> bool:
        """Quarantine a request. Return whether it is kept."""
        try:
            await self.receiver.quarantine.keep(
                Kept(
                    account=self.incoming.account,
                    path=self._path(),
                    reason=reason,
                    method=self.scope["method"],
                    headers=self.receiver.censor.data(without_secrets(self._headers(body))),
                    body=body,
                    received=self.incoming.received,
                )
            )
        except CommitError:
            self.receiver.lines.warning("quarantine.failed", callback=self.incoming.callback.name)
            return False
        except Exception:  # noqa: BLE001 - logged
            self.receiver.lines.exception("quarantine.failed", callback=self.incoming.callback.name)
            return False
        return True

    def _headers(self, body: bytes) -> list[tuple[bytes, bytes]]:
        """Return the headers that go with a body: the request's, or of an array's element what it alone would have."""
        headers: list[tuple[bytes, bytes]] = self.scope["headers"]
        if body is not self.incoming.body:
            others = [header for header in headers if header[0] not in _OF_THE_WHOLE_BODY]
            return [*others, (b"content-type", b"application/json")]
        if self.incoming.content_encoding:
            return headers
        return [header for header in headers if header[0] != b"content-encoding"]  # it is undone, if there was one

    def _path(self) -> str:
        """Return the path and the query as sent, less the secret and all other places of a token."""
        path = quote(self.scope["path"])
        parameters = without_secret(self.scope["query_string"])
        return self.receiver.censor.text(f"{path}?{parameters}" if parameters else path)


def _sound(made: Waiting | Exception) -> Waiting:
    if isinstance(made, Exception):
        raise made
    return made
