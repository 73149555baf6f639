"""Mocean "Voice API": dial, hang up, download a recording."""

import io
import json
import re
import wave
from typing import Final

from starlette.responses import RedirectResponse, Response

from ringback.schemas.mc_actions import Raw
from ringback.schemas.mc_wire import McError
from ringback.simulator.dialled import DialledCall
from ringback.simulator.mocean.asking import Asked, MoceanRefusalError
from ringback.simulator.mocean.replies import MoceanReply
from ringback.simulator.world import CALL_PRICE, StoredMedium, World
from ringback.wire.hearing import read_mc

MOST_RECEIVERS: Final = 10
"""*Assumed*: the document has a code for too many, and no number."""


async def dial(world: World, asked: Asked) -> MoceanReply:
    """Call each receiver, and follow the MC once it answers."""
    receivers = [one for one in re.split(r"[\s,]+", asked.text("mocean-to")) if one]
    if not receivers:
        raise MoceanRefusalError(6)
    if len(receivers) > MOST_RECEIVERS:
        raise MoceanRefusalError(8)
    commands = _commands(asked)
    rows: list[dict[str, object]] = []
    made: list[DialledCall] = []
    for receiver in receivers:
        number = re.sub(r"\D", "", receiver)
        if not 7 <= len(number) <= 15:
            raise MoceanRefusalError(11)
        outcome = asked.outcome(world, "voice/dial", number, throttled=10)
        call = DialledCall(
            session_uuid=world.new_id(),
            call_uuid=world.new_id(),
            caller=asked.text("mocean-from"),
            callee=number,
            commands=commands,
            event_url=asked.url("mocean-event-url"),
            outcome=outcome,
        )
        made.append(call)
        row: dict[str, object] = {"status": 0}
        if len(receivers) > 1:
            row["receiver"] = number
        rows.append({**row, "session_uuid": call.session_uuid, "call_uuid": call.call_uuid})
    taken = [call for call in made if call.outcome.is_taken]
    if not world.pay(CALL_PRICE * len(taken)):
        raise MoceanRefusalError(2)
    for call in taken:
        await world.calls.begin(call)
    return MoceanReply({"calls": rows}, 200, made[0].outcome)


def _commands(asked: Asked) -> list[object]:
    text = asked.text("mocean-command")
    if not text:
        raise MoceanRefusalError(12)
    try:
        commands = json.loads(text)
        actions = read_mc(commands)
    except (ValueError, RecursionError, McError):
        raise MoceanRefusalError(13) from None
    if any(isinstance(action, Raw) for action in actions):
        raise MoceanRefusalError(13)  # not as documented
    return list(commands)


async def hang_up(world: World, asked: Asked) -> MoceanReply:
    """End a call."""
    call = world.calls.hang_up(asked.text("mocean-call-uuid"))
    if call is None:
        raise MoceanRefusalError(7)
    return MoceanReply({"status": 0, "session_uuid": call.session_uuid, "call_uuid": call.call_uuid})


async def recording(world: World, asked: Asked) -> MoceanReply:
    """Lead to the recording of a call that is over and has a `record`, by a redirect (*assumed* by curl's `-L`)."""
    call = world.calls.dialled.get(asked.text("mocean-call-uuid"))
    if call is None or not call.is_over or "record from here on" not in call.heard:
        raise MoceanRefusalError(7)
    return MoceanReply(response=RedirectResponse(f"/recordings/{call.call_uuid}", 302))


def recorded(world: World, call_uuid: str) -> Response:
    """Return the file of a recording, a second of silence."""
    if call_uuid not in world.calls.dialled:
        return Response(status_code=404)
    medium = StoredMedium("recording.wav", "audio/mpeg", _silence())
    return Response(medium.data, media_type=medium.content_type)


def _silence() -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000))
    return data.getvalue()
