"""Reports that did not come are asked for: of a real simulator, into a real store. And which are the pushed ones."""

import secrets
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal, cast

import httpx
import pytest

from ringback.clients.errors import SendError
from ringback.clients.mocean.queries import ReportedStatus
from ringback.polling.polled_callbacks import PolledCallback, mocean_report, mycoolsms_report
from ringback.schemas.tables.mycoolsms_status import WORD
from tests.support.doctor import graded
from tests.support.polling import AT_ONCE, Asking, accepted, asked_next, counted, sending_to, told
from tests.support.service import RINGBACK, Service, free_port, process, running, valkey, wait_for
from tests.support.simulated import Simulated, simulated
from tests.support.up import descendants

TO: Final = "60123456701"
Order = Literal["push first", "poll first"]
ORDERS: Final[tuple[Order, ...]] = ("push first", "poll first")
NUMBER: Final[dict[ReportedStatus, str]] = {"success": "1", "failed": "2", "expired": "3"}
WORD_OF: Final[dict[str, str]] = {"success": "delivered", "failed": "failed", "expired": "expired"}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    with simulated(tmp_path_factory.mktemp("simulator")) as there:
        yield there


@pytest.fixture(scope="module")
def receiver(redis_url: str) -> Iterator[Service]:
    """A receiver alone."""
    with running(redis_url, queues="") as service:
        yield service


@pytest.fixture
def store(redis_url: str) -> Iterator[Service]:
    """The store, under a prefix of its own; nothing runs there."""
    service = Service(redis_url, f"poll{secrets.token_hex(4)}", free_port())
    yield service
    service.close()


def asking(service: Service, simulator_url: str = "http://127.0.0.1:1") -> Asking:
    settings = {**service.settings, **sending_to(simulator_url, RINGBACK_POLL="on")}
    return Asking(settings, service.redis_url, AT_ONCE)


def events_of(service: Service, message_id: str) -> list[tuple[Any, ...]]:
    """Return of a message's events what the table says of them."""
    rows = told(service, "message_id", "status", "flags", "context")
    return [row[1:] for row in rows if row[0] == message_id]


def push_and_poll(service: Service, order: Order, push: httpx.Request, polled: PolledCallback) -> None:
    """Send one and store the other, in this order; and both again, since a provider repeats and so do we."""

    def pushed() -> None:
        assert service.http.send(push).status_code == 200

    steps: list[Callable[[], None]] = [pushed, lambda: asking(service).store(polled)]
    for step in (steps if order == "push first" else steps[::-1]) * 2:
        step()


@pytest.mark.parametrize(
    ("status", "code", "order", "is_known"),
    list(product(NUMBER, ("0", "000", None, "5"), ORDERS, (True, False))),
)
def test_which_report_of_mocean_is_the_pushed_one(
    receiver: Service, status: ReportedStatus, code: str | None, order: Order, is_known: bool
) -> None:
    message_id, ref = secrets.token_hex(8), secrets.token_hex(8)
    form = {"mocean-msgid": message_id, "mocean-from": f"+{TO}", "mocean-to": "ACME"}
    form |= {"mocean-dlr-status": NUMBER[status]} | ({"mocean-error-code": code} if code is not None else {})
    query = {"token": "the-secret-of-acme", "ctx.send": ref, "ctx.order": "42"}
    push = receiver.http.build_request("PUT", "/webhooks/mocean/delivery-report", params=query, data=form)
    context = {"send": ref, "order": "42"}
    polled = mocean_report(message_id, status, TO if is_known else None, "ACME", context)
    assert polled is not None
    push_and_poll(receiver, order, push, polled)
    is_one = is_known and code != "5"
    flags = {"push first": [[], ["polled"]], "poll first": [["polled"], []]}[order]
    advanced = ["1", "0"]
    wanted = [(WORD_OF[status], flag, context, moved) for flag, moved in zip(flags, advanced, strict=True)]
    assert events_of(receiver, message_id) == (wanted[:1] if is_one else wanted)


