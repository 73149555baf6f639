"""What became of a send is an event like any other: stored once, handled by who names its type, listed, replayed."""

import asyncio
import json
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from typing import IO, Any, cast

import pytest

from ringback.receiver.commit.committer import Committer
from ringback.receiver.commit.script import Terms, commit_client
from ringback.receiver.commit.waiting import CommitOutcome
from ringback.schemas.address import parse_address
from ringback.schemas.event_data import Channel, Error, SendStatus
from ringback.schemas.events import CallPlacedEvent, Event, MessageSentEvent
from ringback.schemas.parts import to_document, to_json
from ringback.schemas.send_events import placed_event, sent_event
from tests.support.commands import ringback
from tests.support.outbox import replying, write
from tests.support.sample_events import RECEIVED
from tests.support.service import RINGBACK, ROOT, Service, clean_environment, running, wait_for

HANDLERS = "tests.support.handlers.following"
HANDLED = ("callbacks", "callbacks-and-messages", "sends", "failing")


@pytest.fixture(scope="module")
def followed(redis_url: str) -> Iterator[Service]:
    with running(redis_url, queues="events", RINGBACK_HANDLERS=HANDLERS) as service:
        yield service


def command(service: Service, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of `ringback` as one does beside these handlers."""
    return ringback(ROOT, *words, **{**service.settings, "RINGBACK_HANDLERS": HANDLERS})


def new_ref() -> str:
    return secrets.token_hex(8)


def message(ref: str, status: SendStatus = SendStatus.ACCEPTED) -> MessageSentEvent:
    return sent_event(
        provider="mocean", account="acme", ref=ref, channel=Channel.SMS, status=status, at=RECEIVED,
        to="60123456789", from_="63001", message_id=f"cust{ref}" if status is SendStatus.ACCEPTED else None,
    )  # fmt: skip


def call(ref: str, status: SendStatus = SendStatus.ACCEPTED, error: Error | None = None) -> CallPlacedEvent:
    return placed_event(
        provider="mocean", account="acme", ref=ref, status=status, at=RECEIVED, to="60123456789", error=error
    )


def commit(service: Service, *events: Event) -> list[CommitOutcome]:
    """Store events as the sender does."""

    async def store() -> list[CommitOutcome]:
        committer = Committer(commit_client(service.redis_url), Terms(service.keys, 3600, 3600))
        try:
            return [await committer.commit(event) for event in events]
        finally:
            await committer.close()

    return asyncio.run(store())


def given(service: Service, event: Event) -> dict[str, int]:
    """Return how often each handler was given an event."""
    noted = {name: [one.event["id"] for one in service.noted(name)].count(event.id) for name in HANDLED}
    return {name: times for name, times in noted.items() if times}


@pytest.mark.parametrize(
    ("event", "handlers"),
    [
        pytest.param(message(new_ref()), {"callbacks-and-messages": 1, "sends": 1}, id="a message"),
        pytest.param(message(new_ref(), SendStatus.EXPIRED), {"callbacks-and-messages": 1, "sends": 1},
                     id="a message that expired"),
        pytest.param(call(new_ref()), {"sends": 1}, id="a call"),
        pytest.param(call(new_ref(), SendStatus.REFUSED), {"sends": 1, "failing": 1}, id="a call that was refused"),
    ],
)  # fmt: skip
def test_who_is_given_it(followed: Service, event: Event, handlers: dict[str, int]) -> None:
    assert commit(followed, event) == [CommitOutcome.STORED]
    wait_for(lambda: given(followed, event) == handlers, "its handlers")
    wait_for(lambda: not followed.pending, "the ledger")
    assert given(followed, event) == handlers
    document = json.loads(to_json(event))
    assert [one.event for one in followed.noted("sends") if one.event["id"] == event.id] == [document]


def test_a_callback_reaches_those_of_every_type(followed: Service) -> None:
    before = len(followed.noted("callbacks"))
    assert followed.trigger("mocean/delivery-report").status_code == 200
    wait_for(lambda: len(followed.noted("callbacks")) == before + 1, "the report")
    newest = followed.noted("callbacks")[-1].event["id"]
    wait_for(lambda: newest in [one.event["id"] for one in followed.noted("callbacks-and-messages")], "the other")


def test_the_same_fact_is_one_event_and_another_status_is_another(followed: Service) -> None:
    ref = new_ref()
    in_doubt, accepted = message(ref, SendStatus.IN_DOUBT), message(ref)
    assert commit(followed, in_doubt, message(ref, SendStatus.IN_DOUBT), accepted, message(ref)) == [
        CommitOutcome.STORED, CommitOutcome.DUPLICATE, CommitOutcome.STORED, CommitOutcome.DUPLICATE,
    ]  # fmt: skip
    wait_for(lambda: given(followed, accepted) and given(followed, in_doubt).get("failing"), "both")
    stored = [one["data"]["status"] for one in followed.events() if one["data"].get("ref") == ref]
    assert stored == ["in_doubt", "accepted"]


def test_listings_and_replay(followed: Service) -> None:
    ref = new_ref()
    event = call(ref, SendStatus.REFUSED, Error(code=2, name="No balance.", permanent=True))
    commit(followed, event)
    wait_for(lambda: given(followed, event) == {"sends": 1, "failing": 1}, "its handlers")
    wait_for(lambda: not followed.pending, "the ledger")
    listed = command(followed, "events", "ls", "--type", "call.placed", "--limit", "1")
    assert listed.stdout.endswith(f"  {event.id}  call.placed         call {ref} to …789 is refused, No balance.\n")
    shown = json.loads(command(followed, "events", "show", event.id).stdout)
    assert shown["event"] == json.loads(to_json(event))
    (letter,) = [
        one
        for one in json.loads(command(followed, "dead", "ls", "--type", "call.placed", "--json").stdout)
        if one["event_id"] == event.id
    ]
    assert (letter["handler"], letter["type"]) == (f"{HANDLERS}.failing", "call.placed")
    replayed = command(followed, "replay", event.id, "--handler", "sends")
    assert (replayed.returncode, replayed.stdout) == (0, f"{HANDLERS}.sends: 1\n")
    wait_for(lambda: given(followed, event).get("sends") == 2, "the replay")


def test_tail_prints_it_as_it_comes(followed: Service) -> None:
    with subprocess.Popen(
        [*RINGBACK, "tail"], env=clean_environment(**followed.settings), cwd=ROOT, text=True, bufsize=1,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as tail:  # fmt: skip
        try:
            assert cast("IO[str]", tail.stderr).readline().startswith("Waiting for events")
            events: Sequence[Event] = [message(new_ref()), call(new_ref())]
            lines = []
            for event in events:
                commit(followed, event)
                lines.append(cast("IO[str]", tail.stdout).readline().split("  ")[1])
            assert lines == [event.id for event in events]
        finally:
            tail.terminate()


def test_handlers_ls_says_who_gets_them(followed: Service) -> None:
    listed = json.loads(command(followed, "handlers", "ls", "--json").stdout)
    types = {one["name"].removeprefix(f"{HANDLERS}."): one["types"] for one in listed}
    types = {name: kinds for name, kinds in types.items() if not name.startswith("shop.")}
    callbacks = ["call.incoming", "call.input", "call.status", "lookup.completed", "message.received", "message.status"]
    assert types == {
        "callbacks": callbacks,
        "callbacks_and_messages": sorted([*callbacks, "message.sent"]),
        "sends": ["call.placed", "message.sent"],
        "failing": ["call.placed", "message.sent"],
    }


@pytest.fixture(scope="module")
def sending(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("simulator")
    with replying(redis_url, folder, RINGBACK_HANDLERS=HANDLERS) as (service, _):
        yield service


def address(raw: str) -> dict[str, Any]:
    """Return an address as events have it."""
    return to_document(parse_address(raw))


@pytest.mark.parametrize(
    ("keyword", "phone", "kind", "fate"),
    [
        pytest.param("REPLY", "60123456789", "message.sent", {
            "status": "accepted", "channel": "sms", "segments": 1, "handler": "shop.reply",
            "context": {"ticket": "42"}, "sender": address("63001"), "recipient": address("60123456789"),
        }, id="an answer that is accepted"),
        pytest.param("REPLY", "99900000002", "message.sent", {
            "status": "refused", "channel": "sms", "handler": "shop.reply",
            "context": {"ticket": "42"}, "sender": address("63001"), "recipient": address("99900000002"),
            "error": {"code": 2, "permanent": True},
        }, id="an answer that is refused"),
        pytest.param("CALL", "60123456788", "call.placed", {
            "status": "accepted", "handler": "shop.call_back", "context": {}, "caller": address("60312345678"),
            "callee": address("60123456788"),
        }, id="a call that is placed"),
        pytest.param("CALL", "99900000003", "call.placed", {
            "status": "refused", "handler": "shop.call_back", "context": {}, "caller": address("60312345678"),
            "callee": address("99900000003"), "error": {"code": 3, "permanent": True},
        }, id="a call that is refused"),
    ],
)  # fmt: skip
def test_a_handler_is_told_what_became_of_what_it_asked_for(
    sending: Service, keyword: str, phone: str, kind: str, fate: dict[str, Any]
) -> None:
    text = write(sending, keyword, phone)
    (cause,) = [one["id"] for one in sending.events() if one["data"].get("text") == text]
    event = wait_for(
        lambda: next((one.event for one in sending.noted("sends") if one.event["data"].get("cause") == cause), None),
        "what became of it", 40,
    )  # fmt: skip
    ref, data = event["data"]["ref"], dict(event["data"])
    ids = {name: data.pop(name) for name in ("message_id", "session_id", "call_id") if name in data}
    if "error" in data:
        data["error"] = {name: data["error"][name] for name in fate["error"]}
    assert event["type"] == kind
    assert data == {
        **fate,
        "context": {**fate["context"], "send": ref},
        "ref": ref,
        "cause": cause,
        "raw": {},
        "flags": [],
    }
    assert event.get("subject") == ids.get("message_id", ids.get("call_id"))
    assert event["partitionkey"] == ids.get("session_id", f"+{phone}")
    assert bool(ids) is (fate["status"] == "accepted")


def test_a_send_that_was_in_doubt_is_told_twice(sending: Service) -> None:
    text = write(sending, "REPLY", "99905000001")  # the report comes, and no answer
    (cause,) = [one["id"] for one in sending.events() if one["data"].get("text") == text]

    def told() -> list[dict[str, Any]]:
        return [one["data"] for one in sending.events() if one["data"].get("cause") == cause]

    accepted = wait_for(
        lambda: next((one for one in told() if one["status"] == "accepted"), None), "the report to settle it", 40
    )
    assert "error" not in accepted
    assert [one["status"] for one in told()] in (["accepted"], ["in_doubt", "accepted"])
    for one in told():
        assert ("message_id" in one) is (one["status"] == "accepted")
