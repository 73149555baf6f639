"""The queue: scripts that put sends into the outbox, settle them by proof or by hand, and let them wait again.

Each changes a send only from a state that allows it, so whoever is late changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple, cast

from redis import Redis
from redis.client import Pipeline

from ringback.outbox.draft import Draft
from ringback.outbox.record import SendRecord, SendState, UnreadableSendError, read_record
from ringback.schemas.keys import SENDER_GROUP, Keys

SENT_TTL_S: Final = 72 * 3600
"""How long a message id leads to its send, and a send is known once its fate is: reports come for 36 h."""
REFUSED_TTL_S: Final = 15 * 24 * 3600
"""How long one that was refused is known: longer than its dead letter, which lets it be sent again."""

DIRECT_TTL_S: Final = 31 * 24 * 3600
"""How long a call that a handler makes once is known after the last look: longer than any pause between attempts."""

NOW: Final = """local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# Puts what one run has asked for into its lines. A run whose first send is known was put there before: it was committed
# twice. An entry that another has taken is no more there. What waits does not expire, however long it is paused.
TAKE_IN: Final = """
local function take_in(outbox, group, accounts, lines, line_of, sends, now, id, intents)
  redis.call('XACK', outbox, group, id)
  if redis.call('XDEL', outbox, id) == 0 or redis.call('EXISTS', sends .. intents[1]) == 1 then return end
  for i = 1, #intents, 3 do
    local ref, line, send = intents[i], intents[i + 1], intents[i + 2]
    redis.call('HSET', sends .. ref, 'state', 'queued', 'send', send, 'noted', string.match(id, '^%d+'))
    if redis.call('RPUSH', line_of .. line, ref) == 1 then
      local whose = string.match(line, '^(.*):[^:]*$')
      redis.call('ZADD', lines .. whose, now, line)
      redis.call('SADD', accounts, whose)
    end
  end
end
"""

# KEYS: outbox, accounts, what the sorted sets of lines, the lists of lines, and the keys of sends begin with. ARGV:
# group, how many entries at most. Returns how many it has taken in.
_TAKE_ALL_IN: Final = f"""{NOW}{TAKE_IN}
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[2])
local count = 0
for _, entry in ipairs(entries) do
  local intents, fields = {{}}, entry[2]
  for i = 2, #fields, 2 do intents[#intents + 1] = fields[i] end
  if #intents % 3 == 0 then
    take_in(KEYS[1], ARGV[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], now, entry[1], intents)
    count = count + 1
  end
end
return count
"""
_AT_ONCE: Final = 500

# KEYS: outbox; a key without which nothing is added. ARGV: of each run: how many parts its sends have, and these.
_ADD: Final = """
if KEYS[2] and redis.call('EXISTS', KEYS[2]) == 0 then return end
local at = 1
while at < #ARGV do
  local count = tonumber(ARGV[at])
  if count == 3 then
    redis.call('XADD', KEYS[1], '*', 'ref', ARGV[at + 1], 'line', ARGV[at + 2], 'send', ARGV[at + 3])
  else
    local fields = {}
    for i = 1, count do
      fields[2 * i - 1] = ({'send', 'ref', 'line'})[i % 3 + 1] .. math.ceil(i / 3)
      fields[2 * i] = ARGV[at + i]
    end
    redis.call('XADD', KEYS[1], '*', unpack(fields))
  end
  at = at + 1 + count
end
"""

# KEYS: outbox, what the keys of sends begin with, open, doubt, what the keys of message ids begin with. ARGV: how long
# a send is known (s); then of each: ref, account, message id, session id ('' for none). Returns how many were settled.
# Of a direct call no event is told: its handler comes back for the result.
_PROVE: Final = f"""{NOW}
local count = 0
for i = 2, #ARGV, 4 do
  local ref, key = ARGV[i], KEYS[2] .. ARGV[i]
  local state, send = unpack(redis.call('HMGET', key, 'state', 'send'))
  if send and (state == 'claimed' or state == 'in_doubt' or state == 'queued') then
    local draft = cjson.decode(send)
    if draft.account == ARGV[i + 1] then
      redis.call('HSET', key, 'state', 'accepted', 'at', now)
      redis.call('HDEL', key, 'error')
      if ARGV[i + 2] ~= '' then
        redis.call('HSET', key, 'message_id', ARGV[i + 2])
        local sent = KEYS[5] .. draft.provider .. ':' .. draft.account .. ':' .. ARGV[i + 2]
        redis.call('SET', sent, ref, 'EX', ARGV[1])
      end
      if ARGV[i + 3] ~= '' then redis.call('HSET', key, 'session_id', ARGV[i + 3]) end
      redis.call('EXPIRE', key, draft.kind == 'direct' and {DIRECT_TTL_S} or ARGV[1])
      redis.call('ZREM', KEYS[4], ref)
      if state ~= 'claimed' and draft.kind ~= 'direct' then
        redis.call('ZADD', KEYS[3], now, ref)
        redis.call('XADD', KEYS[1], '*', 'ref', ref)
      end
      count = count + 1
    end
  end
end
return count
"""

