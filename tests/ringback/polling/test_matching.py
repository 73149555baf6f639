"""Which listed SMS a push accounts for: whatever comes when, none is lost, and none comes twice but by a late push.

All messages here have one text, to one number: the hardest case, since nothing tells them apart.
"""

from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from ringback.polling.pace import USUAL_PACE
from ringback.polling.pushed import Unmatched
from ringback.polling.read_up_to import ReadUpTo

MINUTE_MS = 60_000
GRACE_MS = round(USUAL_PACE.grace * 1000)
SLACK_MS = round(USUAL_PACE.slack * 1000)
END_MINUTES = 90


@dataclass(frozen=True)
class Written:
    """A message: when it was written (s), and how long its push took; None of one whose push was lost."""

    at_s: int
    push_s: int | None

    @property
    def is_late(self) -> bool:
        """Whether its push may come after it was taken for lost: it is listed within a minute."""
        return self.push_s is not None and self.push_s > USUAL_PACE.grace


messages = st.lists(
    st.builds(Written, st.integers(1, 30 * 60), st.none() | st.integers(0, 540) | st.integers(0, 1800)), max_size=12
)


def polled(written: list[Written], poll_every_s: int) -> int:
    """Return how many became events because they were asked for, by looks as the poller takes them."""
    rows = sorted(one.at_s * 1000 for one in written)
    pushes = sorted((one.at_s + one.push_s) * 1000 for one in written if one.push_s is not None)
    state, used, told = ReadUpTo(0).seen(0, 0), set[int](), 0
    for now_ms in range(poll_every_s * 1000, END_MINUTES * MINUTE_MS, poll_every_s * 1000):
        state = state.seen(now_ms, sum(at_ms <= now_ms for at_ms in rows))
        old = state.old(now_ms - GRACE_MS)
        there = [(at_ms, str(n)) for n, at_ms in enumerate(pushes) if at_ms <= now_ms and n not in used]
        unmatched = Unmatched({"digest": there})
        for row_id in range(state.cursor + 1, old + 1):
            push = unmatched.take("digest", state.not_there(row_id, 0) - SLACK_MS)
            if push is None:
                told += 1
            else:
                used.add(int(push))
        state = ReadUpTo.load(state.moved(old).dump())
    return told


@given(messages, st.sampled_from([60, 17, 300]))
@example([Written(60, None), Written(61, 0)], 60)
@example([Written(60, 700), Written(690, None)], 60)
def test_none_is_lost_and_only_a_late_push_makes_two(written: list[Written], poll_every_s: int) -> None:
    pushed = sum(one.push_s is not None for one in written)
    late = sum(one.is_late for one in written)
    events = pushed + polled(written, poll_every_s)
    assert len(written) <= events <= len(written) + late
