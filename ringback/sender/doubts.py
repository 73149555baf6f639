"""Doubts: now and then, asks My-Cool-SMS what became of sends in doubt. Mocean has no list of what it was sent."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from typing import Final, cast

import structlog
from redis import Redis

from ringback.clients.accounts import MyCoolSmsAccount
from ringback.clients.configured import Configured
from ringback.clients.errors import SendError
from ringback.clients.mycoolsms.sms import FUNCTION
from ringback.clients.transport import AsyncHttpTransport
from ringback.outbox import queue
from ringback.outbox.draft import Draft
from ringback.outbox.queue import Proof, SendStateError
from ringback.outbox.record import SendState, UnreadableSendError
from ringback.schemas.keys import Keys
from ringback.sender.proof import Proven, SendInDoubt, prove_by_list

log = structlog.get_logger()

_MOST: Final = 1000
_LOOK_BACK_S: Final = 36 * 3600
"""What is in doubt for longer is left to whoever looks at the list."""


class Doubts:
    """The sends in doubt of all My-Cool-SMS accounts. `redis` blocks, so it is used in a thread."""

    def __init__(self, redis: Redis, keys: Keys, configured: Configured) -> None:
        self._redis = redis
        self._keys = keys
        self._configured = configured

    async def look(self, transport: AsyncHttpTransport) -> None:
        """Settle what the provider's lists prove. Raises RedisError, OSError."""
        for account, in_doubt in (await asyncio.to_thread(self._in_doubt)).items():
            try:
                found = self._configured.account("mycoolsms", account)
                proven = await prove_by_list(cast("MyCoolSmsAccount", found), transport, in_doubt, datetime.now(UTC))
            except SendError as error:
                log.warning("sender.no_proof", account=account, error=type(error).__name__, code=error.code)
            else:
                await asyncio.to_thread(self._settle, account, proven)

    def _in_doubt(self) -> dict[str, list[SendInDoubt]]:
        seconds, _ = self._redis.time()
        earliest = (seconds - _LOOK_BACK_S) * 1000
        refs = self._redis.zrangebyscore(self._keys.outbox_doubt, earliest, "+inf", start=0, num=_MOST)
        found: defaultdict[str, list[SendInDoubt]] = defaultdict(list)
        for ref in map(bytes.decode, cast("list[bytes]", refs)):
            try:
                record = queue.record_of(self._redis, self._keys, ref)
            except UnreadableSendError:
                continue
            if record is not None and record.state is SendState.IN_DOUBT and _is_listed(record.draft):
                # A direct call goes out when it is noted, and is in doubt when its handler comes back.
                claimed = record.noted if record.draft.kind == "direct" else record.at
                if claimed is not None:
                    found[record.draft.account].append(SendInDoubt(ref, record.draft.to, claimed))
        return found

    def _settle(self, account: str, proven: Proven) -> None:
        queue.prove(self._redis, self._keys, [Proof(one.ref, account, one.message_id) for one in proven.accepted])
        for ref in proven.not_sent:
            try:
                queue.not_sent(self._redis, self._keys, ref)
            except SendStateError as error:  # settled meanwhile
                log.info("sender.settled_meanwhile", ref=ref, reason=str(error))
        if proven.accepted or proven.not_sent:
            log.info("sender.proven", account=account, accepted=len(proven.accepted), not_sent=len(proven.not_sent))


def _is_listed(draft: Draft) -> bool:
    """Whether the provider lists it, if it was sent."""
    is_sms = draft.kind == "sms" or (draft.kind == "direct" and draft.body.get("operation") == FUNCTION)
    return draft.provider == "mycoolsms" and is_sms
