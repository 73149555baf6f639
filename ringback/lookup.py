"""Lookup: find events and stream entries by their ids, or by how these begin."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, cast

from redis import Redis

from ringback.choose import Beginning
from schemas.keys import Keys

_AT_ONCE: Final = 200
_LARGEST: Final = 2**64 - 1
"""Both halves of an entry's id are numbers up to this."""
_ENOUGH: Final = 10
"""More candidates than are ever named."""

Fields = Mapping[bytes, bytes]


def entries_beginning(redis: Redis, stream: str, typed: str) -> list[tuple[str, Fields]]:
    """Return entries whose ids begin so, in order; not all where there are many. The stream is not walked."""
    ranges = _ranges(typed)
    if not ranges:
        return []
    with redis.pipeline(transaction=False) as pipeline:
        for first, last in ranges:
            pipeline.xrange(stream, min=first, max=last, count=_ENOUGH)
        pages = pipeline.execute()
    return [entry for page in pages for entry in _entries(page)]


def event_entries(redis: Redis, keys: Keys, typed: Sequence[str]) -> list[str]:
    """Return the ids of the entries of events, each once: by the events' ids, the entries' own, or how these begin.

    An id that repeats are known by is found at once. Else the stream is walked, the newest first and once for all that
    were typed. Raises ChoiceError where one names nothing, or several events.
    """
    wanted = [Beginning(one, "events", f"no event {one} in the stream; it may have been trimmed") for one in typed]
    for one in wanted:
        for entry_id in _known(redis, keys, one.typed):
            one.offer(one.typed, entry_id)
        for entry_id, _ in entries_beginning(redis, keys.events, one.typed):
            one.offer(entry_id, entry_id)
    # No event's id has a hyphen, as every whole id of an entry has.
    open_ = [one for one in wanted if "-" not in one.typed and not one.is_settled]
    for entry_id, event_id in _newest_first(redis, keys.events) if open_ else ():
        for one in open_:
            one.offer(event_id, entry_id)
        if all(one.is_settled for one in open_):
            break
    return list(dict.fromkeys(one.only() for one in wanted))


def _known(redis: Redis, keys: Keys, event_id: str) -> Iterator[str]:
    """Yield the entry of an event whose id is remembered, if the stream still has it."""
    seen = cast("bytes | None", redis.get(keys.seen(event_id)))
    for entry_id, fields in entries_beginning(redis, keys.events, seen.decode()) if seen else ():
        if fields.get(b"id") == event_id.encode():
            yield entry_id


def _newest_first(redis: Redis, stream: str) -> Iterator[tuple[str, str]]:
    """Yield the ids of entries and their events."""
    end = "+"
    while True:
        page = _entries(redis.xrevrange(stream, max=end, count=_AT_ONCE))
        for entry_id, fields in page:
            yield entry_id, fields.get(b"id", b"").decode(errors="replace")
        if len(page) < _AT_ONCE:
            return
        end = f"({page[-1][0]}"


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


def _entries(reply: object) -> list[tuple[str, Fields]]:
    entries = cast("list[tuple[bytes, Fields]]", reply)
    return [(entry_id.decode(), fields) for entry_id, fields in entries]
