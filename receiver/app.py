"""The app: Starlette over the registry of callbacks, and what lives as long as the process."""

import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from receiver.addresses import Addresses
from receiver.admin.app import livez, make_admin
from receiver.answers import Outcome, answer
from receiver.commit import Committer
from receiver.connect import hang_up
from receiver.counts import CommitCounts, EventCounts, SpoolGauges
from receiver.door import Door
from receiver.endpoint import Endpoint
from receiver.limiter import Limiter
from receiver.load import Load
from receiver.normalise import Normaliser
from receiver.outcomes import CallCounts
from receiver.providers import CALLBACKS
from receiver.quarantine import Quarantine
from receiver.refusals import Refusals
from receiver.replies import Replies, reply_client
from receiver.script import Terms, commit_client
from receiver.spool import Spool
from receiver.visit import Receiver
from schemas.mc import render_mc
from schemas.settings import Settings


def make_app(settings: Settings, redis_url: str, registry: CollectorRegistry) -> "Front":
    """Make the public app, whose counters go into the registry. Its connections are opened at the first use.

    Raises SpoolError where the spool cannot be written, NotPrivateError where its folder is not ours alone.
    """
    client = commit_client(redis_url)
    spool = Spool.open(settings.spool_folder, settings.spool_max, settings.data_dir) if settings.spool else None
    SpoolGauges(registry, spool)
    counts = CommitCounts(registry)
    committer = Committer(client, Terms.of(settings), spool, counts)
    call_counts = CallCounts(registry)
    replies = Replies(reply_client(redis_url), settings.keys, call_counts)
    refusals = Refusals(registry)
    receiver = Receiver(
        addresses=Addresses(settings.allow_ips, settings.trusted_proxies),
        limiter=Limiter(),
        door=Door(settings.tokens, insecure=settings.insecure),
        load=Load(settings.max_concurrent),
        refusals=refusals,
        normaliser=Normaliser(settings.mocean_zone),
        committer=committer,
        quarantine=Quarantine(client, settings.keys, settings.dedup_ttl),
        replies=replies,
        call_counts=call_counts,
        event_counts=EventCounts(registry),
        max_body=settings.max_body,
        voice_deadline=settings.voice_deadline,
        voice_fallback=render_mc(
            settings.voice_fallback,
            step_url=lambda step: settings.callback_url(
                f"mocean/voice/collect/{step}", next(iter(settings.tokens), None)
            ),
            language=settings.voice_language,
        ),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        replies.start()
        committer.start()
        # What exists by now lives until the end: the collector need not look at it again at each full pass.
        gc.collect()
        gc.freeze()
        yield
        await replies.close()
        await committer.close()
        await hang_up(client)

    endpoints = {f"/webhooks/{callback.name}": Endpoint(callback, receiver) for callback in CALLBACKS}
    app = Starlette(
        routes=[
            *(Route(path, endpoint) for path, endpoint in endpoints.items()),
            Route("/livez", livez),
            Route("/{path:path}", _Unknown()),
        ],
        lifespan=lifespan,
    )
    admin = make_admin(settings, client, spool, registry)
    return Front(endpoints, app, admin, refusals)


class Front:
    """Leads a request to its endpoint. Exact paths, nearly all of them, by one look; the rest by Starlette's routes.

    Starlette's middlewares and its walk over the routes cost as much as parsing and normalising a delivery report.
    """

    def __init__(self, exact: Mapping[str, ASGIApp], rest: ASGIApp, admin: ASGIApp, refusals: Refusals) -> None:
        self._exact = exact
        self._rest = rest
        self._admin = admin
        self.admin_port: int | None = None
        self.refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
        elif scope["server"][1] == self.admin_port:
            await self._admin(scope, receive, send)
        else:
            await (self._exact.get(scope["path"]) or self._rest)(scope, receive, send)


class _Unknown:
    """Every other path."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await answer(send, Outcome.UNKNOWN_PATH)
