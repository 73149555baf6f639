"""`/api-socket.php`: a request of My-Cool-SMS in any of its three forms (query, form, JSON), and its answer."""

import json
from functools import partial
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringback.simulator.connections import misbehaviour
from ringback.simulator.following import COOL_REPORT, FollowingStep, cool_course, cool_report
from ringback.simulator.formats import answer
from ringback.simulator.magic_numbers import USUAL, Answering, Outcome
from ringback.simulator.mycoolsms.books import FIRST_BALANCE, MyCoolSmsBooks, OutboundSms
from ringback.simulator.mycoolsms.functions import call_function
from ringback.simulator.mycoolsms.parameters import RequestParameters
from ringback.simulator.mycoolsms.refusals import RefusedRequestError
from ringback.simulator.mycoolsms.results import FunctionResult
from ringback.simulator.world import ReceivedMessage, World

PATH: Final = "/api-socket.php"

_BY_NUMBER: Final = frozenset({"sendSms", "doHlrLookup"})
_THROTTLED: Final = 107  # no code of the document is for "too many" (*assumed*)


class MyCoolSmsEndpoint:
    """My-Cool-SMS on a world: one account, whatever name and password it is asked with."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.books = self._new_books(0)

    @property
    def routes(self) -> list[Route]:
        """The one address of My-Cool-SMS."""
        return [Route(PATH, self.serve, methods=["GET", "POST"])]

    def clear(self) -> None:
        """Forget everything."""
        self.books = self._new_books(self.books.last_row)

    async def serve(self, request: Request) -> Response:
        """Answer a request, and let what follows follow."""
        try:
            asked = await read_request(request)
        except RefusedRequestError as refused:
            return answer(refused.answer, as_json=True)
        outcome = self._outcome(asked)
        fields = await self._answer(asked, outcome)
        return misbehaviour(outcome.answering) or answer(fields, as_json=True)

    def _new_books(self, last_row: int) -> MyCoolSmsBooks:
        """Make empty books. Their rows' ids rise over a reset and a restart too, as a provider's do."""
        credit = FIRST_BALANCE if self._world.credit is None else self._world.credit
        last_row = max(last_row, int(self._world.now().timestamp()))
        return MyCoolSmsBooks(now=self._world.now, new_id=self._world.new_id, balance=credit, last_row=last_row)

    def _outcome(self, asked: RequestParameters) -> Outcome:
        function = asked.text("function") or ""
        if planned := self._world.outcomes.planned(function):
            return planned
        if function in _BY_NUMBER:
            return self._world.outcomes.of_number(f"mycoolsms {function}", asked.text("number") or "")
        return USUAL

    async def _answer(self, asked: RequestParameters, outcome: Outcome) -> dict[str, object]:
        try:
            if not outcome.is_taken:
                _refuse_planned(outcome)
                return {}
            result = call_function(self.books, asked)
            await self._follow(result, outcome)
            _refuse_planned(outcome)
        except RefusedRequestError as refused:
            return refused.answer
        return result.answer

    async def _follow(self, result: FunctionResult, outcome: Outcome) -> None:
        for sms in result.sent:
            content: dict[str, object] = {"text": sms.text.body}
            self._world.messages.append(
                ReceivedMessage(sms.smsid, "sms", sms.sender, sms.number, content, sms.at, provider="mycoolsms")
            )
            # the number of a subscriber may choose, too
            own = outcome if sms.group is None else self._world.outcomes.of_number("mycoolsms sendMailing", sms.number)
            await self._report(sms, own)

    async def _report(self, sms: OutboundSms, outcome: Outcome) -> None:
        def settle(status: str) -> None:
            sms.status = status

        steps = [
            FollowingStep(cool_report(sms.smsid, status), partial(settle, status)) for status in cool_course(outcome)
        ]
        after = max((sms.scheduled - self.books.now()).total_seconds(), 0.0) if sms.scheduled else 0.0
        await self._world.follower.follow(
            COOL_REPORT, sms.smsid, sms.callback_url, steps, at_once=outcome.reports_first, after=after
        )


def _refuse_planned(outcome: Outcome) -> None:
    if outcome.answering is Answering.CODE:
        raise RefusedRequestError(outcome.code or 0)
    if outcome.answering is Answering.THROTTLE:
        raise RefusedRequestError(_THROTTLED)


async def read_request(request: Request) -> RequestParameters:
    """Read a query, a form or JSON. Refuses with 104 where there is nothing, with 108 where JSON is no object."""
    body = await request.body()
    if body.lstrip()[:1] in (b"{", b"[") or "json" in request.headers.get("content-type", ""):
        try:
            values = json.loads(body)
        except (ValueError, RecursionError):
            raise RefusedRequestError(104) from None
        if not isinstance(values, dict):
            raise RefusedRequestError(108)
        return RequestParameters(values, is_json=True)
    pairs = [
        *parse_qsl(request.url.query, keep_blank_values=True),
        *parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True),
    ]
    if not pairs:
        raise RefusedRequestError(104)
    return RequestParameters(dict(pairs), is_json=False)
