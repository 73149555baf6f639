"""Tasks that are cancelled end, also those that take one cancellation for something else."""

import asyncio

from ringback.system.ending import ended


def test_a_task_that_takes_a_cancellation_for_the_end_of_a_wait() -> None:
    taken = 0

    async def deaf() -> None:
        nonlocal taken
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                taken += 1
                if taken == 3:
                    raise

    async def run() -> list[bool]:
        tasks = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(60)), asyncio.create_task(failing())]
        await asyncio.sleep(0)
        await ended(tasks)
        return [task.cancelled() for task in tasks]

    async def failing() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError

    assert asyncio.run(run()) == [True, True, False]
    assert taken == 3
    asyncio.run(ended([]))
