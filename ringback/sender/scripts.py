"""The sender's scripts: what it takes from the outbox, and what it notes of a send's fate.

Only the one sender that leads takes anything or lets it wait again. What an answer says counts whoever had it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

from redis.asyncio import Redis

from ringback.outbox.queue import NOW, REFUSED_TTL_S, SENT_TTL_S, TAKE_IN
from ringback.outbox.record import SendRecord, SendState
from ringback.schemas.event_data import Cost, Error
from ringback.schemas.keys import SENDER_GROUP, Keys
from ringback.schemas.parts import to_json

LOOP_WINDOW_S: Final = 3600

_LEAD: Final = """
local leads = redis.call('GET', KEYS[1])
if leads and leads ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RESIGN: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

# KEYS: as `_names` has them. ARGV: the sender's name, its group, how many sends of handlers to one address an hour (0:
# any number), room where nothing else is said, how many entries were read; of each: id,
# how many parts its sends have, and these (ref, line, draft), or 0 and the ref of a send whose event is to be told;
# then of accounts: `<provider>:<account>`, how many sends there is room for. Returns whether it leads; what it has
# claimed: ref, line, verdict ('' if it may go out), hash; the sends whose event is to be told; ms until the next is due
# (-1: none is).
_TAKE: Final = f"""{NOW}{TAKE_IN}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {{0, {{}}, {{}}, -1}} end
local limit, default, at = tonumber(ARGV[3]), tonumber(ARGV[4]), 6
local tell, claimed, wait = {{}}, {{}}, -1
for _ = 1, tonumber(ARGV[5]) do
  local id, count, intents = ARGV[at], tonumber(ARGV[at + 1]), {{}}
  for i = 1, math.max(1, count) do intents[i] = ARGV[at + 1 + i] end
  at = at + 2 + #intents
  if count > 0 then
    take_in(KEYS[2], ARGV[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], now, id, intents)
  else
    tell[#tell + 1] = intents[1]
    redis.call('XACK', KEYS[2], ARGV[2], id)
    redis.call('XDEL', KEYS[2], id)
  end
end
local room = {{}}
for i = at, #ARGV, 2 do room[ARGV[i]] = tonumber(ARGV[i + 1]) end

local function verdict(draft, line, key)
  if draft.expires_at and draft.expires_at * 1000 < now then return 'expired' end
  if draft.kind ~= 'call' and draft.from_ then
    local said = redis.call('HGET', KEYS[10] .. draft.account, draft.from_ .. ' ' .. draft.to)
    if said and string.sub(said, 1, 5) == 'stop ' then return 'opted_out' end
  end
  if draft.handler and limit > 0 and redis.call('HSETNX', key, 'counted', 1) == 1 then
    local count = redis.call('INCR', KEYS[9] .. line)
    if count == 1 then redis.call('EXPIRE', KEYS[9] .. line, {LOOP_WINDOW_S}) end
    if count > limit then return 'loop' end
  end
  return ''
end

for _, whose in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  local lines, left = KEYS[4] .. whose, room[whose] or default
  if left > 0 and redis.call('HEXISTS', KEYS[8], string.match(whose, ':(.*)$')) == 0 then
    for _, line in ipairs(redis.call('ZRANGEBYSCORE', lines, '-inf', now, 'LIMIT', 0, left)) do
      local ref = redis.call('LINDEX', KEYS[5] .. line, 0)
      while ref and redis.call('HGET', KEYS[6] .. ref, 'state') ~= 'queued' do
        redis.call('LPOP', KEYS[5] .. line)
        ref = redis.call('LINDEX', KEYS[5] .. line, 0)
      end
      redis.call('ZREM', lines, line)
      if ref then
        local key = KEYS[6] .. ref
        local send = redis.call('HGET', key, 'send')
        redis.call('HSET', key, 'state', 'claimed', 'by', ARGV[1], 'at', now)
        redis.call('ZADD', KEYS[7], now, ref)
        local said = verdict(cjson.decode(send), line, key)
        claimed[#claimed + 1] = {{ref, line, said, redis.call('HGETALL', key)}}
      end
    end
    local due = redis.call('ZRANGE', lines, 0, 0, 'WITHSCORES')
    if #due == 0 then
      redis.call('SREM', KEYS[3], whose)
    else
      local later = math.max(0, tonumber(due[2]) - now)
      if wait < 0 or later < wait then wait = later end
    end
  end
end
return {{1, claimed, tell, wait}}
"""

