"""Due: runs that wait for their time, in a sorted set by the server's clock. The drains take what is due in batches.

What is taken is in a stream of its own, where the consumer group keeps who has it, as it does for the events.
"""

from collections.abc import Sequence
from typing import Final

from redis.client import Pipeline

from ringback.schemas.keys import Keys
from ringback.workers.failures.stored_run import StoredRun
from ringback.workers.scripts.lua import NOW

_ADD: Final = f"""{NOW}
for i = 1, #ARGV, 2 do redis.call('ZADD', KEYS[1], now + ARGV[i], ARGV[i + 1]) end
"""


def add(pipeline: Pipeline, keys: Keys, runs: Sequence[tuple[float, StoredRun]]) -> None:
    """Let runs wait for so many seconds from now, in the caller's transaction; one that waits already waits anew."""
    if runs:
        arguments = [part for pause, record in runs for part in (str(round(pause * 1000)), record.dump())]
        pipeline.eval(_ADD, 1, keys.due, *arguments)
