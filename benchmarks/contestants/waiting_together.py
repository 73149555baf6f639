"""The same as `waiting`, async: a worker runs many side by side."""

import asyncio
import os

from ringback import Event, on

_WAIT_S = float(os.environ["BENCH_WAIT_MS"]) / 1000


@on("*")
async def waiting(_event: Event) -> None:
    """Wait."""
    await asyncio.sleep(_WAIT_S)
