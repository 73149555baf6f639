"""The upper bound: Starlette and uvicorn as Ringback runs them, reading the body and answering an empty 200."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.dlr import PATH


async def _empty(request: Request) -> Response:
    await request.body()
    return Response()


app = Starlette(routes=[Route(PATH, _empty, methods=["PUT"])])

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, server_header=False, log_level="warning")
