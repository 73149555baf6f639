"""The runtime: what a worker process's jobs work with.

RQ runs functions by their dotted path and passes them nothing but their arguments, so the process sets this up before
it starts to work, and the forked horse inherits it.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry
from rq.exceptions import StopRequested

from ringback.logs.bounded import BoundedLog
from ringback.schemas.keys import Keys
from ringback.schemas.settings import Settings
from ringback.system.redis_sync import connect
from ringback.workers.registry import Registry
from ringback.workers.running.limits import Silence
from ringback.workers.running.run import Run
from ringback.workers.running.runner import Runner

if TYPE_CHECKING:
    from ringback.workers.sending.direct import DirectClients

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0
_ATTEMPTS: Final = 12
_CONNECT_S: Final = 5.0
# Longer than any wait of ours in Redis and than its slowest call; a primary that is cut off closes no connection.
_REPLY_S: Final = 15.0


class Stop:
    """Whether this process is asked to stop: finish the handler that runs, start no other."""

    def __init__(self) -> None:
        self.requested = False

    def __deepcopy__(self, memo: dict[int, object]) -> "Stop":
        """Stay the same one: redis-py gives each connection a deep copy of what it retries by."""
        return self


@dataclass(slots=True)
class Runtime:
    """One worker process: its settings, its handlers, its connection, its name in the consumer group.

    `silence`: what its parent hears of it, if it has one. `state`: what the user's lifespan has yielded here. `calls`:
    what runs voice handlers. `direct`: the clients with which handlers call providers, as soon as one does.
    """

    settings: Settings
    registry: Registry
    redis: Redis
    consumer: str
    stop: Stop
    silence: Silence = field(default_factory=Silence)
    state: object = None
    lines: BoundedLog = field(default_factory=BoundedLog)
    calls: Runner[Run] = field(default_factory=lambda: Runner(threads=1))
    direct: "DirectClients | None" = None
    keys: Keys = field(init=False)
    claim_idle_ms: int = field(init=False)
    reply_ttl_s: float = field(init=False)
    opt_out_words: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = self.settings.keys
        self.claim_idle_ms = round(self.settings.claim_idle.total_seconds() * 1000)
        self.reply_ttl_s = self.settings.send_ttl.total_seconds()
        self.opt_out_words = frozenset(map(str.casefold, self.settings.opt_out_words))

    def close_direct(self) -> None:
        """Close the connections of direct calls, if there are any."""
        if self.direct is not None:
            self.direct.close()


runtime: Final[ContextVar[Runtime]] = ContextVar("runtime")


class _UntilStopped(ExponentialWithJitterBackoff):
    """Pauses between attempts to reach the server; a process that is to stop does not wait for a server to return."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(base=_FIRST_PAUSE_S, cap=_LONGEST_PAUSE_S)
        self._stop = stop

    def compute(self, failures: int) -> float:
        if self._stop.requested:
            raise StopRequested
        return super().compute(failures)


def worker_client(url: str, stop: Stop | None = None) -> Redis:
    """Make a worker's connection: it survives some ten seconds in which the server restarts or another takes its place.

    Raises StopRequested where the server is away and the process is to stop.
    """
    retry = Retry(_UntilStopped(stop or Stop()), _ATTEMPTS)
    return connect(url, retry=retry, reply_s=_REPLY_S, connect_s=_CONNECT_S)
