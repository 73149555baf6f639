"""Asking for reports: of sends that no final report came for, after 10 minutes, 20, 40 … until 36 hours."""

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from ringback.clients.accounts import MoceanAccount, MyCoolSmsAccount
from ringback.clients.errors import InvalidRequestError, RefusedError
from ringback.clients.mocean import queries
from ringback.clients.mycoolsms import reports
from ringback.clients.transport import AsyncHttpTransport
from ringback.polling.awaited import SETTLED, AwaitedReport, AwaitedReports
from ringback.polling.committing import PolledCommits, PollOutcome
from ringback.polling.pace import PollPace
from ringback.polling.polled_callbacks import PolledCallback, mocean_report, mycoolsms_report
from ringback.polling.server_clock import server_ms
from ringback.schemas.event_data import MessageStatus

log = structlog.get_logger()

_UNKNOWN_ID: Final = "UNKNOWN_ID"  # My-Cool-SMS's word for an id that it does not know: it says nothing of a message


@dataclass(frozen=True, slots=True)
class ReportPolling:
    """Asks for what one account at one provider awaits."""

    awaited: AwaitedReports
    account: MoceanAccount | MyCoolSmsAccount
    transport: AsyncHttpTransport
    commits: PolledCommits
    pace: PollPace

    async def look(self) -> None:
        """Ask for all that is due. Raises SendError, RedisError, OSError, CommitError; what is left stays due."""
        while due := await self.awaited.due(await server_ms(self.awaited.client), self.pace.reports_at_once):
            if isinstance(self.account, MoceanAccount):
                await self._ask_each(self.account, due)
            else:
                await self._ask_all(self.account, due)

    async def _ask_each(self, account: MoceanAccount, due: list[AwaitedReport]) -> None:
        """Ask Mocean: one message a request, and one request a second."""
        for one in due:
            try:
                report = await self.transport.exchange(queries.message_status(account, one.message_id))
            except (InvalidRequestError, RefusedError) as error:  # of this message; the others are asked all the same
                await self._refused(one, error)
            else:
                if report.status == "not_found":
                    log.warning("poll.not_found", **self._words(one))
                    await self._stop(one, PollOutcome.NOT_FOUND)
                else:
                    polled = mocean_report(one.message_id, report.status, one.recipient, one.sender, one.context)
                    await self._learn(one, polled)
            await asyncio.sleep(self.pace.between_single_reports)

    async def _ask_all(self, account: MyCoolSmsAccount, due: list[AwaitedReport]) -> None:
        """Ask My-Cool-SMS for a batch; where it refuses that, for its halves: one id must not stand for the others."""
        try:
            answered = await self.transport.exchange(reports.reports(account, [one.message_id for one in due]))
        except (InvalidRequestError, RefusedError) as error:
            if len(due) == 1:
                await self._refused(due[0], error)
                return
            await asyncio.sleep(self.pace.between_single_reports)
            await self._ask_all(account, due[: len(due) // 2])
            await self._ask_all(account, due[len(due) // 2 :])
            return
        words = {report.message_id: report.word.strip() for report in answered}
        for one in due:
            word = words.get(one.message_id, _UNKNOWN_ID)
            is_known = word.upper() != _UNKNOWN_ID
            await self._learn(one, mycoolsms_report(one.message_id, word, one.context) if is_known else None)

    async def _learn(self, one: AwaitedReport, polled: PolledCallback | None) -> None:
        """Store what a provider says of a send, unless that is known or nothing, and ask again until it is final."""
        event = await self.commits.read(self.awaited.account, polled) if polled else None
        if event is not None and isinstance(event.data, MessageStatus):
            if event.data.status != one.known:
                await self.commits.commit(event, PollOutcome.REPORT)
            if event.data.status in SETTLED:
                await self.awaited.done(one.ref)
                return
        await self._later(one)

    async def _later(self, one: AwaitedReport) -> None:
        when_ms = self.pace.next_report(one.accepted_ms, await server_ms(self.awaited.client))
        if when_ms is None:
            log.warning("poll.given_up", **self._words(one))
            await self._stop(one, PollOutcome.GIVEN_UP)
        else:
            await self.awaited.later(one.ref, when_ms)

    async def _refused(self, one: AwaitedReport, error: InvalidRequestError | RefusedError) -> None:
        log.warning("poll.refused", error=type(error).__name__, code=error.code, **self._words(one))
        await self.commits.count(self.awaited.provider, PollOutcome.REFUSED)
        await self._later(one)

    async def _stop(self, one: AwaitedReport, outcome: PollOutcome) -> None:
        """Ask for one no more, though it is not known what became of it."""
        await self.awaited.done(one.ref)
        await self.commits.count(self.awaited.provider, outcome)

    def _words(self, one: AwaitedReport) -> dict[str, str]:
        """Return what names a send in a log line."""
        return {"provider": self.awaited.provider, "account": self.awaited.account, "ref": one.ref}
