"""Serving: uvicorn around the simulator, on a socket that is already ours, with connections that can be dropped."""

import socket
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from ringback.receiver.http.this_machine import ForThisMachine
from ringback.simulator.connections import DroppableProtocol

_STOP_S: Final = 1


def serve_simulator(app: ASGIApp, bound: socket.socket) -> None:
    """Serve this machine until SIGTERM or SIGINT. Who hangs on purpose is not waited for."""
    config = uvicorn.Config(
        ForThisMachine(app),
        http=DroppableProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_STOP_S,
    )
    SimulatorServer(config).run(sockets=[bound])


class SimulatorServer(uvicorn.Server):
    """uvicorn's server, which drops at its stop whoever is kept waiting on purpose."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        for connection in list(self.server_state.connections):
            if isinstance(connection, DroppableProtocol) and connection.hangs:
                connection.transport.abort()
        await super().shutdown(sockets)
