"""Load: how many requests are being worked on. Those whose body is still on its way do not count: slow senders hold up
nobody.
"""

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Load:
    """How many requests there are, and how many there may be (`RINGBACK_MAX_CONCURRENT`)."""

    limit: int
    running: int = 0
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        """Tell whether one more is too many."""
        return self.running >= self.limit

    def turn(self, account: str) -> asyncio.Lock:
        """Return what a long request of an account holds while it is read, so that one at a time is."""
        return self._turns.setdefault(account, asyncio.Lock())
