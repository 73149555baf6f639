"""Mocean "Download Rich Media": a file, or an HTTP status alone."""

from datetime import timedelta
from typing import Final

from starlette.responses import Response

from ringback.simulator.connections import misbehaviour
from ringback.simulator.magic_numbers import Answering
from ringback.simulator.mocean.asking import Asked
from ringback.simulator.world import World

MOST_A_MINUTE: Final = 20


async def download(world: World, asked: Asked) -> Response:
    """Return a file."""
    if asked.planned is not None:
        if asked.planned.answering is Answering.THROTTLE:
            return Response(status_code=429)
        if asked.planned.answering is Answering.CODE:
            return Response(status_code=asked.planned.code or 500)
        if (instead := misbehaviour(asked.planned.answering)) is not None:
            return instead
    if not asked.is_authorized:
        return Response(status_code=401)
    if not asked.text("mocean-from") or not asked.text("mocean-media-id"):
        return Response(status_code=400)
    now = world.now()
    world.media_downloads = [at for at in world.media_downloads if now - at < timedelta(minutes=1)]
    if len(world.media_downloads) >= MOST_A_MINUTE:
        return Response(status_code=429)
    world.media_downloads.append(now)
    medium = world.media.get(asked.text("mocean-media-id"))
    if medium is None:
        return Response(status_code=404)
    headers = {"Content-Disposition": f"inline;filename={medium.name}"}
    return Response(medium.data, media_type=medium.content_type, headers=headers)
