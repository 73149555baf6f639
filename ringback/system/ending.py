"""Ending tasks: cancelled until they have ended.

Once is not enough: redis-py waits with `asyncio.wait_for`, which before Python 3.12 takes a cancellation for the end of
its own wait where what it waits for has just come. A task that loops would go on.
"""

import asyncio
from collections.abc import Collection
from typing import Any, Final

_AGAIN_S: Final = 0.2


async def ended(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Cancel tasks, and return once all have ended, however they did."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=_AGAIN_S)
        for task in done:
            if not task.cancelled():
                task.exception()  # has been seen
