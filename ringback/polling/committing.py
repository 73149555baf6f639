"""Committing what was polled: by the receiver's own normaliser, commit script and quarantine, without HTTP."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Self

import structlog
from redis.asyncio import Redis

from ringback.polling.polled_callbacks import PolledCallback, waiting
from ringback.receiver.commit.committer import Committer
from ringback.receiver.commit.script import Terms
from ringback.receiver.commit.waiting import CommitOutcome
from ringback.receiver.parsing.normalise import Normaliser, UnusableError
from ringback.receiver.parsing.request import check_size
from ringback.receiver.quarantine.keeping import BROKEN, Kept, Store
from ringback.schemas.censor import Censor
from ringback.schemas.events import Event
from ringback.schemas.keys import Keys
from ringback.schemas.settings import Settings

log = structlog.get_logger()

_AS_IF_PUSHED: Final = "/webhooks/mycoolsms/inbound-sms"
"""What `quarantine retry` takes an unusable row for: it has the names of that callback."""


class PollOutcome(StrEnum):
    """What came of asking, as it is counted (`ringback_polled_total`)."""

    REPORT = "report"
    INBOUND = "inbound"
    KNOWN = "known"
    QUARANTINED = "quarantined"
    NOT_FOUND = "not_found"
    GIVEN_UP = "given_up"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PolledCommits:
    """Where polled callbacks go. Its calls raise RedisError, OSError and CommitError while Redis does not take them."""

    client: Redis
    keys: Keys
    committer: Committer
    quarantine: Store
    normaliser: Normaliser
    censor: Censor

    @classmethod
    def of(cls, settings: Settings, client: Redis, commit_client: Redis) -> Self:
        """Make it with connections of its own; without a spool: what Redis does not take is asked for again."""
        return cls(
            client,
            settings.keys,
            Committer(commit_client, Terms.of(settings)),
            Store(client, settings.keys, settings.dedup_ttl, settings.quarantine_max),
            Normaliser(settings.mocean_zone),
            Censor(settings.tokens),
        )

    async def read(self, account: str, polled: PolledCallback) -> Event | None:
        """Return the event of a callback; None where it can be none, and was put into quarantine."""
        censored = replace(polled, body=self.censor.data(polled.body))
        now = datetime.now(UTC)
        try:
            event = censored.event(account, self.normaliser, now)
            check_size(waiting(event).size)
        except UnusableError as error:
            reason = error.reason
        except Exception:
            log.exception("callback.broken", callback=polled.callback.name, account=account)
            reason = BROKEN
        else:
            return event
        headers = b"content-type: application/json"
        await self.quarantine.put(Kept(account, _AS_IF_PUSHED, reason, "POST", headers, censored.body, now))
        await self.count(polled.callback.provider, PollOutcome.QUARANTINED)
        log.warning("poll.quarantined", provider=polled.callback.provider, account=account, reason=reason)
        return None

    async def commit(self, event: Event, outcome: PollOutcome) -> CommitOutcome:
        """Store an event, and count it under `outcome`, or as known where it is stored already."""
        stored = await self.committer.store(waiting(event))
        if stored is CommitOutcome.DUPLICATE:
            outcome = PollOutcome.KNOWN
        await self.count(event.provider, outcome)
        log.debug("event", event_id=event.id, outcome=outcome.value)
        return stored

    async def count(self, provider: str, outcome: PollOutcome, number: int = 1) -> None:
        """Count what came of asking a provider."""
        await self.client.hincrby(self.keys.polled, f"{provider} {outcome.value}", number)
