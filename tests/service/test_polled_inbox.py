"""Inbound SMS of My-Cool-SMS that are asked for: each message is one event, whatever was pushed, lost or late."""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import pytest

from tests.support.polling import AT_ONCE, NO_GRACE, Asking, counted, sending_to
from tests.support.service import TOKEN, Service, free_port, running
from tests.support.simulated import Simulated, simulated

FIRST: Final = "449876543201"
SECOND: Final = "449876543202"
PHONE: Final = "886983029751"
MINUTE: Final = 60_000
Message = tuple[str, str, str]
"""Where it went, its text, and its id: empty where it was pushed."""


@pytest.fixture(scope="module")
def running_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    with simulated(tmp_path_factory.mktemp("simulator")) as there:
        yield there


@pytest.fixture
def simulator(running_simulator: Simulated) -> Simulated:
    """An account that got nothing yet."""
    running_simulator.control("reset")
    return running_simulator


@pytest.fixture
def store(redis_url: str) -> Iterator[Service]:
    """The store, under a prefix of its own; nothing runs there."""
    service = Service(redis_url, f"poll{secrets.token_hex(4)}", free_port())
    yield service
    service.close()


@pytest.fixture
def receiver(redis_url: str) -> Iterator[Service]:
    """A receiver alone."""
    with running(redis_url, queues="") as service:
        yield service


def polling(store: Service, simulator: Simulated, *, rows: int = 25) -> Asking:
    settings = sending_to(simulator.url, RINGBACK_MYCOOLSMS_INBOUND="poll")
    return Asking({**store.settings, **settings}, store.redis_url, replace(AT_ONCE, rows_at_once=rows))


def both(receiver: Service, simulator: Simulated, *, grace_s: float = 0, slack_s: float = 60) -> Asking:
    settings = sending_to(simulator.url, RINGBACK_MYCOOLSMS_INBOUND="both")
    pace = replace(NO_GRACE, grace=grace_s, slack=slack_s)
    return Asking({**receiver.settings, **settings}, receiver.redis_url, pace)


def listed(simulator: Simulated, text: str, to: str = FIRST, **more: object) -> int:
    """Let a phone write, and the push be lost; return the id of the (last) row."""
    answer = simulator.control("listed", **{"from": PHONE, "to": to, "text": text, **more})
    return int(answer["last"])


def pushed(simulator: Simulated, receiver: Service, text: str, to: str = FIRST) -> None:
    """Let a phone write; it is listed, and the push comes."""
    url = f"http://127.0.0.1:{receiver.port}/webhooks/mycoolsms/inbound-sms?token={TOKEN}"
    simulator.control("receive", provider="mycoolsms", url=url, text=text, to=to, **{"from": PHONE})


def late_push(receiver: Service, text: str, to: str = FIRST) -> None:
    """Let a push come whose message was listed before."""
    body = {"from": f"+{PHONE}", "to": f"+{to}", "body": text}
    assert receiver.request("POST", "mycoolsms/inbound-sms", json=body).status_code == 200


def got(service: Service) -> list[Message]:
    """Return the messages that became events, in the order of the stream; those that were polled have their flag."""
    found = []
    for event in service.events():
        data = event["data"]
        assert ("polled" in data["flags"]) == ("message_id" in data)
        found.append((data["recipient"]["value"].removeprefix("+"), data["text"], data.get("message_id", "")))
    return found


def state_of(service: Service) -> dict[bytes, bytes]:
    return cast("dict[bytes, bytes]", service.redis.hgetall(service.keys.polled_inbox("acme")))


def set_back(service: Service, minutes: float) -> None:
    """Let so much time pass, by setting back what is known of when rows were seen and pushes came."""
    by = round(minutes * MINUTE)
    inbox, moved = service.keys.polled_inbox("acme"), dict[str, str]()
    for name, stored in state_of(service).items():
        said = json.loads(stored)
        if name in (b"since", b"looked"):
            moved[name.decode()] = str(said - by)
        elif name != b"seen":
            moved[name.decode()] = json.dumps({**said, "marks": [[at - by, newest] for at, newest in said["marks"]]})
    for name_, value in moved.items():
        service.redis.hset(inbox, name_, value)
    key = service.keys.pushes("acme")
    pushes: Any = service.redis.zrange(key, 0, -1)
    for member in pushes:
        service.redis.zincrby(key, -by, member)


def rows(ids: Sequence[int], text: str, to: str = FIRST) -> list[Message]:
    return [(to, text, str(row_id)) for row_id in ids]


