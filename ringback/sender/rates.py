"""Rates: how many sends a second an account may begin, and how long it sends nothing after a provider said so."""

import time
from typing import Final

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0


class Pace:
    """How fast one account sends at one provider. `rate`: sends a second; None for as many as there is room for."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._tokens = self._burst = max(1.0, rate) if rate is not None else 0.0
        self._filled = time.monotonic()
        self._pause_s = 0.0
        self._until = 0.0

    def room(self, most: int) -> int:
        """Return how many may begin now, `most` at most."""
        now = time.monotonic()
        if now < self._until:
            return 0
        if self._rate is None:
            return most
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        return min(most, int(self._tokens))

    def wait_s(self) -> float:
        """Return in how many seconds one may begin; 0 if one may now."""
        now = time.monotonic()
        if now < self._until:
            return self._until - now
        if self._rate is None or self.room(1):
            return 0.0
        return (1.0 - self._tokens) / self._rate

    def began(self) -> None:
        """Note that one has begun."""
        if self._rate is not None:
            self._tokens -= 1.0

    def hold(self, seconds: float | None) -> float:
        """Send nothing for so many seconds; without a number for twice as long as the last time. Return how long."""
        now = time.monotonic()
        if now >= self._until:
            self._pause_s = min(_LONGEST_PAUSE_S, max(_FIRST_PAUSE_S, 2 * self._pause_s))
        pause = self._pause_s if seconds is None else max(seconds, _FIRST_PAUSE_S)
        self._until = max(self._until, now + pause)
        return self._until - now

    def passed(self) -> None:
        """Note that the provider took one: the next pause is a short one."""
        self._pause_s = 0.0
