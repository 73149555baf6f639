"""The bounded log: at most a line a second of each kind, and every occurrence is in the count of one."""

import asyncio
import json
import time
from collections import Counter

import pytest
from structlog.testing import capture_logs

from ringback.receiver.bounds.bounded_log import BoundedLog
from tests.service import running

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


def test_a_flood_is_counted_and_fills_no_disk(redis_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    sizes = {"no_entry": 300, "wrong_method": 30, "callback.unusable": 300, "event.odd": 100, "voice.fallback": 40}
    began = time.monotonic()
    with running(redis_url, queues="", RINGBACK_VOICE_DEADLINE="20ms", RINGBACK_TRUSTED_PROXIES="127.0.0.1") as service:
        for number in range(sizes["no_entry"]):
            whose = {"X-Forwarded-For": f"2001:db8:{number:x}::1"}  # so that the limiter has nothing to say
            answer = service.request("POST", "mocean/inbound-sms", token="guess", headers=whose)
            assert answer.status_code == 401
        for _ in range(sizes["wrong_method"]):
            assert service.request("DELETE", "mocean/inbound-sms").status_code == 405
        bad = [{"smsid": str(number)} for number in range(sizes["callback.unusable"])]
        assert service.request("POST", "mycoolsms/delivery-report", json=bad).status_code == 422
        odd = [{"smsid": str(number), "status": "?"} for number in range(sizes["event.odd"])]
        assert service.request("POST", "mycoolsms/delivery-report", json=odd).status_code == 200
        for _ in range(sizes["voice.fallback"]):
            assert service.request("POST", "mocean/voice/answer").status_code == 200
        took_s = time.monotonic() - began
    counted: Counter[str] = Counter()
    written: Counter[str] = Counter()
    for line in capfd.readouterr().err.splitlines():
        if '"count"' in line:
            said = json.loads(line)
            name = said["outcome"] if said["event"] == "request.refused" else said["event"]
            counted[name] += said["count"]
            written[name] += 1
    # Also of what came last, a moment before the end.
    assert {name: counted[name] for name in sizes} == {**sizes, "callback.unusable": 340}
    assert max(written.values()) <= took_s + 2
