"""What nobody of ours has written: whatever is in the stream or a hash of counts, all goes on, and nothing is lost."""

import base64
import json
import secrets
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from redis.typing import EncodableT, FieldT

from ringback.schemas.parts import to_document, to_json
from ringback.wire.samples import find
from tests.support.sample_events import event_of
from tests.support.service import Service, free_port, running, wait_for

REPORT = find("mycoolsms/delivery-report")
GOOD = to_document(event_of(REPORT))


@pytest.fixture(scope="module")
def service(redis_url: str) -> Iterator[Service]:
    """Return a service whose stream others write to."""
    with running(redis_url, queues="events,events") as started:
        yield started


@pytest.fixture(autouse=True)
def empty(service: Service) -> Iterator[None]:
    """Let each test begin without dead letters."""
    yield
    service.redis.delete(f"{service.keys.rq_prefix}:failed:events")


def add(redis: Redis, stream: str, fields: dict[bytes, bytes]) -> str:
    """Write an entry as another program would; give its id."""
    entry_id = cast("bytes", redis.xadd(stream, cast("dict[FieldT, EncodableT]", fields)))
    return entry_id.decode()


def shown(service: Service, letter_id: str) -> dict[str, Any]:
    result = service.ringback("dead", "show", letter_id, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    whole: dict[str, Any] = json.loads(result.stdout)
    return whole


def attempts(service: Service) -> list[int]:
    return [one["attempts"] for one in json.loads(service.ringback("dead", "ls", "--json").stdout)]


def written(event: object) -> bytes:
    return json.dumps(event).encode()


@pytest.mark.parametrize(
    ("fields", "letter"),
    [
        pytest.param(
            {b"id": b"\xff"},
            {"event_id": "\ufffd", "type": "", "event_base64": b'{"id": "\\udcff"}', "why": "it has no event"},
            id="an id that is no UTF-8, and no event",
        ),
        pytest.param(
            {b"id": b"x" * 1000, b"type": b"\xfe", b"event": b'{"a": "\xff"}'},
            {
                "event_id": "x" * 64, "type": "", "event_base64": b'{"a": "\xff"}',
                "why": "Object missing required field `type`",
            },
            id="an event that is no UTF-8",
        ),
        pytest.param(
            {b"id": b"1", b"type": b"message.status", b"event": b"{"},
            {"event_id": "1", "type": "", "event_base64": b"{", "why": "Input data was truncated"},
            id="an event that is no JSON",
        ),
        pytest.param(
            {b"id": b"1", b"event": b'{"a": "\\ud800"}'},
            {
                "event_id": "1", "type": "", "event_base64": b'{"a": "\\ud800"}', "why": "Input data was truncated",
            },
            id="an event with half a surrogate pair",
        ),
        pytest.param(
            {b"id": b"1", b"event": b'{"a":' * 5000 + b"1" + b"}" * 5000},
            {
                "event_id": "1", "type": "", "event_base64": b'{"a":' * 5000 + b"1" + b"}" * 5000,
                "why": "JSON is nested too deeply",
            },
            id="a deep event",
        ),
        pytest.param(
            {b"id": b"1", b"type": b"fax.sent", b"event": written({**GOOD, "type": "fax.sent"})},
            {
                "event_id": "1", "type": "fax.sent", "event": {**GOOD, "type": "fax.sent"},
                "why": "No such value - at `$.type`",
            },
            id="an event of a newer type",
        ),
    ],
)  # fmt: skip
def test_an_entry_that_no_worker_can_read_is_a_dead_letter(
    service: Service, fields: dict[bytes, bytes], letter: dict[str, Any]
) -> None:
    entry_id = add(service.redis, service.keys.events, fields)
    text = service.sms("-")
    wait_for(lambda: service.noted_of("everything", text), "the event behind it")
    (row,) = wait_for(service.dead_letters, "the dead letter")
    whole = shown(service, row["id"])
    if "event_base64" in letter:
        letter["event_base64"] = base64.b64encode(letter["event_base64"]).decode()
    why = letter.pop("why")
    assert whole == {
        "id": row["id"], "time": whole["time"], "handler": "-", "attempts": 1, "error": "UnreadableError",
        "errors": ["UnreadableError"], "earlier_tracebacks": [], "replay": False,
        "traceback": f"entry {entry_id} cannot be read: {why}",
        **letter,
    }  # fmt: skip
    wait_for(lambda: not service.pending, "the stream to be done")
    # A letter that still cannot be read comes back.
    assert service.ringback("dead", "retry", row["id"]).returncode == 0
    wait_for(lambda: attempts(service) == [1], "the letter to be back")
    for words in ("dead ls", "events ls", "events odd", "replay --all --dry-run"):
        assert service.ringback(*words.split()).returncode == 0, words
    assert service.ringback("dead", "show", row["id"]).returncode == 0
    assert service.ringback("dead", "drop", "--handler", "-").returncode == 0
    assert service.dead_letters() == []


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\x00", id="no text"),
        pytest.param(b"[]\n{}", id="another kind of JSON"),
        pytest.param(b'{"handler": "h"}\n{}', id="something missing"),
        pytest.param(b'{"handler": ["h"], "event_id": "1", "key": "1"}\n{}', id="a list for a name"),
        pytest.param(b'{"handler": "h", "event_id": "1", "key": "1", "attempts": "x"}\n{}', id="a word for a number"),
        pytest.param(b'{"handler": "h", "event_id": "1", "key": "1", "letter": 5}\n{}', id="a number for an id"),
        pytest.param(b'{"a":' * 5000, id="deep"),
    ],
)
def test_a_waiting_run_that_no_worker_can_read_is_a_dead_letter(service: Service, stored: bytes) -> None:
    service.redis.zadd(service.keys.due, {stored: 4e12})
    for words in ("retries ls", "handlers ls"):
        assert service.ringback(*words.split()).returncode == 0, words
    service.redis.zadd(service.keys.due, {stored: 0})
    text = service.sms("RECOVER")
    wait_for(lambda: service.attempts("recovering", text) == [1, 2], "the run behind it")
    (row,) = wait_for(service.dead_letters, "the dead letter")
    whole = shown(service, row["id"])
    assert (whole["handler"], whole["errors"]) == ("-", ["UnreadableError"])
    assert whole.get("event_base64", "") == base64.b64encode(stored).decode()
    wait_for(lambda: not service.redis.xlen(service.keys.due_taken), "the ledger")
    assert service.ringback("dead", "retry", row["id"]).returncode == 0
    wait_for(lambda: attempts(service) == [1], "the letter to be back")


