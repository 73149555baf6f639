"""The spool's files: one a living process, and what they hold is counted."""

import sqlite3
from pathlib import Path

import pytest

from ringback.receiver.commit.spool import Spool, SpooledRequest, SpoolError
from tests.support.spool import bounds


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
