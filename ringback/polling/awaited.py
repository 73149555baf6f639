"""Awaited: sends that were accepted and whose final report has not come, as the outbox has them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from redis.asyncio import Redis

from ringback.outbox.record import SendState, UnreadableSendError, read_record
from ringback.schemas.event_data import Status
from ringback.schemas.keys import Keys
from ringback.schemas.provider_names import Provider
from ringback.schemas.send_events import SEND_IN_CONTEXT

SETTLED: Final = frozenset({Status.DELIVERED, Status.READ, Status.FAILED, Status.BOUNCED, Status.EXPIRED})
"""After these of an SMS nobody is asked any more."""

_UNREADABLE_MS: Final = 600_000


@dataclass(frozen=True, slots=True)
class AwaitedReport:
    """An SMS whose report is asked for. `known`: how far it is known to be; `context` is what a push would bring."""

    ref: str
    message_id: str
    recipient: str = field(repr=False)
    sender: str | None = field(repr=False)
    context: Mapping[str, str] = field(repr=False)
    accepted_ms: int
    known: str | None


@dataclass(frozen=True, slots=True)
class AwaitedReports:
    """The awaited reports of one account at one provider. Its calls raise RedisError, OSError."""

    client: Redis
    keys: Keys
    provider: Provider
    account: str

    @property
    def key(self) -> str:
        """The sorted set."""
        return f"{self.keys.awaiting}{self.provider}:{self.account}"

    async def due(self, now_ms: int, most: int) -> list[AwaitedReport]:
        """Return those to ask for by now. Those that need no asking are removed on the way."""
        while True:
            found = []
            refs = cast("list[bytes]", await self.client.zrangebyscore(self.key, "-inf", now_ms, 0, most))
            for ref in [one.decode() for one in refs]:
                try:
                    awaited = await self._look_up(ref)
                except UnreadableSendError:  # of a later version's, maybe, whose poller asks for it
                    await self.later(ref, now_ms + _UNREADABLE_MS)
                    continue
                if awaited is None:
                    await self.done(ref)
                else:
                    found.append(awaited)
            if found or not refs:
                return found

    async def later(self, ref: str, when_ms: int) -> None:
        """Ask for one again then, unless somebody has removed it."""
        await self.client.zadd(self.key, {ref: when_ms}, xx=True)

    async def done(self, ref: str) -> None:
        """Ask for one no more."""
        await self.client.zrem(self.key, ref)

    async def _look_up(self, ref: str) -> AwaitedReport | None:
        """Return what to ask for; None where there is nothing: settled, no more known, or no SMS.

        Raises UnreadableSendError.
        """
        stored = cast("Mapping[bytes, bytes]", await self.client.hgetall(self.keys.send(ref)))
        if not stored:
            return None
        record = read_record(ref, stored)
        draft, message_id = record.draft, record.message_id
        is_ours = (draft.provider, draft.account) == (self.provider, self.account)
        if record.state is not SendState.ACCEPTED or draft.kind != "sms" or not message_id or not is_ours:
            return None
        message = self.keys.message(self.provider, self.account, message_id)
        known = cast("bytes | None", await self.client.hget(message, "status"))
        word = known.decode() if known else None
        if word in SETTLED:
            return None
        return AwaitedReport(
            ref=ref,
            message_id=message_id,
            recipient=draft.to,
            sender=draft.from_,
            context={**draft.context, SEND_IN_CONTEXT: ref},
            accepted_ms=round(record.at.timestamp() * 1000) if record.at else 0,
            known=word,
        )
