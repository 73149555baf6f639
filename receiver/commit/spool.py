"""The spool: events on this machine's own disk while Redis is away, in the order in which they came. Requests that are
for the quarantine wait beside them. Each account has a share of it (ringback.receiver.bounds.load).

One SQLite file a receiver process, each write on disk before it returns. What a process leaves behind when it dies is
taken up by the next one that starts, and by that one alone.
"""

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Final, TypeVar

import structlog

from ringback.receiver.bounds.load import Shares
from ringback.receiver.commit.waiting import Waiting, size_of
from ringback.system.private import own

log = structlog.get_logger()

_SLOTS: Final = 256
_PAUSE_S: Final = 2.0
_VACUUM_OVER_BYTES: Final = 16 * 1024 * 1024
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS spooled (number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, event TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refused (at REAL NOT NULL, event TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests (digest TEXT NOT NULL UNIQUE, request TEXT NOT NULL);
"""
# What lies in a spool has been answered with 200, so a file that an earlier version wrote is taken as it is.
_ADD_ACCOUNT: Final = "ALTER TABLE {} ADD COLUMN account TEXT NOT NULL DEFAULT ''"
# Of a text SQLite counts characters.
_BYTES: Final = "sum(length(CAST(event AS BLOB)))"

Result = TypeVar("Result")


class SpoolError(Exception):
    """The spool is full or cannot be written."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """An event in the spool: its place in the order, and the event as JSON."""

    number: int
    json: str


@dataclass(frozen=True, slots=True)
class SpooledRequest:
    """An unusable request of an account in the spool, as JSON, under its digest."""

    account: str
    digest: str
    json: str


@dataclass(frozen=True, slots=True)
class SpoolBounds:
    """How much a spool holds: bytes in all, and of these how many unusable requests, and bytes of them, so that there
    is room for events. `is_shared`: whether there are several accounts, so that each has a share of everything.
    """

    size: int
    requests: int
    request_bytes: int
    is_shared: bool = True


@dataclass(frozen=True, slots=True)
class Lying:
    """A spool file as it lies in its folder: how many events and unusable requests are in it, and whether a living
    process has it.
    """

    file: Path
    events: int
    requests: int
    is_held: bool


def lying(folder: Path) -> list[Lying]:
    """Look at the spools in a folder, without taking or changing any. Raises SpoolError."""
    try:
        return [Lying(file, *_count(file), _is_held(file)) for file in sorted(folder.glob("spool-*.sqlite"))]
    except (OSError, sqlite3.Error) as error:
        raise SpoolError(f"cannot look at the spools in {folder}: {error}") from None


@dataclass(frozen=True, slots=True)
class _Gone:
    """What has left the spool, with the bytes of each account, and when the oldest came that is left."""

    events: int
    sizes: Sequence[tuple[str, int]]
    oldest_left: float | None


class Spool:
    """This process's spool. Its calls run in a thread of its own, one after another."""

    def __init__(self, file: Path, lock: int, bounds: SpoolBounds) -> None:
        self.file = file
        self._lock = lock
        self._depth = 0
        self._refused = 0
        self._bytes, self._requests, self._request_bytes = (
            Shares(most, is_shared=bounds.is_shared) for most in (bounds.size, bounds.requests, bounds.request_bytes)
        )
        self._oldest: float | None = None
        self._removed = 0
        self._deleting: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._database = _opened(file)
        with self._database:  # what was refused is tried again by each new process
            self._database.execute(
                "INSERT INTO spooled (at, account, event) SELECT at, account, event FROM refused ORDER BY at"
            )
            self._database.execute("DELETE FROM refused")

    @classmethod
    def open(cls, folder: Path, bounds: SpoolBounds, data_dir: Path | None = None) -> "Spool":
        """Take a free spool in the folder, with whatever dead processes have left there.

        The folder is made private, and those between it and `data_dir`, if that is given.
        Raises SpoolError where the folder cannot be written, NotPrivateError where it is not ours alone.
        """
        try:
            for above in reversed(folder.parents):
                if data_dir is not None and above.is_relative_to(data_dir):
                    own(above)
            folder = own(folder, whole=True)
            file, lock = _free_slot(folder)
            spool = cls(file, lock, bounds)
            for other in sorted(folder.glob("spool-*.sqlite")):
                if other != file and (taken := _lock_of(other)) is not None:
                    spool._take_up(other)
                    os.close(taken)
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(f"cannot keep a spool in {folder}: {error}") from None
        spool._measure()
        return spool

    @property
    def depth(self) -> int:
        """How many events wait here, also those that are just being written."""
        return self._depth

    @property
    def refused(self) -> int:
        """How many events this process has put aside."""
        return self._refused

    @property
    def requests(self) -> int:
        """How many unusable requests wait here, also those that are just being written."""
        return self._requests.held

    @property
    def size(self) -> int:
        """How many bytes of events and requests that is."""
        return self._bytes.held

    @property
    def age_s(self) -> float:
        """For how many seconds the oldest event has been waiting; 0 where none waits."""
        return time.time() - self._oldest if self._depth and self._oldest is not None else 0.0

    async def add(self, events: Sequence[Waiting]) -> list[bool]:
        """Keep events, as far as there is room for them: they are on disk when this returns.

        Return of each whether it is kept. Raises SpoolError, and then has kept none.
        """
        is_kept = []
        for one in events:
            is_kept.append(self._bytes.has(one.account, one.size))
            if is_kept[-1]:
                self._bytes.take(one.account, one.size)
        kept = list(compress(events, is_kept))
        self._depth += len(kept)
        now = time.time()
        try:
            await self._run(lambda: self._insert(now, kept))
        except Exception as error:
            self._depth -= len(kept)
            for one in kept:
                self._bytes.give_back(one.account, one.size)
            if isinstance(error, sqlite3.Error):
                raise SpoolError(f"the spool cannot be written: {error}") from None
            raise
        if kept and self._oldest is None:
            self._oldest = now
        return is_kept

    async def first(self, most: int, most_bytes: int, after: int = 0) -> list[Spooled]:
        """Return the events that have waited longest, of those behind that number: no more in all than so many bytes,
        but one at least. Raises SpoolError.
        """
        return await self._ask(lambda: self._first(most, most_bytes, max(after, self._removed)))

    async def newest(self) -> int:
        """Give the number of the last event that is on disk, 0 if there is none. Raises SpoolError."""
        return await self._ask(self._newest)

    async def remove(self, last: int) -> None:
        """Forget the events up to that number: they are stored. Raises SpoolError where the file cannot be read.

        On a full disk nothing can be deleted either. That holds up nobody: they are deleted as soon as it goes.
        """
        gone = await self._ask(lambda: self._count(last))
        self._removed = last
        self._forget(gone)
        try:
            await self._run(self._delete)
        except (sqlite3.Error, OSError) as error:
            log.warning("spool.not_deleted", events=gone.events, reason=str(error))
            if self._deleting is None:
                self._deleting = asyncio.create_task(self._delete_when_possible())

    async def refuse(self, event: Spooled, reason: str) -> None:
        """Put an event aside that Redis takes in no way, so that it does not hold up the others. Raises SpoolError."""
        try:
            self._forget(await self._run(lambda: self._put_aside(event, reason)))
        except sqlite3.Error as error:
            raise SpoolError(f"the spool cannot be written: {error}") from None
        self._refused += 1

    async def add_request(self, request: SpooledRequest) -> None:
        """Keep an unusable request, once: it is on disk when this returns. Raises SpoolError."""
        account, size = request.account, len(request.json)
        if not (
            self._requests.has(account) and self._request_bytes.has(account, size) and self._bytes.has(account, size)
        ):
            raise SpoolError("no more unusable requests of this account fit into the spool")
        self._take_request(account, size)
        is_new = False
        try:
            is_new = await self._run(lambda: self._insert_request(request))
        except sqlite3.Error as error:
            raise SpoolError(f"the spool cannot be written: {error}") from None
        finally:
            if not is_new:
                self._take_request(account, -size, -1)

    async def first_request(self, after: int = 0) -> tuple[int, SpooledRequest] | None:
        """Return the unusable request that has waited longest of those behind that place, and its own place.

        Raises SpoolError.
        """
        return await self._ask(lambda: self._first_request(after))

    async def remove_request(self, request: SpooledRequest) -> None:
        """Forget an unusable request: it is in quarantine. Raises SpoolError."""
        try:
            await self._run(lambda: self._delete_request(request.digest))
        except sqlite3.Error as error:
            raise SpoolError(f"the spool cannot be written: {error}") from None
        self._take_request(request.account, -len(request.json), -1)

    async def close(self) -> None:
        """Let go of the file; what is in it stays."""
        if self._deleting is not None:
            self._deleting.cancel()
            await asyncio.gather(self._deleting, return_exceptions=True)
        await self._run(self._database.close)
        self._thread.shutdown()
        os.close(self._lock)

    async def _delete_when_possible(self) -> None:
        """Delete what is stored, before its repeat is no longer known."""
        while self._deleting is not None:
            await asyncio.sleep(_PAUSE_S)
            with suppress(sqlite3.Error, OSError):
                await self._run(self._delete)
                self._deleting = None

    def _take_request(self, account: str, size: int, count: int = 1) -> None:
        self._requests.take(account, count)
        self._request_bytes.take(account, size)
        self._bytes.take(account, size)

    def _forget(self, gone: "_Gone") -> None:
        self._oldest = gone.oldest_left
        self._depth -= gone.events
        for account, size in gone.sizes:
            self._bytes.give_back(account, size)

    def _insert_request(self, request: SpooledRequest) -> bool:
        with self._database:
            query = "INSERT OR IGNORE INTO requests (account, digest, request) VALUES (?, ?, ?)"
            row = (request.account, request.digest, request.json)
            return self._database.execute(query, row).rowcount > 0

    def _first_request(self, after: int) -> tuple[int, SpooledRequest] | None:
        query = "SELECT rowid, account, digest, request FROM requests WHERE rowid > ? ORDER BY rowid LIMIT 1"
        found = self._database.execute(query, (after,)).fetchone()
        return found and (found[0], SpooledRequest(*found[1:]))

    def _delete_request(self, digest: str) -> None:
        with self._database:
            self._database.execute("DELETE FROM requests WHERE digest = ?", (digest,))

    async def _ask(self, look: Callable[[], Result]) -> Result:
        try:
            return await self._run(look)
        except sqlite3.Error as error:
            raise SpoolError(f"the spool cannot be read: {error}") from None

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _insert(self, now: float, events: Sequence[Waiting]) -> None:
        rows = [(now, one.account, one.json) for one in events]
        with self._database:
            self._database.executemany("INSERT INTO spooled (at, account, event) VALUES (?, ?, ?)", rows)

    def _first(self, most: int, most_bytes: int, after: int) -> list[Spooled]:
        query = "SELECT number, event FROM spooled WHERE number > ? ORDER BY number LIMIT ?"
        found: list[Spooled] = []
        size = 0
        for number, event in self._database.execute(query, (after, most)):
            size += size_of(event)
            if found and size > most_bytes:
                break
            found.append(Spooled(number, event))
        return found

    def _newest(self) -> int:
        number: int = self._database.execute("SELECT coalesce(max(number), 0) FROM spooled").fetchone()[0]
        return number

    def _count(self, last: int) -> "_Gone":
        where = "WHERE number > ? AND number <= ?"
        return self._counted(where, (self._removed, last), self._oldest_after(last))

    def _counted(self, where: str, values: Sequence[int], oldest_left: float | None) -> "_Gone":
        query = f"SELECT account, count(*), {_BYTES} FROM spooled {where} GROUP BY account"  # noqa: S608
        rows = self._database.execute(query, values).fetchall()
        return _Gone(sum(row[1] for row in rows), [(row[0], row[2]) for row in rows], oldest_left)

    def _oldest_after(self, last: int) -> float | None:
        oldest: float | None = self._database.execute(
            "SELECT min(at) FROM spooled WHERE number > ?", (last,)
        ).fetchone()[0]
        return oldest

    def _delete(self) -> None:
        with self._database:
            self._database.execute("DELETE FROM spooled WHERE number <= ?", (self._removed,))
        if not self._depth and self.file.stat().st_size > _VACUUM_OVER_BYTES:
            self._database.execute("VACUUM")

    def _put_aside(self, event: Spooled, reason: str) -> "_Gone":
        with self._database:
            put = "INSERT INTO refused (at, account, event, reason) SELECT at, account, event, ? FROM spooled"
            self._database.execute(f"{put} WHERE number = ?", (reason, event.number))
            gone = self._counted("WHERE number = ?", (event.number,), None)
            self._database.execute("DELETE FROM spooled WHERE number = ?", (event.number,))
        return replace(gone, oldest_left=self._oldest_after(self._removed))

    def _take_up(self, other: Path) -> None:
        """Move what a dead process has left into this spool. Twice, if this one dies meanwhile: that does no harm."""
        left = _opened(other)
        columns = "at, account, event"
        rows = left.execute(f"SELECT {columns} FROM spooled UNION ALL SELECT {columns} FROM refused ORDER BY at")  # noqa: S608
        with self._database:
            add = f"INSERT INTO spooled ({columns}) VALUES (?, ?, ?)"  # noqa: S608
            moved = self._database.executemany(add, rows).rowcount
            requests = left.execute("SELECT account, digest, request FROM requests ORDER BY rowid")
            add = "INSERT OR IGNORE INTO requests (account, digest, request) VALUES (?, ?, ?)"
            self._database.executemany(add, requests)
        left.close()
        for suffix in ("", "-wal", "-shm"):
            other.with_name(other.name + suffix).unlink(missing_ok=True)
        if moved > 0:
            log.warning("spool.taken_up", events=moved, left_in=other.name)

    def _measure(self) -> None:
        """Count what lies here: it holds its accounts' shares, and may be more than the bounds allow."""
        lies = self._counted("", (), self._oldest_after(0))
        self._depth, self._oldest = lies.events, lies.oldest_left
        for account, size in lies.sizes:
            self._bytes.take(account, size)
        query = "SELECT account, count(*), sum(length(request)) FROM requests GROUP BY account"
        for account, count, size in self._database.execute(query):
            self._take_request(account, size, count)


def _opened(file: Path) -> sqlite3.Connection:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    os.close(os.open(file, flags, 0o600))  # it holds texts and numbers
    database = sqlite3.connect(file, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.executescript(_TABLES)
    for table in ("spooled", "refused", "requests"):
        if "account" not in {column for _, column, *_ in database.execute(f"PRAGMA table_info({table})")}:
            database.execute(_ADD_ACCOUNT.format(table))
    return database


def _free_slot(folder: Path) -> tuple[Path, int]:
    for number in range(_SLOTS):
        file = folder / f"spool-{number}.sqlite"
        if (lock := _lock_of(file)) is not None:
            return file, lock
    raise OSError(f"{_SLOTS} receivers have their spools there already")


def _count(file: Path) -> tuple[int, int]:
    database = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    try:
        # A file of a version that kept no requests lacks their table until a receiver opens it.
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        rows = {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - of these three
            for table in tables & {"spooled", "refused", "requests"}
        }
        return rows.get("spooled", 0) + rows.get("refused", 0), rows.get("requests", 0)
    finally:
        database.close()


def _is_held(file: Path) -> bool:
    taken = _lock_of(file)
    if taken is not None:
        os.close(taken)
    return taken is None


def _lock_of(file: Path) -> int | None:
    """Lock a spool for this process; None where a living one has it. The lock goes when its process does."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    lock = os.open(file.with_suffix(".lock"), flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
