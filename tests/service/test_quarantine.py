"""The quarantine: what could not be used, how it is shown, and how it becomes an event after all."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any, cast

import pytest

from ringback.receiver.quarantine.keeping import Kept
from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.service import TOKEN, Service, wait_for

RECEIVED_MS = 1_700_000_000_000
RECEIVED = "2023-11-14T22:13:20Z"
RECEIVED_IN_LISTS = "2023-11-14T22:13:20.000Z"


def run(service: Service, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run `ringback quarantine …` against the service's Redis."""
    return service.ringback("quarantine", *words)


def listed(service: Service, *words: str) -> Any:
    """Run a command that prints JSON."""
    result = run(service, *words)
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


def put(service: Service, number: int = 0, **fields: Any) -> str:
    """Quarantine a request by hand, as a version would have that could not read it; give its id."""
    entry: dict[Any, Any] = {
        "path": "/webhooks/mycoolsms/delivery-report?ctx.order=42",
        "reason": "an older version's",
        "method": "POST",
        "headers": "Content-Type: application/json\nx-twice: a\nx-twice: b",
        "body": '{"smsid": "by-hand", "status": "SMS_STATUS_BOUNCED"}',
        "account": "acme",
        **fields,
    }
    return cast("bytes", service.redis.xadd(service.keys.quarantine, entry, f"{RECEIVED_MS}-{number}")).decode()


@pytest.fixture(autouse=True)
def empty(service: Service) -> Iterator[None]:
    """Let each test begin with an empty quarantine and stream."""
    yield
    service.redis.delete(service.keys.quarantine)
    for key in service.redis.scan_iter(service.keys.seen("*")):
        service.redis.delete(key)


def test_a_refused_request_is_listed_and_shown(service: Service) -> None:
    response = service.request(
        "PUT", "mocean/delivery-report", params={"ctx.order": "4 2", "x": "é"}, data={"mocean-msgid": "a"},
        headers={"X-Original-URI": f"/webhooks/mocean/delivery-report?token={TOKEN}", "User-Agent": "Mocean"},
    )  # fmt: skip
    assert response.status_code == 422
    (row,) = listed(service, "ls", "--json")
    assert row == {
        "id": row["id"],
        "time": row["time"],
        "account": "acme",
        "method": "PUT",
        "path": "/webhooks/mocean/delivery-report?ctx.order=4+2&x=%C3%A9",
        "reason": "mocean-dlr-status is missing",
    }
    assert listed(service, "show", row["id"]) == {
        **row,
        "headers": {
            "host": f"127.0.0.1:{service.port}",
            "accept": "*/*",
            "accept-encoding": service.http.headers["accept-encoding"],
            "connection": "keep-alive",
            "user-agent": "Mocean",
            "content-length": "14",
            "content-type": "application/x-www-form-urlencoded",
        },
        "body": "mocean-msgid=a",
    }
    table = run(service, "ls").stdout
    assert row["id"] in table.replace("\n", "")
    retried = run(service, "retry", row["id"])
    assert (retried.returncode, retried.stdout) == (1, f"{row['id']}: remains, mocean-dlr-status is missing\n")
    assert retried.stderr == "1 to retry\n1 remain in quarantine.\n"
    assert listed(service, "ls", "--json") == [row]


def test_each_bad_callback_of_an_array_is_kept(service: Service) -> None:
    # More than a client has connections: they must take turns.
    bad = [{"smsid": str(number)} for number in range(300)]
    before = len(service.stored())
    response = service.request("POST", "mycoolsms/delivery-report", json=[*bad, {"smsid": "x", "status": "y"}])
    assert (response.status_code, response.content) == (200, b"")
    assert sorted(json.loads(one["body"])["smsid"] for one in service.quarantined()) == sorted(map(str, range(300)))
    assert len(service.stored()) == before + 1


@pytest.mark.parametrize("name", ["mocean/delivery-report", "mocean/voice/answer"])
def test_too_many_parameters_are_no_probe(service: Service, name: str) -> None:
    response = service.http.get(f"/webhooks/{name}?{'ctx.a=1&' * 1001}", auth=("acme", TOKEN))
    assert response.status_code == (200 if "voice" in name else 422)
    (refused,) = service.quarantined()
    assert refused["reason"] == "more than 1000 parameters in the URL"


