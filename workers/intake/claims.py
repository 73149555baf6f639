"""Claims: which entries a worker holds. Its parent keeps them fresh, and lets go of what a horse died with.

A claim that was not refreshed for `RINGBACK_CLAIM_IDLE` is that of a dead worker: anyone may take it over.
"""

from collections.abc import Sequence
from typing import Final

from ringback.schemas.keys import HANDLERS_GROUP
from ringback.workers.intake import leases
from ringback.workers.runtime import Runtime

# Given back: idle for so long that anyone may take it over at once.
_GIVEN_BACK_MS: Final = 24 * 3600 * 1000
_AT_ONCE: Final = 1000

# One call, so that what another worker takes over meanwhile is not taken from it again.
_CLAIM_HELD: Final = """
local events, group, consumer, idle_ms = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local held = redis.call('XPENDING', events, group, ARGV[4], ARGV[5], ARGV[6], consumer)
if #held == 0 then return end
local claim = {'XCLAIM', events, group, consumer, 0}
for _, entry in ipairs(held) do table.insert(claim, entry[1]) end
for _, option in ipairs({'IDLE', idle_ms, 'JUSTID'}) do table.insert(claim, option) end
redis.call(unpack(claim))
"""


def refresh(run: Runtime) -> None:
    """Say that what this worker has in its hands is still being worked on. Raises RedisError."""
    _claim_held(run, 0)
    leases.renew(run)


def let_go(run: Runtime) -> None:
    """Give back whatever this worker has in its hands: its horse is no more. Raises RedisError."""
    _claim_held(run, _GIVEN_BACK_MS)
    leases.let_go(run)


def give_back(run: Runtime, entry_ids: Sequence[str]) -> None:
    """Let anyone take these entries over at once; they are in the order of the stream. Raises RedisError."""
    _claim_held(run, _GIVEN_BACK_MS, entry_ids[0], entry_ids[-1])


def holds(run: Runtime, entry_id: str) -> bool:
    """Tell whether this worker holds an entry. Raises RedisError."""
    return bool(run.redis.xpending_range(run.keys.events, HANDLERS_GROUP, entry_id, entry_id, 1, run.consumer))


def _claim_held(run: Runtime, idle_ms: int, first: str = "-", last: str = "+") -> None:
    """Set for how long what this worker holds has been idle."""
    arguments = [HANDLERS_GROUP, run.consumer, str(idle_ms), first, last, str(_AT_ONCE)]
    run.redis.eval(_CLAIM_HELD, 1, run.keys.events, *arguments)
