"""The clock that RQ goes by in a worker. tests/service/test_scale_out.py has machines whose own clocks are wrong."""

import subprocess
import sys
import time
from datetime import timedelta

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as LostError

from ringback.workers.rq import clock
from ringback.workers.rq.clock import ServerClock
from tests.support.service import ROOT, clean_environment

# In a process of its own: what it replaces stays replaced.
LOOK = """
import sys
import rq.utils
theirs = {rq.utils.now, rq.utils.current_timestamp}
import ringback.workers.rq.processes
from redis import Redis
from ringback.workers.rq import clock
clock.follow(Redis.from_url(sys.argv[1]))
for name, module in list(sys.modules.items()):
    if name.partition(".")[0] == "rq":
        for function, value in vars(module).items():
            if function in ("now", "current_timestamp"):
                print(name, function, value in theirs)
"""


def servers_time(redis: Redis) -> float:
    seconds, micros = redis.time()
    return seconds + micros / 1e6


def test_it_is_the_servers(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        ours = ServerClock(redis)
        assert servers_time(redis) == pytest.approx(ours.now().timestamp(), abs=0.5)
        assert servers_time(redis) == pytest.approx(ours.timestamp(), abs=1.5)
        assert ours.now().utcoffset() == timedelta()


def test_it_is_put_right_now_and_then(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Redis.from_url(redis_url) as redis:
        ours = ServerClock(redis)
        right = time.monotonic
        monkeypatch.setattr(
            "ringback.workers.rq.clock.time.monotonic", lambda: right() + 60
        )  # as after a pause of the machine
        assert ours.now().timestamp() - servers_time(redis) == pytest.approx(60, abs=0.5)
        ours.keep()
        assert servers_time(redis) == pytest.approx(ours.now().timestamp(), abs=0.5)


def test_without_the_server_it_goes_on(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Redis.from_url(redis_url) as redis:
        ours = ServerClock(redis)
        monkeypatch.setattr(clock, "_ASK_EVERY_S", 0.0)

        def lost() -> tuple[int, int]:
            raise LostError

        with monkeypatch.context() as patch:
            patch.setattr(redis, "time", lost)
            ours.keep()
        assert servers_time(redis) == pytest.approx(ours.now().timestamp(), abs=0.5)


def test_all_of_rq_goes_by_it(redis_url: str) -> None:
    command = [sys.executable, "-c", LOOK, redis_url]
    done = subprocess.run(command, env=clean_environment(), cwd=ROOT, capture_output=True, text=True, check=True)
    found = [line.split() for line in done.stdout.splitlines()]
    assert {name for name, _, _ in found} >= {"rq.utils", "rq.job", "rq.registry", "rq.executions", "rq.scheduler"}
    # The functions' own module has been given ours as well.
    assert {is_theirs for _, _, is_theirs in found} == {"False"}
