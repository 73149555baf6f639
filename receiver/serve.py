"""Serve: uvicorn around the app, on a socket that is already ours."""

import resource
import socket

import structlog
import uvicorn
from prometheus_client import CollectorRegistry

from ringback.receiver.app import make_app
from ringback.receiver.http.listen import ADMIN_SETTINGS, bind
from ringback.receiver.http.server import LimitedServer, protocol_factory
from ringback.schemas.settings import Settings

log = structlog.get_logger()

# A provider's keep-alive connection, or nginx's, should not be closed while the next request is on its way.
_KEEP_ALIVE_S = 75
_STOP_S = 10


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
    config = uvicorn.Config(
        app,
        http=protocol_factory(app.refusals),  # type: ignore[arg-type]  # it wants a class, and calls it
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
    )
    LimitedServer(config, settings.request_timeout, bound, is_held=is_held).run(sockets=sockets)


def raise_open_files() -> int:
    """Let this process open as many files as it may: each connection is one. Gives how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # macOS names a limit that it does not grant
        return soft
    return hard
