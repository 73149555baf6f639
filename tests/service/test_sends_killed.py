"""The sender is killed, or held still: no send whose fate is unknown is repeated, unless its policy says so."""

import os
import signal
from collections import Counter
from pathlib import Path
from subprocess import Popen
from typing import cast

import pytest

from ringback.outbox.record import SendState
from tests.chaos.house import stopped
from tests.support.killing import KillingProxy, killing
from tests.support.outbox import HANDLERS, await_got, await_sent, got, records_of, replying, sending_settings, write
from tests.support.service import RINGBACK, Service, process, wait_for

POINTS = 20


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def settings_of(service: Service, redis_port: int, provider_port: int) -> dict[str, str]:
    """Return the settings of a sender that reaches both through these ports."""
    return {
        **service.settings,
        **sending_settings(f"http://127.0.0.1:{provider_port}"),
        "RINGBACK_HANDLERS": HANDLERS,
        "RINGBACK_REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
    }


def sender_of(service: Service) -> bytes | None:
    return cast("bytes | None", service.redis.get(service.keys.sender))


def lose_lock(service: Service) -> None:
    """End the time of the sender's lock, which a killed one has left."""
    service.redis.delete(service.keys.sender)


def is_dead(sender: "Popen[bytes]") -> bool:
    return sender.poll() is not None


@pytest.mark.timeout(180)
@pytest.mark.parametrize("where", ["between two commands", "between two requests"])
def test_the_sender_is_killed_anywhere(redis_url: str, tmp_path: Path, where: str) -> None:
    """Under `hold` nothing is sent twice, and what was not sent is in doubt; under `again` all is sent."""
    held: list[str] = []
    again: list[str] = []
    with replying(redis_url, tmp_path, queues="events") as (service, provider):
        with killing(port_of(redis_url)) as to_redis, killing(port_of(provider.url)) as to_provider:
            settings = settings_of(service, to_redis.port, to_provider.port)
            killer: KillingProxy = to_redis if where == "between two commands" else to_provider
            for point in range(1, POINTS + 1 if killer is to_redis else 5):
                with process([*RINGBACK, "sender"], **settings) as sender:
                    wait_for(lambda: sender_of(service), "the sender")

                    def kill_sender(pid: int = sender.pid) -> None:
                        os.kill(pid, signal.SIGKILL)

                    killer.arm(point, kill_sender)
                    held.append(write(service, "REPLY"))
                    again.append(write(service, "AGAIN"))
                    if killer is to_provider:  # two requests come in two pieces or in four
                        wait_for(lambda: is_dead(sender) or {held[-1], again[-1]} <= set(got(provider)), "both sends")
                        sender.kill()
                    wait_for(lambda: is_dead(sender), "its end")
                lose_lock(service)
            with process([*RINGBACK, "sender"], **settings):
                await_got(provider, *again)
                await_sent(service)
        found = Counter(got(provider))
        records = {record.draft.to: record for record in records_of(service.redis, service.keys)}
        in_doubt = Counter(record.state for record in records.values())
        assert all(found[text] <= 1 for text in held), found
        assert all(found[text] >= 1 for text in again), found
        assert set(in_doubt) <= {SendState.ACCEPTED, SendState.IN_DOUBT}
        assert in_doubt[SendState.IN_DOUBT] == sum(not found[text] for text in held)


def test_a_sender_that_is_held_still_beyond_its_lock(redis_url: str, tmp_path: Path) -> None:
    with replying(redis_url, tmp_path, queues="events") as (service, provider):
        settings = settings_of(service, port_of(redis_url), port_of(provider.url))
        with process([*RINGBACK, "sender"], **settings) as first:
            wait_for(lambda: sender_of(service), "the sender")
            texts = [write(service, "REPLY") for _ in range(20)]
            wait_for(lambda: got(provider), "its first send")
            with stopped([first.pid]):
                name = sender_of(service)
                lose_lock(service)
                texts += [write(service, "REPLY") for _ in range(20)]
                with process([*RINGBACK, "sender"], **settings) as second:
                    wait_for(lambda: sender_of(service) not in (None, name), "the other sender")
                    await_got(provider, *texts[20:])
                    os.kill(first.pid, signal.SIGCONT)
                    texts += [write(service, "REPLY") for _ in range(20)]
                    await_got(provider, *texts[40:])
                    await_sent(service)
                    assert second.poll() is None
        found = Counter(got(provider))
        assert set(found.values()) == {1}
        records = Counter(record.state for record in records_of(service.redis, service.keys))
        assert records[SendState.ACCEPTED] + records[SendState.IN_DOUBT] == len(texts)
        assert records[SendState.ACCEPTED] == len(found)
