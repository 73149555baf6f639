"""Serve: uvicorn around the app, on a socket that is already ours."""

import socket

import uvicorn

from receiver.app import make_app
from schemas.settings import Settings

# A provider's keep-alive connection, or nginx's, should not be closed while the next request is on its way.
_KEEP_ALIVE_S = 75
_STOP_S = 10


def serve(settings: Settings, redis_url: str, bound: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished."""
    config = uvicorn.Config(
        make_app(settings, redis_url),
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
    )
    uvicorn.Server(config).run(sockets=[bound])
