"""From a provider's callback over HTTP to a user's handler in an RQ worker."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ringback.wire.samples import SAMPLES, find
from ringback.wire.sending import build
from tests.support.service import TOKEN, Service, free_port, running, valkey, wait_for

TYPE_OF = {
    "mocean/delivery-report": "message.status",
    "mocean/inbound-sms": "message.received",
    "mocean/number-lookup": "lookup.completed",
    "mocean/whatsapp-inbound-message": "message.received",
    "mocean/whatsapp-delivery-status": "message.status",
    "mocean/voice/answer": "call.incoming",
    "mocean/voice/collect": "call.input",
    "mocean/voice/status": "call.status",
    "mycoolsms/delivery-report": "message.status",
    "mycoolsms/inbound-sms": "message.received",
}


def flat(fields: dict[str, Any], within: str = "") -> dict[str, str]:
    """Write nested JSON as a query has it: `a[b]=…`."""
    written: dict[str, str] = {}
    for name, value in fields.items():
        full = f"{within}[{name}]" if within else name
        if isinstance(value, dict):
            written |= flat(value, full)
        else:
            written[full] = value if isinstance(value, str) else json.dumps(value)
    return written


def handled_event(service: Service, order: str) -> dict[str, Any]:
    """Wait for the event that a handler got with this `ctx.order`, and see that it got it once."""

    def found() -> list[dict[str, Any]]:
        return [one.event for one in service.noted("everything") if one.event["data"]["context"].get("order") == order]

    wait_for(found, f"the event of order {order}")
    (event,) = found()
    return event


@pytest.mark.parametrize("method", ["PUT", "POST", "GET"])
@pytest.mark.parametrize("name", SAMPLES)
def test_every_callback_by_every_method_reaches_a_handler(service: Service, name: str, method: str) -> None:
    wire = build(find(name), {})
    path = wire.path.removeprefix("/webhooks/")
    order = f"{name} {method}"
    if method == "GET":
        pairs = dict(flat(json.loads(wire.body))) if find(name).format == "json" else form(wire.body)
        response = service.request("GET", path, params={"ctx.order": order, **pairs})
    else:
        response = service.request(method, path, params={"ctx.order": order}, headers=wire.headers, content=wire.body)
    assert response.status_code == 200
    event = handled_event(service, order)
    assert event["type"] == TYPE_OF[name]
    assert event["account"] == "acme"
    assert event["source"] == f"/{name.split('/')[0]}/acme"
    assert TOKEN not in json.dumps(event)


def form(body: bytes) -> dict[str, str]:
    from urllib.parse import parse_qsl

    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def test_samples_cover_every_callback() -> None:
    assert set(SAMPLES) == set(TYPE_OF)


def test_a_whole_event(service: Service) -> None:
    fields = {
        "mocean-from": "60123456789",
        "mocean-to": "63001",
        "mocean-dlr-status": "3",
        "mocean-msgid": "cust20013050311050614001",
        "mocean-error-code": "052",
        "surprise": "kept",
    }
    assert service.request("PUT", "mocean/delivery-report", params={"ctx.order": "42"}, data=fields).status_code == 200
    event = handled_event(service, "42")
    received = event.pop("receivedat")
    assert event == {
        "specversion": "1.0",
        "id": event["id"],
        "source": "/mocean/acme",
        "type": "message.status",
        "subject": "cust20013050311050614001",
        "time": received,
        "datacontenttype": "application/json",
        "dataschema": "urn:ringback:schema:message.status:1",
        "provider": "mocean",
        "account": "acme",
        "partitionkey": "+60123456789",
        "data": {
            "context": {"order": "42"},
            "raw": fields,
            "flags": [],
            "channel": "sms",
            "message_id": "cust20013050311050614001",
            "status": "expired",
            "final": True,
            "sender": {"value": "63001", "kind": "short_code", "raw": "63001"},
            "recipient": {"value": "+60123456789", "kind": "e164", "raw": "60123456789", "country": "MY"},
            "error": {
                "code": 52,
                "name": "SMS expired.",
                "description": "SMS expired.",
                "permanent": False,
            },
        },
    }
    (entry,) = [one for one in service.stored() if one["id"] == event["id"]]
    assert json.loads(entry.pop("event"))["id"] == event["id"]
    assert entry == {
        "id": event["id"], "type": "message.status", "provider": "mocean", "account": "acme", "advanced": "1"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        pytest.param(None, {}, id="no token"),
        pytest.param("wrong", {}, id="wrong token"),
        pytest.param("", {}, id="empty token"),
        pytest.param(TOKEN + "x", {}, id="longer token"),
        pytest.param("sécret", {}, id="token beyond ASCII"),
        pytest.param(None, {"Authorization": "Basic b3RoZXI6dGhlLXNlY3JldC1vZi1hY21l"}, id="another account's token"),
        pytest.param(None, {"Authorization": "Basic !!!"}, id="unreadable Basic"),
        pytest.param(None, {"Authorization": "Bearer the-secret-of-acme"}, id="another scheme"),
    ],
)
def test_without_the_right_secret_nobody_comes_in(service: Service, token: str | None, headers: dict[str, str]) -> None:
    before = len(service.stored()), len(service.quarantined())
    for name in ("mocean/delivery-report", "mocean/voice/answer"):
        wire = build(find(name), {})
        response = service.request("POST", name, token=token, content=wire.body, headers={**wire.headers, **headers})
        assert response.status_code == 401
        assert response.json() == {"title": "No valid token", "status": 401}
    assert (len(service.stored()), len(service.quarantined())) == before


def test_what_is_odd_is_kept_flagged_and_counted(service: Service) -> None:
    before = service.redis.hgetall(service.keys.oddities)
    body = {"smsid": "odd-1", "status": "SMS_STATUS_ON_MARS", "surprise": [None, {"deep": 1.5}]}
    for _ in range(2):  # the second is a repeat, and counts for nothing
        response = service.request("POST", "mycoolsms/delivery-report", params={"ctx.order": "odd"}, json=body)
        assert response.status_code == 200
    event = handled_event(service, "odd")
    assert (event["data"]["status"], event["data"]["flags"]) == ("unknown", ["unknown:status"])
    assert event["data"]["raw"] == {**body, "surprise": [None, {"deep": "1.5"}]}
    name = b"mycoolsms unknown:status"
    after = service.redis.hgetall(service.keys.oddities)
    assert int(after[name]) == int(before.get(name, 0)) + 1


def test_http_basic_lets_in(service: Service) -> None:
    wire = build(find("mocean/delivery-report"), {})
    response = service.request(
        "PUT", "mocean/delivery-report", token=None, params={"ctx.order": "basic"}, content=wire.body,
        headers=wire.headers, auth=("acme", TOKEN),
    )  # fmt: skip
    assert response.status_code == 200
    assert handled_event(service, "basic")["account"] == "acme"


def test_a_repeat_makes_no_second_event(service: Service) -> None:
    wire = build(find("mocean/delivery-report"), {})
    assert [service.send(wire, **{"ctx.order": "repeat"}).status_code for _ in range(3)] == [200, 200, 200]
    handled_event(service, "repeat")
    assert len([one for one in service.stored() if '"order":"repeat"' in one["event"]]) == 1


def test_another_accounts_repeat_is_another_event(service: Service) -> None:
    wire = build(find("mocean/delivery-report"), {})
    before = len(service.stored())
    for token in (TOKEN, "another-secret"):
        service.request("PUT", "mocean/delivery-report", token=token, content=wire.body, headers=wire.headers)
    assert [one["account"] for one in service.stored()[before:]] == ["acme", "other"]


def test_fifty_identical_requests_at_once_make_one_event(service: Service) -> None:
    wire = build(find("mocean/inbound-sms"), {})
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: service.send(wire, **{"ctx.order": "fifty"}).status_code, range(50)))
    assert answers == [200] * 50
    handled_event(service, "fifty")
    assert len([one for one in service.stored() if '"order":"fifty"' in one["event"]]) == 1


def test_an_array_is_several_callbacks_each_for_itself(service: Service) -> None:
    good = [{"smsid": f"array-{number}", "status": "SMS_STATUS_DELIVERED"} for number in range(3)]
    before = len(service.quarantined())
    response = service.request("POST", "mycoolsms/delivery-report", json=[good[0], {"smsid": "x"}, good[1], 7, good[2]])
    assert response.status_code == 200
    stored = [json.loads(one["event"])["subject"] for one in service.stored() if "array-" in one["event"]]
    assert sorted(stored) == ["array-0", "array-1", "array-2"]
    reasons = [one["reason"] for one in service.quarantined()[before:]]
    assert sorted(reasons) == ["smsid is missing", "status is missing"]


def test_an_unusable_callback_is_quarantined_once(service: Service) -> None:
    before = len(service.quarantined())
    for _ in range(2):
        response = service.request("PUT", "mocean/delivery-report?x=1", data={"mocean-msgid": "a"})
        assert response.status_code == 422
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json() == {
            "title": "Unusable callback",
            "status": 422,
            "detail": "mocean-dlr-status is missing",
            "field": "mocean-dlr-status",
        }
    (kept,) = service.quarantined()[before:]
    assert TOKEN not in json.dumps(kept)
    assert (kept["path"], kept["reason"], kept["method"], kept["body"]) == (
        "/webhooks/mocean/delivery-report", "mocean-dlr-status is missing", "PUT", "mocean-msgid=a"
    )  # fmt: skip


def test_another_paths_callback_is_told_its_path(service: Service) -> None:
    wire = build(find("mocean/inbound-sms"), {})
    response = service.request("POST", "mocean/delivery-report", content=wire.body, headers=wire.headers)
    assert response.status_code == 422
    assert response.json()["path"] == "/webhooks/mocean/inbound-sms"


@pytest.mark.parametrize(("method", "params"), [("HEAD", {}), ("GET", {}), ("GET", {"ctx.order": "1"})])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_probe_makes_no_event(service: Service, name: str, method: str, params: dict[str, str]) -> None:
    before = len(service.stored()), len(service.quarantined())
    assert service.request(method, name, params=params).status_code == 200
    assert (len(service.stored()), len(service.quarantined())) == before


def test_what_is_not_there(service: Service) -> None:
    assert service.request("POST", "mocean/fax").status_code == 404
    assert service.http.get("/").status_code == 404
    assert service.request("DELETE", "mocean/inbound-sms").status_code == 405
    assert service.http.get("/livez").text == "ok\n"


def test_a_body_over_the_limit(service: Service) -> None:
    large = b"mocean-text=" + b"x" * (300 * 1024)
    assert service.request("POST", "mocean/inbound-sms", content=large).status_code == 413
    chunks = (large[start : start + 8192] for start in range(0, len(large), 8192))
    assert service.request("POST", "mocean/inbound-sms", content=chunks).status_code == 413
    assert service.request("POST", "mocean/voice/answer", content=large).json()[0]["action"] == "say"


def test_503_while_redis_takes_nothing(tmp_path: Path) -> None:
    with valkey(tmp_path, free_port()) as (url, _), running(url, queues="", RINGBACK_SPOOL="off") as service:
        # A server that refuses every write, as one does that has become a replica.
        service.redis.config_set("min-replicas-to-write", 1)
        try:
            response = service.trigger("mocean/delivery-report")
            assert response.status_code == 503
            assert response.headers["retry-after"] == "5"
            answer = service.trigger("mocean/voice/answer")
            assert (answer.status_code, answer.json()[0]["action"]) == (200, "say")
        finally:
            service.redis.config_set("min-replicas-to-write", 0)
        assert service.trigger("mocean/delivery-report").status_code == 200
        assert len(service.stored()) == 1