@pytest.mark.parametrize(("word", "order"), list(product(sorted(WORD.values()), ORDERS)))
def test_each_report_of_my_cool_sms_is_the_pushed_one(receiver: Service, word: str, order: Order) -> None:
    message_id, ref = secrets.token_hex(16), secrets.token_hex(8)
    query = {"token": "the-secret-of-acme", "ctx.send": ref}
    push = receiver.http.build_request(
        "POST", "/webhooks/mycoolsms/delivery-report", params=query, json={"smsid": message_id, "status": word}
    )
    push_and_poll(receiver, order, push, mycoolsms_report(message_id, word, {"send": ref}))
    flags = [] if order == "push first" else ["polled"]
    [(status, *rest)] = events_of(receiver, message_id)
    assert WORD[status] == word
    assert rest == [flags, {"send": ref}, "1"]


def sent_by_my_cool_sms(simulator: Simulated, number: str, status: str) -> str:
    """Send an SMS that asks for no report, and wait until it is so far."""
    message_id = cast("str", simulator.cool("sendSms", number=number, message="Hello")["smsid"])
    wait_for(lambda: simulator.cool("getDeliveryReport", id=message_id)["status"] == status, status)
    return message_id


def test_a_report_of_my_cool_sms_that_did_not_come(store: Service, simulator: Simulated) -> None:
    message_id = sent_by_my_cool_sms(simulator, "+491234567890", "SMS_STATUS_DELIVERED")
    ref = accepted(store, message_id, order="42")
    asking(store, simulator.url).look("reports")
    assert events_of(store, message_id) == [("delivered", ["polled"], {"order": "42", "send": ref}, "1")]
    assert asked_next(store, ref) is None
    assert counted(store) == {"mycoolsms report": 1}
    asking(store, simulator.url).look("reports")
    assert counted(store) == {"mycoolsms report": 1}


def test_a_status_that_is_known_or_none_is_no_event_and_is_asked_for_again(
    store: Service, simulator: Simulated
) -> None:
    waiting = sent_by_my_cool_sms(simulator, "+99903123456", "SMS_STATUS_QUEUED")
    refs = [accepted(store, waiting, ago_s=15 * 60), accepted(store, "unknown", ago_s=50 * 60)]
    for _ in range(2):
        asking(store, simulator.url).look("reports")
        assert [row[:2] for row in events_of(store, waiting)] == [("queued", ["polled"])]
        assert [asked_next(store, ref) for ref in refs] == [5, 30]
        store.redis.zadd(f"{store.keys.awaiting}mycoolsms:acme", dict.fromkeys(refs, 0))
    assert len(store.stored()) == 1
    assert counted(store) == {"mycoolsms report": 1}


def test_what_nobody_knows_after_36_hours_is_given_up(store: Service, simulator: Simulated) -> None:
    ref = accepted(store, "unknown", ago_s=36 * 3600)
    asking(store, simulator.url).look("reports")
    assert (store.stored(), asked_next(store, ref)) == ([], None)
    assert counted(store) == {"mycoolsms given_up": 1}


def test_many_are_asked_for_by_the_hundred(store: Service, simulator: Simulated) -> None:
    ids = [cast("str", simulator.cool("sendSms", number="+99903123456", message="Hello")["smsid"]) for _ in range(205)]
    for message_id in ids:
        accepted(store, message_id)
    asking(store, simulator.url).look("reports")
    assert sorted(row[0] for row in told(store, "message_id")) == sorted(ids)


def test_one_that_is_refused_stands_for_no_other(store: Service, simulator: Simulated) -> None:
    ids = [sent_by_my_cool_sms(simulator, "+491234567890", "SMS_STATUS_DELIVERED") for _ in range(4)]
    for message_id in ids:
        accepted(store, message_id)
    simulator.control("faults", operation="getDeliveryReports", fault="code", code=240)
    asking(store, simulator.url).look("reports")
    assert sorted(row[0] for row in told(store, "message_id")) == sorted(ids)
    assert counted(store) == {"mycoolsms report": 4}


