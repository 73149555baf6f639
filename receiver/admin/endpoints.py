"""The endpoints of the admin port: `/livez`, `/readyz` and `/metrics`.

They have no secret: where the port listens on a loopback address, they are for this machine alone. But any page can
lead a browser on this machine to such an address, by what its own name resolves to (DNS rebinding), and would read the
answer. Such a request has the page's name in its Host; who asks from here has `localhost` or an address. Browsers
always send a Host.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.receiver.admin import figures, health
from ringback.receiver.commit.spool import Spool
from ringback.receiver.http.answers import Answer, answer
from ringback.schemas.settings import Settings

_HOST: Final = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<name>[^:\[\]]+))(?::\d*)?")


def make_admin(settings: Settings, client: Redis, spool: Spool | None, registry: CollectorRegistry) -> ASGIApp:
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
            found = [figures.up(True), *figures.families(await figures.look(client, settings.keys))]
        except (RedisError, OSError):
            found = [figures.up(False)]
        seen = CollectorRegistry()
        seen.register(_Found(found))
        return Response(generate_latest(registry) + generate_latest(seen), media_type=CONTENT_TYPE_LATEST)

    app = Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])
    return _ForThisMachine(app) if _is_loopback(settings.admin_host) else app


async def livez(_: Request) -> PlainTextResponse:
    """Say that the process serves, and nothing else."""
    return PlainTextResponse("ok\n")


class _ForThisMachine:
    """An app that answers only who asks for it as `localhost`, a name below that, or an address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if all(_is_local(host) for host in hosts):
            await self._app(scope, receive, send)
        else:
            await answer(send, Answer.MISDIRECTED)


def _is_local(host: str) -> bool:
    """Whether a Host header has an address or a name of this machine, with a port or without."""
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    try:
        ip_address(found["six"] or found["name"])
    except ValueError:
        return f".{found['name']}".lower().removesuffix(".").endswith(".localhost")
    return True


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
