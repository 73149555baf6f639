"""From a handler's reply to a report that nobody pushed: the whole way, with a real sender, poller and simulator."""

from collections.abc import Iterator
from typing import Any

import pytest

from ringback.outbox.record import SendRecord, SendState
from tests.support.outbox import await_got, await_sent, records_of, replying, write
from tests.support.service import Service, wait_for
from tests.support.simulated import Simulated

Both = tuple[Service, Simulated]


@pytest.fixture(scope="module")
def both(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("simulator")
    with replying(redis_url, folder, queues="events,sends,polls", RINGBACK_POLL="on") as started:
        yield started


@pytest.fixture
def deaf(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """A service whose callbacks go where nobody listens."""
    nowhere = {"RINGBACK_POLL": "on", "RINGBACK_PUBLIC_URL": "http://127.0.0.1:1"}
    with replying(redis_url, tmp_path_factory.mktemp("deaf"), queues="events,sends,polls", **nowhere) as started:
        yield started


def sent_to(service: Service, phone: str) -> SendRecord:
    [record] = [one for one in records_of(service.redis, service.keys) if one.draft.to == phone]
    return record


@pytest.mark.parametrize(
    "phone",
    [
        pytest.param("60128100001", id="its answer came"),
        pytest.param("99904100001", id="its report came before its answer"),
        pytest.param("99905100001", id="its report came, and no answer"),
    ],
)
def test_the_report_of_whatever_was_accepted_is_asked_for_after_ten_minutes(both: Both, phone: str) -> None:
    service, _ = both
    write(service, "REPLY", phone)
    key = f"{service.keys.awaiting}mocean:acme"

    def is_awaited() -> float | None:
        found = [one for one in records_of(service.redis, service.keys) if one.draft.to == phone]
        if not found or found[0].state is not SendState.ACCEPTED:
            return None
        due: Any = service.redis.zscore(key, found[0].ref)
        return None if due is None else float(due)

    due = wait_for(is_awaited, "it is awaited", 40)
    accepted = sent_to(service, phone).at
    assert accepted is not None
    assert abs(due / 1000 - accepted.timestamp() - 600) < 30


def test_a_report_that_nobody_pushed_is_the_handlers_all_the_same(deaf: Both) -> None:
    service, provider = deaf
    phone = "60128100002"
    text = write(service, "REPLY", phone)
    await_got(provider, text)
    await_sent(service)
    record = sent_to(service, phone)
    key = f"{service.keys.awaiting}mocean:acme"
    wait_for(lambda: service.redis.zscore(key, record.ref), "it is awaited")
    service.redis.zadd(key, {record.ref: 0})  # ten minutes later

    def reports() -> list[dict[str, Any]]:
        return [one["data"] for one in service.events() if one["type"] == "message.status"]

    [report] = wait_for(reports, "the report", 40)
    assert (report["status"], report["flags"], report["message_id"]) == ("delivered", ["polled"], record.message_id)
    assert report["context"] == {"order": text, "send": record.ref}
    assert report["recipient"]["value"] == f"+{phone}"
    wait_for(lambda: service.redis.zscore(key, record.ref) is None, "it is awaited no more")
