"""Lifespans: what is opened once in each process that runs handlers is in their hands, and closed at its end."""

import os
from pathlib import Path
from typing import cast

import pytest

from tests.support.service import RINGBACK, ROOT, Service, await_ready, process, running, wait_for

HANDLERS = "tests.support.handlers.pooled"


def life(service: Service) -> list[str]:
    """Return what the lifespans have noted, in order, without the process."""
    return [line.rpartition(" ")[0] for line in lines(service)]


def lines(service: Service) -> list[str]:
    return [one.decode() for one in cast("list[bytes]", service.redis.lrange(f"{service.prefix}:life", 0, -1))]


def test_handlers_have_what_is_opened_once_in_their_process(redis_url: str) -> None:
    with running(redis_url, queues="", RINGBACK_HANDLERS=HANDLERS) as service:
        chosen = {**service.settings, "RINGBACK_HANDLERS": HANDLERS}
        with process([*RINGBACK, "work", "--queues", "events"], **chosen):
            await_ready(service, 1)
            for number in range(1, 4):
                service.sms("-")
                for handler in ("sync", "later"):
                    wait_for(lambda: len(service.noted(handler)) == number, handler)  # noqa: B023 - it is called here
            assert {one.attempt for one in service.noted("sync") + service.noted("later")} == {1}
            # A process lingers, so that a pool is not opened for each event of a quiet day.
            assert life(service) == ["pool opened", "client opened"]
        assert life(service) == ["pool opened", "client opened", "client closed", "pool closed"]
        assert len({line.rpartition(" ")[2] for line in lines(service)}) == 1


def test_calls_have_it_too(redis_url: str) -> None:
    with running(redis_url, queues="", RINGBACK_HANDLERS=HANDLERS) as service:
        chosen = {**service.settings, "RINGBACK_HANDLERS": HANDLERS}
        with process([*RINGBACK, "work", "--queues", "voice"], **chosen):
            await_ready(service, 1)
            answers = [service.trigger("mocean/voice/answer").json()[0]["text"] for _ in range(5)]
            assert answers == ["pool of True"] * 5
            assert life(service) == ["pool opened", "client opened"]
        assert life(service) == ["pool opened", "client opened", "client closed", "pool closed"]


def test_a_client_that_was_made_at_the_import_serves_every_call(redis_url: str) -> None:
    with running(redis_url, queues="voice", RINGBACK_HANDLERS="tests.support.handlers.calling_out") as service:
        answers = [service.trigger("mocean/voice/answer").json()[0]["text"] for _ in range(6)]
        assert answers == ["it says 200"] * 6


BROKEN = """
from ringback import lifespan, on
from tests.support.handlers.recording import note, prefix, redis

@lifespan
def opens():
    if not redis.exists(f"{prefix}:mended"):
        raise ConnectionError("no database")
    yield {}

@on("message.received")
def handler(event, ctx):
    note("handler", event, ctx)
"""


def test_while_it_cannot_be_opened_events_wait(
    redis_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken_life.py").write_text(BROKEN)
    settings = {"RINGBACK_HANDLERS": "broken_life", "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    with running(redis_url, queues="events", **settings) as service:
        service.sms("-")
        said = ""

        def is_told() -> bool:
            nonlocal said
            said += capfd.readouterr().err
            return said.count("ConnectionError") >= 2

        wait_for(is_told, "the log to say so, more than once", seconds=30)
        service.redis.set(f"{service.prefix}:mended", 1)
        (noted,) = wait_for(lambda: service.noted("handler"), "the handler")
        assert (noted.attempt, service.dead_letters()) == (1, [])
