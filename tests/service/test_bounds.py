"""Bounds: what would become too much is kept once, and a flood of one account stops no other."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, urlencode

import httpx
import pytest

from ringback.receiver.bounds.load import BESIDE_JSON, MOST_BYTES
from ringback.receiver.parsing.request import MAX_EVENTS_BYTES
from tests.support.service import TOKEN, Service, running, wait_for

LIMIT = 256 * 1024
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@pytest.fixture(scope="module")
def service(redis_url: str) -> Iterator[Service]:
    """Return a service that answers calls."""
    with running(redis_url, queues="voice", RINGBACK_VOICE_DEADLINE="3s") as started:
        yield started


def small_sms(number: int = 1000) -> bytes:
    return json.dumps([{"from": "1", "to": "2", "body": secrets.token_hex(2)} for _ in range(number)]).encode()


def post(service: Service, path: str, body: bytes, content_type: str = JSON) -> int:
    """Send bytes with the secret."""
    token = quote(TOKEN)
    answer = service.http.post(
        f"/webhooks/{path}{'&' if '?' in path else '?'}token={token}", content=body,
        headers={"Content-Type": content_type},
    )  # fmt: skip
    return answer.status_code


def test_the_elements_of_an_array_do_not_get_the_urls_fields(service: Service) -> None:
    text = secrets.token_hex(4)
    body = json.dumps([{"from": "1", "to": "2", "body": text}]).encode()
    assert post(service, "mycoolsms/inbound-sms?from=3&ctx.order=42", body) == 200
    (data,) = [event["data"] for event in service.events() if event["data"].get("text") == text]
    assert (data["raw"], data["context"]) == ({"from": "1", "to": "2", "body": text}, {"order": "42"})


def test_what_would_become_too_much_is_quarantined_once(service: Service) -> None:
    body, before = small_sms(), len(service.stored())
    path = "mycoolsms/inbound-sms?ctx.x=" + "%01" * 1300
    assert [post(service, path, body) for _ in range(2)] == [422, 422]
    (kept,) = service.quarantined()
    assert (kept["reason"], kept["body"]) == (
        f"its events would take more than {MAX_EVENTS_BYTES} bytes",
        body.decode(),
    )
    (row,) = json.loads(service.ringback("quarantine", "ls", "--json").stdout)
    assert service.ringback("quarantine", "retry", row["id"]).returncode == 1
    assert len(service.stored()) == before


def test_an_id_is_no_key_of_its_length(service: Service) -> None:
    start = "mocean-dlr-status=1&mocean-msgid="
    body = (start + "x" * (LIMIT - len(start))).encode()
    assert post(service, "mocean/delivery-report", body, FORM) == 200
    longest = max(len(key) for key in service.redis.scan_iter(f"{service.prefix}:*"))
    assert longest < 256
    event = service.stored()[-1]["event"]
    assert json.loads(event)["data"]["flags"] == ["id:too-long"]
    assert len(event) < LIMIT + 2048


def answered(service: Service) -> tuple[float, str]:
    """Call as another account; tell how long the answer took, and what it began with."""
    began = time.monotonic()
    form = urlencode({"mocean-call-uuid": secrets.token_hex(8), "mocean-to": "63001", "mocean-from": "60123456789"})
    answer = service.http.post(
        "/webhooks/mocean/voice/answer?token=another-secret", content=form, headers={"Content-Type": FORM}
    )
    return time.monotonic() - began, answer.json()[0]["text"]


@pytest.mark.timed
def test_another_accounts_call_is_answered_during_a_flood(service: Service) -> None:
    handlers = answered(service)[1]
    assert not handlers.startswith("We cannot take")
    calls: list[tuple[float, str]] = []
    with ThreadPoolExecutor(16) as threads:
        path = "mycoolsms/inbound-sms?x=" + "%01" * 5000
        flood = [threads.submit(post, service, path, small_sms()) for _ in range(32)]
        while not all(one.done() for one in flood):
            calls.append(answered(service))
    codes = Counter(one.result() for one in flood)
    assert set(codes) <= {200, 503}
    assert {text for _, text in calls} == {handlers}
    assert max(seconds for seconds, _ in calls) < 1.5


BUSY = {"title": "Too many requests at once, please repeat", "status": 503}


def test_what_cannot_wait_is_turned_away_and_others_are_not(redis_url: str) -> None:
    with running(redis_url, queues="", RINGBACK_SPOOL="off") as service:
        url = "/webhooks/mycoolsms/inbound-sms"

        def flood(_: int) -> httpx.Response:
            return service.http.post(url, params={"token": TOKEN}, content=small_sms(), headers={"Content-Type": JSON})

        service.redis.client_pause(60_000, all=False)
        try:
            with ThreadPoolExecutor(17) as threads:
                sent = [threads.submit(flood, number) for number in range(16)]
                waiting_at_most = MOST_BYTES // 2 // BESIDE_JSON // 1000 + 1  # of these arrays
                wait_for(lambda: sum(one.done() for one in sent) >= 16 - waiting_at_most, "answers")
                turned_away = [one.result() for one in sent if one.done()]
                other = threads.submit(
                    service.request, "POST", "mycoolsms/delivery-report", token="another-secret",
                    json={"smsid": "1", "status": "SMS_STATUS_SENT"},
                )  # fmt: skip
                service.redis.client_unpause()
                assert other.result().text in ("", '{"title": "Not stored, please repeat", "status": 503}')
                taken = sum(one.result().status_code == 200 for one in sent)
        finally:
            service.redis.client_unpause()
        assert [(one.json(), one.headers["retry-after"]) for one in turned_away] == [(BUSY, "1")] * len(turned_away)
        assert len(service.stored()) >= taken * 1000
        assert flood(0).status_code == 200
