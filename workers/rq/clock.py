"""The clock: RQ in this process goes by the server's, which all machines share.

RQ writes and reads times of its own machine: when a retry is due, until when a run is alive. Where two machines' clocks
differ one would take the other's runs for abandoned, and run them again, or start its retries at the wrong time. RQ has
no place to set a clock, so its two functions for it are replaced, in each of its modules that has taken them over.
"""

import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

import rq.utils
from redis import Redis
from redis.exceptions import RedisError

# This machine's monotonic clock and the server's clock part by milliseconds in this time.
_ASK_EVERY_S: Final = 30.0
# A slower answer says less than what is known.
_SLOW_S: Final = 1.0
_THEIRS: Final = {"now": rq.utils.now, "current_timestamp": rq.utils.current_timestamp}


class ServerClock:
    """The server's time, by this machine's monotonic clock and what lies between the two. Raises RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._asked = self._between = 0.0
        self._ask(float("inf"))

    def now(self) -> datetime:
        """Give the time."""
        return datetime.fromtimestamp(time.monotonic() + self._between, UTC)

    def timestamp(self) -> int:
        """Give the time in whole seconds."""
        return int(time.monotonic() + self._between)

    def keep(self) -> None:
        """Ask the server now and then; without an answer go on by what is known."""
        if time.monotonic() - self._asked >= _ASK_EVERY_S:
            try:
                self._ask(_SLOW_S)
            except RedisError:
                self._asked = time.monotonic()

    def _ask(self, slow_s: float) -> None:
        asked = time.monotonic()
        seconds, micros = self._redis.time()
        self._asked = time.monotonic()
        if self._asked - asked < slow_s:
            # The server looked at its clock some time between the question and its answer.
            self._between = seconds + micros / 1e6 - (asked + self._asked) / 2


_clock: Final[ContextVar[ServerClock | None]] = ContextVar("clock", default=None)


def follow(redis: Redis) -> None:
    """Let RQ go by the server's clock from now on, here and in what is forked from here. Raises RedisError."""
    clock = ServerClock(redis)
    _clock.set(clock)
    ours = {"now": clock.now, "current_timestamp": clock.timestamp}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "rq":
            for function, theirs in _THEIRS.items():
                if getattr(module, function, None) is theirs:
                    setattr(module, function, ours[function])


def keep() -> None:
    """Look from time to time whether the clock is right."""
    if clock := _clock.get():
        clock.keep()
