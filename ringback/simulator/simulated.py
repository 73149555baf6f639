"""The simulator's app: both providers' paths, and what further routes are passed in."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from ringback.simulator.mocean.endpoints import routes
from ringback.simulator.world import World


def create_app(world: World, more: Sequence[BaseRoute] = ()) -> Starlette:
    """Return the app; when it stops, so do the callbacks of its world."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await world.deliveries.close()

    return Starlette(routes=[*routes(world), *more], lifespan=lifespan, exception_handlers={ClientDisconnect: _unheard})


def _unheard(request: Request, error: Exception) -> Response:  # noqa: ARG001 - as Starlette has it
    """Return what nobody hears: the caller went away before its request was whole, so nothing was done."""
    return Response(status_code=400)
