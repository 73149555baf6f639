"""A provider that accepts every SMS at once: Starlette as in `bare`, so that the client is what is measured."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

_ACCEPTED = {"messages": [{"status": 0, "receiver": "60123456789", "msgid": "cust20013050311050614001"}]}
_connections: set[object] = set()


async def _sms(request: Request) -> Response:
    await request.body()
    _connections.add(request.client)
    return JSONResponse(_ACCEPTED, 202)


async def _opened(_: Request) -> Response:
    """Return how many connections brought an SMS since the last time that this was asked."""
    opened = len(_connections)
    _connections.clear()
    return PlainTextResponse(str(opened))


app = Starlette(routes=[Route("/rest/2/sms", _sms, methods=["POST"]), Route("/opened", _opened)])

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, server_header=False, log_level="warning")
