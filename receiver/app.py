"""The app: Starlette over the registry of callbacks, and what lives as long as the process."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import Route, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.logs.bounded import BoundedLog
from ringback.receiver.admin.endpoints import livez, make_admin
from ringback.receiver.bounds.limiter import Limiter
from ringback.receiver.bounds.load import Load
from ringback.receiver.commit.committer import Committer
from ringback.receiver.commit.script import Terms, commit_client
from ringback.receiver.commit.spool import Spool, SpoolBounds
from ringback.receiver.gate import Gate
from ringback.receiver.http.addresses import Addresses
from ringback.receiver.http.answers import Answer, answer
from ringback.receiver.http.door import Door
from ringback.receiver.http.paths import ROOT, canonical_path, nearest_path
from ringback.receiver.http.protocol import Take
from ringback.receiver.metrics import CallCounts, CommitCounts, EventCounts, Faults, Refusals, SpoolGauges
from ringback.receiver.parsing.normalise import Normaliser
from ringback.receiver.providers import CALLBACKS
from ringback.receiver.quarantine.keeping import MAX_ENTRIES, Quarantine, Store
from ringback.receiver.replies import Replies, reply_client
from ringback.receiver.visit import Receiver
from ringback.schemas.callback_parameters import INSECURE_ACCOUNT
from ringback.schemas.censor import Censor
from ringback.schemas.settings import LogLevel, Settings
from ringback.system.redis_async import hang_up

_REST_S: Final = 0.1
_LOOK_S: Final = 0.5
# What a request leaves behind refers to itself nowhere, so there is little to find, and much to look through.
_COLLECT_AFTER: Final = (20_000, 20, 20)


def make_app(settings: Settings, redis_url: str, registry: CollectorRegistry) -> "Front":
    """Make the public app, whose counters go into the registry. Its connections are opened at the first use.

    Raises SpoolError where the spool cannot be written, NotPrivateError where its folder is not ours alone.
    """
    client = commit_client(redis_url)
    accounts = [token.account for token in settings.first_tokens] or [INSECURE_ACCOUNT]
    is_shared = len(accounts) > 1
    # Of unusable requests no more than the quarantine holds.
    # The disk is this machine's, whose receivers each have their part of it.
    of_each = settings.receivers
    bounds = SpoolBounds(
        settings.spool_max // of_each, MAX_ENTRIES // of_each, settings.quarantine_max // of_each, is_shared
    )
    spool = Spool.open(settings.spool_folder, bounds, settings.data_dir) if settings.spool else None
    SpoolGauges(registry, spool)
    counts = CommitCounts(registry)
    faults = Faults(registry)
    lines = BoundedLog()
    committer = Committer(client, Terms.of(settings), spool, counts, faults, lines, is_shared=is_shared)
    call_counts = CallCounts(registry)
    replies = Replies(reply_client(redis_url), settings.keys, call_counts, faults)
    store = Store(client, settings.keys, settings.dedup_ttl, settings.quarantine_max)
    quarantine = Quarantine(store, spool, faults)
    refusals = Refusals(registry, lines)
    receiver = Receiver(
        addresses=Addresses(settings.allow_ips, settings.trusted_proxies),
        limiter=Limiter(),
        door=Door(settings.tokens, insecure=settings.insecure),
        censor=Censor(settings.tokens),
        load=Load(settings.max_concurrent, is_shared=is_shared),
        refusals=refusals,
        lines=lines,
        normaliser=Normaliser(settings.mocean_zone),
        committer=committer,
        quarantine=quarantine,
        replies=replies,
        call_counts=call_counts,
        event_counts=EventCounts(registry, accounts),
        logs_each_event=settings.log_level is LogLevel.DEBUG,
        max_body=settings.max_body,
        voice_deadline=settings.voice_deadline,
        voice_fallbacks={account: settings.fallback_of(account) for account in accounts},
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        looking = asyncio.create_task(_look_after(lines))
        replies.start()
        committer.start()
        quarantine.start()
        # What exists by now lives until the end: the collector need not look at it again at each full pass.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT_AFTER)
        yield
        await replies.close()
        await quarantine.close()
        await committer.close()
        await hang_up(client)
        looking.cancel()
        lines.flush()

    gates = {ROOT + callback.name: Gate(callback, receiver) for callback in CALLBACKS}
    app = Starlette(routes=[Route(path, gate) for path, gate in gates.items() if "{" in path], lifespan=lifespan)
    app.router.redirect_slashes = False
    app.router.default = _Unknown(refusals)
    admin = make_admin(settings, client, spool, registry)
    return Front(gates, {"/livez": request_response(livez)}, app, admin, refusals)


async def _look_after(lines: BoundedLog) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)
        with suppress(OSError):  # stderr is full or gone: what comes next may be written again
            lines.look()


class Front:
    """Leads a request to its endpoint. Exact paths, nearly all of them, by one look; the rest by Starlette's routes.

    Starlette's middlewares and its walk over the routes cost as much as parsing and normalising a delivery report.
    """

    def __init__(
        self,
        gates: Mapping[str, Gate],
        further: Mapping[str, ASGIApp],
        rest: ASGIApp,
        admin: ASGIApp,
        refusals: Refusals,
    ) -> None:
        self._exact: dict[str, ASGIApp] = {**gates, **further}
        self._takes = {path: gate.take for path, gate in gates.items() if not gate.callback.wants_answer}
        self._rest = rest
        self._admin = admin
        self.admin_port: int | None = None
        self.refusals = refusals

    def take_of(self, scope: Scope) -> Take | None:
        """Return the shorter way of a request, if it may have one."""
        return None if self._is_for_admin(scope) else self._takes.get(scope["path"])

    def _is_for_admin(self, scope: Scope) -> bool:
        return self.admin_port is not None and bool(scope["server"]) and scope["server"][1] == self.admin_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
        elif self._is_for_admin(scope):
            await self._admin(scope, receive, send)
        elif (endpoint := self._exact.get(scope["path"])) is not None:
            await endpoint(scope, receive, send)
        else:
            scope["path"] = canonical_path(scope["path"])
            await self._exact.get(scope["path"], self._rest)(scope, receive, send)


class _Unknown:
    """Every other path."""

    def __init__(self, refusals: Refusals) -> None:
        self._refusals = refusals
        self._rests_until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        caller = scope["client"][0] if scope["client"] else None
        self._refusals.count(Answer.UNKNOWN_PATH, caller, nearest=self._nearest(scope["path"]))
        await answer(send, Answer.UNKNOWN_PATH)

    def _nearest(self, path: str) -> str | None:
        """Return the known path that may have been meant; at most ten times a second, since it takes its time."""
        now = time.monotonic()
        if not path.startswith(ROOT) or now < self._rests_until:
            return None
        self._rests_until = now + _REST_S
        return nearest_path(path)
