"""Control: what `ringback sim …` and tests ask of the simulator itself, below `/_sim/`, in JSON.

    GET    /_sim/messages?to=60123456789&after=3    what phones got
    GET    /_sim/callbacks?about=MESSAGE_ID         what was sent to us, and what came back
    GET    /_sim/calls                              dialled calls
    POST   /_sim/receive                            a phone writes to us
    POST   /_sim/listed                             a phone has written to My-Cool-SMS, and the push is lost
    POST   /_sim/call                               a phone calls us
    POST   /_sim/digits                             what is pressed in the next call to a number
    GET, POST, DELETE /_sim/faults                  planned faults
    POST   /_sim/reset

A request with a body must be JSON by its type too: no page of another site can send that from a browser.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final, Literal, TypeVar

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringback.simulator.dialled import PhonePlan, call_in
from ringback.simulator.formats import answer
from ringback.simulator.magic_numbers import Answering, PlannedFault, digits_of
from ringback.simulator.mocean.endpoints import ENDPOINTS
from ringback.simulator.mycoolsms.endpoint import MyCoolSmsEndpoint
from ringback.simulator.mycoolsms.functions import FUNCTIONS
from ringback.simulator.world import World
from ringback.simulator.writing import INBOUND_CALLBACK, WrittenText, keep_text, write_to
from ringback.wire.phone import PhoneError

ROOT: Final = "/_sim"
OPERATIONS: Final = frozenset({"*", "media", *(one.operation for one in ENDPOINTS), *FUNCTIONS})
"""What faults can be planned for."""

_BAD: Final = 400
_FAILED: Final = 502


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReceiveOrder(_Order):
    """A phone writes to us. `url`: the callback URL, whole."""

    url: str
    text: str
    provider: Literal["mocean", "mycoolsms"] = "mocean"
    channel: Literal["sms", "whatsapp"] = "sms"
    from_: str = Field(default="60123456789", alias="from")
    to: str = "60312345678"
    reply_to: str | None = None
    names_sender: bool = False


class ListedOrder(_Order):
    """A phone has written to a number at My-Cool-SMS, which lists it and calls nobody. `apart`: of the rows' ids."""

    text: str
    from_: str = Field(default="60123456789", alias="from")
    to: str = "440987654321"
    count: int = Field(default=1, ge=1, le=100_000)
    apart: int = Field(default=1, ge=1)
    at: AwareDatetime | None = None


class CallOrder(_Order):
    """A phone calls us. `at`: where the service is; `public`: where its callback URLs begin."""

    at: str
    public: str | None = None
    token: str | None = None
    from_: str = Field(default="60123456789", alias="from")
    to: str = "60312345678"
    digits: tuple[str, ...] = ()


class DigitsOrder(_Order):
    """What is pressed in the next call to a number, one item a collect."""

    to: str
    digits: tuple[str, ...]


class FaultOrder(_Order):
    """A fault for the next requests of an operation."""

    operation: str
    fault: Answering
    code: int | None = None
    count: int = Field(default=1, ge=1)
    taken: bool = False


OrderT = TypeVar("OrderT", bound=_Order)


