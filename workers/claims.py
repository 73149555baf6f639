"""Claims: which entries a worker holds. Its parent keeps them fresh, and lets go of what a horse died with."""

from typing import Final, cast

from schemas.keys import HANDLERS_GROUP
from workers.runtime import Runtime

EntryIds = list["int | bytes | str | memoryview[int]"]

CLAIM_IDLE_MS: Final = 30_000
"""A claim that was not refreshed for so long is that of a dead worker: anyone may take it over."""

# Given back: idle for so long that anyone may take it over at once.
_GIVEN_BACK_MS: Final = 24 * 3600 * 1000
_AT_ONCE: Final = 1000


def refresh(run: Runtime) -> None:
    """Say that what this worker has in its hands is still being worked on. Raises RedisError."""
    if held := _held(run):
        run.redis.xclaim(run.keys.events, HANDLERS_GROUP, run.consumer, 0, held, justid=True)


def let_go(run: Runtime) -> None:
    """Give back whatever this worker has in its hands: its horse is no more. Raises RedisError."""
    if held := _held(run):
        give_back(run, held)


def give_back(run: Runtime, entry_ids: EntryIds) -> None:
    """Let anyone take these entries over at once. Raises RedisError."""
    run.redis.xclaim(run.keys.events, HANDLERS_GROUP, run.consumer, 0, entry_ids, idle=_GIVEN_BACK_MS, justid=True)


def _held(run: Runtime) -> EntryIds:
    pending = run.redis.xpending_range(run.keys.events, HANDLERS_GROUP, "-", "+", _AT_ONCE, run.consumer)
    return [entry["message_id"] for entry in cast("list[dict[str, bytes]]", pending)]
