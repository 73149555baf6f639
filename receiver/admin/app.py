"""The admin app: `/livez`, `/readyz` and `/metrics`."""

from collections.abc import Iterable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from receiver.admin import health, shared
from receiver.spool import Spool
from schemas.settings import Settings


def make_admin(settings: Settings, client: Redis, spool: Spool | None, registry: CollectorRegistry) -> Starlette:
    """Make the app. `registry` has the counters of this process."""

    async def readyz(_: Request) -> Response:
        """Say whether all is well, check by check. 503 where one is not."""
        checks = await health.look(client, settings, spool)
        ready = all(check.ok for check in checks)
        listed = [{"name": one.name, "ok": one.ok, "detail": one.detail} for one in checks]
        return JSONResponse({"ready": ready, "checks": listed}, 200 if ready else 503)

    async def metrics(_: Request) -> Response:
        """Give this process's counters, and with them what Redis knows of all."""
        found: list[Metric]
        try:
            found = [shared.up(True), *shared.families(await shared.look(client, settings.keys))]
        except (RedisError, OSError):
            found = [shared.up(False)]
        seen = CollectorRegistry()
        seen.register(_Found(found))
        return Response(generate_latest(registry) + generate_latest(seen), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])


async def livez(_: Request) -> PlainTextResponse:
    """Say that the process serves, and nothing else."""
    return PlainTextResponse("ok\n")


class _Found(Collector):
    """Figures that are there already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Give them."""
        return self._metrics
