"""The spool's files: one a living process, and what they hold is counted."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from ringback.receiver.commit.spool import Spool, SpooledRequest, SpoolError
from tests.support.spool import bounds, waiting


def request(name: str, size: int = 1, account: str = "acme") -> SpooledRequest:
    return SpooledRequest(account, name, "x" * size)


@pytest.mark.parametrize(
    ("taken", "size", "refused"),
    [
        pytest.param(5, 1, "acme", id="half of the number"),
        pytest.param(1, 25, "acme", id="half of the bytes"),
    ],
)
async def test_unusable_requests_have_shares_too(tmp_path: Path, taken: int, size: int, refused: str) -> None:
    spool = Spool.open(tmp_path, bounds(100, is_shared=True))
    for number in range(taken):
        await spool.add_request(request(str(number), size))
    for _ in range(2):  # the same one once
        await spool.add_request(request("other", account="other"))
    with pytest.raises(SpoolError, match="of this account"):
        await spool.add_request(request("more", size, refused))
    await spool.close()
    again = Spool.open(tmp_path, bounds(100, is_shared=True))
    assert (again.requests, again.size) == (taken + 1, taken * size + 1)
    with pytest.raises(SpoolError, match="of this account"):
        await again.add_request(request("more", size, refused))
    found = await again.first_request()
    assert found is not None
    assert found[1] == request("0", size)
    await again.remove_request(found[1])
    await again.add_request(request("more", size))
    assert (again.requests, again.size) == (taken + 1, taken * size + 1)
    await again.close()


async def test_a_spool_of_an_earlier_version_is_taken_as_it_is(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "spool-0.sqlite") as database:
        database.executescript(
            "CREATE TABLE spooled (number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, event TEXT NOT NULL);"
            "INSERT INTO spooled (at, event) VALUES (1, 'one');"
        )
    database.close()
    spool = Spool.open(tmp_path, bounds(100, is_shared=True))
    assert (spool.depth, spool.size) == (1, 3)
    await spool.remove((await spool.first(1, 100))[0].number)
    assert (spool.depth, spool.size) == (0, 0)
    await spool.close()


def events(folder: Path) -> list[str]:
    async def read() -> list[str]:
        spool = Spool.open(folder, bounds(10_000))
        found = [one.json for one in await spool.first(100, 1000)]
        await spool.close()
        return found

    return asyncio.run(read())


def test_each_living_process_has_a_spool_of_its_own(tmp_path: Path) -> None:
    async def two() -> None:
        one, other = Spool.open(tmp_path, bounds(10_000)), Spool.open(tmp_path, bounds(10_000))
        assert one.file != other.file
        await one.add(waiting("1", "2"))
        await other.add(waiting("3"))
        await one.close()
        third = Spool.open(tmp_path, bounds(10_000))
        assert third.file == one.file
        assert (third.depth, other.depth) == (2, 1)
        await other.close()
        await third.close()

    asyncio.run(two())
    assert events(tmp_path) == ["1", "2", "3"]


def test_a_spool_counts_what_it_holds(tmp_path: Path) -> None:
    async def count() -> None:
        spool = Spool.open(tmp_path, bounds(10))
        assert (spool.depth, spool.age_s) == (0, 0.0)
        await spool.add(waiting("12345", "6789"))
        assert spool.depth == 2
        assert 0 <= spool.age_s < 5
        assert await spool.add(waiting("too", "much")) == [False, False]
        await spool.remove((await spool.first(1, 1000))[-1].number)
        await spool.add(waiting("abcde"))
        assert [one.json for one in await spool.first(10, 1000)] == ["6789", "abcde"]
        await spool.close()

    asyncio.run(count())


def test_a_spool_counts_bytes_not_characters(tmp_path: Path) -> None:
    async def count() -> None:
        spool = Spool.open(tmp_path, bounds(20))
        await spool.add(waiting("ééééé", "👍"))
        assert spool.size == 14
        assert await spool.add(waiting("éééé")) == [False]
        await spool.add(waiting("ééé"))
        assert [one.json for one in await spool.first(10, 14)] == ["ééééé", "👍"]
        assert [one.json for one in await spool.first(10, 1)] == ["ééééé"], "one at least"
        first, second, _ = await spool.first(10, 1000)
        await spool.remove(first.number)
        assert spool.size == 10
        await spool.refuse(second, "it is refused")
        assert spool.size == 6
        await spool.close()
        again = Spool.open(tmp_path, bounds(20))
        assert (again.depth, again.size) == (2, 10)
        await again.close()

    asyncio.run(count())


async def test_an_account_fills_what_no_other_needs(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, bounds(100, is_shared=True))
    assert await spool.add(waiting(*["x" * 10] * 9)) == [True] * 5 + [False] * 4
    assert await spool.add([*waiting("x" * 10), *waiting("y" * 10, account="other")]) == [False, True]
    assert await spool.add(waiting(*["y" * 10] * 9, account="other")) == [True] * 2 + [False] * 7
    await spool.close()
    again = Spool.open(tmp_path, bounds(100, is_shared=True))
    assert (again.depth, again.size) == (8, 80)
    assert await again.add([*waiting("x"), *waiting("z", account="third")]) == [False, True], "it knows whose they are"
    first = await again.first(3, 1000)
    await again.remove(first[-1].number)
    assert await again.add(waiting("x" * 10)) == [True], "what is stored gives room back"
    (oldest,) = await again.first(1, 1000)
    await again.refuse(oldest, "it is refused")
    assert again.size == 80 + 1 - 30 + 10 - 10
    await again.close()


async def test_an_only_account_fills_the_spool(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, bounds(100))
    assert await spool.add(waiting(*["x" * 10] * 11)) == [True] * 10 + [False]
    await spool.close()