# KEYS: outbox, the send, doubt, open, accounts, what the sorted sets and the lists of lines begin with. ARGV: ref, the
# state that it must be in, that which it is to be in, its draft, how long it is known (s), its line. Queued again, it
# waits behind what is in its line; else its event is told. A direct call's handler comes back for it.
_MOVE: Final = f"""{NOW}
if redis.call('HGET', KEYS[2], 'state') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], 'state', ARGV[3], 'send', ARGV[4], 'at', now)
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('ZREM', KEYS[3], ARGV[1])
if cjson.decode(ARGV[4]).kind == 'direct' then
  redis.call('EXPIRE', KEYS[2], {DIRECT_TTL_S})
  return 1
end
if ARGV[3] == 'queued' then
  redis.call('PERSIST', KEYS[2])
  redis.call('HDEL', KEYS[2], 'attempts', 'error')
  if redis.call('RPUSH', KEYS[7] .. ARGV[6], ARGV[1]) == 1 then
    local whose = string.match(ARGV[6], '^(.*):[^:]*$')
    redis.call('ZADD', KEYS[6] .. whose, now, ARGV[6])
    redis.call('SADD', KEYS[5], whose)
  end
elseif ARGV[3] ~= 'dropped' then
  redis.call('ZADD', KEYS[4], now, ARGV[1])
end
redis.call('XADD', KEYS[1], '*', 'ref', ARGV[1])  -- which wakes the sender
return 1
"""

# KEYS: an account's opt-outs. ARGV: of each: who and whom, `stop` or `start`, when. What is older changes nothing.
_NOTE_OPT_OUT: Final = """
for i = 1, #ARGV, 3 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  if not known or string.match(known, ' (.*)') <= ARGV[i + 2] then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. ' ' .. ARGV[i + 2])
  end
end
"""


class SendStateError(Exception):
    """A send is not in a state in which that can be done with it. The words say in which it is, and what can be."""


class Intent(NamedTuple):
    """One send that was asked for: its ref, its line, and its draft as it waits."""

    ref: str
    line: str
    send: str

    @classmethod
    def of(cls, ref: str, draft: Draft) -> "Intent":
        """Make one of a draft."""
        return cls(ref, draft.line, draft.dump())


@dataclass(frozen=True, slots=True)
class Proof:
    """What a callback, or a list of the provider's, says: this send was accepted, under this id."""

    ref: str
    account: str
    message_id: str | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class OptOut:
    """Who (`theirs`) wrote to whom (`ours`) that they want no more (`is_stop`), or want again. `at`: RFC 3339, UTC."""

    account: str
    ours: str
    theirs: str
    at: str
    is_stop: bool = True


def add(pipeline: Pipeline, keys: Keys, runs: Iterable[Sequence[Intent]], *, alive: str | None = None) -> None:
    """Put what runs have asked for into the outbox, in the caller's transaction; `alive`: if this key is there.

    Written a second time, a run is found out when it is taken in, since this is done for each event that is replied to.
    """
    arguments: list[str] = []
    for run in runs:
        arguments.append(str(3 * len(run)))
        for intent in run:
            arguments += intent
    if arguments:
        names = (keys.outbox,) if alive is None else (keys.outbox, alive)
        pipeline.eval(_ADD, len(names), *names, *arguments)


def take_in(redis: Redis, keys: Keys) -> None:
    """Put what no sender has taken in yet into its lines, so that it can be listed and dropped."""
    names = (keys.outbox, keys.outbox_accounts, keys.outbox_lines, keys.outbox_line, keys.sends)
    while redis.eval(_TAKE_ALL_IN, len(names), *names, SENDER_GROUP, _AT_ONCE):
        pass


def prove(redis: Redis | Pipeline, keys: Keys, proofs: Sequence[Proof]) -> None:
    """Settle sends as accepted whose answer is not known; alone, or in the caller's transaction."""
    if proofs:
        arguments = [
            part for one in proofs for part in (one.ref, one.account, one.message_id or "", one.session_id or "")
        ]
        names = (keys.outbox, keys.sends, keys.outbox_open, keys.outbox_doubt, keys.sent)
        redis.eval(_PROVE, len(names), *names, SENT_TTL_S, *arguments)


