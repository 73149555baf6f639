"""The sender process: takes sends from the outbox to the providers. One of all that run is at work, the others wait.

Each send is claimed before its request begins, so that none is sent twice, whoever dies. What was claimed by a sender
that died is in doubt: nobody can know whether its request went out.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar, cast
from uuid import uuid4

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from ringback.clients.configured import Configured
from ringback.clients.errors import NotConfiguredError
from ringback.outbox.record import SendRecord, SendState, UnreadableSendError, read_record
from ringback.receiver.commit.committer import CommitError, Committer
from ringback.receiver.commit.script import Terms, commit_client
from ringback.schemas.event_data import Error
from ringback.schemas.events import CallPlacedEvent, MessageSentEvent
from ringback.schemas.keys import SENDER_GROUP, Keys
from ringback.schemas.provider_names import Provider
from ringback.schemas.settings import Settings
from ringback.schemas.tally_fields import Sends, SendSeconds, send_bucket
from ringback.sender.doubts import Doubts
from ringback.sender.own_connections import Connections
from ringback.sender.posting import Posted, post
from ringback.sender.rates import Pace
from ringback.sender.scripts import Claim, Fate, OutboxEntry, OutboxScripts
from ringback.sender.telling import OPTED_OUT, event_of, is_letter, letter_of, letter_text, outcome_of
from ringback.system.ending import ended
from ringback.system.redis_async import connect, hang_up
from ringback.workers.failures.letters import Letters
from ringback.workers.runtime import worker_client

log = structlog.get_logger()

LEAD_S: Final = 5.0
"""How long the lead of a sender lasts that does not renew it: so long nothing is sent when one is killed."""
_RENEW_S: Final = 1.0
AT_ONCE: Final = 32
"""Requests of one account that are under way at a time; one a recipient."""
_STOP_S: Final = 25.0
_READ_MS: Final = 1000
_REPLICAS_S: Final = 1.0
_MOST_READ: Final = 256
_REPLY_S: Final = 10.0
_CONNECT_S: Final = 5.0
_PAUSE_S: Final = 0.5
_UNKNOWN_PAUSE_S: Final = 60.0
_FIRST_ASK_S: Final = 600.0
DOUBT_S: Final = 30.0

T = TypeVar("T")


def run_sender(settings: Settings, configured: Configured, redis_url: str) -> None:
    """Send what is in the outbox until SIGTERM or SIGINT; then finish the requests that are under way."""
    asyncio.run(_run(settings, configured, redis_url))


async def _run(settings: Settings, configured: Configured, redis_url: str) -> None:
    sender = Sender(settings, configured, redis_url)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, sender.stop)
    await sender.run()


class Sender:
    """One sender. `run` until `stop`."""

    def __init__(self, settings: Settings, configured: Configured, redis_url: str) -> None:
        self._settings = settings
        self._keys: Keys = settings.keys
        self._configured = configured
        self._name = uuid4().hex
        self._redis: Redis = connect(redis_url, reply_s=_REPLY_S, connect_s=_CONNECT_S)
        known_s = round(settings.dedup_ttl.total_seconds())
        self._scripts = OutboxScripts(
            self._redis, self._keys, self._name, loop_limit=settings.send_loop_limit, known_s=known_s
        )
        self._committer = Committer(commit_client(redis_url), Terms.of(settings))
        self._blocking = worker_client(redis_url)
        self._letters = Letters(self._blocking, self._keys)
        self._connections = Connections(configured.timeout)
        self._paces: dict[str, Pace] = {}
        for access in configured.accesses:  # so that an account's rate holds from its first send on
            self._pace(f"{access.provider}:{access.account}")
        self._under_way: dict[str, int] = {}
        self._tasks: set[asyncio.Future[None]] = set()
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._gave_up = False
        self._waits: dict[str, float] = {}
        self._in_hand: set[str] = set()

    def stop(self) -> None:
        """Let it end: nothing more begins."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Send until it is to stop."""
        for note in self._unreachable():
            log.warning("sender.no_reports", reason=note)
        try:
            while not self._stopping.is_set():
                try:
                    await self._lead()
                except (RedisError, OSError) as error:
                    log.warning("sender.no_redis", error=type(error).__name__)
                    await self._sleep(_PAUSE_S)
            await self._finish()
        finally:
            with contextlib.suppress(RedisError, OSError):
                await self._scripts.resign()
            await self._connections.close()
            await self._committer.close()
            await hang_up(self._redis)

    def _unreachable(self) -> list[str]:
        """Return, for each account whose reports cannot come back, why."""
        found = (self._configured.no_callbacks(access) for access in self._configured.accesses)
        return list(dict.fromkeys(reason for reason in found if reason is not None))

    async def _lead(self) -> None:
        """Take the lead, and send as long as it lasts."""
        if not await self._scripts.lead(LEAD_S):
            await self._sleep(_RENEW_S)
            return
        await self._ensure_group()
        await self._inherit()
        renewing = asyncio.create_task(self._renew())
        doubting = asyncio.create_task(self._doubt())
        reading: asyncio.Task[list[OutboxEntry]] | None = None
        left, looked_at = await self._pending(), time.monotonic()
        wait_s: float | None = 0.0
        try:
            while not self._stopping.is_set() and not renewing.done():
                entries, left = left, []
                self._wake.clear()
                taken = await self._scripts.take(entries, self._room(), AT_ONCE)
                if not taken.leads:
                    return
                for ref in taken.tell:
                    self._start(self._tell_of(ref))
                if not taken.claims or await self._replicated():
                    for claim in taken.claims:
                        self._begin(claim)
                else:
                    for claim in taken.claims:
                        self._start(self._settle(claim.ref, claim.line, Fate(SendState.QUEUED)))
                wait_s = self._wait_s(taken.wait_s)
                if reading is None:
                    reading = asyncio.create_task(self._read())
                waking = asyncio.create_task(self._wake.wait())
                await asyncio.wait({reading, waking, renewing}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
                waking.cancel()
                if reading.done():
                    left = reading.result()
                    reading = None
                if time.monotonic() - looked_at > LEAD_S:
                    # What the store gave another sender, or this one, that never heard of it.
                    left += await self._pending(LEAD_S)
                    looked_at = time.monotonic()
        finally:
            await ended([renewing, doubting, *([reading] if reading else [])])

    def _wait_s(self, due_s: float | None) -> float | None:
        """Return how long to wait for what is due later, or for an account that sends nothing for now."""
        waits = [pace.wait_s() for pace in self._paces.values()]
        waits = [one for one in waits if one > 0]
        if due_s is not None and (due_s > 0 or any(self._room().values()) or not self._paces):
            waits.append(max(due_s, 0.005))
        return min(waits) if waits else None

    async def _ensure_group(self) -> None:
        try:
            await self._redis.xgroup_create(self._keys.outbox, SENDER_GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _inherit(self) -> None:
        """See to what an earlier sender left: what it claimed is in doubt or sent again, what it decided is told.

        What this one claimed itself and has not in hand was never sent: it did not hear that it has it.
        """
        refs, own = await self._scripts.inherit()
        for ref in refs:
            if ref in own and ref in self._in_hand:
                continue
            record = await self._record(ref)
            if record is None:
                await self._scripts.told(ref)
            elif record.state is SendState.CLAIMED and ref in own:
                self._start(self._settle(ref, record.draft.line, Fate(SendState.QUEUED)))
            elif record.state is SendState.CLAIMED:
                died = Error(name="SenderDied", description="the sender ended while it was being sent")
                again = record.draft.in_doubt == "again"
                fate = Fate(SendState.QUEUED if again else SendState.IN_DOUBT, error=died, is_attempt=again)
                self._start(self._settle(ref, record.draft.line, fate))
            else:
                self._start(self._tell(record))

    async def _pending(self, idle_s: float = 0) -> list[OutboxEntry]:
        """Return the entries that were read so long ago and not put into their lines."""
        found: list[OutboxEntry] = []
        start: bytes | str = "0-0"
        while True:
            start, entries, *_ = cast(
                "tuple[bytes, list[tuple[bytes, dict[bytes, bytes] | None]], object]",
                await self._redis.xautoclaim(
                    self._keys.outbox,
                    SENDER_GROUP,
                    self._name,
                    min_idle_time=round(idle_s * 1000),
                    start_id=start,
                    count=_MOST_READ,
                ),
            )
            found += [OutboxEntry(entry_id, tuple(fields.values())) for entry_id, fields in entries if fields]
            if start in (b"0-0", "0-0"):
                return found

    async def _read(self) -> list[OutboxEntry]:
        """Wait for new entries, shortly."""
        streams = cast(
            "list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]] | None",
            await self._redis.xreadgroup(
                SENDER_GROUP, self._name, {self._keys.outbox: ">"}, count=_MOST_READ, block=_READ_MS
            ),
        )
        return [
            OutboxEntry(entry_id, tuple(fields.values()))
            for _, entries in streams or ()
            for entry_id, fields in entries
        ]

    async def _renew(self) -> None:
        """Keep the lead; ends where another has it."""
        while True:
            await asyncio.sleep(_RENEW_S)
            try:
                if not await self._scripts.lead(LEAD_S):
                    log.warning("sender.lead_lost")
                    return
            except (RedisError, OSError) as error:
                log.warning("sender.no_redis", error=type(error).__name__)

    async def _doubt(self) -> None:
        """Now and then, ask what became of what is in doubt."""
        doubts = Doubts(self._blocking, self._keys, self._configured)
        while True:
            try:
                async with self._connections.one() as transport:
                    await doubts.look(transport)
            except (RedisError, OSError) as error:
                log.warning("sender.no_redis", error=type(error).__name__)
            await asyncio.sleep(DOUBT_S)

    async def _replicated(self) -> bool:
        """Wait until enough replicas have what was claimed: a claim that a failover loses would be sent twice.

        Return False where this is to stop, or another leads, before they have it.
        """
        wanted, is_said = self._settings.wait_replicas, False
        while wanted:
            replicated = await self._scripts.replicated(LEAD_S, wanted, _REPLICAS_S)
            if replicated is not False:
                return replicated is True
            if not is_said:
                log.warning("sender.too_few_replicas", reason="nothing is sent until they follow again")
                is_said = True
            if self._stopping.is_set():
                return False
        return True

    def _room(self) -> dict[str, int]:
        """Return for each account that has sent here how many sends may begin now."""
        return {
            whose: max(0, pace.room(AT_ONCE - self._under_way.get(whose, 0))) for whose, pace in self._paces.items()
        }

    def _pace(self, whose: str) -> Pace:
        pace = self._paces.get(whose)
        if pace is None:
            provider = cast("Provider", whose.partition(":")[0])
            pace = self._paces[whose] = Pace(self._configured.sending.send_rate.get(provider))
        return pace

    def _begin(self, claim: Claim) -> None:
        whose = claim.line.rpartition(":")[0]
        self._under_way[whose] = self._under_way.get(whose, 0) + 1
        self._pace(whose).began()
        self._in_hand.add(claim.ref)
        self._start(self._send(claim, whose))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Future[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("sender.broken", exc_info=error)
        self._wake.set()

    async def _send(self, claim: Claim, whose: str) -> None:
        try:
            posted = await self._post(claim)
        finally:
            self._under_way[whose] -= 1
        pace, fate = self._pace(whose), posted.fate
        if posted.holds_up:
            held = pace.hold(posted.hold_s)
            log.warning("sender.holds", provider=whose.partition(":")[0], account=whose.partition(":")[2],
                        seconds=round(held, 1), error=fate.error.name if fate.error else None)  # fmt: skip
        elif fate.state is SendState.ACCEPTED:
            pace.passed()
        await self._settle(claim.ref, claim.line, fate)

    async def _post(self, claim: Claim) -> Posted:
        """Send what was claimed, if it may go out. Return what became of it."""
        try:
            record = read_record(claim.ref, claim.stored)
        except UnreadableSendError as error:
            # Of a later version: for a sender that knows it.
            log.error("sender.unreadable", ref=claim.ref, reason=str(error))
            return Posted(Fate(SendState.QUEUED, due_s=_UNKNOWN_PAUSE_S))
        verdict = claim.verdict or await self._insist(lambda: self._verdict(record))
        if verdict is None:
            return Posted(Fate(SendState.QUEUED))
        if verdict == "expired":
            return Posted(Fate(SendState.EXPIRED))
        if verdict:
            words = "its recipient wrote STOP" if verdict == OPTED_OUT else "too many sends to one address in an hour"
            return Posted(Fate(SendState.REFUSED, error=Error(name=verdict, description=words)))
        if not record.attempts and record.noted is not None and record.at is not None:
            self._waits.setdefault(record.ref, max(0.0, (record.at - record.noted).total_seconds()))
        try:
            async with self._connections.one() as transport:
                return await post(record, self._configured, transport)
        except Exception as error:
            log.error("sender.broken", ref=claim.ref, exc_info=error)
            return Posted(Fate(SendState.IN_DOUBT, error=Error(name=type(error).__name__)))

    async def _verdict(self, record: SendRecord) -> str:
        """Return why a send may not go out, where its sender is not in it but is the account's own; '' if it may."""
        draft = record.draft
        if draft.from_ is not None or draft.kind == "call":
            return ""
        try:
            access = self._configured.access(draft.provider, draft.account)
        except NotConfiguredError:
            return ""
        sender = access.whatsapp_from if draft.kind == "whatsapp" else access.sms_from
        if sender is None:
            return ""
        key, name = self._keys.optouts + draft.account, f"{sender.removeprefix('+')} {draft.to}"
        said = cast("bytes | None", await self._redis.hget(key, name))
        return OPTED_OUT if said is not None and said.startswith(b"stop ") else ""

    async def _settle(self, ref: str, line: str, fate: Fate) -> None:
        """Note what became of a send, and tell it."""
        stored = await self._insist(lambda: self._scripts.decide(ref, line, fate))
        if stored is None:
            return
        self._in_hand.discard(ref)
        try:
            record = read_record(ref, stored)
        except UnreadableSendError as error:
            log.error("sender.unreadable", ref=ref, reason=str(error))
            return
        if record.state in (SendState.QUEUED, SendState.CLAIMED, SendState.DROPPED):
            return
        await self._tell(record)

    async def _tell_of(self, ref: str) -> None:
        record = await self._insist(lambda: self._record(ref))
        if record is not None:
            await self._tell(record)

    async def _tell(self, record: SendRecord) -> None:
        """Store the event of a send, and what else is made of it."""
        event = event_of(record)
        if event is not None:
            if await self._insist(lambda: self._commit(event)) is None:
                return
            if is_letter(record):
                await self._insist(lambda: asyncio.to_thread(self._bury, record, event))
        await self._insist(lambda: self._told(record))
        if record.state is SendState.ACCEPTED:
            log.debug("send.accepted", ref=record.ref)
            return
        error = record.error or Error()
        log.warning(
            f"send.{record.state.value}", ref=record.ref, account=record.draft.account, provider=record.draft.provider,
            handler=record.draft.handler, error=error.name, code=error.code,
        )  # fmt: skip

    async def _commit(self, event: MessageSentEvent | CallPlacedEvent) -> bool:
        await self._committer.commit(event)
        return True

    def _bury(self, record: SendRecord, event: MessageSentEvent | CallPlacedEvent) -> bool:
        """Make a dead letter of a send that was refused."""
        with self._blocking.pipeline(transaction=True) as pipeline:
            self._letters.bury(pipeline, letter_of(record, event), letter_text(record))
            pipeline.execute()
        return True

    async def _told(self, record: SendRecord) -> bool:
        """Note that a send is told, and count it."""
        wait_s = self._waits.pop(record.ref, None)
        if self._settings.poll:
            await self._scripts.ask_for_report(record, _FIRST_ASK_S)
        if await self._scripts.told(record.ref):
            provider, tally = record.draft.provider, self._keys.tally
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.hincrby(tally, str(Sends(provider, outcome_of(record))), 1)
                if wait_s is not None:
                    pipeline.hincrby(tally, str(send_bucket(provider, wait_s)), 1)
                    pipeline.hincrbyfloat(tally, str(SendSeconds(provider)), round(wait_s, 6))
                await pipeline.execute()
        return True

    async def _record(self, ref: str) -> SendRecord | None:
        stored = cast("Mapping[bytes, bytes]", await self._redis.hgetall(self._keys.send(ref)))
        try:
            return read_record(ref, stored) if stored else None
        except UnreadableSendError as error:
            log.error("sender.unreadable", ref=ref, reason=str(error))
            return None

    async def _insist(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """Do something in Redis, however long that is away; None where this process has no more time."""
        while True:
            try:
                return await work()
            except (RedisError, OSError, CommitError) as error:
                log.warning("sender.no_redis", error=type(error).__name__)
                if self._gave_up:
                    return None
                await asyncio.sleep(_PAUSE_S)

    async def _finish(self) -> None:
        """Finish what is under way."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=_STOP_S)
        self._gave_up = True
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=2 * _PAUSE_S)
        for task in self._tasks:
            task.cancel()

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
