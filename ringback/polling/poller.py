"""The poller process: one task for each thing that is asked for, as long as no other poller is at work."""

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from redis.exceptions import RedisError

from ringback.clients.accounts import MyCoolSmsAccount
from ringback.clients.configured import Configured
from ringback.clients.errors import SendError
from ringback.clients.transport import AsyncHttpTransport
from ringback.polling.awaited import AwaitedReports
from ringback.polling.committing import PolledCommits, PollOutcome
from ringback.polling.inbox_polling import InboxPolling
from ringback.polling.leading import PollerLock
from ringback.polling.pace import USUAL_PACE, PollPace
from ringback.polling.pushed import Pushes
from ringback.polling.report_polling import ReportPolling
from ringback.receiver.commit.committer import CommitError
from ringback.receiver.commit.script import commit_client
from ringback.schemas.provider_names import Provider
from ringback.schemas.settings import InboundBy, Settings
from ringback.system.ending import ended
from ringback.system.redis_async import connect, hang_up

log = structlog.get_logger()

_REPLY_S: Final = 15.0
_CONNECT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class PollingTask:
    """One thing that is asked for again and again: what it asks, of which account, and how often (seconds)."""

    what: str
    provider: Provider
    account: str
    look: Callable[[], Awaitable[None]]
    every: float


class Poller:
    """Asks the providers for what they did not call us with."""

    def __init__(self, settings: Settings, configured: Configured, redis_url: str, pace: PollPace = USUAL_PACE) -> None:
        self._settings = settings
        self._configured = configured
        self._pace = pace
        self._client = connect(redis_url, reply_s=_REPLY_S, connect_s=_CONNECT_S)
        self._commit_client = commit_client(redis_url)
        self.commits = PolledCommits.of(settings, self._client, self._commit_client)
        self._transport = AsyncHttpTransport(timeout=configured.timeout)
        name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._stopping = asyncio.Event()
        self._lock = PollerLock(self._client, settings.keys.poller, name, pace.lock)

    def stop(self) -> None:
        """Let `run` end soon."""
        self._stopping.set()

    async def run(self) -> None:
        """Ask until told to stop."""
        tasks = self.tasks()
        if not tasks:
            log.warning("poll.nothing", reason="no account has credentials for what is to be asked for")
        try:
            while not self._stopping.is_set():
                if await self._leads():
                    await self._lead(tasks)
                await self._pause(self._pace.look)
        finally:
            await self.close()

    def tasks(self) -> Sequence[PollingTask]:
        """Return what is asked for by these settings."""
        settings, pace, tasks = self._settings, self._pace, []
        inbound = settings.mycoolsms_inbound
        asked_too = [one.account for one in self._configured.accesses if one.provider == "mycoolsms"]
        pushes = Pushes(self._client, settings.keys, asked_too) if inbound is InboundBy.BOTH else None
        for access in self._configured.accesses:
            account = self._configured.account(access.provider, access.account)
            if settings.poll:
                awaited = AwaitedReports(self._client, settings.keys, access.provider, access.account)
                reports = ReportPolling(awaited, account, self._transport, self.commits, pace)
                tasks.append(PollingTask("reports", access.provider, access.account, reports.look, pace.look))
            if isinstance(account, MyCoolSmsAccount) and inbound is not InboundBy.PUSH:
                inbox = InboxPolling(
                    access.account, account, self._client, self._transport, self.commits, pace, pushes,
                )  # fmt: skip
                tasks.append(PollingTask("inbound", access.provider, access.account, inbox.look, pace.inbox))
        return tasks

    async def _leads(self) -> bool:
        try:
            return await self._lock.take()
        except (RedisError, OSError) as error:
            log.debug("poll.waits", error=type(error).__name__)
            return False

    async def _lead(self, tasks: Sequence[PollingTask]) -> None:
        """Ask until the lock is lost."""
        log.info("poll.leads", asks=len(tasks))
        running = [asyncio.create_task(self._repeat(one)) for one in tasks]
        try:
            if not await self._hold():
                log.warning("poll.lost_lead")
        finally:
            await ended(running)

    async def _hold(self) -> bool:
        """Renew the lock until it is lost, or may be; return whether it was held until told to stop."""
        held_until = time.monotonic() + self._pace.lock
        while time.monotonic() < held_until:
            await self._pause(self._pace.lock / 6)
            if self._stopping.is_set():
                return True
            began = time.monotonic()
            with suppress(RedisError, OSError):  # it may be back in time
                if not await self._lock.renew():
                    return False
                held_until = began + self._pace.lock
        return False

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until told to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _repeat(self, one: PollingTask) -> None:
        """Ask again and again; after an error later and later."""
        failures = 0
        while True:
            pause = one.every
            try:
                await one.look()
                failures = 0
            except SendError as error:
                pause = self._after(failures, error.retry_after)
                failures += 1
                await self._failed(one, error, pause)
            except (RedisError, OSError, CommitError) as error:
                # Nothing is lost: the provider keeps it. The lock is soon lost too, if this goes on.
                log.debug("poll.waits", what=one.what, account=one.account, error=type(error).__name__)
                pause = self._pace.look
            except Exception:
                log.exception("poll.broken", what=one.what, provider=one.provider, account=one.account)
                pause = self._after(failures, None)
                failures += 1
            await asyncio.sleep(pause)

    def _after(self, failures: int, retry_after: float | None) -> float:
        grown = self._pace.after_error * (1 << min(failures, 10))
        return max(min(grown, self._pace.longest_after_error), retry_after or 0.0)

    async def _failed(self, one: PollingTask, error: SendError, pause: float) -> None:
        log.warning(
            "poll.failed", what=one.what, provider=one.provider, account=one.account, error=type(error).__name__,
            code=error.code, http_status=error.http_status, again_in_s=round(pause, 1),
        )  # fmt: skip
        with suppress(RedisError, OSError):
            await self.commits.count(one.provider, PollOutcome.FAILED)

    async def close(self) -> None:
        """Let another one have the lead, and hang up."""
        with suppress(RedisError, OSError):
            await self._lock.leave()
        await self.commits.committer.close()
        await self._transport.close()
        await hang_up(self._client)
        await hang_up(self._commit_client)


def poll(settings: Settings, configured: Configured, redis_url: str) -> None:
    """Ask the providers until SIGINT or SIGTERM."""
    asyncio.run(_until_told(Poller(settings, configured, redis_url)))


async def _until_told(poller: Poller) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, poller.stop)
    await poller.run()
