"""Health: is Redis set up as the promises need it, does someone work, does anything pile up. A check a question.

`/readyz` shows them, and `ringback doctor`.
"""

import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol, cast

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from ringback.receiver.admin.check import Check, Grade, ok_if
from ringback.receiver.admin.replication import replication_checks
from ringback.schemas.backlog import Backlog
from ringback.schemas.keys import EVENTS_QUEUE, VOICE_QUEUE, Keys
from ringback.schemas.settings import Settings

_REDIS: Final = "redis"
# The versions that the tests run on (CONTRIBUTING.md). Every server also names the Redis that it is compatible with.
_RUN_WITH: Final = {"Redis": (7, 0), "Valkey": (9, 1)}
_OLDEST_REDIS: Final = (7, 0)
_MOST_SKEW_S: Final = 2.0
_SEEN_LATELY_S: Final = 90  # a worker that waits for a job gives a sign of life each 5 s, a busy one each 10 s


class SpoolState(Protocol):
    """What waits in a spool, or in several: events and for how long the oldest, those put aside, unusable requests."""

    @property
    def depth(self) -> int: ...  # noqa: D102
    @property
    def age_s(self) -> float: ...  # noqa: D102
    @property
    def refused(self) -> int: ...  # noqa: D102
    @property
    def requests(self) -> int: ...  # noqa: D102


