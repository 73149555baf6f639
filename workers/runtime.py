"""The runtime: what a worker process's jobs work with.

RQ runs functions by their dotted path and passes them nothing but their arguments, so the process sets this up before
it starts to work, and the forked horse inherits it.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from schemas.keys import Keys
from schemas.settings import Settings
from workers.registry import Registry


@dataclass(slots=True)
class Runtime:
    """One worker process: its settings, its handlers, its connection, its name in the consumer group.

    `stopping` is set when the process is asked to stop: finish the handler that runs, start no other.
    """

    settings: Settings
    registry: Registry
    redis: Redis
    consumer: str
    stopping: bool = False
    keys: Keys = field(init=False)

    def __post_init__(self) -> None:
        self.keys = self.settings.keys


runtime: Final[ContextVar[Runtime]] = ContextVar("runtime")


def worker_client(url: str) -> Redis:
    """Make a worker's connection: it survives a restart of the server of some ten seconds."""
    return Redis.from_url(
        url, retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=2), 12), socket_connect_timeout=5, protocol=2
    )