# KEYS: as `_names` has them. ARGV: the sender's name, ref, line, the state that it is to be in, ms until it is due
# again, '1' if that was an attempt, how long it is known (s), message id, session id, then names and values of its
# hash. Returns its hash.
_DECIDE: Final = f"""{NOW}
local name, ref, line, state = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local key, whose = KEYS[6] .. ref, string.match(line, '^(.*):[^:]*$')
local was, by = unpack(redis.call('HMGET', key, 'state', 'by'))
local own = was == 'claimed' and by == name
if state == 'queued' then
  if own and redis.call('GET', KEYS[1]) == name then
    redis.call('HSET', key, 'state', 'queued', 'at', now, unpack(ARGV, 10))
    if ARGV[6] == '1' then redis.call('HINCRBY', key, 'attempts', 1) end
    redis.call('ZREM', KEYS[7], ref)
    redis.call('ZADD', KEYS[4] .. whose, now + ARGV[5], line)
    redis.call('SADD', KEYS[3], whose)
  end
  return redis.call('HGETALL', key)
end
if own or (state == 'accepted' and (was == 'claimed' or was == 'queued' or was == 'in_doubt')) then
  redis.call('HSET', key, 'state', state, 'at', now, unpack(ARGV, 10))
  if state == 'in_doubt' then
    redis.call('PERSIST', key)
    redis.call('ZADD', KEYS[11], now, ref)
  else
    redis.call('EXPIRE', key, ARGV[7])
    redis.call('ZREM', KEYS[11], ref)
  end
  if state == 'accepted' then redis.call('HDEL', key, 'error') end
  if state == 'accepted' and ARGV[8] ~= '' then
    redis.call('HSET', key, 'message_id', ARGV[8])
    redis.call('SET', KEYS[12] .. whose .. ':' .. ARGV[8], ref, 'EX', {SENT_TTL_S})
  end
  if ARGV[9] ~= '' then redis.call('HSET', key, 'session_id', ARGV[9]) end
end
if redis.call('LINDEX', KEYS[5] .. line, 0) == ref then
  redis.call('LPOP', KEYS[5] .. line)
  if redis.call('LLEN', KEYS[5] .. line) > 0 then
    redis.call('ZADD', KEYS[4] .. whose, now, line)
    redis.call('SADD', KEYS[3], whose)
  end
end
return redis.call('HGETALL', key)
"""