def test_what_was_there_before_the_first_look_is_no_event(store: Service, simulator: Simulated) -> None:
    listed(simulator, "old", count=5_000, apart=2)
    last = listed(simulator, "old", SECOND, count=5_000)
    for _ in range(2):
        polling(store, simulator).look("inbound")
    assert store.stored() == []
    new = [listed(simulator, "new", to) for to in (FIRST, SECOND)]
    assert new == [last + 1, last + 2]
    polling(store, simulator).look("inbound")
    assert sorted(got(store)) == [*rows(new[:1], "new"), *rows(new[1:], "new", SECOND)]


def test_more_than_fit_a_page_come_all_and_once(store: Service, simulator: Simulated) -> None:
    polling(store, simulator).look("inbound")
    first = listed(simulator, "one", count=60, apart=3)
    second = listed(simulator, "two", SECOND, count=60, apart=7)
    for _ in range(2):
        polling(store, simulator, rows=25).look("inbound")
    ids = list(range(first - 59 * 3, first + 1, 3))
    wanted = [*rows(ids, "one"), *rows(range(first + 7, second + 1, 7), "two", SECOND)]
    assert sorted(got(store)) == sorted(wanted)
    assert len(wanted) == 120
    assert counted(store) == {"mycoolsms inbound": 120}
    assert [event["subject"] for event in store.events() if event["data"]["text"] == "one"] == [str(one) for one in ids]


def test_a_crash_between_the_events_and_the_cursor_repeats_nothing(store: Service, simulator: Simulated) -> None:
    polling(store, simulator).look("inbound")
    listed(simulator, "old")
    polling(store, simulator).look("inbound")
    before = state_of(store)
    listed(simulator, "new", count=30)
    polling(store, simulator).look("inbound")
    after = got(store)
    store.redis.hset(store.keys.polled_inbox("acme"), mapping=before)  # type: ignore[arg-type]
    polling(store, simulator).look("inbound")
    assert got(store) == after
    assert counted(store) == {"mycoolsms inbound": 31, "mycoolsms known": 30}


def test_a_number_that_is_met_later(store: Service, simulator: Simulated) -> None:
    """Its old rows are told from its new ones by their times: no look has seen any of them."""
    listed(simulator, "old", SECOND, count=40, at="2024-01-01T00:00:00Z")
    listed(simulator, "old", count=30)
    polling(store, simulator, rows=25).look("inbound")
    new = listed(simulator, "new", SECOND, count=2)
    polling(store, simulator, rows=25).look("inbound")
    assert got(store) == rows([new - 1, new], "new", SECOND)


def test_a_message_has_its_own_time(store: Service, simulator: Simulated) -> None:
    polling(store, simulator).look("inbound")
    listed(simulator, "hello")
    listed(simulator, "hello", at="2031-03-02T08:15:30Z")
    polling(store, simulator).look("inbound")
    assert [event["time"] for event in store.events()][1] == "2031-03-02T08:15:30Z"


def test_a_row_that_can_be_no_event_is_quarantined_and_holds_up_nothing(store: Service, simulator: Simulated) -> None:
    polling(store, simulator).look("inbound")
    listed(simulator, "bad", **{"from": ""})
    good = listed(simulator, "good")
    for _ in range(2):
        polling(store, simulator).look("inbound")
    assert got(store) == rows([good], "good")
    [kept] = store.quarantined()
    assert (kept["path"], kept["reason"]) == ("/webhooks/mycoolsms/inbound-sms", "from is missing")
    assert json.loads(kept["body"])["body"] == "bad"
    assert counted(store) == {"mycoolsms inbound": 1, "mycoolsms quarantined": 1}


def test_after_a_long_time_it_begins_again(store: Service, simulator: Simulated) -> None:
    """Else what was pushed meanwhile would come a second time, by the thousand maybe."""
    polling(store, simulator).look("inbound")
    listed(simulator, "while it was pushed", count=30)
    set_back(store, 8 * 24 * 60)
    polling(store, simulator).look("inbound")
    new = listed(simulator, "new")
    polling(store, simulator).look("inbound")
    assert got(store) == rows([new], "new")


def test_a_message_that_a_simulated_phone_lets_get_lost(store: Service, simulator: Simulated) -> None:
    polling(store, simulator).look("inbound")
    row = simulator.command("text", "HELP", "--provider", "mycoolsms", "--lost", "--to", FIRST)
    polling(store, simulator).look("inbound")
    assert got(store) == rows([row["last"]], "HELP")


def test_an_account_without_numbers(store: Service, simulator: Simulated) -> None:
    simulator.control("faults", operation="getIncomingSms", fault="code", code=242)
    polling(store, simulator).look("inbound")
    listed(simulator, "new")
    polling(store, simulator).look("inbound")
    assert [message[:2] for message in got(store)] == [(FIRST, "new")]


