"""Now: runs that wait for their time are due at once, and runs that are held back are let go."""

from collections.abc import Collection
from typing import Final, cast

from redis import Redis

from ringback.reading.waiting_runs import HANDLER_OF, WaitingRuns
from ringback.schemas.keys import Keys
from ringback.workers.handling.drain import ring
from ringback.workers.handling.standing import Standing
from ringback.workers.scripts.lua import NOW

_AT_ONCE: Final = 500
# From the end that nothing is taken from meanwhile. ARGV: the first of those that are due later than now, how many,
# '1' to count them only, handlers. Returns how many were looked at, and how many of these are due now, or would be.
_DUE_NOW: Final = f"""{NOW}{HANDLER_OF}
local wanted, runs = {{}}, {{}}
for i = 4, #ARGV do wanted[ARGV[i]] = true end
local later = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', '(' .. now, 'LIMIT', ARGV[1], ARGV[2])
for _, record in ipairs(later) do
  if #ARGV == 3 or wanted[handler_of(record)] then
    table.insert(runs, now)
    table.insert(runs, record)
  end
end
if #runs > 0 and ARGV[3] ~= '1' then redis.call('ZADD', KEYS[1], 'XX', unpack(runs)) end
return {{#later, #runs / 2}}
"""


def due_now(redis: Redis, keys: Keys, handlers: Collection[str] = (), *, dry_run: bool = False) -> int:
    """Let the runs that wait be due now; `handlers`: only of these, by all the names that they have had; none: of all.

    Runs that are held back are let go too, where the handler is neither paused nor set aside. Returns how many runs
    these are. Each page is one step for Redis, so two who ask at once do no harm.
    """
    count = _later(redis, keys, handlers, dry_run=dry_run) + _held(redis, keys, handlers, dry_run=dry_run)
    if count and not dry_run:
        ring(redis, keys)
    return count


def _later(redis: Redis, keys: Keys, handlers: Collection[str], *, dry_run: bool) -> int:
    count, start, looked_at = 0, 0, _AT_ONCE
    while looked_at == _AT_ONCE:
        arguments = [str(start), str(_AT_ONCE), "1" if dry_run else "0", *handlers]
        looked_at, fitting = cast("tuple[int, int]", redis.eval(_DUE_NOW, 1, keys.due, *arguments))
        count += fitting
        start += looked_at if dry_run else looked_at - fitting
    return count


def _held(redis: Redis, keys: Keys, handlers: Collection[str], *, dry_run: bool) -> int:
    standing = Standing(redis, keys)
    standing.look()
    count = 0
    for name, held in WaitingRuns(redis, keys).held().items():
        if (handlers and name not in handlers) or not standing.may_run(name, probe=False):
            continue
        left = held  # what is held again meanwhile is not let go of again
        while left > 0 and (
            released := min(left, _AT_ONCE) if dry_run else standing.release(name, min(left, _AT_ONCE))
        ):
            left -= released
        count += held - left
    return count
