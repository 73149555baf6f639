"""The app: Starlette over the registry of callbacks, and what lives as long as the process."""

import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from receiver.answers import Outcome, answer
from receiver.commit import Committer, commit_client
from receiver.door import Door
from receiver.endpoint import Endpoint, Receiver
from receiver.normalise import Normaliser
from receiver.providers import CALLBACKS
from receiver.quarantine import Quarantine
from receiver.replies import Replies, reply_client
from schemas.mc import render_mc
from schemas.settings import Settings


def make_app(settings: Settings, redis_url: str) -> "Front":
    """Make the public app. Its connections are opened at the first use and closed at the app's end."""
    client = commit_client(redis_url)
    committer = Committer(client, settings.keys, settings.dedup_ttl, settings.retention)
    replies = Replies(reply_client(redis_url), settings.keys)
    receiver = Receiver(
        door=Door(settings.tokens, insecure=settings.insecure),
        normaliser=Normaliser(settings.mocean_zone),
        committer=committer,
        quarantine=Quarantine(client, settings.keys, settings.dedup_ttl),
        replies=replies,
        max_body=settings.max_body,
        voice_deadline=settings.voice_deadline,
        voice_fallback=render_mc(
            settings.voice_fallback,
            step_url=lambda step: settings.callback_url(
                f"mocean/voice/collect/{step}", next(iter(settings.tokens), None)
            ),
        ),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        replies.start()
        # What exists by now lives until the end: the collector need not look at it again at each full pass.
        gc.collect()
        gc.freeze()
        yield
        await replies.close()
        await committer.close()

    endpoints = {f"/webhooks/{callback.name}": Endpoint(callback, receiver) for callback in CALLBACKS}
    app = Starlette(
        routes=[
            *(Route(path, endpoint) for path, endpoint in endpoints.items()),
            Route("/livez", _livez),
            Route("/{path:path}", _Unknown()),
        ],
        lifespan=lifespan,
    )
    return Front(endpoints, app)


class Front:
    """Leads a request to its endpoint. Exact paths, nearly all of them, by one look; the rest by Starlette's routes.

    Starlette's middlewares and its walk over the routes cost as much as parsing and normalising a delivery report.
    """

    def __init__(self, exact: Mapping[str, ASGIApp], rest: ASGIApp) -> None:
        self._exact = exact
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        endpoint = self._exact.get(scope["path"]) if scope["type"] == "http" else None
        await (endpoint or self._rest)(scope, receive, send)


async def _livez(_: Request) -> PlainTextResponse:
    """Say that the process serves, and nothing else."""
    return PlainTextResponse("ok\n")


class _Unknown:
    """Every other path."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await answer(send, Outcome.UNKNOWN_PATH)
