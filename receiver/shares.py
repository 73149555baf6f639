"""Shares: how much of one thing accounts hold in this process, so that no account takes it all from the others."""

from collections import defaultdict


class Shares:
    """What is held, in all and by each account, and how much all may hold together.

    An account may hold as much as is still free. So one alone can take half, two a third each, and there is always some
    left for another. `is_shared` says whether there may be another at all; an only account may hold everything.
    """

    def __init__(self, most: int, *, is_shared: bool = True) -> None:
        self.most = most
        self.held = 0
        self._is_shared = is_shared
        self._of: defaultdict[str, int] = defaultdict(int)  # there are no more accounts than have tokens

    def has(self, account: str, more: int = 1) -> bool:
        """Whether an account may hold so much more."""
        if 2 * self.held + more <= self.most:
            return True  # nearly always: even if all of it were this account's
        free = self.most - self.held
        return more <= free and (not self._is_shared or self._of[account] + more <= free)

    def take(self, account: str, size: int = 1) -> None:
        """Hold so much more."""
        self.held += size
        if self._is_shared:
            self._of[account] += size

    def give_back(self, account: str, size: int = 1) -> None:
        """Hold so much less."""
        self.held -= size
        if self._is_shared:
            self._of[account] -= size