# KEYS: as `_names` has them. ARGV: the sender's name. Makes what an earlier sender has claimed its own. Returns the
# refs of all that is open, and of what was its own before.
_INHERIT: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {{}, {}} end
local refs, own = redis.call('ZRANGE', KEYS[7], 0, -1), {}
for _, ref in ipairs(refs) do
  local state, by = unpack(redis.call('HMGET', KEYS[6] .. ref, 'state', 'by'))
  if state == 'claimed' then
    if by == ARGV[1] then own[#own + 1] = ref else redis.call('HSET', KEYS[6] .. ref, 'by', ARGV[1]) end
  end
end
return {refs, own}
"""

Flat = Sequence[bytes]


class OutboxEntry(NamedTuple):
    """An entry of the outbox: of each send of a run ref, line and draft; or a ref alone, whose event is to be told."""

    id: bytes
    parts: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A send that is to go out now, or by its verdict not at all. `stored`: its hash."""

    ref: str
    line: str
    verdict: str
    stored: Mapping[bytes, bytes]


class Taken(NamedTuple):
    """What was taken. `tell`: the sends whose event is to be told; `wait_s`: how long until the next is due."""

    leads: bool
    claims: list[Claim]
    tell: list[str]
    wait_s: float | None


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a send, as it is noted.

    `due_s`: seconds until it is tried again, if it is queued; `is_attempt`: whether that counts. `send`: its draft, if
    it is kept otherwise than it was.
    """

    state: SendState
    due_s: float = 0.0
    is_attempt: bool = False
    message_id: str | None = None
    session_id: str | None = None
    error: Error | None = None
    segments: int | None = None
    cost: Cost | None = None
    send: str | None = None

    @property
    def fields(self) -> Iterable[str]:
        """Names and values that its hash is to have."""
        named = {
            "send": self.send,
            "error": to_json(self.error).decode() if self.error else None,
            "segments": str(self.segments) if self.segments else None,
            "cost": to_json(self.cost).decode() if self.cost else None,
        }
        return [part for name, value in named.items() if value is not None for part in (name, value)]


class OutboxScripts:
    """The scripts, over one connection pool, under the name of one sender."""

    def __init__(self, redis: Redis, keys: Keys, name: str, *, loop_limit: int, known_s: int) -> None:
        self._redis = redis
        self._keys = keys
        self._name = name
        self._loop_limit = loop_limit
        self._known_s = max(known_s, SENT_TTL_S)
        self._lead, self._resign = redis.register_script(_LEAD), redis.register_script(_RESIGN)
        self._take, self._decide = redis.register_script(_TAKE), redis.register_script(_DECIDE)
        self._inherit = redis.register_script(_INHERIT)
        self._names = [
            keys.sender, keys.outbox, keys.outbox_accounts, keys.outbox_lines, keys.outbox_line, keys.sends,
            keys.outbox_open, keys.outbox_paused, keys.outbox_counts, keys.optouts, keys.outbox_doubt, keys.sent,
        ]  # fmt: skip

    async def lead(self, ttl_s: float) -> bool:
        """Take or keep the lead for so many seconds. Return whether this sender has it."""
        return bool(await self._lead(keys=[self._keys.sender], args=[self._name, round(ttl_s * 1000)]))

    async def replicated(self, ttl_s: float, replicas: int, wait_s: float) -> bool | None:
        """Whether so many replicas have what was claimed until now; None where another sender leads meanwhile.

        WAIT looks at what its own connection has written last, so the lead is renewed there: what was claimed before
        that is before it in the stream of writes.
        """
        async with self._redis.pipeline(transaction=False) as pipeline:
            await self._lead(keys=[self._keys.sender], args=[self._name, round(ttl_s * 1000)], client=pipeline)
            pipeline.execute_command("WAIT", replicas, round(wait_s * 1000))
            leads, count = cast("tuple[int, int]", await pipeline.execute())
        return count >= replicas if leads else None

    async def resign(self) -> None:
        """Let another lead."""
        await self._resign(keys=[self._keys.sender], args=[self._name])

    async def inherit(self) -> tuple[list[str], set[str]]:
        """Make what an earlier sender left open this one's own. Return the refs, and which it had claimed itself."""
        refs, own = cast("tuple[Flat, Flat]", await self._inherit(keys=self._names, args=[self._name]))
        return [ref.decode() for ref in refs], {ref.decode() for ref in own}

    async def take(self, entries: Sequence[OutboxEntry], room: Mapping[str, int], default_room: int) -> Taken:
        """Put entries into their lines, and claim as much as there is room for."""
        arguments: list[str | bytes | int] = [
            self._name, SENDER_GROUP, self._loop_limit, default_room, len(entries),
        ]  # fmt: skip
        for entry in entries:
            is_sends = len(entry.parts) > 1
            arguments += (
                entry.id,
                len(entry.parts) if is_sends else 0,
                *(entry.parts if is_sends else entry.parts[:1]),
            )
        arguments += [part for account, count in room.items() for part in (account, count)]
        leads, claimed, tell, wait = cast(
            "tuple[int, list[tuple[bytes, bytes, bytes, Flat]], Flat, int]",
            await self._take(keys=self._names, args=arguments),
        )
        claims = [
            Claim(ref.decode(), line.decode(), verdict.decode(), paired(stored))
            for ref, line, verdict, stored in claimed
        ]
        return Taken(bool(leads), claims, [ref.decode() for ref in tell], wait / 1000 if wait >= 0 else None)

    async def decide(self, ref: str, line: str, fate: Fate) -> Mapping[bytes, bytes]:
        """Note what became of a send, unless more is known of it already. Return its hash as it is then."""
        known_s = max(self._known_s, REFUSED_TTL_S) if fate.state is SendState.REFUSED else self._known_s
        arguments: list[str | int] = [
            self._name, ref, line, fate.state.value, round(fate.due_s * 1000), "1" if fate.is_attempt else "0",
            known_s, fate.message_id or "", fate.session_id or "", *fate.fields,
        ]  # fmt: skip
        if len(arguments) == _FIRST_FIELDS:
            arguments += ["by", self._name]  # HSET wants a pair where it is given none
        return paired(cast("Flat", await self._decide(keys=self._names, args=arguments)))

    async def ask_for_report(self, record: SendRecord, ask_s: float) -> None:
        """Let the last report of an SMS that was accepted be asked for, so long after that, unless it is to be."""
        draft = record.draft
        if record.state is SendState.ACCEPTED and draft.kind == "sms" and record.message_id and record.at is not None:
            key = f"{self._keys.awaiting}{draft.provider}:{draft.account}"
            due = round((record.at.timestamp() + ask_s) * 1000)
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.zadd(key, {record.ref: due}, nx=True)
                pipeline.expire(key, SENT_TTL_S)  # if nobody asks any more
                await pipeline.execute()

    async def told(self, ref: str) -> bool:
        """Note that the event of a send is stored. Return whether that was not noted before."""
        return bool(await self._redis.zrem(self._keys.outbox_open, ref))


_FIRST_FIELDS: Final = 9


def paired(flat: Flat) -> dict[bytes, bytes]:
    """Return a hash of names and values in turn."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
