"""Handlers: how each of them stands, as people and programs are shown it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from redis import Redis

from ringback.reading.waiting_runs import WaitingRuns, Waits
from ringback.schemas.keys import Keys
from ringback.schemas.tally_fields import Ran, Runs, Seconds, read
from ringback.workers.handling.lanes import ASYNC_TOGETHER
from ringback.workers.handling.standing import TIMEOUTS_IN_A_ROW
from ringback.workers.registry import Registry

CALL: Final = "call"


@dataclass(slots=True)
class HandlerState:
    """How a handler stands. `types`: of the events that it runs on, `call` if it answers calls; empty if not known.

    `concurrency`: how many runs of it may be side by side in one process; None if not known. `waiting`, `ended`: its
    runs that wait, and those that have ended. `seconds`: how long the latter took, all together.
    """

    name: str
    types: tuple[str, ...] = ()
    concurrency: int | None = None
    paused_since: str | None = None
    is_aside: bool = False
    waiting: dict[Waits, int] = field(default_factory=lambda: dict.fromkeys(Waits, 0))
    ended: Counter[Ran] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def state(self) -> str:
        """What a person is told of it."""
        if self.paused_since is not None:
            return f"paused since {self.paused_since}"
        return "set aside" if self.is_aside else "runs"

    @property
    def mean_s(self) -> float | None:
        """How long a run takes, on average; None where none has ended."""
        return self.seconds / self.ended.total() if self.ended else None

    def row(self) -> dict[str, object]:
        """Return it as JSON has it."""
        state = "paused" if self.paused_since is not None else self.state
        return {
            "name": self.name,
            "types": list(self.types),
            "state": state,
            "paused_since": self.paused_since,
            "concurrency": self.concurrency,
            "waiting": {where.value.replace(" ", "_"): count for where, count in self.waiting.items()},
            "ended": {how.value: self.ended[how] for how in Ran},
            "mean_seconds": None if self.mean_s is None else round(self.mean_s, 6),
        }


class Handlers:
    """Reads how handlers stand. `registry`: those that are known here, if any are; `threads`: RINGBACK_THREADS."""

    def __init__(self, redis: Redis, keys: Keys, registry: Registry | None, threads: int) -> None:
        self._redis = redis
        self._keys = keys
        self._registry = registry or Registry()
        self._threads = threads

    @property
    def aliases(self) -> Mapping[str, str]:
        """Earlier names of handlers, and their present ones."""
        return self._registry.aliases

    def names(self) -> list[str]:
        """Return the names of handlers of events: those known here; else those that workers have counted runs of, that
        are paused or set aside, or of which runs are held.
        """
        if self._registry.handlers:
            return list(self._registry.handlers)
        counted = {found.handler for found in map(read, self._tally()) if isinstance(found, Runs)}
        standing = {*self._hash(self._keys.paused), *self._hash(self._keys.timeouts)}
        return sorted({*counted, *standing, *WaitingRuns(self._redis, self._keys).held_handlers()})

    def all_names(self, present: str) -> frozenset[str]:
        """Return a handler's name and its earlier ones."""
        return frozenset({present, *(alias for alias, name in self.aliases.items() if name == present)})

    def standing(self) -> list[HandlerState]:
        """Return the handlers that do not run freely: paused, set aside, or with runs held. Their runs are not counted,
        but for those that are held.
        """
        found = {name: HandlerState(name) for name in self.names()}
        self._stand(found)
        waiting = WaitingRuns(self._redis, self._keys)
        self._wait(found, {Waits.HELD: waiting.held()})
        return [one for one in found.values() if one.state != "runs" or one.waiting[Waits.HELD]]

    def all(self) -> list[HandlerState]:
        """Return all: those known here in the order of their declaration, then what else there are runs of."""
        found = {name: HandlerState(name) for name in self.names()}
        for name, handler in self._registry.handlers.items():
            limit = handler.subscription.concurrency or (ASYNC_TOGETHER if handler.is_async else self._threads)
            found[name].types = tuple(sorted(kind.value for kind in handler.subscription.types))
            found[name].concurrency = limit
        for name in self._registry.calls:
            found[name] = HandlerState(name, (CALL,))
        self._stand(found)
        self._wait(found, WaitingRuns(self._redis, self._keys).counts())
        for counted, count in self._tally().items():
            match read(counted):
                case Runs(handler=ran, how=how) if (state := found.get(self._present(ran))) is not None:
                    state.ended[how] += int(count)
                case Seconds(handler=ran) if (state := found.get(self._present(ran))) is not None:
                    state.seconds += float(count)
        return list(found.values())

    def _stand(self, found: dict[str, HandlerState]) -> None:
        for name, since in self._hash(self._keys.paused).items():
            self._of(found, name).paused_since = since
        for name, count in self._hash(self._keys.timeouts).items():
            if int(count) >= TIMEOUTS_IN_A_ROW:
                self._of(found, name).is_aside = True

    def _wait(self, found: dict[str, HandlerState], counts: Mapping[Waits, Mapping[str, int]]) -> None:
        for where, by_name in counts.items():
            for name, count in by_name.items():
                if count:
                    self._of(found, name).waiting[where] += count

    def _of(self, found: dict[str, HandlerState], name: str) -> HandlerState:
        present = self._present(name)
        return found.setdefault(present, HandlerState(present))

    def _present(self, name: str) -> str:
        return self.aliases.get(name, name)

    def _tally(self) -> dict[str, str]:
        return self._hash(self._keys.tally)

    def _hash(self, key: str) -> dict[str, str]:
        reply = cast("dict[bytes, bytes]", self._redis.hgetall(key))
        return {name.decode(errors="replace"): value.decode(errors="replace") for name, value in reply.items()}
