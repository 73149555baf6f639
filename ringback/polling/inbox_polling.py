"""Asking for inbound SMS of My-Cool-SMS: each virtual number is read on from its own cursor.

    poll    each row is an event; its id makes it one, however often it is read
    both    a row is an event only where no push accounts for it within ten minutes; one row uses up one push

What was there before the first look makes no event. Events first, then the cursor: a crash repeats rows, which their
ids make known.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import structlog
from redis.asyncio import Redis

from ringback.clients.accounts import MyCoolSmsAccount
from ringback.clients.errors import RefusedError
from ringback.clients.mycoolsms.inbox import InboxSms, incoming
from ringback.clients.mycoolsms.limits import Order
from ringback.clients.transport import AsyncHttpTransport
from ringback.polling.committing import PolledCommits, PollOutcome
from ringback.polling.pace import PollPace
from ringback.polling.polled_callbacks import mycoolsms_inbound
from ringback.polling.pushed import Pushes, Unmatched, digest_of
from ringback.polling.read_up_to import ReadUpTo
from ringback.polling.server_clock import server_ms
from ringback.schemas.address import AddressKind
from ringback.schemas.event_data import MessageReceived
from ringback.schemas.events import Event

log = structlog.get_logger()

_NO_NUMBERS: Final = 242
"""My-Cool-SMS's code of an account without virtual numbers."""
_NOT_OURS: Final = 233
"""And of a virtual number that it does not have, or no more."""
_SINCE: Final = b"since"
_LOOKED: Final = b"looked"
_SEEN: Final = b"seen"
_CLOCKS_DIFFER: Final = timedelta(minutes=10)


