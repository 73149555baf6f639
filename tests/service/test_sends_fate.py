"""What becomes of a send: settled by its report, refused for now, expired, stopped as a loop, replayed."""

from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from ringback.outbox.record import SendRecord, SendState
from ringback.schemas.keys import HANDLERS_GROUP
from tests.support.commands import ringback
from tests.support.outbox import (
    HANDLERS,
    await_got,
    await_sent,
    got,
    records_of,
    replying,
    sending_settings,
    states,
    told,
    write,
)
from tests.support.service import ROOT, Service, free_port, running, wait_for
from tests.support.simulated import Simulated, simulated

Both = tuple[Service, Simulated]

LOOP_LIMIT = 5
SYSTEM_ERROR = 45
"""A code of Mocean's for an SMS that may be sent again later."""


@pytest.fixture(scope="module")
def both(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("simulator")
    with replying(redis_url, folder, RINGBACK_SEND_LOOP_LIMIT=str(LOOP_LIMIT)) as started:
        yield started


def record_to(service: Service, phone: str) -> SendRecord | None:
    """Return the send to a phone that gets one."""
    return next((one for one in records_of(service.redis, service.keys) if one.draft.to == phone), None)


def state_to(service: Service, phone: str) -> SendState | None:
    record = record_to(service, phone)
    return record.state if record is not None else None


def refused_to(service: Service, phone: str) -> list[SendRecord]:
    found = records_of(service.redis, service.keys)
    return [one for one in found if one.draft.to == phone and one.state is SendState.REFUSED]


def command(service: Service, *words: str) -> "CompletedProcess[str]":
    return ringback(ROOT, *words, **{**service.settings, "RINGBACK_HANDLERS": HANDLERS})


def await_due(service: Service) -> None:
    """Wait until each run has ended that was to be begun at some time."""

    def ended() -> bool:
        taken = service.redis.xpending(service.keys.due_taken, HANDLERS_GROUP)["pending"]
        return not (service.redis.zcard(service.keys.due) or taken or service.pending)

    wait_for(ended, "the end of all runs")


@pytest.mark.parametrize(
    "phone",
    [
        pytest.param("99904000001", id="the report comes before the answer"),
        pytest.param("99905000001", id="the report comes, and no answer"),
        pytest.param("99910000001", id="the report comes, and the answer is garbage"),
    ],
)
def test_a_report_settles_a_send(both: Both, phone: str) -> None:
    service, provider = both
    text = write(service, "REPLY", phone)
    wait_for(lambda: state_to(service, phone) is SendState.ACCEPTED, "it is accepted", 30)
    await_sent(service)
    record = record_to(service, phone)
    assert record is not None
    assert told(service)[record.ref, "accepted"] == 1
    assert got(provider).count(text) == 1
    data = [one["data"] for one in service.events() if one["type"] == "message.status"]
    [report] = [one for one in data if one["context"]["send"] == record.ref]
    assert report["message_id"] == record.message_id
    assert report["context"] == {"order": text, "send": record.ref}


def test_what_is_refused_for_now_holds_up_its_own_line_only(both: Both) -> None:
    service, provider = both
    phone = "60128666666"
    provider.control("faults", operation="sms", fault="code", code=SYSTEM_ERROR)
    texts = [write(service, "REPLY", phone)]
    wait_for(lambda: not provider.http.get("/_sim/faults").json()["faults"], "it is refused")
    texts += [write(service, "REPLY", phone) for _ in range(2)]
    other = write(service, "REPLY")
    found = [text for text in await_got(provider, other, *texts) if text in (other, *texts)]
    assert found == [other, *texts]


def test_a_throttled_account_sends_in_order_later(both: Both) -> None:
    service, provider = both
    texts = [write(service, "REPLY", "99908000001") for _ in range(3)]
    assert [text for text in await_got(provider, *texts) if text in texts] == texts


def test_two_bots_that_answer_each_other(both: Both) -> None:
    service, provider = both
    bot = "60128999999"
    seen = 0
    text = write(service, "REPLY", bot)

    def is_stopped() -> bool:
        nonlocal seen, text
        rows = provider.got(bot)
        for _ in rows[seen:]:
            seen += 1
            text = write(service, "REPLY", bot)
        return bool(refused_to(service, bot))

    wait_for(is_stopped, "the end of it", 40)
    assert len(provider.got(bot)) == LOOP_LIMIT
    [record] = refused_to(service, bot)
    assert record.error is not None
    assert record.error.name == "loop"
    assert not [one for one in told(service) if one[0] == record.ref]


def test_a_replay_sends_nothing_unless_it_is_asked_to(both: Both) -> None:
    service, provider = both
    text = write(service, "REPLY")
    await_got(provider, text)
    await_sent(service)
    before = sorted(got(provider))
    assert command(service, "replay", "--all").returncode == 0
    await_due(service)
    await_sent(service)
    assert sorted(got(provider)) == before
    [event] = [one["id"] for one in service.events() if one["data"].get("text") == text]
    assert command(service, "replay", event, "--resend").returncode == 0
    wait_for(lambda: got(provider).count(text) == 2, "it is sent once more")
    await_sent(service)
    assert sorted(got(provider)) == sorted([*before, text])


def test_a_dead_letter_that_is_tried_again_sends(both: Both) -> None:
    service, provider = both
    text = write(service, "RAISES")
    [letter] = wait_for(service.dead_letters, "its dead letter")
    service.redis.set(f"{service.prefix}:repaired", 1)
    assert command(service, "dead", "retry", letter["id"]).returncode == 0
    await_got(provider, text)
    assert got(provider).count(text) == 1


def test_a_reply_that_is_too_late_is_never_sent(redis_url: str, tmp_path: Path) -> None:
    port = free_port()
    settings = {"RINGBACK_HANDLERS": HANDLERS, **sending_settings(f"http://127.0.0.1:{port}")}
    with running(redis_url, queues="events,sends", **settings) as service:
        late, kept = write(service, "SOON", "60128555555"), write(service, "REPLY", "60128555556")
        wait_for(lambda: state_to(service, "60128555555") is SendState.EXPIRED, "its time is up", 30)
        wait_for(lambda: "expired" in {status for _, status in told(service)}, "its event")
        with simulated(tmp_path, port=port) as provider:
            await_got(provider, kept)
            await_sent(service)
            assert got(provider) == [kept]
            assert late not in got(provider)
        assert states(service) == {SendState.EXPIRED: 1, SendState.ACCEPTED: 1}