def record_of(redis: Redis, keys: Keys, ref: str) -> SendRecord | None:
    """Return a send; None where it is not known, or no more. Raises UnreadableSendError."""
    stored = cast("dict[bytes, bytes]", redis.hgetall(keys.send(ref)))
    return read_record(ref, stored) if stored else None


def ref_of_message(redis: Redis, keys: Keys, provider: str, account: str, message_id: str) -> str | None:
    """Return the ref of the send that a message or call id belongs to; None where it is none of ours."""
    found = cast("bytes | None", redis.get(f"{keys.sent}{provider}:{account}:{message_id}"))
    return found.decode() if found else None


def again(redis: Redis, keys: Keys, ref: str) -> SendRecord:
    """Let a send go out once more that was refused, expired, dropped or is in doubt. Its time to live is over.

    Returns it as it was. Raises SendStateError.
    """
    record = _in_state(
        redis, keys, ref, SendState.REFUSED, SendState.EXPIRED, SendState.DROPPED, SendState.IN_DOUBT,
        fix="only what was refused, expired, dropped or is in doubt can be sent again",
    )  # fmt: skip
    _move(redis, keys, record, SendState.QUEUED, replace(record.draft, expires_at=None))
    return record


def not_sent(redis: Redis, keys: Keys, ref: str) -> SendRecord:
    """Let a send go out that was in doubt, and that the provider shows not to have got. Raises SendStateError."""
    record = _in_state(redis, keys, ref, SendState.IN_DOUBT, fix="only what is in doubt can be proven")
    _move(redis, keys, record, SendState.QUEUED, record.draft)
    return record


def settle(redis: Redis, keys: Keys, ref: str, state: SendState, message_id: str | None = None) -> SendRecord:
    """Settle by hand a send that is in doubt, as accepted or refused; its event is told. Raises SendStateError."""
    record = _in_state(redis, keys, ref, SendState.IN_DOUBT, fix="only what is in doubt can be settled")
    if state is SendState.ACCEPTED:
        prove(redis, keys, [Proof(ref, record.draft.account, message_id)])
    else:
        _move(redis, keys, record, SendState.REFUSED, record.draft)
    return record


def drop(redis: Redis, keys: Keys, ref: str) -> SendRecord:
    """Let a send be sent no more that waits, was refused, expired or is in doubt. Raises SendStateError."""
    record = _in_state(
        redis, keys, ref, SendState.QUEUED, SendState.REFUSED, SendState.EXPIRED, SendState.IN_DOUBT,
        fix="only what waits, was refused, expired or is in doubt can be dropped",
    )  # fmt: skip
    _move(redis, keys, record, SendState.DROPPED, record.draft)
    return record


def pause(redis: Redis, keys: Keys, account: str, since: datetime) -> bool:
    """Let an account send nothing until `resume`. Return whether it did before."""
    return bool(redis.hsetnx(keys.outbox_paused, account, since.isoformat().replace("+00:00", "Z")))


def resume(redis: Redis, keys: Keys, account: str) -> bool:
    """Let an account send again. Return whether it was paused."""
    return bool(redis.hdel(keys.outbox_paused, account))


def note_opt_outs(redis: Redis | Pipeline, keys: Keys, noted: Iterable[OptOut]) -> None:
    """Note who wants to be texted no more, or again; alone, or in the caller's transaction."""
    for one in noted:
        said = "stop" if one.is_stop else "start"
        redis.eval(_NOTE_OPT_OUT, 1, keys.optouts + one.account, f"{one.ours} {one.theirs}", said, one.at)


def _in_state(redis: Redis, keys: Keys, ref: str, *states: SendState, fix: str) -> SendRecord:
    try:
        record = record_of(redis, keys, ref)
    except UnreadableSendError as error:
        raise SendStateError(f"{error}; use the version that wrote it") from None
    if record is None:
        raise SendStateError(f"there is no send {ref}; `ringback sends ls` lists them")
    if record.state not in states:
        raise SendStateError(f"the send {ref} is {record.state.value}; {fix}")
    return record


def _move(redis: Redis, keys: Keys, record: SendRecord, state: SendState, draft: Draft) -> None:
    names = (
        keys.outbox, keys.send(record.ref), keys.outbox_doubt, keys.outbox_open, keys.outbox_accounts,
        keys.outbox_lines, keys.outbox_line,
    )  # fmt: skip
    known_s = REFUSED_TTL_S if state is SendState.REFUSED else SENT_TTL_S
    done = redis.eval(
        _MOVE, len(names), *names, record.ref, record.state.value, state.value, draft.dump(), known_s, draft.line
    )
    if not done:
        raise SendStateError(f"the send {record.ref} is no more {record.state.value}; look again")
