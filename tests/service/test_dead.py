"""Dead letters: how they are listed and shown, and how they are given another try or dropped."""

import base64
import json
import subprocess
import zlib
from collections.abc import Iterator
from typing import Any, cast

import pytest

from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.service import RINGBACK, Service, process, running, wait_for

HANDLERS = "tests.support.handlers.recording"


def run(service: Service, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run `ringback dead …` against the service's Redis."""
    return service.ringback("dead", *words)


def listed(service: Service, *words: str) -> Any:
    """Run a command that prints JSON."""
    result = run(service, *words)
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


def await_letters(service: Service, number: int) -> list[str]:
    """Wait for so many dead letters; give their ids."""
    wait_for(lambda: len(service.dead_letters()) == number, f"{number} dead letters")
    return [letter["id"] for letter in service.dead_letters()]


def fail(service: Service, name: str) -> None:
    """Send a callback whose event a handler fails on for good."""
    assert service.send(build(find(name), {}), **{"ctx.do": "fail"}).status_code == 200


@pytest.fixture(autouse=True)
def empty(service: Service) -> Iterator[None]:
    """Let each test begin without dead letters, and with what is broken not mended."""
    yield
    service.redis.delete(f"{service.keys.rq_prefix}:failed:events", f"{service.prefix}:mended")


def test_a_dead_letter_is_listed_and_shown(service: Service) -> None:
    text = service.sms("BROKEN")
    (letter_id,) = await_letters(service, 1)
    (noted,) = service.noted_of("broken", text)
    (row,) = listed(service, "ls", "--json")
    assert row == {
        "id": letter_id,
        "time": row["time"],
        "handler": f"{HANDLERS}.broken",
        "event_id": noted.event["id"],
        "type": "message.received",
        "attempts": 1,
        "error": "LookupError",
        "errors": ["LookupError"],
        "replay": False,
    }
    assert noted.event["receivedat"][:10] == row["time"][:10]
    assert row["time"].endswith("Z")
    shown = listed(service, "show", letter_id[:8], "--json")
    assert shown == {**row, "event": noted.event, "traceback": shown["traceback"], "earlier_tracebacks": []}
    assert shown["traceback"].startswith("Traceback (most recent call last):\n")
    assert shown["traceback"].endswith(f"\nLookupError: no answer to {text}")


def test_texts_and_numbers_are_only_in_what_is_shown_whole(service: Service) -> None:
    text = service.sms("BROKEN")
    (letter_id,) = await_letters(service, 1)
    (noted,) = service.noted_of("broken", text)
    table, rows, shown = run(service, "ls"), run(service, "ls", "--json"), run(service, "show", letter_id)
    assert (table.returncode, shown.returncode) == (0, 0)
    assert letter_id[:8] in table.stdout
    assert "LookupError" in table.stdout
    private = [text, noted.event["data"]["sender"]["value"].removeprefix("+")]
    assert not [one for one in private if one in table.stdout + table.stderr + rows.stdout]
    assert not [one for one in private if one not in shown.stdout]
    assert f"LookupError: no answer to {text}" in shown.stdout


def test_what_is_mended_and_retried_is_done(service: Service) -> None:
    text = service.sms("BROKEN")
    (letter_id,) = await_letters(service, 1)
    service.redis.set(f"{service.prefix}:mended", 1)
    dry = run(service, "retry", letter_id, "--dry-run")
    assert (dry.returncode, dry.stdout, dry.stderr) == (0, "", "1 to retry\n")
    assert await_letters(service, 1) == [letter_id]
    retried = run(service, "retry", letter_id[:10], letter_id)
    assert (retried.returncode, retried.stdout, retried.stderr) == (0, "", "1 to retry\nPut 1 back on the queue.\n")
    wait_for(lambda: service.attempts("broken", text) == [1, 1], "another first attempt")
    wait_for(lambda: not service.redis.exists(service.keys.rq_job(letter_id)), "the job's end")
    assert service.dead_letters() == []
    assert service.attempts("everything", text) == [1]
    again = run(service, "retry", letter_id)
    assert (again.returncode, again.stderr) == (
        1,
        f"ringback: none of the dead letters has the id {letter_id}; `ringback dead ls` lists them\n",
    )


def test_what_still_fails_has_all_its_attempts_again(service: Service) -> None:
    text = service.sms("FAIL")
    ids = await_letters(service, 1)
    assert [row["attempts"] for row in listed(service, "ls", "--json")] == [2]
    assert run(service, "retry", "--handler", "failing").stderr == "1 to retry\nPut 1 back on the queue.\n"
    wait_for(lambda: service.attempts("failing", text) == [1, 2, 1, 2], "the attempts")
    assert await_letters(service, 1) == ids
    shown = listed(service, "show", ids[0], "--json")
    assert (shown["attempts"], shown["error"], shown["errors"]) == (2, "ValueError", ["ValueError"] * 4)
    assert shown["traceback"].endswith("\nValueError: told to fail")
    assert [one.partition("\n")[0] for one in shown["earlier_tracebacks"]] == ["Traceback (most recent call last):"]
    whole = run(service, "show", ids[0]).stdout
    assert whole.count("    Traceback (most recent call last):\n") == 2
    assert "\nbefore it was given another try:\n" in whole
    assert "\nerrors    ValueError, ValueError, ValueError, ValueError\n" in whole
    # It lives as long as any other, not only as long as it had left.
    assert service.redis.ttl(service.keys.rq_job(ids[0])) > 13 * 24 * 3600


def test_a_letter_that_no_worker_has_the_handler_of_keeps_its_history(redis_url: str) -> None:
    with running(redis_url, queues="") as service:
        with process([*RINGBACK, "work", "--queues", "events"], **service.settings):
            text = service.sms("BROKEN")
            (letter_id,) = await_letters(service, 1)
        others = {**service.settings, "RINGBACK_HANDLERS": "tests.support.handlers.busy"}
        with process([*RINGBACK, "work", "--queues", "events"], **others):
            assert run(service, "retry", letter_id).returncode == 0
            wait_for(lambda: len(history(service, letter_id)) == 2, "it to be back")
        newest, oldest = history(service, letter_id)
        assert f"there is no handler {HANDLERS}.broken any more" in newest
        assert oldest.endswith(f"LookupError: no answer to {text}")
        (row,) = listed(service, "ls", "--json")
        assert (row["id"], row["errors"], row["error"]) == (letter_id, ["LookupError", "HandlerError"], "HandlerError")
        service.redis.set(f"{service.prefix}:mended", 1)
        with process([*RINGBACK, "work", "--queues", "events"], **service.settings):
            assert run(service, "retry", letter_id).returncode == 0
            wait_for(lambda: not service.redis.exists(service.keys.rq_job(letter_id)), "the letter's end")
        assert (service.attempts("broken", text), history(service, letter_id)) == ([1, 1], [])


def history(service: Service, letter_id: str) -> list[str]:
    """Return how a letter died, each time, the last first; nothing while it is given another try."""
    if letter_id not in [letter["id"] for letter in service.dead_letters()]:
        return []
    kept = cast(
        "list[tuple[bytes, dict[bytes, bytes]]]",
        service.redis.xrevrange(f"{service.keys.rq_prefix}:results:{letter_id}"),
    )
    return [zlib.decompress(base64.b64decode(fields[b"exc_string"])).decode().strip() for _, fields in kept]


def test_a_job_that_is_none_of_ours_is_left_alone(service: Service) -> None:
    service.sms("BROKEN")
    (letter_id,) = await_letters(service, 1)
    job = service.keys.rq_job("theirs")
    fields: dict[Any, Any] = {"status": "failed", "origin": "events", "description": "theirs"}
    fields |= {"data": json.dumps(["os.getcwd", None, [], {}]), "created_at": "2026-03-02T08:00:00.000000Z"}
    service.redis.hset(job, mapping=fields)
    service.redis.zadd(f"{service.keys.rq_prefix}:failed:events", {"theirs": 2**40})
    assert [row["id"] for row in json.loads(run(service, "ls", "--json").stdout)] == [letter_id]
    for command in ("retry", "drop"):
        assert run(service, command, "theirs").returncode == 0
    service.redis.set(f"{service.prefix}:mended", 1)
    assert run(service, "retry", "--all").returncode == 0
    wait_for(lambda: not service.redis.exists(service.keys.rq_job(letter_id)), "the other's end")
    assert service.redis.exists(job)
    service.redis.delete(job)


def test_choosing_by_handler_and_type(service: Service) -> None:
    texts = [service.sms("BROKEN") for _ in range(2)]
    await_letters(service, 2)
    fail(service, "mocean/delivery-report")
    await_letters(service, 3)
    fail(service, "mocean/whatsapp-inbound-message")
    await_letters(service, 4)
    rows = listed(service, "ls", "--json")
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert sorted((row["handler"].rpartition(".")[2], row["type"]) for row in rows) == [
        ("broken", "message.received"),
        ("broken", "message.received"),
        ("told_to_fail", "message.received"),
        ("told_to_fail", "message.status"),
    ]
    broken = [row for row in rows if row["handler"].endswith(".broken")]
    assert listed(service, "ls", "--json", "--limit", "1") == rows[3:]
    assert listed(service, "ls", "--json", "--handler", "broken", "--limit", "1") == broken[1:]
    assert listed(service, "ls", "--json", "--type", "message.status", "--handler", "broken") == []
    assert listed(service, "ls", "--json", "--handler", "nobody") == []
    filters = (
        (["--handler", f"{HANDLERS}.broken"], 2),
        (["--type", "message.received"], 3),
        (["--type", "message.received", "--handler", "told_to_fail"], 1),
        (["--handler", "nobody"], 0),
        (["--all"], 4),
    )
    for words, number in filters:
        dry = run(service, "drop", "--dry-run", *words)
        assert (dry.returncode, dry.stdout, dry.stderr) == (0, "", f"{number} to drop\n")
    assert listed(service, "ls", "--json") == rows
    assert run(service, "drop", "--handler", "told_to_fail", "--type", "message.status").stderr == (
        "1 to drop\nDropped 1.\n"
    )
    assert run(service, "drop", broken[0]["id"]).stderr == "1 to drop\nDropped 1.\n"
    left = [row for row in rows if row["type"] == "message.received" and row != broken[0]]
    assert listed(service, "ls", "--json") == left
    assert run(service, "drop", "--all").stderr == "2 to drop\nDropped 2.\n"
    assert run(service, "drop", "--all").stderr == "0 to drop\nDropped 0.\n"
    assert not [row["id"] for row in rows if service.redis.exists(service.keys.rq_job(row["id"]))]
    assert [service.attempts("broken", text) for text in texts] == [[1], [1]]


@pytest.mark.parametrize("command", ["drop", "retry"])
@pytest.mark.parametrize(
    ("words", "code", "stderr"),
    [
        pytest.param([], 2, "name dead letters by their ids, or choose them with --handler and --type, or all with "
                     "--all", id="none"),
        pytest.param(["{}", "--all"], 2, "name dead letters by their ids, or choose them with --handler and --type, or "
                     "all with --all", id="ids and all"),
        pytest.param(["--all", "--type", "call.input"], 2, "name dead letters by their ids, or choose them with "
                     "--handler and --type, or all with --all", id="all and a filter"),
        pytest.param(["{}", "zzzz"], 1, "none of the dead letters has the id zzzz; `ringback dead ls` lists them",
                     id="absent"),
        pytest.param([""], 1, "none of the dead letters has the id ; `ringback dead ls` lists them; a beginning needs "
                     "4 characters at least", id="empty"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_changes_nothing(
    service: Service, command: str, words: list[str], code: int, stderr: str
) -> None:
    service.sms("BROKEN")
    (letter_id,) = await_letters(service, 1)
    result = run(service, command, *(word.format(letter_id) for word in words))
    assert (result.returncode, result.stdout, result.stderr) == (code, "", f"ringback: {stderr}\n")
    assert await_letters(service, 1) == [letter_id]
