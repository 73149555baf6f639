"""Entries of any stream as Redis holds them: walked in either order, or found by how their ids begin."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, cast

from redis import Redis

_LARGEST: Final = 2**64 - 1
"""Both halves of an entry's id are numbers up to this."""
_ENOUGH: Final = 10
"""More candidates than are ever named."""

Fields = dict[bytes, bytes]
RawEntry = tuple[str, Fields]
"""An entry's id and its fields."""


def entries_of(reply: object) -> list[RawEntry]:
    """Return the entries of a reply of redis-py's, or of one stream in a reply to XREAD."""
    return [(entry_id.decode(), fields) for entry_id, fields in cast("list[tuple[bytes, Fields]]", reply)]


class Entries:
    """Reads one stream, `at_once` entries a request."""

    def __init__(self, redis: Redis, key: str, at_once: int = 200) -> None:
        self._redis = redis
        self._key = key
        self._at_once = at_once

    def oldest_first(self, first: str, last: str) -> Iterator[RawEntry]:
        """Return the entries from `first` to `last`, both ids included."""
        return self._walk(lambda start: self._redis.xrange(self._key, start, last, self._at_once), first)

    def newest_first(self) -> Iterator[RawEntry]:
        """Return the entries from the newest back."""
        return self._walk(lambda start: self._redis.xrevrange(self._key, start, "-", self._at_once), "+")

    def newest(self, most: int) -> list[RawEntry]:
        """Return the newest entries, in one request, the newest first."""
        return entries_of(self._redis.xrevrange(self._key, count=most))

    def newest_id(self) -> str:
        """Return the id of the newest entry; where there is none, one that is before every entry's."""
        return next((entry_id for entry_id, _ in self.newest(1)), "0-0")

    def beginning(self, typed: str) -> list[RawEntry]:
        """Return entries whose ids begin so, in order; not all where there are many. The stream is not walked."""
        ranges = _ranges(typed)
        if not ranges:
            return []
        with self._redis.pipeline(transaction=False) as pipeline:
            for first, last in ranges:
                pipeline.xrange(self._key, first, last, _ENOUGH)
            pages = pipeline.execute()
        return [entry for page in pages for entry in entries_of(page)]

    def _walk(self, ask: Callable[[str], object], start: str) -> Iterator[RawEntry]:
        while True:
            page = entries_of(ask(start))
            yield from page
            if len(page) < self._at_once:
                return
            start = f"({page[-1][0]}"


def _ranges(typed: str) -> list[tuple[str, str]]:
    """Return where the entries lie whose ids begin so: `1764-1` is in 1764-1 to 1764-1, 1764-10 to 1764-19, …"""
    time, hyphen, number = typed.partition("-")
    if not hyphen:
        return [(f"{first}-0", f"{last}-{_LARGEST}") for first, last in _numbers(time)]
    if not _is_number(time):
        return []
    if not number:
        return [(f"{time}-0", f"{time}-{_LARGEST}")]
    return [(f"{time}-{first}", f"{time}-{last}") for first, last in _numbers(number)]


def _numbers(digits: str) -> Iterable[tuple[int, int]]:
    """Yield the ranges of the numbers that begin with these digits."""
    if not _is_number(digits):
        return
    first = last = int(digits)
    while first <= _LARGEST:
        yield first, min(last, _LARGEST)
        if not first:  # no number but 0 itself begins with it
            return
        first, last = first * 10, last * 10 + 9


def _is_number(digits: str) -> bool:
    return digits.isascii() and digits.isdecimal() and str(_LARGEST) >= digits.zfill(20) and digits == str(int(digits))