async def look(client: Redis, settings: Settings, spool: SpoolState | None) -> list[Check]:
    """Ask everything. What cannot be asked is a check that failed."""
    checks = []
    keys = settings.keys
    try:
        checks.extend(await redis_checks(client))
        checks.extend(await replication_checks(client, settings.wait_replicas))
        checks.append(await clock_check(client))
        checks.extend([await worker_check(client, keys, queue) for queue in (EVENTS_QUEUE, VOICE_QUEUE)])
        checks.append(lag_check(await backlog(client, keys), settings.ready_lag))
    except (RedisError, OSError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        checks.append(Check(_REDIS, Grade.BAD, reason, "see that RINGBACK_REDIS_URL names it and that it runs"))
    if spool is not None:
        checks.append(spool_check(spool))
    return checks


async def redis_checks(client: Redis) -> list[Check]:
    """Ask Redis whether it keeps what it is given. Raises RedisError, OSError."""
    try:
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.info("server")
            pipeline.info("persistence")
            pipeline.info("memory")
            server, persistence, memory = cast("list[dict[str, object]]", await pipeline.execute())
    except NoPermissionError:
        return [
            Check(
                _REDIS, Grade.UNKNOWN, "it answers; its user may not ask INFO, so whether it keeps things is not known",
                "ACL SETUSER <user> +info (+config|get for appendfsync), or ask who runs Redis; see deploy/valkey.conf",
            )
        ]  # fmt: skip
    return [
        version_check(server),
        _aof_check(persistence, await _config(client, "*append*")),
        _eviction_check(memory),
    ]


def version_check(server: Mapping[str, object]) -> Check:
    """Judge the server's version by `INFO server`: only what the tests run on is known to do."""
    name, version = "Redis", str(server.get("redis_version", "unknown"))
    compatible = _numbers(version)
    if "valkey_version" in server:
        name, version = "Valkey", str(server["valkey_version"])
    run_with = " and ".join(f"{one} {major}.{minor}" for one, (major, minor) in _RUN_WITH.items())
    if compatible is None or compatible < _OLDEST_REDIS:
        return Check(
            _REDIS, Grade.BAD, f"{name} {version}", f"Ringback needs Redis 7.0 or newer; {run_with} were tested"
        )
    if _numbers(version) != _RUN_WITH[name]:
        return Check(
            _REDIS, Grade.WARNING, f"{name} {version}: not tested with this version",
            f"{run_with} were tested: take one of them, or run Ringback's tests with yours (CONTRIBUTING.md)",
        )  # fmt: skip
    return Check(_REDIS, Grade.OK, f"{name} {version}")


def _numbers(version: str) -> tuple[int, int] | None:
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None


def _eviction_check(memory: Mapping[str, object]) -> Check:
    policy = str(memory.get("maxmemory_policy", "unknown"))
    used, most = (cast("int", memory.get(name, 0)) for name in ("used_memory", "maxmemory"))
    if policy == "noeviction" and most and used >= most:
        return Check(
            "eviction", Grade.BAD, f"noeviction, and the memory is full: {used} of {most} bytes",
            "CONFIG SET maxmemory to more, if the machine has it: until then nothing is stored, and no worker runs",
        )  # fmt: skip
    return Check(
        "eviction", ok_if(policy == "noeviction"), policy,
        "CONFIG SET maxmemory-policy noeviction: any other throws events away when memory is short",
    )  # fmt: skip


async def clock_check(client: Redis) -> Check:
    """Ask whether this machine's clock goes like the server's. Raises RedisError, OSError."""
    asked = time.time()
    seconds, micros = await client.time()
    # The server looked at its clock some time between the question and its answer.
    skew = (asked + time.time()) / 2 - (seconds + micros / 1e6)
    return Check(
        "clock", ok_if(abs(skew) <= _MOST_SKEW_S),
        f"{abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} Redis's",
        "let both machines set their clocks by NTP: the times of events go by this machine's",
    )  # fmt: skip


def _aof_check(persistence: Mapping[str, object], config: Mapping[str, str]) -> Check:
    def check(grade: Grade, detail: str, mend: str) -> Check:
        return Check("aof", grade, detail, mend and f"{mend}; see deploy/valkey.conf")

    if not persistence.get("aof_enabled"):
        return check(Grade.BAD, "off: a 200 does not outlive Redis", "CONFIG SET appendonly yes, and in its file")
    if persistence.get("aof_last_write_status", "ok") != "ok":
        return check(Grade.BAD, "the last write failed", "see Redis's log, and whether its disk is full")
    fsync = config.get("appendfsync")
    if fsync is None:
        return check(
            Grade.UNKNOWN, "on; CONFIG is not allowed here, so that nothing is known of appendfsync",
            "ask who runs Redis that appendfsync is always, and no-appendfsync-on-rewrite no",
        )  # fmt: skip
    if config.get("no-appendfsync-on-rewrite") == "yes":
        return check(
            Grade.BAD, f"on, appendfsync {fsync}, but not during a rewrite: a 200 then means nothing",
            "CONFIG SET no-appendfsync-on-rewrite no, and in its file",
        )  # fmt: skip
    mend = "CONFIG SET appendfsync always, and in its file: commits are grouped, so that it costs little"
    match fsync:
        case "always":
            return check(Grade.OK, "on, appendfsync always", "")
        case "everysec":
            lost = "a 200 may be lost within a second of a power failure"
            return check(Grade.WARNING, f"on, appendfsync {fsync}: {lost}", mend)
        case _:
            return check(Grade.BAD, f"on, appendfsync {fsync}: a 200 may be lost in a power failure", mend)


async def _config(client: Redis, pattern: str) -> dict[str, str]:
    """Read the server's configuration; nothing where that is not allowed, as with most managed ones."""
    try:
        found = cast("Mapping[bytes | str, bytes | str]", await client.config_get(pattern))
    except ResponseError:
        return {}
    return {_text(name): _text(value) for name, value in found.items()}


async def worker_check(client: Redis, keys: Keys, queue: str) -> Check:
    """Ask whether a worker of a queue has given a sign of life lately. Raises RedisError, OSError."""
    count = await workers_seen(client, keys, queue)
    return Check(
        f"workers:{queue}", ok_if(count > 0), f"{count} seen in the last {_SEEN_LATELY_S} s",
        f"run `ringback work --queues {queue}`",
    )  # fmt: skip


async def workers_seen(client: Redis, keys: Keys, queue: str) -> int:
    """Count the workers of a queue that gave a sign of life lately. Raises RedisError, OSError."""
    names = [_text(name) for name in await client.smembers(keys.rq_workers(queue))]
    seconds, _ = await client.time()
    seen = 0
    for name in names:
        last = await client.hget(name, "last_heartbeat")
        if last is not None and seconds - _seconds(_text(last)) < _SEEN_LATELY_S:
            seen += 1
    return seen


async def backlog(client: Redis, keys: Keys) -> Backlog:
    """Ask how far the handlers are behind. Raises RedisError, OSError."""
    try:
        found = Backlog.of(await client.xinfo_groups(keys.events))
    except ResponseError:  # no event yet
        return Backlog()
    return found or Backlog(lag=int(await client.xlen(keys.events)))


def lag_check(behind: Backlog, most: int) -> Check:
    """Judge how far the handlers are behind."""
    known = "" if behind.lag is not None else " in workers' hands; how many wait beside them is not known"
    return Check(
        "lag", ok_if(behind.unhandled <= most), f"{behind.unhandled} events not handled{known}",
        "add workers (`ringback work --queues events,…`), or make the handlers quicker",
    )  # fmt: skip


def spool_check(spool: SpoolState) -> Check:
    """Judge the spool."""
    found = [f"{spool.depth} events, the oldest {spool.age_s:.0f} s"] if spool.depth else []
    if spool.refused:
        found.append(f"{spool.refused} events that Redis takes in no way")
    if spool.requests:
        found.append(f"{spool.requests} unusable requests")
    return Check(
        "spool",
        ok_if(not found),
        "; ".join(found) or "empty",
        "bring Redis back, or the replicas: it empties by itself then; what Redis takes in no way is tried again "
        "at the receiver's next start",
    )


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _seconds(timestamp: str) -> float:
    """Read RQ's time stamps."""
    return datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()
