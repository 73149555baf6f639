"""Permissions: may the Redis user of RINGBACK_REDIS_URL run what Ringback and RQ need (docs/security.md has the rule).

Asked by queueing each command in a transaction that is then discarded: Redis refuses a command, a key or a channel that
the user may not use when it is queued, and nothing is run.
"""

from typing import Final

from redis import Redis
from redis.exceptions import NoPermissionError

from ringback.schemas.keys import EVENTS_QUEUE, HANDLERS_GROUP, Keys

RULE: Final = "~{prefix}:* &{prefix}:* +@all -@admin -@dangerous"
"""What an ACL must allow, as in `ACL SETUSER name on >password …`."""


def missing(client: Redis, keys: Keys) -> str | None:
    """Return in one line what the user lacks, and the rule to write; None if it lacks nothing. Raises RedisError."""
    denied = _denied(client, keys)
    if not denied:
        return None
    rule = RULE.format(prefix=keys.prefix)
    return f"this Redis user may not {', '.join(denied)}; write ACL SETUSER <user> {rule} (docs/security.md)"


def _denied(client: Redis, keys: Keys) -> list[str]:
    connection = client.connection_pool.get_connection()
    commands, channels, names = list[str](), False, False
    try:
        connection.send_command("MULTI")  # type: ignore[no-untyped-call]
        connection.read_response()
        for command in _commands(keys):
            connection.send_command(*command)  # type: ignore[no-untyped-call]
            try:
                connection.read_response()
            except NoPermissionError as error:
                if "channel" in str(error):
                    channels = True
                elif " key" in str(error):
                    names = True
                else:
                    commands.append(" ".join(command[: 2 if command[0] in _CONTAINERS else 1]))
        connection.send_command("DISCARD")  # type: ignore[no-untyped-call]
        connection.read_response()
    except NoPermissionError:
        connection.disconnect()  # type: ignore[no-untyped-call]
        commands = [*commands, "MULTI", "DISCARD"]
    except BaseException:
        connection.disconnect()  # type: ignore[no-untyped-call]
        raise
    finally:
        client.connection_pool.release(connection)
    return [
        *([f"run {', '.join(commands)}"] if commands else []),
        *([f"use the keys {keys.prefix}:*"] if names else []),
        *([f"use the channels {keys.prefix}:*"] if channels else []),
    ]


_CONTAINERS: Final = ("XGROUP", "XINFO", "SCRIPT", "CLIENT")


def _commands(keys: Keys) -> list[tuple[str, ...]]:
    """Return a command of each kind that is used, on a key of ours."""
    key, stream, group, channel = keys.rq_queue(EVENTS_QUEUE), keys.events, HANDLERS_GROUP, f"{keys.rq_prefix}:pubsub:x"
    return [
        ("GET", key), ("SET", key, ""), ("DEL", key), ("EXISTS", key), ("EXPIRE", key, "1"), ("PEXPIRE", key, "1"),
        ("PERSIST", key), ("PTTL", key), ("TIME",), ("PING",), ("WAIT", "0", "1"),
        ("HGET", key, "x"), ("HGETALL", key), ("HSET", key, "x", ""), ("HDEL", key, "x"), ("HEXISTS", key, "x"),
        ("HINCRBY", key, "x", "1"), ("HINCRBYFLOAT", key, "x", "1"), ("HRANDFIELD", key),
        ("HKEYS", key), ("HMGET", key, "x"),
        ("BLPOP", key, "1"), ("LLEN", key), ("LPOP", key), ("LPUSH", key, "x"), ("LRANGE", key, "0", "1"),
        ("LREM", key, "1", "x"), ("LTRIM", key, "0", "1"),
        ("RPUSH", key, "x"), ("SADD", key, "x"), ("SCARD", key), ("SMEMBERS", key), ("SREM", key, "x"),
        ("ZADD", key, "1", "x"), ("ZCARD", key), ("ZRANGE", key, "0", "1"), ("ZRANGEBYSCORE", key, "0", "1"),
        ("ZREM", key, "x"), ("ZREMRANGEBYSCORE", key, "0", "1"), ("ZSCORE", key, "x"),
        ("XADD", stream, "*", "x", ""), ("XLEN", stream), ("XRANGE", stream, "-", "+"), ("XREVRANGE", stream, "+", "-"),
        ("XREAD", "STREAMS", stream, "0"), ("XREADGROUP", "GROUP", group, "x", "STREAMS", stream, ">"),
        ("XACK", stream, group, "1-1"), ("XCLAIM", stream, group, "x", "1", "1-1"), ("XPENDING", stream, group),
        ("XDEL", stream, "1-1"), ("XTRIM", stream, "MINID", "0"), ("XGROUP", "CREATE", stream, group, "0"),
        ("XINFO", "STREAM", stream), ("XINFO", "GROUPS", stream), ("XINFO", "CONSUMERS", stream, group),
        ("EVAL", "return 1", "0"), ("EVALSHA", "-", "0"), ("SCRIPT", "LOAD", "return 1"), ("SCRIPT", "EXISTS", "-"),
        ("PUBLISH", channel, ""), ("SUBSCRIBE", channel), ("CLIENT", "SETNAME", "x"),
    ]  # fmt: skip
