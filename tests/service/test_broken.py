"""An error of Ringback's own loses nothing: 500, and the request is in quarantine until the error is fixed."""

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from tests.support.breaking_receiver import ADAPTER, COMMIT, JSON, PARSER
from tests.support.service import (
    TOKEN,
    Service,
    await_answer,
    await_ready,
    free_port,
    held_commit,
    process,
    valkey,
    wait_for,
)

BREAKING = (sys.executable, "-m", "tests.support.breaking_receiver", "serve")
KINDS = pytest.mark.parametrize("kind", [ADAPTER, PARSER, JSON, COMMIT])


@pytest.fixture(scope="module", params=["on", "off"], ids=["with a spool", "without a spool"])
def receiver(redis_url: str, request: pytest.FixtureRequest) -> Iterator[Service]:
    """Return a receiver that breaks, without workers."""
    service = Service(redis_url, f"broken-{request.param}-{free_port()}", free_port())
    admin = str(free_port())
    service.data_dir.joinpath("admin").write_text(admin)
    settings = {**service.settings, "RINGBACK_ADMIN_PORT": admin, "RINGBACK_SPOOL": request.param}
    with process(BREAKING, **settings):
        await_ready(service, 0)
        yield service
    service.close()


@pytest.fixture
def broken(receiver: Service) -> Iterator[Service]:
    """Return it with nothing stored and nothing in quarantine."""
    yield receiver
    for key in receiver.redis.scan_iter(f"{receiver.prefix}:*"):
        receiver.redis.delete(key)


def report(service: Service, *smsids: str) -> httpx.Response:
    """Send a delivery report, or an array of some."""
    callbacks = [{"smsid": smsid, "status": "SMS_STATUS_DELIVERED"} for smsid in smsids]
    body = callbacks[0] if len(callbacks) == 1 else callbacks
    return service.request("POST", "mycoolsms/delivery-report", json=body, params={"ctx.order": "42"})


def counted(service: Service, name: str) -> dict[str, float]:
    """Return a counter of the receiver's, by its labels."""
    port = service.data_dir.joinpath("admin").read_text()
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    return {labels: float(value) for labels, value in re.findall(rf"^{name}_total{{(.*)}} (.*)$", text, re.M)}


def subjects(service: Service) -> list[str]:
    return [event["subject"] for event in service.events()]


def test_what_an_alert_looks_at_is_there_before_anything_breaks(broken: Service) -> None:
    zeros = {labels for labels, value in counted(broken, "ringback_events").items() if not value}
    assert zeros == {
        f'account="{account}",outcome="{outcome}",provider="{provider}",type=""'
        for account in ("acme", "other")
        for provider in ("mocean", "mycoolsms")
        for outcome in ("broken", "not_stored")
    }
    assert counted(broken, "ringback_faults") == {
        f'where="{where}"': 0 for where in ("commit", "quarantine", "replies", "spool")
    }


@KINDS
def test_a_request_that_we_break_on_is_kept_until_we_do_not(broken: Service, kind: str) -> None:
    labels = 'account="acme",outcome="broken",provider="mycoolsms",type=""'
    before = counted(broken, "ringback_events")[labels]
    for _ in range(3):
        response = report(broken, kind)
        assert response.status_code == 500
        assert response.json() == {"title": "Internal error", "status": 500}
    (kept,) = broken.quarantined()
    assert datetime.fromisoformat(kept.pop("received")).tzinfo is not None
    assert kept == {
        "path": "/webhooks/mycoolsms/delivery-report?ctx.order=42",
        "reason": "broken",
        "method": "POST",
        "headers": kept["headers"],
        "body": json.dumps({"smsid": kind, "status": "SMS_STATUS_DELIVERED"}, separators=(",", ":")),
        "account": "acme",
    }
    assert counted(broken, "ringback_events")[labels] == before + 3
    retried = broken.ringback("quarantine", "retry", "--all")  # by a version without the error
    assert (retried.returncode, retried.stderr) == (0, "1 to retry\n")
    assert (subjects(broken), broken.quarantined()) == ([kind], [])
    assert report(broken, "fine").status_code == 200


