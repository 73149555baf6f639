"""Endpoints of Mocean's API: path and method, the section's function, the codes' words, the XML around the answer.

A failure's HTTP status is not documented: 200 here (*assumed*). Media downloads have HTTP statuses alone.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringback.simulator.connections import misbehaviour
from ringback.simulator.formats import answer
from ringback.simulator.magic_numbers import Answering, Outcome
from ringback.simulator.mocean import err_msgs, lookup, media, queries, sms, verify, voice, whatsapp
from ringback.simulator.mocean.asking import Asked, MoceanRefusalError, read_asked
from ringback.simulator.mocean.replies import MoceanReply
from ringback.simulator.world import World

Section = Callable[[World, Asked], Awaitable[MoceanReply]]

BASE: Final = "/rest/2"


@dataclass(frozen=True, slots=True)
class MoceanEndpoint:
    """One path. Faults are planned by `operation`; `listed`: errors stand in a list of this name."""

    path: str
    operation: str
    section: Section
    words: Mapping[int, str]
    method: str = "POST"
    unauthorized: int = 1
    throttled: int = 32
    wrapper: str | None = None
    listed: str | None = None
    always_json: bool = False


ENDPOINTS: Final = (
    MoceanEndpoint("/sms", "sms", sms.send, err_msgs.SMS, listed="messages"),
    MoceanEndpoint("/conversion", "conversion", sms.convert, err_msgs.CONVERSION),
    MoceanEndpoint("/voice/dial", "voice/dial", voice.dial, err_msgs.VOICE, throttled=10),
    MoceanEndpoint("/voice/hangup", "voice/hangup", voice.hang_up, err_msgs.VOICE, throttled=10),
    MoceanEndpoint("/voice/rec", "voice/rec", voice.recording, err_msgs.VOICE, "GET", throttled=10, always_json=True),
    MoceanEndpoint(
        "/verify/req", "verify", verify.request, err_msgs.VERIFY, unauthorized=2, throttled=1, wrapper="verify_request"
    ),
    MoceanEndpoint(
        "/verify/req/sms",
        "verify",
        verify.request_sms,
        err_msgs.VERIFY,
        unauthorized=2,
        throttled=1,
        wrapper="verify_request",
    ),
    MoceanEndpoint(
        "/verify/req/telegram",
        "verify",
        verify.request_telegram,
        err_msgs.VERIFY,
        unauthorized=2,
        throttled=1,
        wrapper="verify_request",
    ),
    MoceanEndpoint("/verify/resend/sms", "verify", verify.resend, err_msgs.VERIFY, unauthorized=2, throttled=1),
    MoceanEndpoint(
        "/verify/check",
        "verify/check",
        verify.check,
        err_msgs.VERIFY,
        unauthorized=2,
        throttled=1,
        wrapper="verify_check",
    ),
    MoceanEndpoint("/nl", "lookup", lookup.look_up, err_msgs.LOOKUP),
    MoceanEndpoint(
        "/send-message/whatsapp",
        "whatsapp",
        whatsapp.send,
        err_msgs.WHATSAPP,
        throttled=whatsapp.THROTTLED,
        always_json=True,
    ),
    MoceanEndpoint("/account/balance", "balance", queries.balance, err_msgs.QUERY, "GET"),
    MoceanEndpoint("/account/pricing", "pricing", queries.pricing, err_msgs.QUERY, "GET"),
    MoceanEndpoint("/report/message", "message-status", queries.message_status, err_msgs.QUERY, "GET"),
)


def routes(world: World) -> list[Route]:
    """Return the routes of Mocean's side."""
    made = [Route(BASE + one.path, _serving(world, one), methods=[one.method]) for one in ENDPOINTS]

    async def medium(request: Request) -> Response:
        planned = world.outcomes.planned("media")
        return await media.download(world, await read_asked(request, planned))

    async def recording(request: Request) -> Response:
        return voice.recorded(world, request.path_params["call_uuid"])

    made.append(Route(f"{BASE}/media/whatsapp", medium, methods=["GET"]))
    made.append(Route("/recordings/{call_uuid}", recording, methods=["GET"]))
    return made


def _serving(world: World, endpoint: MoceanEndpoint) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        asked = await read_asked(request, world.outcomes.planned(endpoint.operation))
        try:
            if not asked.is_authorized:
                raise MoceanRefusalError(endpoint.unauthorized)
            if asked.planned is not None and not asked.planned.is_taken:
                _refuse_planned(asked.planned, endpoint)
                if (instead := misbehaviour(asked.planned.answering)) is not None:
                    return instead
            reply = await endpoint.section(world, asked)
            for follows in reply.follows:
                await follows
            outcome = asked.planned or reply.outcome
            _refuse_planned(outcome, endpoint)
        except MoceanRefusalError as refused:
            return _refusal(endpoint, asked, refused)
        if (instead := misbehaviour(outcome.answering)) is not None:
            return instead
        if reply.response is not None:
            return reply.response
        return answer(
            reply.fields,
            as_json=endpoint.always_json or asked.wants_json,
            wrapper=endpoint.wrapper,
            status=reply.status,
        )

    return serve


def _refuse_planned(outcome: Outcome, endpoint: MoceanEndpoint) -> None:
    """Refuse what was planned to be, also where no number is asked about. Raises MoceanRefusalError."""
    if outcome.answering is Answering.CODE:
        raise MoceanRefusalError(outcome.code or 0)
    if outcome.answering is Answering.THROTTLE:
        raise MoceanRefusalError(endpoint.throttled)


def _refusal(endpoint: MoceanEndpoint, asked: Asked, refused: MoceanRefusalError) -> Response:
    if refused.code == endpoint.throttled and refused.code not in endpoint.words:
        return Response(status_code=refused.code)
    fields: dict[str, object] = {
        "status": refused.code,
        "err_msg": endpoint.words.get(refused.code, "Unknown error"),
    }
    if refused.hint:
        fields["hint"] = refused.hint
    return answer(
        {endpoint.listed: [fields]} if endpoint.listed else fields,
        as_json=endpoint.always_json or asked.wants_json,
        wrapper=endpoint.wrapper,
    )
