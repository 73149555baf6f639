"""Posting: one send as one request, and what its answer, or the lack of one, says of its fate."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ringback.clients.accounts import Account
from ringback.clients.configured import Configured
from ringback.clients.errors import SendError, ThrottledError, UnavailableError
from ringback.clients.mocean.voice import Dialled
from ringback.clients.mycoolsms.sms import SentSms
from ringback.clients.transport import AsyncHttpTransport
from ringback.outbox.draft import Draft
from ringback.outbox.drafting import call_of
from ringback.outbox.record import SendRecord, SendState
from ringback.schemas.event_data import Cost, Error
from ringback.schemas.segments import segments
from ringback.schemas.send_events import SEND_IN_CONTEXT
from ringback.sender.scripts import Fate

PAUSES_S: Final = (5.0, 30.0, 120.0, 600.0, 3600.0)
"""Between attempts that the provider refused for now; after the last the send is refused."""
_JITTER: Final = 0.2


@dataclass(frozen=True, slots=True)
class Posted:
    """What is to be noted of a send. `holds_up`: the provider takes nothing for now; for `hold_s`, if it said so."""

    fate: Fate
    holds_up: bool = False
    hold_s: float | None = None


async def post(record: SendRecord, configured: Configured, transport: AsyncHttpTransport) -> Posted:
    """Send it, once. What it raises is no word of its fate."""
    draft = record.draft
    try:
        access = configured.access(draft.provider, draft.account)
        account = with_ref(configured.account(draft.provider, draft.account), record.ref)
        sender_id = access.whatsapp_from if draft.kind == "whatsapp" else access.sms_from
        result = await transport.exchange(call_of(draft, account, sender_id))
    except SendError as error:
        return failed(record, error)
    return Posted(_accepted(draft, result))


def with_ref(account: Account, ref: str) -> Account:
    """Return an account whose callbacks bring back the ref of a send."""
    if account.callbacks is None:
        return account
    return replace(account, callbacks=replace(account.callbacks, extra={SEND_IN_CONTEXT: ref}))


def _accepted(draft: Draft, result: object) -> Fate:
    """Return the fate of a send that the provider took. Its text is kept no more."""
    text = draft.body.get("text")
    fate = Fate(
        SendState.ACCEPTED,
        send=replace(draft, body={}).dump(),
        segments=segments(text).parts if isinstance(text, str) else None,
    )
    if isinstance(result, Dialled):
        return replace(fate, message_id=result.call_id, session_id=result.session_id)
    if isinstance(result, SentSms):
        cost = Cost(amount=f"{result.charge:f}", currency="EUR") if result.charge is not None else None
        return replace(fate, message_id=result.message_id, segments=result.parts or fate.segments, cost=cost)
    return replace(fate, message_id=getattr(result, "message_id", None))


def failed(record: SendRecord, error: SendError) -> Posted:
    """Return what an error says of a send."""
    attempts, again = record.attempts, record.draft.in_doubt == "again"
    said = error_of(error)
    if error.sent == "unknown":
        if not again:
            return Posted(Fate(SendState.IN_DOUBT, error=said))
        due = PAUSES_S[min(attempts, len(PAUSES_S) - 1)]
        return Posted(Fate(SendState.QUEUED, due_s=_spread(due), is_attempt=True, error=said))
    if isinstance(error, ThrottledError) or (isinstance(error, UnavailableError) and error.code is None):
        return Posted(Fate(SendState.QUEUED, error=said), holds_up=True, hold_s=error.retry_after)
    if error.permanent is True or attempts >= len(PAUSES_S):
        return Posted(Fate(SendState.REFUSED, error=said))
    due = max(_spread(PAUSES_S[attempts]), error.retry_after or 0.0)
    return Posted(Fate(SendState.QUEUED, due_s=due, is_attempt=True, error=said))


def error_of(error: SendError) -> Error:
    """Return an error as events have it; its words hold no secret, text or number."""
    words: Mapping[str, str | None] = {"name": error.name or type(error).__name__, "description": error.reason}
    return Error(code=error.code, permanent=error.permanent, **words)


def _spread(seconds: float) -> float:
    return seconds * (1 + random.random() * _JITTER)  # noqa: S311