class SimulatorControl:
    """The simulator's own side."""

    def __init__(self, world: World, mycoolsms: MyCoolSmsEndpoint) -> None:
        self._world = world
        self._mycoolsms = mycoolsms

    @property
    def routes(self) -> list[Route]:
        """All of it, below `/_sim/`."""
        faults = {"GET": self._faults, "POST": self._plan, "DELETE": self._unplan}
        return [
            _route("messages", {"GET": self._messages}),
            _route("callbacks", {"GET": self._callbacks}),
            _route("calls", {"GET": self._calls}),
            _route("receive", {"POST": self._receive}),
            _route("listed", {"POST": self._list}),
            _route("call", {"POST": self._call}),
            _route("digits", {"POST": self._digits}),
            _route("faults", faults),
            _route("reset", {"POST": self._reset}),
        ]

    async def _messages(self, request: Request) -> Response:
        to, after = request.query_params.get("to"), request.query_params.get("after", "0")
        messages = self._world.messages
        since = int(after) if after.isascii() and after.isdigit() else 0
        rows = [
            one.row()
            for one in messages[since if since <= len(messages) else 0 :]  # after a reset there are fewer
            if to is None or digits_of(one.recipient) == digits_of(to)
        ]
        return _json({"messages": rows, "next": len(messages)})

    async def _callbacks(self, request: Request) -> Response:
        about = request.query_params.get("about")
        listed = self._world.deliveries.callbacks
        return _json({"callbacks": [one.row() for one in listed if about is None or one.about == about]})

    async def _calls(self, _: Request) -> Response:
        return _json({"calls": [one.row() for one in self._world.calls.dialled.values()]})

    async def _receive(self, request: Request) -> Response:
        order = await _read(request, ReceiveOrder)
        if (order.provider, order.channel) not in INBOUND_CALLBACK:
            return _refused(f"{order.provider} has no {order.channel}")
        written = WrittenText(
            provider=order.provider,
            channel=order.channel,
            sender=order.from_,
            recipient=order.to,
            text=order.text,
            reply_to=order.reply_to,
            names_sender=order.names_sender,
        )
        callback = await write_to(self._world.deliveries, self._mycoolsms.books, written, order.url)
        return _json(callback.row(), 200 if callback.accepted else _FAILED)

    async def _list(self, request: Request) -> Response:
        order = await _read(request, ListedOrder)
        rows = [
            keep_text(self._mycoolsms.books, order.from_, order.to, order.text, apart=order.apart, at=order.at)
            for _ in range(order.count)
        ]
        return _json({"first": rows[0].row_id, "last": rows[-1].row_id})

    async def _call(self, request: Request) -> Response:
        order = await _read(request, CallOrder)
        plan = PhonePlan(order.from_, order.to, order.digits)
        try:
            return _json(await call_in(plan, order.at, order.public or order.at, order.token))
        except PhoneError as error:
            return _refused(str(error), _FAILED)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return _refused(f"no Ringback answers there ({type(error).__name__})", _FAILED)

    async def _digits(self, request: Request) -> Response:
        order = await _read(request, DigitsOrder)
        self._world.calls.plan_digits(order.to, order.digits)
        return _json({"to": order.to, "digits": order.digits})

    async def _faults(self, _: Request) -> Response:
        return _json({"faults": [one.row() for one in self._world.outcomes.faults]})

    async def _plan(self, request: Request) -> Response:
        order = await _read(request, FaultOrder)
        if (order.fault is Answering.CODE) != (order.code is not None):
            return _refused("the fault `code` has a code, and no other has")
        if order.fault is Answering.NORMAL or (order.code is not None and order.code < 1):
            return _refused("no fault; write hang, close, 502, garbage, throttle or the number of a code")
        if order.operation not in OPERATIONS:
            near = get_close_matches(order.operation, OPERATIONS, n=1)
            return _refused(f"no such operation{f'; did you mean {near[0]}?' if near else ''}")
        fault = PlannedFault(order.operation, order.fault, order.code, order.count, order.taken)
        self._world.outcomes.plan(fault)
        return _json(fault.row())

    async def _unplan(self, request: Request) -> Response:
        self._world.outcomes.faults.clear()
        return await self._faults(request)

    async def _reset(self, request: Request) -> Response:
        await _read(request, _Order)
        self._world.clear()
        self._mycoolsms.clear()
        await asyncio.sleep(0)
        return _json({})


class _OrderError(Exception):
    """An order that cannot be read; the message says why, without what was in it."""


async def _read(request: Request, kind: type[OrderT]) -> OrderT:
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise _OrderError("write JSON, with Content-Type: application/json")
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise _OrderError(
            "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in problems)
        ) from None


def _route(name: str, methods: Mapping[str, Callable[[Request], Awaitable[Response]]]) -> Route:
    async def serve(request: Request) -> Response:
        chosen: Any = methods.get(request.method) or methods["GET"]  # HEAD
        try:
            response: Response = await chosen(request)
        except _OrderError as error:
            return _refused(str(error))
        return response

    return Route(f"{ROOT}/{name}", serve, methods=list(methods))


def _refused(why: str, status: int = _BAD) -> Response:
    return _json({"error": why}, status)


def _json(fields: Mapping[str, object], status: int = 200) -> Response:
    return answer(fields, as_json=True, status=status)
