"""The limiter: slows down who guesses secrets, an address at a time.

In this process's memory: it forgets when the process ends, and each process counts for itself. Who calls from very
many addresses is not slowed; a random token is the protection against that.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MAX_WRONG: Final = 20
S_PER_WRONG: Final = 3.0
"""So many wrong secrets at once, and one more each so many seconds."""
PROVEN_S: Final = 3600.0
MAX_ADDRESSES: Final = 10_000
_REFRESH_S: Final = 60.0
_FULL_S: Final = (MAX_WRONG - 1) * S_PER_WRONG


class Limiter:
    """Counts wrong secrets by address.

    An address that came with a right secret within the last hour is not limited: a provider that still calls one old
    URL must not be locked out with all its others.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, float] = OrderedDict()  # when all that an address did wrong will be forgiven
        self._proven: OrderedDict[str, float] = OrderedDict()  # when an address last came with a right secret

    def is_limited(self, address: str) -> bool:
        """Tell whether this address must wait, and its secret is not to be looked at."""
        forgiven = self._wrong.get(address)
        if forgiven is None:
            return False
        now = self._clock()
        if forgiven <= now:
            del self._wrong[address]
            return False
        return forgiven - now > _FULL_S and not self._is_proven(address, now)

    def failed(self, address: str) -> bool:
        """Note a wrong secret. Tells whether the address is limited from now on."""
        now = self._clock()
        if self._is_proven(address, now):
            return False
        forgiven = max(self._wrong.get(address, now), now) + S_PER_WRONG
        _put(self._wrong, address, forgiven)
        return forgiven - now > _FULL_S

    def passed(self, address: str) -> None:
        """Note a right secret."""
        now = self._clock()
        last = self._proven.get(address)
        if last is None or now - last > _REFRESH_S:
            _put(self._proven, address, now)

    def _is_proven(self, address: str, now: float) -> bool:
        last = self._proven.get(address)
        return last is not None and now - last <= PROVEN_S


def _put(addresses: OrderedDict[str, float], address: str, value: float) -> None:
    """Keep a value for an address, and forget the address that was put longest ago if there are too many."""
    addresses[address] = value
    addresses.move_to_end(address)
    if len(addresses) > MAX_ADDRESSES:
        addresses.popitem(last=False)
