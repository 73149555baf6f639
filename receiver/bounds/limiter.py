"""The limiter: tells a caller with many wrong secrets to wait, an address at a time.

It decides only how a wrong secret is answered. A right one is let in from any address at any time: otherwise wrong
tokens sent on behalf of a provider (from its address, or through a proxy that all callers share) would lock it out.

It lives in this process's memory: it forgets when the process ends, and each process counts for itself. What protects
from guessing is the length of a random token, not this.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MAX_WRONG: Final = 20
S_PER_WRONG: Final = 3.0
"""So many wrong secrets at once, and one more each so many seconds."""
MAX_ADDRESSES: Final = 10_000
_FULL_S: Final = (MAX_WRONG - 1) * S_PER_WRONG


class Limiter:
    """Counts wrong secrets by address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, float] = OrderedDict()  # when all that an address did wrong will be forgiven

    def failed(self, address: str) -> bool:
        """Record a wrong secret. Return whether it is past the address's limit, so that the caller is told to wait."""
        now = self._clock()
        forgiven = max(self._wrong.get(address, now), now)
        if forgiven - now > _FULL_S:
            return True
        self._wrong[address] = forgiven + S_PER_WRONG
        self._wrong.move_to_end(address)
        if len(self._wrong) > MAX_ADDRESSES:
            self._wrong.popitem(last=False)
        return False
