"""The endpoints of the admin port: `/livez`, `/readyz` and `/metrics`.

They have no secret: where the port listens on a loopback address, they are for this machine alone.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ringback.receiver.admin import figures, health
from ringback.receiver.admin.several import Receivers
from ringback.receiver.http.this_machine import ForThisMachine
from ringback.receiver.metrics import serving
from ringback.schemas.settings import Settings


def make_admin(
    settings: Settings,
    client: Redis,
    spool: health.SpoolState | None,
    registry: CollectorRegistry,
    receivers: Receivers | None = None,
) -> ASGIApp:
    """Make the app. `registry` has the counters of this process, or of the receivers that it is the parent of."""

    async def lives(request: Request) -> Response:
        """Answer whether anyone serves."""
        if receivers is not None and not receivers.serving:
            return PlainTextResponse("no receiver serves\n", 503)
        return await livez(request)

    async def readyz(_: Request) -> Response:
        """Say whether all is well, check by check. 503 where one is not."""
        checks = await health.look(client, settings, spool)
        if receivers is not None:
            checks.append(receivers.check)
        ready = all(check.ok for check in checks)
        listed = [{"name": one.name, "ok": one.ok, "detail": one.detail} for one in checks]
        return JSONResponse({"ready": ready, "checks": listed}, 200 if ready else 503)

    async def metrics(_: Request) -> Response:
        """Answer with the counters, and with them what Redis knows of all."""
        found: list[Metric]
        try:
            found = [figures.up(True), *figures.families(await figures.look(client, settings.keys))]
        except (RedisError, OSError):
            found = [figures.up(False)]
        if receivers is None:
            found.extend(serving(1, 1))
        seen = CollectorRegistry()
        seen.register(_Found(found))
        return Response(generate_latest(registry) + generate_latest(seen), media_type=CONTENT_TYPE_LATEST)

    app = Starlette(routes=[Route("/livez", lives), Route("/readyz", readyz), Route("/metrics", metrics)])
    return ForThisMachine(app) if _is_loopback(settings.admin_host) else app


async def livez(_: Request) -> PlainTextResponse:
    """Say that the process serves, and nothing else."""
    return PlainTextResponse("ok\n")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class _Found(Collector):
    """Figures that are there already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Give them."""
        return self._metrics
