"""The quarantine's bounds: each account may fill what no other needs, and loses its own requests before another's."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from redis import Redis

from ringback.receiver.commit.script import commit_client
from ringback.receiver.quarantine.keeping import Kept, Store
from ringback.schemas.keys import Keys

BESIDE = 512
"""Bytes that each entry counts beside its fields."""
FIELDS = len("/webhooks/x" + "a reason" + "POST" + "h: 1")


class Bench:
    """A quarantine of the test's own, of ten entries and 10,000 bytes."""

    def __init__(self, redis: Redis, keys: Keys, store: Store) -> None:
        self.redis = redis
        self.keys = keys
        self.store = store

    async def put(self, account: str, name: str, size: int = 0) -> bool:
        """Put in a request that counts so many bytes, the least there is if none are named."""
        body = name.encode().ljust(max(0, size - BESIDE - FIELDS), b".")
        return await self.store.put(kept(account, body))

    def left(self) -> list[str]:
        """Return what is in the stream."""
        return [fields[b"body"].decode().rstrip(".") for _, fields in self.entries()]

    def entries(self) -> list[tuple[bytes, dict[bytes, bytes]]]:
        return cast("list[tuple[bytes, dict[bytes, bytes]]]", self.redis.xrange(self.keys.quarantine))

    def evicted(self) -> dict[str, int]:
        found = cast("dict[bytes, bytes]", self.redis.hgetall(self.keys.quarantine_evicted))
        return {account.decode(): int(count) for account, count in found.items()}

    def held(self) -> dict[str, int]:
        found = cast("dict[bytes, bytes]", self.redis.hgetall(self.keys.quarantine_held))
        return {account.decode(): int(size) for account, size in found.items()}

    def truth(self) -> dict[str, int]:
        """Return what the accounts hold, by the stream itself."""
        sizes: dict[str, int] = {}
        for _, fields in self.entries():
            size = BESIDE + sum(len(fields[name]) for name in (b"path", b"reason", b"method", b"headers", b"body"))
            account = fields[b"account"].decode()
            sizes[account] = sizes.get(account, 0) + size
        return sizes


def kept(account: str, body: bytes) -> Kept:
    return Kept(account, "/webhooks/x", "a reason", "POST", b"h: 1", body, datetime(2026, 1, 2, tzinfo=UTC))


@pytest.fixture
async def bench(redis_url: str) -> AsyncIterator[Bench]:
    keys = Keys(f"t{secrets.token_hex(4)}")
    client = commit_client(redis_url)
    with Redis.from_url(redis_url) as redis:
        yield Bench(redis, keys, Store(client, keys, timedelta(hours=1), 10_000, 10))
    await client.aclose()


def names(account: str, upto: int, begin: int = 0) -> list[str]:
    return [f"{account}{number}" for number in range(begin, upto)]


@pytest.mark.parametrize(
    ("puts", "left", "evicted"),
    [
        pytest.param([("a", 10, 0)], names("a", 10), {}, id="one account fills it"),
        pytest.param([("a", 14, 0)], names("a", 14, 4), {"a": 4}, id="one account makes room for its own"),
        pytest.param(
            [("b", 1, 0), ("a", 30, 0)], ["b0", *names("a", 30, 21)], {"a": 21}, id="another's only request stays"
        ),
        pytest.param(
            [("a", 10, 0), ("b", 3, 0)], [*names("a", 10, 3), *names("b", 3)], {"a": 3},
            id="who holds most makes room for another",
        ),
        pytest.param(
            [("a", 10, 0), ("b", 9, 0)], [*names("a", 10, 5), *names("b", 9, 4)], {"a": 5, "b": 4},
            id="until both hold the same",
        ),
        pytest.param([("a", 7, 2000)], names("a", 7, 2), {"a": 2}, id="bytes are counted"),
        pytest.param(
            [("b", 2, 2000), ("a", 10, 700)], [*names("b", 2), *names("a", 10, 2)], {"a": 2},
            id="and are shared: many small ones",
        ),
        pytest.param(
            [("b", 5, 0), ("a", 2, 4000)], ["b0", "b1", "b2", "b3", "b4", "a1"], {"a": 1},
            id="and are shared: few large ones",
        ),
        pytest.param([("a", 2, 20_000)], ["a1"], {"a": 1}, id="one that is larger than all is kept alone"),
        pytest.param([("b", 2, 0), ("a", 1, 20_000)], ["a0"], {"b": 2}, id="and makes the others go"),
    ],
)  # fmt: skip
async def test_who_makes_room(
    bench: Bench, puts: list[tuple[str, int, int]], left: list[str], evicted: dict[str, int]
) -> None:
    for account, count, size in puts:
        for number in range(count):
            assert not await bench.put(account, f"{account}{number}", size)
    assert (bench.left(), bench.evicted()) == (left, evicted)
    assert bench.held() == bench.truth()


