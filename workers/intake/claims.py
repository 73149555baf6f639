"""Claims: which entries a worker holds. Its parent keeps them fresh, and lets go of what a horse died with.

A claim that was not refreshed for `RINGBACK_CLAIM_IDLE` is that of a dead worker: anyone may take it over.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

import structlog
from redis.client import Pipeline

from ringback.schemas.keys import HANDLERS_GROUP, Keys
from ringback.workers.intake import leases
from ringback.workers.intake.entry import Entry
from ringback.workers.runtime import Runtime

log = structlog.get_logger()

NEXT: Final = "next"
"""A consumer that is no worker: it holds what a worker has left unbegun, for whoever comes."""

# Let go of: idle for so long that anyone may take it over at once.
_LONG_AGO_MS: Final = 24 * 3600 * 1000
_AT_ONCE: Final = 1000

# One call, so that what another worker takes over meanwhile is not taken from it again.
_CLAIM_HELD: Final = """
for _, stream in ipairs(KEYS) do
  local held = redis.call('XPENDING', stream, ARGV[1], '-', '+', ARGV[4], ARGV[2])
  if #held > 0 then
    local claim = {'XCLAIM', stream, ARGV[1], ARGV[2], 0}
    for _, entry in ipairs(held) do table.insert(claim, entry[1]) end
    for _, option in ipairs({'IDLE', ARGV[3], 'JUSTID'}) do table.insert(claim, option) end
    redis.call(unpack(claim))
  end
end
"""
# ARGV: group, worker, who is to hold them, for how long they are idle then (ms), entries. It runs in transactions too,
# in which nothing may fail.
_HAND_ON: Final = """
for i = 5, #ARGV do
  if #redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) > 0 then
    redis.pcall('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, ARGV[i], 'IDLE', ARGV[4], 'JUSTID')
  end
end
"""
# `alone` is one worker's turn to run what others have died with.
_KEEP_TURN: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end"
_END_TURN: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


def stream_of(keys: Keys, entry: Entry) -> str:
    """Return the stream that an entry is of."""
    return keys.due_taken if entry.is_due else keys.events


def refresh(run: Runtime) -> None:
    """Say that what this worker has in its hands is still being worked on. Raises RedisError."""
    _claim_held(run, 0)
    run.redis.eval(_KEEP_TURN, 1, run.keys.alone, run.consumer, str(run.claim_idle_ms))
    leases.renew(run)


def let_go(run: Runtime) -> None:
    """Let go of whatever this worker has in its hands: its horse is no more. Raises RedisError."""
    _claim_held(run, _LONG_AGO_MS)
    end_turn(run)
    leases.let_go(run)


def let_go_of_all_but(run: Runtime, entries: Iterable[Entry]) -> None:
    """Let go of what this worker holds and has not in its hands, for whoever runs what workers died with.

    That is what Redis has given it in a reply that was lost, or what an earlier horse died with while Redis could not
    be told. Its parent would keep it claimed for as long as it lives. Raises RedisError.
    """
    in_hand = {(stream_of(run.keys, entry), entry.id) for entry in entries}
    for stream in (run.keys.events, run.keys.due_taken):
        held = run.redis.xpending_range(stream, HANDLERS_GROUP, "-", "+", _AT_ONCE, run.consumer)
        ids = [
            one["message_id"]
            for one in cast("list[dict[str, Any]]", held)
            if one["time_since_delivered"] < run.claim_idle_ms  # else it is let go of already
        ]
        if unheard := [entry_id for entry_id in ids if (stream, entry_id.decode()) not in in_hand]:
            log.warning("claim.unheard", count=len(unheard))
            by = (HANDLERS_GROUP, run.consumer, run.consumer, str(_LONG_AGO_MS))
            run.redis.eval(_HAND_ON, 1, stream, *by, *unheard)


def leave(pipeline: Pipeline, run: Runtime, entries: Sequence[Entry]) -> None:
    """Leave entries to whoever comes, in the caller's transaction, as far as this worker holds them."""
    for is_due, stream in ((False, run.keys.events), (True, run.keys.due_taken)):
        if ids := [entry.id for entry in entries if entry.is_due is is_due]:
            pipeline.eval(_HAND_ON, 1, stream, HANDLERS_GROUP, run.consumer, NEXT, "0", *ids)


def holds(run: Runtime, entry: Entry) -> bool:
    """Whether this worker holds an entry. Raises RedisError."""
    stream = stream_of(run.keys, entry)
    return bool(run.redis.xpending_range(stream, HANDLERS_GROUP, entry.id, entry.id, 1, run.consumer))


def take_turn(run: Runtime) -> bool:
    """Take the turn to run what others have died with, if nobody has it. Raises RedisError."""
    return bool(run.redis.set(run.keys.alone, run.consumer, nx=True, px=run.claim_idle_ms))


def end_turn(run: Runtime) -> None:
    """End the turn, if this worker has it. Raises RedisError."""
    run.redis.eval(_END_TURN, 1, run.keys.alone, run.consumer)


def _claim_held(run: Runtime, idle_ms: int) -> None:
    """Set for how long what this worker holds has been idle."""
    run.redis.eval(
        _CLAIM_HELD, 2, run.keys.events, run.keys.due_taken, HANDLERS_GROUP, run.consumer, str(idle_ms), str(_AT_ONCE)
    )
