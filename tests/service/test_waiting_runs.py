"""Runs that wait: they are listed, the next one first, and begin at once where somebody asks."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ringback.workers.failures import due
from ringback.workers.failures.stored_run import StoredRun
from ringback.workers.handling import standing
from tests.support.service import Service, clean_environment, running, wait_for

HANDLERS = "tests.support.handlers.recording"


@pytest.fixture(scope="module")
def still(redis_url: str) -> Iterator[Service]:
    """Return a service without workers, so that what waits goes on waiting."""
    with running(redis_url, queues="") as started:
        yield started


@pytest.fixture(autouse=True)
def empty(still: Service) -> Iterator[None]:
    """Let each test begin with nothing that waits."""
    yield
    keys = still.keys
    held = [keys.held(name.decode()) for name in still.redis.smembers(keys.held_handlers)]  # type: ignore[union-attr]
    still.redis.delete(keys.due, keys.due_taken, keys.held_handlers, keys.paused, keys.timeouts, *held)


def record(handler: str, number: int, kind: str = "message.received") -> StoredRun:
    event = json.dumps({"id": str(number), "type": kind}).encode()
    return StoredRun(f"{HANDLERS}.{handler}", str(number), f"{number}-0", event, attempts=1, errors=("OSError",))


def wait(service: Service, *runs: tuple[float, StoredRun]) -> None:
    with service.redis.pipeline(transaction=True) as pipeline:
        due.add(pipeline, service.keys, runs)
        pipeline.execute()


def hold(service: Service, *records: StoredRun) -> None:
    with service.redis.pipeline(transaction=True) as pipeline:
        for one in records:
            standing.hold(pipeline, service.keys, one.handler, [one])
        pipeline.execute()


def listed(service: Service, *words: str) -> list[dict[str, Any]]:
    done = service.ringback("retries", "ls", "--json", *words)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def now(service: Service, *words: str) -> str:
    done = service.ringback("retries", "now", *words)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return done.stderr


def due_by_now(service: Service) -> int:
    seconds, micros = service.redis.time()
    return service.redis.zcount(service.keys.due, "-inf", seconds * 1000 + micros / 1000)


def test_the_list_has_the_next_first(still: Service) -> None:
    wait(still, (900, record("broken", 3)), (60, record("failing", 2)), (60_000, record("broken", 4, "message.status")))
    hold(still, record("later", 5))
    still.redis.xadd(still.keys.due_taken, {"record": record("broken", 1).dump()})
    rows = listed(still)
    assert [(row["event_id"], row["waits"]) for row in rows] == [
        ("1", "in hand"), ("2", "due"), ("3", "due"), ("4", "due"), ("5", "held"),
    ]  # fmt: skip
    assert rows[1] == {
        "waits": "due", "due": rows[1]["due"], "handler": f"{HANDLERS}.failing", "event_id": "2",
        "type": "message.received", "attempts": 1, "error": "OSError", "errors": ["OSError"], "replay": False,
    }  # fmt: skip
    assert (rows[1]["due"] < rows[2]["due"], rows[0]["due"], rows[4]["due"]) == (True, None, None)
    assert [row["event_id"] for row in listed(still, "--handler", "broken")] == ["1", "3", "4"]
    assert [row["event_id"] for row in listed(still, "--type", "message.status")] == ["4"]
    assert [row["event_id"] for row in listed(still, "--limit", "2")] == ["1", "2"]
    table = still.ringback("retries", "ls").stdout.splitlines()
    assert table[0].split() == ["due", "handler", "event", "type", "attempts", "error", "replay"]
    assert table[1].split()[:2] == ["in", "hand"]


def test_those_of_a_handler_are_due_at_once(still: Service) -> None:
    others = [(900.0, record("failing", number)) for number in range(1200, 1210)]
    wait(still, *others, *((900 + number / 10, record("broken", number)) for number in range(1200)))
    hold(still, record("broken", 2000), record("failing", 2001))
    assert now(still, "broken", "--dry-run") == "1201 to run now\n"
    assert due_by_now(still) == 0
    assert now(still, "broken") == "1201 to run now\nLet 1201 begin.\n"
    assert (due_by_now(still), still.redis.zcard(still.keys.due)) == (1201, 1211)
    assert now(still, "broken") == "0 to run now\nLet 0 begin.\n"
    assert now(still, "--all") == "11 to run now\nLet 11 begin.\n"
    assert (due_by_now(still), still.redis.exists(still.keys.held_handlers)) == (1212, 0)


@pytest.mark.parametrize(("key", "said"), [("paused", "paused since 2026-11-28T00:00:00Z"), ("timeouts", "set aside")])
def test_what_is_held_for_a_reason_stays_so(still: Service, key: str, said: str) -> None:
    name = f"{HANDLERS}.broken"
    still.redis.hset(getattr(still.keys, key), name, "2026-11-28T00:00:00Z" if key == "paused" else "3")
    hold(still, record("broken", 1))
    assert now(still, "broken") == (
        f"0 to run now\nLet 0 begin.\n{name} is {said}: its runs are held; `ringback handlers resume {name}` lets it go"
        " on\n"
    )
    assert still.redis.zcard(still.keys.held(name)) == 1


@pytest.mark.parametrize(
    ("words", "error"),
    [
        pytest.param(["now"], "name a handler, or choose all with --all", id="none"),
        pytest.param(["now", "broken", "--all"], "name a handler, or choose all with --all", id="both"),
        pytest.param(["now", "nobody"], 'handler "nobody": there is no such handler; there are ', id="unknown"),
        pytest.param(["ls", "--handler", "nobody"], '--handler "nobody": there is no such handler; there are ',
                     id="unknown, in the list"),
        pytest.param(["now", "menu"], 'handler "menu" answers calls', id="a voice handler"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly(still: Service, words: list[str], error: str) -> None:
    done = still.ringback("retries", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"ringback: {error}")
    assert done.stderr.count("\n") == 1


def test_the_next_page_is_read_only_when_it_is_wanted(still: Service) -> None:
    """A million runs are not brought here for a list of twenty."""
    wait(still, *((900 + number, record("broken", number)) for number in range(3000)))
    before = still.redis.info("stats")["total_net_output_bytes"]
    assert len(listed(still)) == 20
    assert still.redis.info("stats")["total_net_output_bytes"] - before < 600 * len(record("broken", 1000).dump())


def test_workers_run_what_is_to_begin_now(service: Service) -> None:
    text = service.sms("ASIDE")  # times out, and is to be tried again in ten minutes
    wait_for(lambda: service.redis.zcard(service.keys.due), "the retry")
    assert now(service, "hanging_again").startswith("1 to run now\nLet 1 begin.\n")
    wait_for(lambda: service.attempts("hanging-again", text) == [1, 2], "the second attempt")


def test_a_letter_is_requeued_with_rqs_own_tools(service: Service) -> None:
    text = service.sms("BROKEN")
    (letter,) = wait_for(service.dead_letters, "the dead letter")
    service.redis.set(f"{service.prefix}:mended", 1)
    command = [str(Path(sys.executable).parent / "rq"), "requeue", "--queue", "events", "-S", "json"]
    environment = {**clean_environment(), "RQ_KEY_PREFIX": service.keys.rq_prefix}
    done = subprocess.run(
        [*command, "-u", service.redis_url, letter["id"]], env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wait_for(lambda: service.attempts("broken", text) == [1, 1], "another first attempt")
    wait_for(lambda: not service.redis.exists(service.keys.rq_job(letter["id"])), "the letter's end")
    assert letter not in service.dead_letters()
