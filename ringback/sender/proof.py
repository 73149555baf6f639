"""Proof: what became of My-Cool-SMS sends in doubt, by the list of what the account sent (getOutboundSms).

Each row has the callback URL that its send asked for, and ours has the ref. A row with it: accepted. None, two minutes
later: not accepted, so it may go out again (*assumed*: the list is complete at once). Whatever leaves room for doubt
leaves the send in doubt: it is better listed than sent twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit

from ringback.clients.accounts import MyCoolSmsAccount
from ringback.clients.mycoolsms.reports import ListedSms, OutboundPage, outbound
from ringback.clients.mycoolsms.sms import CALLBACK
from ringback.clients.transport import AsyncHttpTransport
from ringback.schemas.callback_parameters import CONTEXT_PREFIX
from ringback.schemas.send_events import SEND_IN_CONTEXT

SETTLES_AFTER: Final = timedelta(minutes=2)
"""How long after a send its row is there, if it was accepted at all (*assumed*)."""
CLOCKS_DIFFER: Final = timedelta(minutes=10)
"""How far the provider's clock may be from ours."""
_UNSAID: Final = datetime.max.replace(tzinfo=UTC)
_ROWS: Final = (100, 400, 1000)
"""How many rows are asked for, until they reach back far enough. The document's thresholds cannot be paged by."""


@dataclass(frozen=True, slots=True)
class SendInDoubt:
    """A send whose answer never came: its ref, its recipient, and when its request went out."""

    ref: str
    to: str = field(repr=False)
    claimed: datetime


@dataclass(frozen=True, slots=True)
class FoundSms:
    """The row of a send: it was accepted, under this id."""

    ref: str
    message_id: str
    segments: int | None
    row: ListedSms = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proven:
    """What a list proves: which sends were accepted, the refs of those that were not, and nothing of the others."""

    accepted: tuple[FoundSms, ...] = ()
    not_sent: tuple[str, ...] = ()


async def prove_by_list(
    account: MyCoolSmsAccount, transport: AsyncHttpTransport, in_doubt: Sequence[SendInDoubt], now: datetime
) -> Proven:
    """Ask what became of sends in doubt, of one account. Raises SendError.

    Without callback URLs there is nothing to know a send by: then nobody is asked, and nothing is proven.
    """
    if not in_doubt or account.callback_url(CALLBACK, None) is None:
        return Proven()
    oldest = min(one.claimed for one in in_doubt)
    for rows in _ROWS:
        page = await transport.exchange(outbound(account, limit=rows, order="DESC"))
        reaches_back = reach(page, rows)
        if reaches_back is None or reaches_back <= oldest - CLOCKS_DIFFER:
            break
    return proven(page, rows, in_doubt, now)


def proven(page: OutboundPage, asked: int, in_doubt: Sequence[SendInDoubt], now: datetime) -> Proven:
    """Return what a list of the last `asked` SMS proves.

    Not sent is what has no row in a list that reaches back before it, and no row without a readable ref that may be it.
    """
    found = {ref: row for row in page.messages if (ref := ref_in(row.sms.callback_url)) is not None}
    anonymous = [row for row in page.messages if ref_in(row.sms.callback_url) is None]
    reaches_back = reach(page, asked)
    accepted, not_sent = [], []
    for one in in_doubt:
        row = found.get(one.ref)
        if row is not None:
            accepted.append(FoundSms(one.ref, row.sms.message_id, row.sms.parts, row))
            continue
        from_then = one.claimed - CLOCKS_DIFFER
        is_whole = reaches_back is None or reaches_back <= from_then
        may_be_it = any(
            _digits(row.sms.recipient) == _digits(one.to) and _is_since(row, from_then) for row in anonymous
        )
        if is_whole and not may_be_it and now - one.claimed >= SETTLES_AFTER:
            not_sent.append(one.ref)
    return Proven(tuple(accepted), tuple(not_sent))


def reach(page: OutboundPage, asked: int) -> datetime | None:
    """Return since when a list, the newest SMS first, has all of them; None where it has all that there are."""
    if len(page.messages) < asked and (page.total is None or page.total <= len(page.messages)):
        return None
    return (page.messages[-1].sms.accepted_at if page.messages else None) or _UNSAID


def ref_in(callback_url: str | None) -> str | None:
    """Return the ref in a callback URL of ours; None where it has none."""
    try:
        query = urlsplit(callback_url or "").query
    except ValueError:
        return None
    return next(iter(parse_qs(query).get(CONTEXT_PREFIX + SEND_IN_CONTEXT, ())), None)


def _is_since(row: ListedSms, moment: datetime) -> bool:
    return row.sms.accepted_at is None or row.sms.accepted_at >= moment


def _digits(number: str) -> str:
    return "".join(one for one in number if one.isdigit()).lstrip("0")