@dataclass(slots=True)
class InboxPolling:
    """Reads what one account got. `pushes`: of the mode `both`."""

    name: str
    account: MyCoolSmsAccount
    client: Redis
    transport: AsyncHttpTransport
    commits: PolledCommits
    pace: PollPace
    pushes: Pushes | None

    @property
    def key(self) -> str:
        """The hash of how far it was read."""
        return self.commits.keys.polled_inbox(self.name)

    async def look(self) -> None:
        """Make events of what came. Raises SendError, RedisError, OSError, CommitError."""
        stored = cast("dict[bytes, bytes]", await self.client.hgetall(self.key))
        if self.pushes is not None:
            await self.pushes.begin()  # before the rows: a push that comes in between shall count
        now_ms = await server_ms(self.client)
        since_ms, looked_ms, seen = (int(stored.pop(name, 0)) for name in (_SINCE, _LOOKED, _SEEN))
        if not since_ms or now_ms - looked_ms > self.pace.longest_gap * 1000:
            await self._begin(now_ms, is_first=not since_ms)
            return
        await self.client.hset(self.key, items=[_LOOKED, now_ms])
        numbers = {number.decode(): ReadUpTo.load(state) for number, state in stored.items()}
        newest = await self._newest(now_ms, seen)
        for number in newest.keys() - numbers.keys():
            numbers[number] = ReadUpTo(await self._last_before(number, since_ms))
        if self.pushes is not None:
            await self.pushes.follow()
        for number, state in tuple(numbers.items()):
            try:
                if self.pushes is None:
                    await self._read(number, state)
                else:
                    numbers[number] = await self._compare(number, state, since_ms, self.pushes)
            except RefusedError as error:
                if error.code != _NOT_OURS:
                    raise
                await self.client.hdel(self.key, number)
                del numbers[number]
                log.warning("poll.number_gone", account=self.name, code=error.code)
        seen = max(newest.values(), default=seen)
        await self.client.hset(self.key, items=[_SEEN, seen])
        if self.pushes is not None and numbers:
            oldest = min(state.not_there(state.cursor + 1, since_ms) for state in numbers.values())
            await self.pushes.forget(self.name, oldest - round(self.pace.slack * 1000))

    async def _begin(self, now_ms: int, *, is_first: bool) -> None:
        """Begin with what comes after the newest rows. A number that got nothing lately is met when it does."""
        if not is_first:
            log.error(
                "poll.begins_again", account=self.name, reason="nobody has asked for more than a week",
                fix="what came meanwhile makes no event: see the provider's list",
            )  # fmt: skip
        newest = await self._newest(now_ms, None)
        states: dict[str | bytes, str | int] = {_SINCE: now_ms, _LOOKED: now_ms, _SEEN: max(newest.values(), default=0)}
        states |= {number: ReadUpTo(row_id).seen(now_ms, row_id).dump() for number, row_id in newest.items()}
        async with self.client.pipeline(transaction=True) as pipeline:
            pipeline.delete(self.key)
            pipeline.hset(self.key, items=[part for pair in states.items() for part in pair])
            await pipeline.execute()
        log.info("poll.began", account=self.name, numbers=len(newest))

    async def _read(self, number: str, state: ReadUpTo) -> None:
        """Make events of all rows after the cursor."""
        is_last = False
        while not is_last:
            rows, last, is_last = await self._rows_after(number, state.cursor)
            for row in rows:
                event = await self._event(row)
                if event is not None:
                    await self.commits.commit(event, PollOutcome.INBOUND)
            state = state.moved(last)
            await self.client.hset(self.key, number, state.dump())

    async def _compare(self, number: str, state: ReadUpTo, since_ms: int, pushes: Pushes) -> ReadUpTo:
        """Make events of the rows that are old enough and that no push accounts for. Return how far that went."""
        newest = await self._newest_of(number, state)
        state = state.seen(await server_ms(self.client), newest)
        await self.client.hset(self.key, number, state.dump())
        old = state.old(state.marks[-1][0] - round(self.pace.grace * 1000))
        unmatched = await pushes.unmatched(self.name) if state.cursor < old else Unmatched()
        while state.cursor < old:
            rows, last, is_last = await self._rows_after(number, state.cursor)
            used = []
            for row in rows:
                event = await self._event(row) if row.id <= old else None
                if event is None:
                    continue
                not_before = state.not_there(row.id, since_ms) - round(self.pace.slack * 1000)
                push = unmatched.take(digest_of(cast("MessageReceived", event.data)), not_before)
                if push is None:
                    await self.commits.commit(event, PollOutcome.INBOUND)
                else:
                    used.append(push)
            state = state.moved(old if is_last else min(last, old))
            await pushes.used(self.name, used, self.key, number, state.dump())
        return state

    async def _event(self, row: InboxSms) -> Event | None:
        return await self.commits.read(self.name, mycoolsms_inbound(row.raw))

    async def _rows_after(self, number: str, cursor: int) -> tuple[list[InboxSms], int, bool]:
        """Return a number's next rows in order, up to which id all were read, and whether these are the last."""
        limit = self.pace.rows_at_once
        page = await self._ask(number, after=cursor, limit=limit, order="ASC")
        read = sorted((row for row in page if row.id > cursor), key=lambda row: row.id)
        if not read:
            return [], cursor, True
        return [row for row in read if _number(row) == number], read[-1].id, len(page) < limit

    async def _newest(self, now_ms: int, seen: int | None) -> dict[str, int]:
        """Return the newest id of each number that got something after the row `seen`; without it, lately.

        Nobody lists an account's numbers, so they are known by their messages.
        """
        since, found = _lately(now_ms), dict[str, int]()
        try:
            async for row in self._backwards(""):
                if (row.id <= seen) if seen is not None else _is_before(row, since):
                    break
                found[_number(row)] = max(row.id, found.get(_number(row), 0))
        except RefusedError as error:
            if error.code != _NO_NUMBERS:
                raise
        return found

    async def _newest_of(self, number: str, state: ReadUpTo) -> int:
        """Return the id of a number's newest row."""
        rows = await self._ask(number, limit=1 if number else self.pace.rows_at_once, order="DESC")
        return max((row.id for row in rows if _number(row) == number), default=state.cursor)

    async def _last_before(self, number: str, since_ms: int) -> int:
        """Return the id of a number's last row from before reading began, 0 where it has none."""
        since = _lately(since_ms)
        async for row in self._backwards(number):
            if _is_before(row, since):
                return row.id
        return 0

    async def _backwards(self, number: str) -> AsyncIterator[InboxSms]:
        """Yield a number's rows, of no number those of all, the newest first."""
        limit = self.pace.rows_at_once
        before: int | None = None
        while True:
            page = await self._ask(number, before=before, limit=limit, order="DESC")
            rows = sorted((row for row in page if before is None or row.id < before), key=lambda row: -row.id)
            for row in rows:
                yield row
            if not rows or len(page) < limit:
                return
            before = rows[-1].id

    async def _ask(
        self, number: str, *, after: int | None = None, before: int | None = None, limit: int, order: Order
    ) -> Sequence[InboxSms]:
        call = incoming(
            self.account, after=after, before=before, limit=limit, order=order, virtual_number=number or None
        )
        return (await self.transport.exchange(call)).messages


def _lately(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC) - _CLOCKS_DIFFER


def _is_before(row: InboxSms, moment: datetime) -> bool:
    """Whether a row is older; also one without a time, so that no old ones are told."""
    return row.received_at is None or row.received_at < moment


def _number(row: InboxSms) -> str:
    """Return the virtual number that a row came to; empty where it names none that rows can be asked for of."""
    return row.recipient.value if row.recipient and row.recipient.kind is AddressKind.E164 else ""