def test_ls_gives_the_newest(service: Service) -> None:
    ids = [put(service, number) for number in range(3)]
    assert [row["id"] for row in listed(service, "ls", "--limit", "2", "--json")] == ids[1:]
    assert [row["time"] for row in listed(service, "ls", "--limit", "1", "--json")] == [RECEIVED_IN_LISTS]


def test_show_of_a_body_that_is_no_text(service: Service) -> None:
    entry_id = put(service, body=b"\xff\x00")
    shown = listed(service, "show", entry_id)
    assert (shown["body_base64"], "body" in shown) == ("/wA=", False)
    assert shown["headers"] == {"content-type": "application/json", "x-twice": "a, b"}


def test_a_retried_request_reaches_the_handlers(service: Service) -> None:
    entry_id = put(service)
    dry = run(service, "retry", "--all", "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "1 to retry\n")
    assert len(service.quarantined()) == 1
    retried = run(service, "retry", entry_id)
    assert (retried.returncode, retried.stderr, retried.stdout) == (0, "1 to retry\n", dry.stdout)

    def found() -> list[dict[str, Any]]:
        return [one.event for one in service.noted("everything") if one.event.get("subject") == "by-hand"]

    (event,) = wait_for(found, "the event")
    assert retried.stdout == f"{entry_id}: message.status {event['id']}\n"
    assert event == {
        "specversion": "1.0",
        "id": event["id"],
        "source": "/mycoolsms/acme",
        "type": "message.status",
        "subject": "by-hand",
        "time": RECEIVED,
        "datacontenttype": "application/json",
        "dataschema": "urn:ringback:schema:message.status:1",
        "provider": "mycoolsms",
        "account": "acme",
        "receivedat": RECEIVED,
        "partitionkey": "by-hand",
        "data": {
            "context": {"order": "42"},
            "raw": {"smsid": "by-hand", "status": "SMS_STATUS_BOUNCED"},
            "flags": [],
            "channel": "sms",
            "message_id": "by-hand",
            "status": "bounced",
            "final": True,
        },
    }
    assert service.quarantined() == []
    wire = build(find("mycoolsms/delivery-report"), {"smsid": "by-hand", "status": "SMS_STATUS_BOUNCED"})
    assert service.send(wire).status_code == 200
    assert len(found()) == 1  # the provider's repeat is known by the id that the retry gave


@pytest.mark.parametrize(
    ("fields", "stdout"),
    [
        pytest.param({"path": "/webhooks/mocean/fax"}, "remains, no callback is at /webhooks/mocean/fax", id="path"),
        pytest.param({"body": "{"}, "remains, the body is not valid JSON", id="undecodable"),
        pytest.param(
            {"body": '[{"smsid": "1", "status": "x"}, {"smsid": "2"}]'},
            "remains, status is missing",
            id="half an array",
        ),
        pytest.param(
            {"path": "/webhooks/mocean/number-lookup"},
            "remains, this is a callback for /webhooks/mycoolsms/delivery-report",
            id="another path's",
        ),
    ],
)
def test_what_still_cannot_be_used_remains(service: Service, fields: dict[str, Any], stdout: str) -> None:
    entry_id = put(service, **fields)
    before = len(service.stored())
    retried = run(service, "retry", entry_id)
    assert (retried.returncode, retried.stdout) == (1, f"{entry_id}: {stdout}\n")
    assert (len(service.stored()), len(service.quarantined())) == (before, 1)


def test_retry_of_all_takes_the_good_ones(service: Service) -> None:
    bad = put(service, 0, body="[]")
    call = put(
        service, 1, path="/webhooks/mocean/voice/collect/a%20b?mocean-call-uuid=call-1&mocean-digits=7", body="",
        method="GET", headers="",
    )  # fmt: skip
    array = put(service, 2, body='[{"smsid": "r1", "status": "x"}, {"smsid": "r2", "status": "x"}]')
    before = len(service.stored())
    retried = run(service, "retry", "--all")
    assert (retried.returncode, retried.stderr) == (1, "3 to retry\n1 remain in quarantine.\n")
    stored = service.stored()[before:]
    first, *others = [json.loads(one["event"]) for one in stored]
    assert retried.stdout == (
        f"{bad}: remains, the body holds no callback\n"
        f"{call}: call.input {first['id']}\n"
        f"{array}: message.status {others[0]['id']}; message.status {others[1]['id']}\n"
    )
    assert (first["subject"], first["data"]["step"], first["data"]["digits"]) == ("call-1", "a b", "7")
    assert [one["subject"] for one in others] == ["r1", "r2"]
    assert [row["id"] for row in listed(service, "ls", "--json")] == [bad]


def test_repeats_of_what_was_dropped_stay_out(service: Service) -> None:
    for _ in range(2):
        assert service.request("PUT", "mocean/delivery-report", data={"mocean-msgid": "a"}).status_code == 422
    (row,) = listed(service, "ls", "--json")
    assert run(service, "drop", row["id"]).returncode == 0
    assert service.request("PUT", "mocean/delivery-report", data={"mocean-msgid": "a"}).status_code == 422
    assert service.quarantined() == []


@pytest.mark.parametrize(
    ("marked", "left"),
    [
        pytest.param(f"{RECEIVED_MS}-0", 0, id="its own mark goes, so that it may be kept again"),
        pytest.param(f"{RECEIVED_MS}-1", 1, id="another entry's mark stays"),
    ],
)
def test_the_mark_of_a_retried_request(service: Service, marked: str, left: int) -> None:
    entry_id = put(service)
    mark = service.keys.seen(kept(service).digest)
    service.redis.set(mark, marked)
    assert run(service, "retry", entry_id).returncode == 0
    assert (service.redis.exists(mark), service.quarantined()) == (left, [])


def test_the_receivers_mark_is_the_one_that_retry_looks_for(service: Service) -> None:
    assert service.request("PUT", "mocean/delivery-report", data={"mocean-msgid": "a"}).status_code == 422
    assert service.redis.exists(service.keys.seen(kept(service).digest)) == 1


def kept(service: Service) -> Kept:
    """Give the only request in quarantine."""
    (fields,) = service.quarantined()
    return Kept(
        account=fields["account"], path=fields["path"], reason=fields["reason"], method=fields["method"],
        headers=fields["headers"].encode(), body=fields["body"].encode(),
    )  # fmt: skip


def test_drop(service: Service) -> None:
    ids = [put(service, number) for number in range(4)]
    dry = run(service, "drop", ids[0], ids[2], "--dry-run")
    assert (dry.returncode, dry.stdout, dry.stderr) == (0, "", "2 to drop\n")
    assert len(service.quarantined()) == 4
    assert run(service, "drop", ids[0], ids[2], ids[0]).stderr == "2 to drop\nDropped 2.\n"
    assert [row["id"] for row in listed(service, "ls", "--json")] == [ids[1], ids[3]]
    assert run(service, "drop", "--all").stderr == "2 to drop\nDropped 2.\n"
    assert listed(service, "ls", "--json") == []
    assert run(service, "drop", "--all").stderr == "0 to drop\nDropped 0.\n"


@pytest.mark.parametrize("command", ["drop", "retry"])
@pytest.mark.parametrize(
    ("words", "code", "stderr"),
    [
        pytest.param([], 2, "ringback: name requests by their ids, or all with --all\n", id="none"),
        pytest.param(["1-0", "--all"], 2, "ringback: name requests by their ids, or all with --all\n", id="both"),
        pytest.param(
            ["{}", "1234-0"], 1, "ringback: no request 1234-0 in quarantine; `ringback quarantine ls` lists them\n",
            id="absent",
        ),
        pytest.param(
            ["x"], 1, "ringback: no request x in quarantine; `ringback quarantine ls` lists them; a beginning needs 4 "
            "characters at least\n", id="no id",
        ),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_changes_nothing(
    service: Service, command: str, words: list[str], code: int, stderr: str
) -> None:
    entry_id = put(service)
    result = run(service, command, *(word.format(entry_id) for word in words))
    assert (result.returncode, result.stdout, result.stderr) == (code, "", stderr)
    assert len(service.quarantined()) == 1