def test_what_can_be_read_when_it_is_retried_reaches_the_handlers(service: Service) -> None:
    text = secrets.token_hex(4)
    event = {**json.loads(sms_event(text)), "type": "fax.sent"}
    add(service.redis, service.keys.events, {b"id": b"1", b"type": b"fax.sent", b"event": written(event)})
    (row,) = wait_for(service.dead_letters, "the dead letter")
    # As if the workers were newer: what is in the letter is of a type that they know.
    job = f"{service.keys.rq_prefix}:job:{row['id']}"
    data = written(["ringback.workers.failures.letters.again", None, [sms_event(text), "-", None], {}])
    service.redis.hset(job, "data", data)
    assert service.ringback("dead", "retry", row["id"]).returncode == 0
    noted = wait_for(lambda: service.noted_of("everything", text), "the handler")
    assert [(one.event["data"]["text"], one.attempt) for one in noted] == [(text, 1)]
    assert service.dead_letters() == []


def test_what_a_newer_version_has_added_is_passed_on(service: Service) -> None:
    text = secrets.token_hex(4)
    event = json.loads(sms_event(text))
    data = {**event["data"], "channel": "rcs", "encoding": "utf8", "keyword": "FINAL", "hops": [None]}
    event = {**event, "priority": 1, "data": data}
    add(service.redis, service.keys.events, {b"id": b"7", b"type": b"message.received", b"event": written(event)})
    (letter,) = wait_for(service.dead_letters, "the dead letter")
    assert [one.event["data"]["encoding"] for one in service.noted_of("final", text)] == ["unknown"]
    assert shown(service, letter["id"])["event"] == event
    assert service.ringback("dead", "retry", letter["id"]).returncode == 0
    wait_for(lambda: service.attempts("final", text) == [1, 1], "the second run")
    (letter,) = wait_for(service.dead_letters, "the dead letter to be back")
    assert shown(service, letter["id"])["event"] == event
    (row,) = json.loads(service.ringback("events", "ls", "--limit", "1", "--json").stdout)
    assert row["event"] == event


def sms_event(text: str) -> str:
    return to_json(event_of(find("mocean/inbound-sms"), {"mocean-text": text})).decode()


def test_counts_that_others_have_written_to(redis_url: str) -> None:
    port = free_port()
    with running(redis_url, queues="", RINGBACK_ADMIN_PORT=str(port)) as service:
        for name, field, value in (
            (service.keys.oddities, b"\xff", "1"), (service.keys.oddities, b"mocean x", "many"),
            (service.keys.tally, b"bucket \xff much", "1"), (service.keys.tally, b"runs \xff ok", "2"),
        ):  # fmt: skip
            service.redis.hset(name, field, value)
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
        assert answer.status_code == 200
        families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        oddities = [(one.labels, one.value) for one in families["ringback_oddities"].samples]
        assert oddities == [({"provider": "\ufffd", "flag": ""}, 1.0)]
        runs = [(one.labels, one.value) for one in families["ringback_handler_runs"].samples]
        assert runs == [({"handler": "\ufffd", "outcome": "ok"}, 2.0)]
        assert service.ringback("events", "odd").returncode == 0