@pytest.mark.parametrize(
    ("known", "state"),
    [("delivered", "accepted"), ("failed", "accepted"), (None, "in_doubt"), (None, None)],
)
def test_what_is_settled_or_no_more_known_is_not_asked_for(
    store: Service, known: str | None, state: str | None
) -> None:
    ref = accepted(store, "abc")
    if known:
        store.redis.hset(store.keys.message("mycoolsms", "acme", "abc"), "status", known)
    if state is None:
        store.redis.delete(store.keys.send(ref))
    else:
        store.redis.hset(store.keys.send(ref), "state", state)
    asking(store).look("reports")  # nobody is there to be asked
    assert asked_next(store, ref) is None


def test_what_a_later_version_has_written_is_left_for_its_poller(store: Service, simulator: Simulated) -> None:
    ref = accepted(store, "abc")
    store.redis.hset(store.keys.send(ref), "send", '{"kind": "fax", "provider": "mycoolsms"}')
    message_id = sent_by_my_cool_sms(simulator, "+491234567890", "SMS_STATUS_DELIVERED")
    accepted(store, message_id)
    asking(store, simulator.url).look("reports")
    assert asked_next(store, ref) == 10
    assert [row[0] for row in told(store, "message_id")] == [message_id]


def sent_by_mocean(simulator: Simulated, number: str, status: str) -> str:
    message_id = cast("str", simulator.mocean("sms", from_="ACME", to=number, text="Hello")["messages"][0]["msgid"])

    def is_so_far() -> bool:
        login = {"mocean-api-key": "key", "mocean-api-secret": "secret", "mocean-resp-format": "json"}
        answer = simulator.http.get("/rest/2/report/message", params={**login, "mocean-msgid": message_id}).json()
        return str(answer["message_status"]) == status

    wait_for(is_so_far, status)
    return message_id


@pytest.mark.parametrize(
    ("number", "report", "status"),
    [(TO, "1", "delivered"), ("99901123005", "2", "failed"), ("99902123456", "3", "expired")],
)
def test_a_report_of_mocean_that_did_not_come(
    store: Service, simulator: Simulated, number: str, report: str, status: str
) -> None:
    message_id = sent_by_mocean(simulator, number, report)
    ref = accepted(store, message_id, provider="mocean", to=number)
    asking(store, simulator.url).look("reports", "mocean")
    assert events_of(store, message_id) == [(status, ["polled"], {"send": ref}, "1")]
    [data] = [event["data"] for event in store.events()]
    assert (data["recipient"]["value"], data["sender"]["value"], data.get("error")) == (f"+{number}", "ACME", None)
    assert asked_next(store, ref, "mocean") is None


def test_a_message_of_mocean_without_a_final_status_and_one_that_is_not_there(
    store: Service, simulator: Simulated
) -> None:
    pending = accepted(store, sent_by_mocean(simulator, "99903123456", "4"), provider="mocean", ago_s=60 * 60)
    missing = accepted(store, "missing", provider="mocean")
    asking(store, simulator.url).look("reports", "mocean")
    assert store.stored() == []
    assert asked_next(store, pending, "mocean") == 20
    assert asked_next(store, missing, "mocean") is None
    assert counted(store) == {"mocean not_found": 1}


def test_a_refusal_of_one_message_of_mocean_stands_for_no_other(store: Service, simulator: Simulated) -> None:
    ids = [sent_by_mocean(simulator, TO, "1") for _ in range(2)]
    refs = {message_id: accepted(store, message_id, provider="mocean", ago_s=15 * 60) for message_id in ids}
    simulator.control("faults", operation="message-status", fault="code", code=25)
    asking(store, simulator.url).look("reports", "mocean")
    [(told_of, _)] = told(store, "message_id")
    [refused] = set(ids) - {told_of}
    assert (asked_next(store, refs[told_of], "mocean"), asked_next(store, refs[refused], "mocean")) == (None, 5)
    assert counted(store) == {"mocean refused": 1, "mocean report": 1}


