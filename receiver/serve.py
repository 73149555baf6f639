"""Serve: uvicorn around the app, on a socket that is already ours; alone, or as one of several on that socket."""

import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Final, cast

import structlog
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Scope

from ringback.logs.bounded import BoundedLog
from ringback.receiver.admin.endpoints import make_admin
from ringback.receiver.admin.several import EVERY_S, Receivers, Reporter
from ringback.receiver.app import make_app
from ringback.receiver.commit.script import commit_client
from ringback.receiver.http.acceptor import Acceptor, ConnectionCounts
from ringback.receiver.http.listen import ADMIN_SETTINGS, bind
from ringback.receiver.http.protocol import Take
from ringback.receiver.http.reader import Reader
from ringback.receiver.http.server import LimitedServer, protocol_factory
from ringback.receiver.metrics import Refusals
from ringback.schemas.settings import Settings

log = structlog.get_logger()

# A provider's keep-alive connection, or nginx's, should not be closed while the next request is on its way.
_KEEP_ALIVE_S: Final = 75
_STOP_S: Final = 10


def serve(settings: Settings, redis_url: str, bound: socket.socket, *, is_held: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; whoever has a connection by then is answered. Raises SpoolError, BindError.

    `is_held`: another process holds the socket too.
    """
    app = make_app(settings, redis_url, CollectorRegistry())
    sockets = [bound]
    if settings.admin_port:
        sockets.append(bind(settings.admin_host, settings.admin_port, ADMIN_SETTINGS))
        app.admin_port = settings.admin_port
    log.info("receiver.open_files", limit=raise_open_files())
    config = _config(app, app.refusals, app.take_of)
    LimitedServer(config, settings.request_timeout, bound, is_held=is_held).run(sockets=sockets)


def serve_with_others(
    settings: Settings, redis_url: str, bound: socket.socket, parent: socket.socket, counts: ConnectionCounts
) -> None:
    """Do the same as one of several receivers. Its parent, which is told its figures, has the admin port.

    It takes those who wait in the socket also when it stops: it may be the last that serves.
    """
    registry = CollectorRegistry()
    app = make_app(settings, redis_url, registry)
    log.info("receiver.open_files", limit=raise_open_files())
    reporter = Reporter(registry, parent)
    config = _config(app, app.refusals, app.take_of)
    config.callback_notify, config.timeout_notify = reporter.report, EVERY_S
    _OneOfSeveral(config, settings.request_timeout, bound, reporter, counts).run(sockets=[bound])


class _OneOfSeveral(LimitedServer):
    """A server that leaves some of the connections to the others, and says at the end what its process has counted."""

    def __init__(
        self,
        config: uvicorn.Config,
        request_timeout: timedelta,
        bound: socket.socket,
        reporter: Reporter,
        counts: ConnectionCounts,
    ) -> None:
        super().__init__(config, request_timeout, bound, is_held=False)
        self._reporter = reporter
        self._counts = counts
        self._acceptor: Acceptor | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as any server does, and accept from the only socket."""
        await super().startup(sockets=[])
        (bound,) = sockets or []
        connect = partial(
            cast("Callable[..., Reader]", self.config.http_protocol_class),
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self._acceptor = Acceptor(bound, connect, self.server_state.connections, self._counts)
        self.servers.append(self._acceptor)  # type: ignore[arg-type]  # it is closed as one of the loop's is

    async def on_tick(self, counter: int) -> bool:
        """Look at all connections, once a second."""
        if self._acceptor is not None:
            self._acceptor.note()
        return await super().on_tick(counter)

    @property
    def is_opening(self) -> bool:
        """Whether somebody was accepted who is no connection yet."""
        return self._acceptor is not None and self._acceptor.is_opening

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close as any server does, and report."""
        await super().shutdown(sockets)
        self._reporter.report_last()


@contextmanager
def admin_of(settings: Settings, redis_url: str, receivers: Receivers) -> Iterator[None]:
    """Serve the admin port of several receivers from a thread of its own. Raises BindError."""
    if not settings.admin_port:
        yield
        return
    registry = CollectorRegistry()
    registry.register(receivers)
    lines = BoundedLog()
    spools = receivers if settings.spool else None
    admin = make_admin(settings, commit_client(redis_url), spools, registry, receivers)
    config = _config(admin, Refusals(CollectorRegistry(), lines), lambda _: None)
    config.lifespan = "off"
    with bind(settings.admin_host, settings.admin_port, ADMIN_SETTINGS) as bound:
        server = LimitedServer(config, settings.request_timeout, bound, is_held=False)
        thread = threading.Thread(target=server.run, args=([bound],), name="admin")
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()
            lines.flush()


def _config(app: ASGIApp, refusals: Refusals, take_of: Callable[[Scope], Take | None]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol_factory(refusals, take_of),  # type: ignore[arg-type]  # it wants a class, and calls it
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
    )


def raise_open_files() -> int:
    """Let this process open as many files as it may: each connection is one. Gives how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # macOS names a limit that it does not grant
        return soft
    return hard
