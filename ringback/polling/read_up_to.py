"""How far one virtual number's inbound SMS were read, and since when its newest ones are known. Pure."""

import json
from dataclasses import dataclass, replace
from typing import Self

Mark = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ReadUpTo:
    """`cursor`: the id of the last row that was dealt with. `marks`: when (ms) which id was the newest, in order.

    Whether a row is old is told by the marks, and so by our own clock: the provider's may be wrong.
    """

    cursor: int
    marks: tuple[Mark, ...] = ()

    def seen(self, now_ms: int, newest: int) -> Self:
        """Note which id is the newest now."""
        marks = self.marks
        if len(marks) > 1 and marks[-1][1] == marks[-2][1] == newest:
            marks = marks[:-1]  # the first and the last time say all
        return replace(self, marks=(*marks, (now_ms, newest)))

    def old(self, before_ms: int) -> int:
        """Return up to which id rows were there by then."""
        return max((newest for at_ms, newest in self.marks if at_ms <= before_ms), default=self.cursor)

    def not_there(self, row_id: int, since_ms: int) -> int:
        """Return when (ms) a row was not there yet; `since_ms`: when reading began."""
        return max((at_ms for at_ms, newest in self.marks if newest < row_id), default=since_ms)

    def moved(self, cursor: int) -> Self:
        """Note that all up to a row was dealt with."""
        cursor = max(cursor, self.cursor)
        behind = [mark for mark in self.marks if mark[1] <= cursor]
        ahead = [mark for mark in self.marks if mark[1] > cursor]
        return replace(self, cursor=cursor, marks=(*behind[-1:], *ahead))

    def dump(self) -> str:
        """Return it as JSON."""
        return json.dumps({"cursor": self.cursor, "marks": self.marks}, separators=(",", ":"))

    @classmethod
    def load(cls, stored: bytes | str) -> Self:
        """Read what `dump` gave."""
        said = json.loads(stored)
        return cls(int(said["cursor"]), tuple((int(at_ms), int(newest)) for at_ms, newest in said["marks"]))
