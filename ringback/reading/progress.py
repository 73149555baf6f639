"""Progress: how far our handlers are, asked with a client that waits; and which entries they are done with."""

from collections.abc import Sequence
from typing import Final, cast

from redis import Redis
from redis.exceptions import ResponseError

from ringback.schemas.backlog import Backlog
from ringback.schemas.keys import HANDLERS_GROUP, Keys

_MOST_PENDING: Final = 100_000


def backlog(redis: Redis, keys: Keys) -> Backlog | None:
    """Return how far our handlers are; None where there is no event yet, or was no worker."""
    try:
        return Backlog.of(redis.xinfo_groups(keys.events))
    except ResponseError:
        return None


def handled(redis: Redis, keys: Keys, entry_ids: Sequence[str]) -> set[str] | None:
    """Return which of these entries, one at least and in order, our handlers are done with; None without any worker."""
    found = backlog(redis, keys)
    if found is None:
        return None
    reply = redis.xpending_range(keys.events, HANDLERS_GROUP, entry_ids[0], entry_ids[-1], _MOST_PENDING)
    pending = {entry["message_id"].decode() for entry in cast("list[dict[str, bytes]]", reply)}
    return {one for one in entry_ids if _order(one) <= _order(found.delivered)} - pending


def _order(entry_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in entry_id.split("-"))