async def test_what_was_evicted_is_kept_again_when_it_is_repeated_and_what_is_there_is_not(bench: Bench) -> None:
    for name in names("a", 11):
        await bench.put("a", name)
    await bench.put("a", "a0")
    await bench.put("a", "a10")
    assert bench.left() == [*names("a", 11, 2), "a0"]
    marks = {bench.redis.exists(bench.keys.seen(kept("a", name.encode()).digest)) for name in ("a0", "a10")}
    assert (marks, bench.redis.exists(bench.keys.seen(kept("a", b"a1").digest))) == ({1}, 0)


async def test_what_is_removed_is_not_counted(bench: Bench) -> None:
    for name in (*names("a", 5), *names("b", 2)):
        await bench.put(name[0], name)
    chosen = [(entry.decode(), kept("a", fields[b"body"])) for entry, fields in bench.entries()[1:3]]
    assert await bench.store.remove(chosen, with_mark=False) == 2
    assert await bench.store.remove(chosen, with_mark=False) == 0
    assert (bench.left(), bench.held()) == (["a0", "a3", "a4", "b0", "b1"], bench.truth())
    await bench.put("a", "a1")
    assert bench.left() == ["a0", "a3", "a4", "b0", "b1"], "a repeat of what was dropped stays out"
    whole = [(entry.decode(), kept(fields[b"account"].decode(), fields[b"body"])) for entry, fields in bench.entries()]
    assert await bench.store.remove(whole, with_mark=True) == 5
    assert (bench.left(), bench.held()) == ([], {})
    await bench.put("a", "a0")
    assert bench.left() == ["a0"]
    assert not list(bench.redis.scan_iter(f"{bench.keys.quarantine_sets}b"))


def by_hand(bench: Bench, account: str, count: int) -> None:
    for number in range(count):
        bench.redis.xadd(
            bench.keys.quarantine,
            {"path": "/webhooks/y", "reason": "x", "method": "GET", "headers": "", "body": f"hand{number}",
             "account": account},
        )  # fmt: skip


@pytest.mark.parametrize("deleted", ["stream", "half", "oldest", "hash", "set", "all beside"])
async def test_what_somebody_changes_by_hand_is_counted_again(bench: Bench, deleted: str) -> None:
    for name in (*names("a", 6), *names("b", 3)):
        await bench.put(name[0], name)
    entries = [entry for entry, _ in bench.entries()]
    match deleted:
        case "stream":
            bench.redis.delete(bench.keys.quarantine)
        case "half":
            bench.redis.xdel(bench.keys.quarantine, *entries[::2])
        case "oldest":
            bench.redis.xtrim(bench.keys.quarantine, 2, approximate=False)
        case "hash":
            bench.redis.delete(bench.keys.quarantine_held)
        case "set":
            bench.redis.delete(f"{bench.keys.quarantine_sets}a")
        case "all beside":
            for key in bench.redis.scan_iter(f"{bench.keys.quarantine}:*"):
                bench.redis.delete(key)
    assert await bench.put("c", "c0"), "it is told that the two differ"
    await bench.store.heal()
    assert bench.held() == bench.truth()
    assert not await bench.put("c", "c1")
    for number in range(30):
        await bench.put("c", f"d{number}")
    assert len(bench.left()) == 10
    assert bench.held() == bench.truth()


async def test_what_was_there_before_has_its_share(bench: Bench) -> None:
    by_hand(bench, "old", 40)  # more than a page
    assert await bench.put("a", "a0")
    await bench.store.heal()
    assert not await bench.put("a", "a1")
    assert bench.left() == [*(f"hand{number}" for number in range(32, 40)), "a0", "a1"]
    assert bench.held() == bench.truth()


async def test_what_was_deleted_by_hand_makes_room_without_being_counted(bench: Bench) -> None:
    for name in names("a", 10):
        await bench.put("a", name)
    bench.redis.xdel(bench.keys.quarantine, *[entry for entry, _ in bench.entries()][:3])
    for name in names("b", 3):
        await bench.put("b", name)
    assert (bench.left(), bench.evicted()) == ([*names("a", 10, 3), *names("b", 3)], {})