@pytest.mark.parametrize("fault", ["502", "garbage", "close"])
def test_an_error_of_the_provider_ends_nothing(store: Service, simulator: Simulated, fault: str) -> None:
    message_id = sent_by_my_cool_sms(simulator, "+491234567890", "SMS_STATUS_DELIVERED")
    ref = accepted(store, message_id)
    simulator.control("faults", operation="getDeliveryReports", fault=fault, count=3)
    with pytest.raises(SendError):
        asking(store, simulator.url).look("reports")
    assert asked_next(store, ref) is not None
    asking(store, simulator.url).run_until(lambda: counted(store).get("mycoolsms report"), "the event")
    assert [row[0] for row in events_of(store, message_id)] == ["delivered"]
    assert counted(store) == {"mycoolsms failed": 2, "mycoolsms report": 1}


def test_it_waits_while_redis_is_away(simulator: Simulated, tmp_path: Path) -> None:
    message_id = sent_by_my_cool_sms(simulator, "+491234567890", "SMS_STATUS_DELIVERED")
    port = free_port()
    with valkey(tmp_path, port) as (url, _):
        service = Service(url, "poll", free_port())
        settings = {**service.settings, **sending_to(simulator.url, RINGBACK_POLL="on")}
        with process([*RINGBACK, "poller"], **settings) as poller:
            wait_for(lambda: service.redis.exists(service.keys.poller), "the lead")
            service.redis.shutdown(nosave=True)
            with valkey(tmp_path, port):
                accepted(service, message_id)
                wait_for(service.stored, "the event", 60)
                assert poller.poll() is None
        service.close()


def test_it_is_a_child_of_work_where_something_is_asked_for(store: Service, simulator: Simulated) -> None:
    message_id = sent_by_my_cool_sms(simulator, "+491234567890", "SMS_STATUS_DELIVERED")
    settings = {**store.settings, **sending_to(simulator.url), "RINGBACK_HANDLERS": ""}
    work = [*RINGBACK, "work", "--queues", "events,polls"]
    with process(work, **settings) as off:
        wait_for(lambda: store.redis.scard(f"{store.keys.rq_prefix}:workers"), "the worker")
        assert not [words for words in commands(off.pid) if "poller" in words]
    ref = accepted(store, message_id)
    with process(work, **settings, RINGBACK_POLL="on") as on:
        wait_for(lambda: [row for row in events_of(store, message_id) if row[1] == ["polled"]], "the event", 60)
        assert [words for words in commands(on.pid) if "poller" in words]
    assert asked_next(store, ref) is None
    assert not store.redis.exists(store.keys.poller)  # it left the lead to the next


def commands(pid: int) -> list[list[str]]:
    """Return the command lines of a process's children, and of theirs."""
    return [Path(f"/proc/{one}/cmdline").read_bytes().decode().split("\0") for one in descendants(pid)]


def test_one_is_at_work_and_another_takes_over(store: Service, simulator: Simulated) -> None:
    """The second asks as soon as the lock of the first, which died, has expired."""
    message_id = sent_by_my_cool_sms(simulator, "+491234567890", "SMS_STATUS_DELIVERED")
    store.redis.set(store.keys.poller, "one that died", px=1500)
    accepted(store, message_id)
    asking(store, simulator.url).run_until(store.stored, "the event")
    assert [row[0] for row in events_of(store, message_id)] == ["delivered"]


def test_doctor_says_whether_somebody_asks(store: Service, tmp_path: Path) -> None:
    off = graded(tmp_path, **store.settings)
    on = graded(tmp_path, **store.settings, RINGBACK_POLL="on")
    store.redis.set(store.keys.poller, "somebody", px=60_000)
    asked = graded(tmp_path, **store.settings, RINGBACK_MYCOOLSMS_INBOUND="both")
    assert [found.get("poller") for found in (off, on, asked)] == [
        None,
        ("warning", "none is at work"),
        ("ok", "one is at work"),
    ]
