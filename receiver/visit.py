"""The visit: one request that was let in and is whole. Its callbacks are stored, or its call is answered."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple
from urllib.parse import quote

import structlog
from pydantic import JsonValue
from starlette.types import Scope

from receiver.addresses import Addresses
from receiver.answers import Outcome
from receiver.commit import CommitError, Committer
from receiver.counts import EventCounts
from receiver.door import Door, without_secret
from receiver.incoming import Incoming, check_size
from receiver.limiter import Limiter
from receiver.load import Load
from receiver.normalise import Normaliser, UnusableError
from receiver.outcomes import CallCounts, CallOutcome
from receiver.parse import Parsed
from receiver.quarantine import Kept, Quarantine, without_secrets
from receiver.refusals import Refusals
from receiver.replies import AnswerFailedError, Replies
from receiver.waiting import Outcome as Stored
from receiver.waiting import Question, Waiting

log = structlog.get_logger()

# Longer ones may hold many callbacks, or one that takes long to read: an account has one of them read at a time, and
# others are served in between.
_LONGEST_USUAL_BODY: Final = 4096
_MADE_AT_ONCE: Final = 16


class BusyError(Exception):
    """So much of an account waits for Redis already that the callbacks of a request cannot wait here too."""


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


class Visit(NamedTuple):
    """One request that was let in."""

    incoming: Incoming
    receiver: Receiver
    scope: Scope

    async def callbacks(self) -> tuple[Outcome, dict[str, str]]:
        """Store the callbacks of a request, each for itself: the good ones as events, the bad ones quarantined."""
        try:
            if len(self.incoming.body) > _LONGEST_USUAL_BODY:
                async with self.receiver.load.turn(self.incoming.account):
                    parsed = self.incoming.callbacks()
                    made = await self._made_of(parsed)
            else:
                parsed = self.incoming.callbacks()
                if len(parsed) == 1:
                    return await self._store(parsed[0], self._made(parsed[0]))
                made = await self._made_of(parsed)
        except UnusableError as error:
            return await self._unusable(error, self.incoming.body)
        except BusyError:
            log.warning("request.turned_away", callback=self.incoming.callback.name, outcome=Outcome.BUSY.label)
            self.receiver.refusals.count(Outcome.BUSY)
            return Outcome.BUSY, {}
        ended = await asyncio.gather(*map(self._store, parsed, made))
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
            asked = Waiting.of(event, question)
            check_size(asked.size)
            event_id = event.id
            reply = self.receiver.replies.expect(event_id)
            async with asyncio.timeout(deadline_s):
                outcome_of_commit = await self.receiver.committer.store(asked)
                self.receiver.event_counts.stored(asked, outcome_of_commit)
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

    def _made(self, one: Parsed) -> Waiting | Exception:
        """Make what is to be stored of a callback, or what was wrong with it."""
        try:
            made = Waiting.of(self.incoming.event(one.fields, self.receiver.normaliser))
            check_size(made.size)
        except Exception as error:  # noqa: BLE001 - it is raised where it is told what kind it is
            return error
        return made

    async def _made_of(self, parsed: Sequence[Parsed]) -> list[Waiting | Exception]:
        """Make all that is to be stored of a request, and let others be served meanwhile.

        Raises BusyError where it cannot wait here, UnusableError where it would take too much.
        """
        if not self.receiver.committer.room.has(self.incoming.account, len(parsed)):
            raise BusyError
        made: list[Waiting | Exception] = []
        size = 0
        for number, one in enumerate(parsed, 1):
            made.append(event := self._made(one))
            if isinstance(event, Waiting):
                size += event.size
                check_size(size)
            if number % _MADE_AT_ONCE == 0:
                await asyncio.sleep(0)
        return made

    async def _store(self, one: Parsed, made: Waiting | Exception) -> tuple[Outcome, dict[str, str]]:
        try:
            event = _sound(made)
            stored = await self.receiver.committer.store(event)
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
        if event.flags and stored is Stored.STORED:
            log.warning("event.odd", event_id=event.id, flags=event.flags)
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


def _sound(made: Waiting | Exception) -> Waiting:
    if isinstance(made, Exception):
        raise made
    return made
