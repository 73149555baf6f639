"""The bounded log: at most a line a second of each kind, and every occurrence is in the count of one."""

import asyncio

from structlog.testing import capture_logs

from ringback.receiver.bounds.bounded_log import BoundedLog

EVERY_S = 0.05


async def test_the_first_at_once_and_then_counts() -> None:
    lines = BoundedLog(EVERY_S)
    with capture_logs() as logged:
        for number in range(1000):
            lines.warning("refused", "wrong", caller=number)
        lines.warning("refused", "slow", caller=1)
        seen = [line for line in logged if line["log_level"] != "debug"]
        assert seen == [
            {"event": "refused", "caller": 0, "count": 1, "log_level": "warning"},
            {"event": "refused", "caller": 1, "count": 1, "log_level": "warning"},
        ]
        while len(seen) < 3:  # it becomes quiet: the rest is said all the same
            await asyncio.sleep(EVERY_S / 5)
            seen = [line for line in logged if line["log_level"] != "debug"]
        assert seen[2:] == [{"event": "refused", "caller": 999, "count": 999, "log_level": "warning"}]
        assert sum(line["log_level"] == "debug" for line in logged) == 1001  # with its own fields each


async def test_a_kind_that_was_quiet_begins_again() -> None:
    lines = BoundedLog(EVERY_S)
    with capture_logs() as logged:
        lines.error("failed")
        await asyncio.sleep(EVERY_S * 3)
        lines.error("failed")
    assert [line["count"] for line in logged if line["log_level"] == "error"] == [1, 1]


async def test_the_end() -> None:
    lines = BoundedLog(60)
    with capture_logs() as logged:
        for number in range(3):
            try:
                raise ValueError(number)
            except ValueError:
                lines.exception("broken")
        lines.flush()
        lines.flush()
    found = [(line["count"], line["exc_info"][1].args) for line in logged if line["log_level"] == "error"]
    assert found == [(1, (0,)), (2, (2,))]
