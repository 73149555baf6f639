"""The simulator's app: both providers' paths, and what further routes are passed in."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from ringback.simulator.mocean.endpoints import routes
from ringback.simulator.world import World


def create_app(world: World, more: Sequence[BaseRoute] = ()) -> Starlette:
    """Return the app; when it stops, so do the callbacks of its world."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await world.deliveries.close()

    return Starlette(routes=[*routes(world), *more], lifespan=lifespan)
