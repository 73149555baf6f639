"""Slots: calls that handlers make themselves, once each, by a key. A slot is a send of the kind `direct`, in its hash.

It is claimed before the request goes out. Who finds it claimed, or in doubt, sends nothing; who finds it accepted is
given what the provider has answered.
"""

from dataclasses import dataclass, field
from typing import Final, cast

from redis import Redis

from ringback.clients.exchange import ProviderAnswer
from ringback.outbox.draft import Draft
from ringback.outbox.queue import DIRECT_TTL_S, NOW, SENT_TTL_S
from ringback.outbox.record import SendRecord, read_record
from ringback.schemas.keys import Keys

# KEYS: the send, direct, doubt. ARGV: ref, draft, who claims it, ms after which nobody ends it, how long it is known
# (s). Returns nothing where it was free, else its hash. Whoever comes while it is claimed comes after the run that has
# claimed it: that is dead, or its time was up.
_CLAIM: Final = f"""{NOW}
local state, by = unpack(redis.call('HMGET', KEYS[1], 'state', 'by'))
if state == 'claimed' and by == ARGV[3] then return {{}} end
if not state or state == 'queued' then
  redis.call('HSET', KEYS[1], 'state', 'claimed', 'send', ARGV[2], 'by', ARGV[3], 'noted', now, 'at', now)
  redis.call('PERSIST', KEYS[1])
  redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[1])
  return {{}}
end
if state == 'claimed' then
  redis.call('HSET', KEYS[1], 'state', 'in_doubt', 'at', now)
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZADD', KEYS[3], now, ARGV[1])
elseif state ~= 'in_doubt' then
  redis.call('EXPIRE', KEYS[1], ARGV[5])
end
return redis.call('HGETALL', KEYS[1])
"""

# KEYS: the send, direct, doubt. ARGV: ref, draft, how long the slot is known (s), then names and values. An answer that
# says that it was done counts whatever was thought meanwhile.
_ACCEPT: Final = f"""{NOW}
redis.call('HSET', KEYS[1], 'state', 'accepted', 'send', ARGV[2], 'at', now, unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
"""

# KEYS: the send, direct, doubt. ARGV: ref, who has claimed it.
_FREE: Final = """
local state, by = unpack(redis.call('HMGET', KEYS[1], 'state', 'by'))
if by == ARGV[2] and (state == 'claimed' or state == 'in_doubt') then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
"""

# KEYS: the send, direct, doubt. ARGV: ref, who has claimed it.
_DOUBT: Final = f"""{NOW}
local state, by = unpack(redis.call('HMGET', KEYS[1], 'state', 'by'))
if by == ARGV[2] then
  redis.call('ZREM', KEYS[2], ARGV[1])
  if state == 'claimed' then
    redis.call('HSET', KEYS[1], 'state', 'in_doubt', 'at', now)
    redis.call('ZADD', KEYS[3], now, ARGV[1])
  end
end
"""

# KEYS: direct, doubt, what the keys of sends begin with. ARGV: how many at most. Returns how many were claimed for
# longer than a call takes.
_OVERDUE: Final = f"""{NOW}
local late = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, ref in ipairs(late) do
  redis.call('ZREM', KEYS[1], ref)
  if redis.call('HGET', KEYS[3] .. ref, 'state') == 'claimed' then
    redis.call('HSET', KEYS[3] .. ref, 'state', 'in_doubt', 'at', now)
    redis.call('ZADD', KEYS[2], now, ref)
  end
end
return #late
"""
_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True)
class Found:
    """A slot that somebody has used before. `answer`: the provider's; None where it is not known."""

    record: SendRecord
    answer: ProviderAnswer | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Slot:
    """One call that is made once. `by`: who makes it, which no other run and no other process has."""

    redis: Redis = field(repr=False)
    keys: Keys
    ref: str
    draft: Draft
    by: str

    def claim(self, within_s: float) -> Found | None:
        """Claim it for a call of so many seconds; return who was here before, and then nothing may be sent.

        Raises RedisError, and UnreadableSendError.
        """
        listed = cast(
            "list[bytes]",
            self._run(_CLAIM, self.ref, self.draft.dump(), self.by, round(within_s * 1000), DIRECT_TTL_S),
        )
        if not listed:
            return None
        stored = dict(zip(listed[::2], listed[1::2], strict=True))
        answer = None
        if b"answer" in stored:
            answer = ProviderAnswer(
                int(stored[b"http_status"]), stored[b"content_type"].decode(errors="replace"), stored[b"answer"]
            )
        return Found(read_record(self.ref, stored), answer)

    def accept(self, answer: ProviderAnswer, message_id: str | None = None, session_id: str | None = None) -> None:
        """Keep the provider's answer, which says that it was done. Raises RedisError."""
        named: list[str | bytes | int] = [
            "http_status", answer.status, "content_type", answer.content_type, "answer", answer.body,
        ]  # fmt: skip
        for name, value in (("message_id", message_id), ("session_id", session_id)):
            if value:
                named += (name, value)
        self._run(_ACCEPT, self.ref, self.draft.dump(), DIRECT_TTL_S, *named)
        if message_id:
            named_by = f"{self.keys.sent}{self.draft.provider}:{self.draft.account}:{message_id}"
            self.redis.set(named_by, self.ref, ex=SENT_TTL_S)

    def free(self) -> None:
        """Let the next who comes make the call: the provider has done nothing. Raises RedisError."""
        self._run(_FREE, self.ref, self.by)

    def doubt(self) -> None:
        """Note that nobody knows whether it was done. Raises RedisError."""
        self._run(_DOUBT, self.ref, self.by)

    def _run(self, script: str, *arguments: str | bytes | int) -> object:
        names = (self.keys.send(self.ref), self.keys.outbox_direct, self.keys.outbox_doubt)
        return self.redis.eval(script, len(names), *names, *arguments)


def doubt_overdue(redis: Redis, keys: Keys) -> int:
    """Note as in doubt what was claimed for longer than a call takes: nobody comes back. Return how many.

    Raises RedisError.
    """
    names = (keys.outbox_direct, keys.outbox_doubt, keys.sends)
    return cast("int", redis.eval(_OVERDUE, len(names), *names, _AT_ONCE))
