"""An outbox without a sender: sends are put there as a handler's run does it, and decided as a sender does it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, cast

from redis.asyncio import Redis

from ringback.outbox import drafting, queue
from ringback.outbox.draft import Draft, ref_of
from ringback.outbox.queue import Intent
from ringback.outbox.record import SendState
from ringback.schemas.event_data import Error
from ringback.sender.scripts import Fate, OutboxEntry, OutboxScripts
from tests.support.service import Service

TEXT: Final = "Your code is 4711."
REFUSED: Final = Fate(SendState.REFUSED, error=Error(code=2, name="insufficient_balance", permanent=True))
IN_DOUBT: Final = Fate(SendState.IN_DOUBT, error=Error(name="timeout"))
ACCEPTED: Final = Fate(SendState.ACCEPTED, message_id="cust-1")


def draft(to: str = "+60123456789", account: str = "acme", provider: str = "mocean") -> Draft:
    """Return an SMS, as a handler asks for it."""
    context = {"ticket": "42"}
    made = drafting.sms(provider, account, to=to, text=TEXT, from_="+60169999999", context=context)
    return replace(made, handler="app.answer", cause="c0")


def asked(service: Service, *drafts: Draft) -> list[str]:
    """Put sends into the outbox; return their refs."""
    refs = [ref_of(service.prefix, str(number), one.line) for number, one in enumerate(drafts)]
    with service.redis.pipeline() as pipeline:
        queue.add(pipeline, service.keys, [[Intent.of(ref, one)] for ref, one in zip(refs, drafts, strict=True)])
        pipeline.execute()
    return refs


def decided(service: Service, fates: Mapping[str, Fate]) -> None:
    """Claim what waits, and note what became of some of it."""

    async def send() -> None:
        async with Redis.from_url(service.redis_url) as client:
            scripts = OutboxScripts(client, service.keys, "test", loop_limit=0, known_s=3600)
            assert await scripts.lead(60)
            read = cast("list[tuple[bytes, dict[bytes, bytes]]]", await client.xrange(service.keys.outbox))
            entries = [OutboxEntry(one, tuple(entry.values())) for one, entry in read]
            taken = await scripts.take(entries, {}, 100)
            for claim in taken.claims:
                if claim.ref in fates:
                    await scripts.decide(claim.ref, claim.line, fates[claim.ref])
            await scripts.resign()

    asyncio.run(send())
