"""Load: how many requests are being worked on. Those whose body is still on its way do not count: slow senders hold up
nobody.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Load:
    """How many requests there are, and how many there may be (`RINGBACK_MAX_CONCURRENT`)."""

    limit: int
    running: int = 0

    @property
    def is_full(self) -> bool:
        """Tell whether one more is too many."""
        return self.running >= self.limit
