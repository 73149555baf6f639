"""Turns: what waits for one thing, account by account, so that the flood of one holds up no other."""

from collections import deque
from typing import Final

from ringback.receiver.commit.waiting import Waiting

_TURN: Final = 32
_TURN_BYTES: Final = 64 * 1024


class Turns:
    """A line for each account that has something waiting. In a line the order is that of arrival."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Waiting]] = {}  # whose turn is next comes first
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def add(self, one: Waiting) -> None:
        """Put one at the end of its account's line."""
        line = self._lines.get(one.account)
        if line is None:
            line = self._lines[one.account] = deque()
        line.append(one)
        self._waiting += 1

    def take(self, most: int, most_bytes: int, *, one_at_least: bool = True) -> list[Waiting]:
        """Take the next, as many as fit: some of an account, then some of another, and so on.

        `one_at_least`: take the first also where it does not fit.
        """
        group: list[Waiting] = []
        size = 0
        while self._lines:
            account, line = next(iter(self._lines.items()))
            # A single account takes the whole group.
            turn, turn_bytes = (_TURN, _TURN_BYTES) if len(self._lines) > 1 else (most, most_bytes)
            upto, upto_bytes = len(group) + max(1, turn), size + max(1, turn_bytes)
            while line and len(group) < upto and size < upto_bytes:
                size += line[0].size
                if (group or not one_at_least) and (len(group) >= most or size > most_bytes):
                    return group
                group.append(line.popleft())
                self._waiting -= 1
            del self._lines[account]
            if line:
                self._lines[account] = line
        return group
