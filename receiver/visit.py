"""The visit: one request that was let in and is whole. Its callbacks are stored, or its call is answered."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import quote

import structlog
from pydantic import JsonValue
from starlette.types import Scope

from receiver.addresses import Addresses
from receiver.answers import Outcome
from receiver.bounded_log import BoundedLog
from receiver.commit import CommitError, Committer
from receiver.counts import EventCounts
from receiver.door import Door, without_secret
from receiver.incoming import Incoming
from receiver.limiter import Limiter
from receiver.load import Load
from receiver.normalise import Normaliser, UnusableError
from receiver.outcomes import CallCounts, CallOutcome
from receiver.parse import Parsed
from receiver.quarantine import Kept, Quarantine, without_secrets
from receiver.refusals import Refusals
from receiver.replies import AnswerFailedError, Replies
from receiver.waiting import Outcome as Stored
from receiver.waiting import Question
from schemas.censor import Censor

log = structlog.get_logger()


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
    voice_fallback: list[dict[str, object]]


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
        except Exception:  # noqa: BLE001 - logged
            outcome = CallOutcome.BROKEN
            self.receiver.lines.exception("voice.broken", event_id=event_id)
        else:
            self.receiver.call_counts.count(CallOutcome.ANSWERED, time.monotonic() - began)
            log.debug("voice.answered", event_id=event_id)
            return commands
        finally:
            if event_id is not None:
                self.receiver.replies.forget(event_id)
        self.receiver.call_counts.count(outcome, time.monotonic() - began)
        self.receiver.lines.warning("voice.fallback", outcome.value, event_id=event_id, reason=outcome.value)
        return self.receiver.voice_fallback

    async def _store(self, one: Parsed) -> tuple[Outcome, dict[str, str]]:
        try:
            event = self.incoming.event(one.fields, self.receiver.normaliser)
            stored = await self.receiver.committer.commit(event)
        except UnusableError as error:
            return await self._unusable(error, one.body)
        except CommitError:
            self.receiver.event_counts.not_stored(event)
            self.receiver.lines.warning("event.not_stored", event_id=event.id)
            return Outcome.NOT_STORED, {}
        except Exception:  # noqa: BLE001 - logged
            self.receiver.lines.exception("callback.broken", callback=self.incoming.callback.name)
            return Outcome.BROKEN, {}
        self.receiver.event_counts.stored(event, stored)
        if event.data.flags and stored is Stored.STORED:
            self.receiver.lines.warning("event.odd", event.account, event_id=event.id, flags=event.data.flags)
        log.debug("event", event_id=event.id, outcome=stored.name)
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
        try:
            await self.receiver.quarantine.keep(
                Kept(
                    account=self.incoming.account,
                    path=self._path(),
                    reason=error.reason,
                    method=self.scope["method"],
                    headers=self.receiver.censor.data(without_secrets(self.scope["headers"])),
                    body=body,
                )
            )
        except CommitError:
            self.receiver.lines.warning("quarantine.failed", callback=name)
            return Outcome.NOT_STORED, {}
        return Outcome.UNUSABLE, problem

    def _path(self) -> str:
        """Return the path and the query as sent, less the secret and all other places of a token."""
        path = quote(self.scope["path"])
        parameters = without_secret(self.scope["query_string"])
        return self.receiver.censor.text(f"{path}?{parameters}" if parameters else path)