def test_a_number_that_is_no_more_the_accounts(store: Service, simulator: Simulated) -> None:
    for number in (FIRST, SECOND):
        listed(simulator, "old", number)
    polling(store, simulator).look("inbound")
    simulator.control("reset")
    new = listed(simulator, "new", SECOND, apart=10)
    polling(store, simulator).look("inbound")
    assert got(store) == rows([new], "new", SECOND)
    assert f"+{FIRST}".encode() not in state_of(store)


def test_what_was_pushed_is_told_once(receiver: Service, simulator: Simulated) -> None:
    both(receiver, simulator).look("inbound")
    for text in ("one", "YES", "YES", "zażółć 👍"):
        pushed(simulator, receiver, text)
    for _ in range(3):
        both(receiver, simulator).look("inbound")
    assert got(receiver) == [(FIRST, text, "") for text in ("one", "YES", "YES", "zażółć 👍")]


def test_of_two_alike_one_is_lost(receiver: Service, simulator: Simulated) -> None:
    both(receiver, simulator).look("inbound")
    pushed(simulator, receiver, "YES")
    listed(simulator, "YES")
    for _ in range(3):
        both(receiver, simulator).look("inbound")
    assert [(to, text) for to, text, _ in got(receiver)] == [(FIRST, "YES")] * 2
    assert [bool(row_id) for _, _, row_id in got(receiver)] == [False, True]
    assert not receiver.redis.zcard(receiver.keys.pushes("acme"))


def test_equal_texts_to_two_numbers(receiver: Service, simulator: Simulated) -> None:
    both(receiver, simulator).look("inbound")
    pushed(simulator, receiver, "YES", FIRST)
    lost = listed(simulator, "YES", SECOND)
    for _ in range(2):
        both(receiver, simulator).look("inbound")
    assert got(receiver) == [(FIRST, "YES", ""), (SECOND, "YES", str(lost))]


def test_a_push_may_take_ten_minutes(receiver: Service, simulator: Simulated) -> None:
    asking = both(receiver, simulator, grace_s=600)
    asking.look("inbound")
    late, lost = listed(simulator, "late"), listed(simulator, "lost")
    asking.look("inbound")
    set_back(receiver, 9)
    asking.look("inbound")
    assert (got(receiver), late + 1) == ([], lost)
    late_push(receiver, "late")
    set_back(receiver, 2)
    asking.look("inbound")
    assert got(receiver) == [(FIRST, "late", ""), (FIRST, "lost", str(lost))]


def test_a_push_that_comes_later_still_is_a_second_event_and_hides_no_other(
    receiver: Service, simulator: Simulated
) -> None:
    asking = both(receiver, simulator, slack_s=0)
    asking.look("inbound")
    first = listed(simulator, "YES")
    asking.look("inbound")
    late_push(receiver, "YES")
    asking.look("inbound")
    second = listed(simulator, "YES")
    asking.look("inbound")
    assert got(receiver) == [(FIRST, "YES", str(first)), (FIRST, "YES", ""), (FIRST, "YES", str(second))]
    assert not receiver.redis.zcard(receiver.keys.pushes("acme"))


def test_a_crash_between_the_events_and_the_pushes_uses_up_none_twice(receiver: Service, simulator: Simulated) -> None:
    asking = both(receiver, simulator)
    asking.look("inbound")
    pushed(simulator, receiver, "YES")
    lost = listed(simulator, "YES")
    inbox, pushes, position = (
        receiver.keys.polled_inbox("acme"), receiver.keys.pushes("acme"), receiver.keys.poll_position,
    )  # fmt: skip
    before = [(key, receiver.redis.dump(key)) for key in (inbox, pushes, position)]
    asking.look("inbound")
    after = got(receiver)
    for key, dumped in before:
        receiver.redis.delete(key)
        if dumped:
            receiver.redis.restore(key, 0, dumped)
    asking.look("inbound")
    assert got(receiver) == after == [(FIRST, "YES", ""), (FIRST, "YES", str(lost))]


def test_pushes_of_others_count_for_nobody_here(receiver: Service, simulator: Simulated) -> None:
    """Another account's, another provider's, and what was polled itself."""
    asking = both(receiver, simulator)
    asking.look("inbound")
    body = {"from": f"+{PHONE}", "to": f"+{FIRST}", "body": "YES"}
    answer = receiver.request("POST", "mycoolsms/inbound-sms", json=body, token="another-secret")
    assert answer.status_code == 200
    receiver.trigger("mocean/inbound-sms")
    lost = listed(simulator, "YES")
    asking.look("inbound")
    again = listed(simulator, "YES")
    asking.look("inbound")
    assert got(receiver)[-2:] == rows([lost, again], "YES")
