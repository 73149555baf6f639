"""With RINGBACK_WAIT_REPLICAS nothing is sent whose claim a failover could lose: it would be sent twice."""

import signal
from pathlib import Path
from typing import cast

from redis import Redis

from ringback.outbox.record import SendState
from tests.support.outbox import sending_settings, states
from tests.support.service import free_port, process, running, store_program, valkey, wait_for
from tests.support.simulated import simulated
from tests.support.still_outbox import asked, draft

PHONE = "60123456789"


def waits(redis: Redis) -> int:
    """Return how often somebody has waited for replicas."""
    told = cast("dict[str, dict[str, int]]", redis.info("commandstats"))
    return told.get("cmdstat_wait", {"calls": 0})["calls"]


def test_nothing_is_sent_before_a_replica_has_its_claim(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "primary").mkdir()
    (tmp_path / "replica").mkdir()
    follow = ["--port", str(free_port()), "--dir", str(tmp_path / "replica"), "--replicaof", f"127.0.0.1 {port}"]
    with (
        valkey(tmp_path / "primary", port) as (url, _),
        process([store_program(), *follow, "--logfile", "valkey.log"]) as replica,
        simulated(tmp_path) as provider,
        running(url, queues="events,sends", RINGBACK_WAIT_REPLICAS="1", **sending_settings(provider.url)) as service,
    ):
        wait_for(lambda: service.redis.wait(1, 100), "the replica")
        asked(service, draft(PHONE))
        wait_for(lambda: provider.got(PHONE), "what is sent while it follows")
        wait_for(lambda: states(service)[SendState.ACCEPTED] == 1, "its answer")
        wait_for(lambda: not service.redis.zcard(service.keys.outbox_open), "its event")
        replica.send_signal(signal.SIGSTOP)
        try:
            before = waits(service.redis)
            asked(service, draft(PHONE), draft(PHONE))
            wait_for(lambda: states(service)[SendState.CLAIMED] == 1, "a claim")
            wait_for(lambda: waits(service.redis) >= before + 2, "the sender has waited once for nothing")
            assert len(provider.got(PHONE)) == 1
        finally:
            replica.send_signal(signal.SIGCONT)
        wait_for(lambda: states(service)[SendState.ACCEPTED] == 2, "what waited", 40)
        assert len(provider.got(PHONE)) == 2
