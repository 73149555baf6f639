"""A provider that accepts every SMS at once: Starlette as in `bare`, so that the client is what is measured.

It notes when each came, by CLOCK_MONOTONIC, which all processes of a machine share.
"""

import sys
import time
from itertools import count
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

_connections: set[object] = set()
_arrived: list[tuple[str, int]] = []
_ids = count()


async def _sms(request: Request) -> Response:
    at = time.monotonic_ns()
    fields = parse_qs((await request.body()).decode())
    _connections.add(request.client)
    _arrived.append((fields["mocean-text"][0], at))
    accepted = {"status": 0, "receiver": fields["mocean-to"][0], "msgid": f"cust20013050311050{next(_ids):06}"}
    return JSONResponse({"messages": [accepted]}, 202)


async def _opened(_: Request) -> Response:
    """Return how many connections brought an SMS since the last time that this was asked."""
    opened = len(_connections)
    _connections.clear()
    return PlainTextResponse(str(opened))


async def _came(_: Request) -> Response:
    """Return the text of each SMS since the last time that this was asked, and when it came (ns)."""
    came = list(_arrived)
    _arrived.clear()
    return JSONResponse(came)


app = Starlette(
    routes=[
        Route("/rest/2/sms", _sms, methods=["POST"]),
        Route("/opened", _opened),
        Route("/came", _came),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, server_header=False, log_level="warning")