@pytest.mark.parametrize("kind", [ADAPTER, JSON, COMMIT])
def test_of_an_array_only_what_breaks_is_kept(broken: Service, kind: str) -> None:
    assert report(broken, "one", f"{kind}-1", "two", f"{kind}-2", "three").status_code == 500
    assert sorted(subjects(broken)) == ["one", "three", "two"]
    bodies = [json.loads(one["body"])["smsid"] for one in broken.quarantined()]
    assert sorted(bodies) == [f"{kind}-1", f"{kind}-2"]


@pytest.mark.parametrize("kind", [ADAPTER, PARSER, JSON, COMMIT])
def test_a_call_that_we_break_on_gets_the_fallback_and_is_kept(broken: Service, kind: str) -> None:
    labels = 'account="acme",outcome="broken",provider="mocean",type=""'
    names = {"ringback_events": labels, "ringback_voice_answers": 'outcome="broken"'}
    before = {name: counted(broken, name)[label] for name, label in names.items()}
    for _ in range(2):
        answer = broken.request("POST", "mocean/voice/answer", data={"mocean-call-uuid": kind})
        assert (answer.status_code, answer.json()[0]["action"]) == (200, "say")
    (kept,) = broken.quarantined()
    assert (kept["reason"], kept["body"]) == ("broken", f"mocean-call-uuid={kind}")
    assert {name: counted(broken, name)[label] for name, label in names.items()} == {
        name: count + 2 for name, count in before.items()
    }


def test_an_event_that_breaks_a_commit_takes_no_other_along(broken: Service) -> None:
    smsids = [*(f"good-{number}" for number in range(40)), COMMIT, *(f"fine-{number}" for number in range(40))]

    async def together() -> list[int]:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{broken.port}", timeout=30) as http:
            url = f"/webhooks/mycoolsms/delivery-report?token={TOKEN}"
            await http.post(url, json={"smsid": "warm", "status": "x"})
            broken.redis.client_pause(10_000, all=False)  # so that the others are in one group
            try:
                sent = [asyncio.create_task(http.post(url, json={"smsid": "held", "status": "x"}))]
                await asyncio.to_thread(wait_for, lambda: held_commit(broken.redis), "the commit")
                sent += [asyncio.create_task(http.post(url, json={"smsid": one, "status": "x"})) for one in smsids]
                await asyncio.sleep(0.2)
            finally:
                broken.redis.client_unpause()
            return [answer.status_code for answer in await asyncio.gather(*sent)]

    assert asyncio.run(together()) == [500 if one == COMMIT else 200 for one in ("held", *smsids)]
    assert sorted(subjects(broken)) == sorted({"warm", "held", *smsids} - {COMMIT})
    assert counted(broken, "ringback_faults")['where="commit"'] >= 2  # with the group, and alone


def test_what_still_breaks_remains_and_holds_up_no_other(redis_url: str) -> None:
    service = Service(redis_url, f"still-{free_port()}", free_port())
    with process(BREAKING, **service.settings):
        await_ready(service, 0)
        for smsid in (f"{ADAPTER}-1", f"{JSON}-2"):
            assert report(service, smsid).status_code == 500
    another: Any = {**service.quarantined()[0], "reason": "another", "body": '{"smsid": "3", "status": "y"}'}
    service.redis.xadd(service.keys.quarantine, another)
    with process((*BREAKING[:3], "quarantine", "retry", "--all"), **service.settings) as retrying:
        assert retrying.wait(30) == 1
    assert subjects(service) == ["3"]
    assert [one["reason"] for one in service.quarantined()] == ["broken", "broken"]
    service.close()


def test_a_request_that_we_break_on_while_redis_is_away_is_kept(tmp_path: Path) -> None:
    port = free_port()
    service = Service(f"redis://127.0.0.1:{port}/0", "away", free_port())
    with process(BREAKING, **service.settings):
        await_answer(service.http)
        for _ in range(2):
            assert report(service, ADAPTER).status_code == 500
        with valkey(tmp_path, port) as (url, _), Redis.from_url(url) as redis:
            wait_for(lambda: redis.xlen(service.keys.quarantine), "the request")
            kept: Any = redis.xrange(service.keys.quarantine)
            assert [fields[b"reason"] for _, fields in kept] == [b"broken"]
    service.close()
