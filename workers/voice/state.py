"""The state of a call: what handlers keep for its length.

It is a small JSON object a session, in a Redis hash whose fields are its top-level names. So two callbacks of one call
that change different names at the same time lose nothing; of two that set the same name the later counts, and
`increment` adds up.
"""

import json
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Final, cast

from pydantic import JsonValue
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError
from redis.typing import EncodableT


class StateError(Exception):
    """The state of a call cannot be kept: what is wrong with it, and what to do."""


class CallState(MutableMapping[str, JsonValue]):
    """The state of one call session, as a dict. It is read from Redis when it is first used.

    Changes, also inside its values, are written when the handler has ended well; the whole lives for 24 h from then.
    """

    TTL_S: Final = 24 * 3600
    MAX_BYTES: Final = 16 * 1024

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key
        self._stored: dict[str, str] = {}
        self._values: dict[str, JsonValue] | None = None

    def __getitem__(self, name: str) -> JsonValue:
        return self._read()[name]

    def __setitem__(self, name: str, value: JsonValue) -> None:
        self._read()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return "CallState(…)"  # it may hold what a caller said, and a repr ends in a log

    def increment(self, name: str, by: int = 1) -> int:
        """Add to a number, at once and for good: what other callbacks of the call add meanwhile is not lost.

        Returns the sum. A name that is not there counts as 0. Raises StateError where it is no whole number.
        """
        values = self._read()
        if type(values.get(name, 0)) is not int:
            raise StateError(_no_number(name))
        set_here = str(values[name]) if name in values else None
        try:
            with self._redis.pipeline(transaction=True) as pipeline:
                if set_here != self._stored.get(name):
                    pipeline.hset(self._key, name, set_here or "0")
                pipeline.hincrby(self._key, name, by)
                pipeline.expire(self._key, self.TTL_S)
                total = cast("int", pipeline.execute()[-2])
        except ResponseError:
            raise StateError(_no_number(name)) from None
        values[name], self._stored[name] = total, str(total)
        return total

    def save(self) -> None:
        """Write what has changed. Raises StateError."""
        with self._redis.pipeline(transaction=True) as pipeline:
            self.save_with(pipeline)
            if len(pipeline):
                pipeline.execute()

    def save_with(self, pipeline: Pipeline) -> None:
        """Write what has changed as part of a transaction. Raises StateError before anything is added to it."""
        if self._values is None:
            return
        written = self.dump()
        if written == self._stored:
            return
        gone = self._stored.keys() - written.keys()
        changed: dict[EncodableT, EncodableT] = {
            name: value for name, value in written.items() if self._stored.get(name) != value
        }
        if gone:
            pipeline.hdel(self._key, *gone)
        if changed:
            pipeline.hset(self._key, mapping=changed)
        pipeline.expire(self._key, self.TTL_S)
        self._stored = written

    def dump(self) -> dict[str, str]:
        """Return what it holds now, name -> JSON. Raises StateError where that cannot be stored."""
        written = {name: _dumped(name, value) for name, value in self._read().items()}
        size = sum(len(name.encode()) + len(value.encode()) for name, value in written.items())
        if size > self.MAX_BYTES:
            raise StateError(f"call.state would take {size} bytes of {self.MAX_BYTES}; of what is large keep an id")
        return written

    def _read(self) -> dict[str, JsonValue]:
        if self._values is None:
            found = cast("dict[bytes, bytes]", self._redis.hgetall(self._key))
            self._stored = {name.decode(): value.decode() for name, value in found.items()}
            self._values = {name: json.loads(value) for name, value in self._stored.items()}
        return self._values


class MemoryState(CallState):
    """A state without Redis, made of what `dump` gave: for a walk through a flow (`ringback voice check`)."""

    def __init__(self, stored: Mapping[str, str]) -> None:
        self._values = {name: json.loads(value) for name, value in stored.items()}

    def increment(self, name: str, by: int = 1) -> int:
        """Add to a number. Raises StateError where it is none that Redis could add to."""
        before = self.get(name, 0)
        if type(before) is not int:
            raise StateError(_no_number(name))
        self[name] = before + by
        return before + by

    def save(self) -> None:
        """Raise StateError where it could not be stored."""
        self.dump()


def _no_number(name: str) -> str:
    return f"call.state[{name!r}] is no whole number that something can be added to"


def _dumped(name: object, value: object) -> str:
    if not isinstance(name, str):
        raise StateError(f"call.state[{name!r}]: a name must be text")
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StateError(f"call.state[{name!r}] is nothing that JSON can write: {error}") from None
