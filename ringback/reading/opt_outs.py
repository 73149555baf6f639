"""Opt-outs: who wants no more texts of an account from one of its numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from redis import Redis

from ringback.schemas.keys import Keys

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class StoredOptOut:
    """`theirs`, who wants no texts from `ours`."""

    account: str
    ours: str
    theirs: str
    since: datetime

    def row(self) -> dict[str, str]:
        """Return it as JSON has it: whole, since whoever asks wants to know who."""
        since = self.since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"account": self.account, "ours": self.ours, "theirs": self.theirs, "since": since}


class StoredOptOuts:
    """Reads who has opted out."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    def all(self, account: str | None = None) -> list[StoredOptOut]:
        """Return those that hold, of an account or of all, in the order of their times."""
        whose = [account] if account is not None else self._accounts()
        found = {one for name in whose for one in self._of(name)}
        return sorted(found, key=lambda one: (one.since, one.account, one.ours, one.theirs))

    def _accounts(self) -> list[str]:
        found = self._redis.scan_iter(f"{self._keys.optouts}*", count=2000)
        return [cast("bytes", key).decode().removeprefix(self._keys.optouts) for key in found]

    def _of(self, account: str) -> Iterator[StoredOptOut]:
        for field, value in self._redis.hscan_iter(self._keys.optouts + account, count=_AT_ONCE):
            ours, _, theirs = cast("bytes", field).decode(errors="replace").partition(" ")
            said, _, since = cast("bytes", value).decode(errors="replace").partition(" ")
            if said == "stop":
                yield StoredOptOut(account, ours, theirs, datetime.fromisoformat(since))
