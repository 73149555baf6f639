"""Sizes: outputs are limited as inputs are, and the flood of one account holds up no other."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, cast
from urllib.parse import quote

import pytest
from redis import Redis

from ringback.receiver.bounds.load import BESIDE_JSON, MOST_BYTES, Room
from ringback.receiver.bounds.turns import Turns
from ringback.receiver.commit.committer import Committer
from ringback.receiver.commit.script import Terms, commit_client
from ringback.receiver.commit.waiting import MAX_GROUP, MAX_GROUP_BYTES, CommitOutcome, Question, Waiting
from ringback.receiver.http.door import Query
from ringback.receiver.http.paths import callback_at
from ringback.receiver.parsing.normalise import Normaliser, UnusableError
from ringback.receiver.parsing.parse import parse_query
from ringback.receiver.parsing.request import CallbackRequest, check_size
from ringback.schemas.keys import Keys
from ringback.wire.samples import MOCEAN_ZONE

LONG = "a" * 257
DIGEST = blake2b(LONG.encode(), digest_size=16).hexdigest()
LIMIT = 256 * 1024
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def incoming(url: str, body: bytes = b"", content_type: str = FORM) -> CallbackRequest:
    path, _, query = url.partition("?")
    found = callback_at(f"/webhooks/{path}")
    assert found is not None
    pairs = Query.of(*parse_query(query.encode()))
    received = datetime(2026, 1, 2, tzinfo=UTC)
    return CallbackRequest(found[0], found[1], pairs, "acme", received, content_type, "", body, 256 * 1024)


def events_of(url: str, body: bytes = b"", content_type: str = FORM) -> list[Waiting]:
    request = incoming(url, body, content_type)
    return [Waiting.of(request.event(one.fields, Normaliser(MOCEAN_ZONE))) for one in request.callbacks()]


# Ids


@pytest.mark.parametrize(
    ("url", "fields", "field", "flag"),
    [
        pytest.param("mocean/delivery-report", {"mocean-msgid": LONG, "mocean-dlr-status": "1"}, "mocean-msgid", "id",
                     id="DLR"),
        pytest.param("mocean/number-lookup", {"msgid": LONG, "status": "0"}, "msgid", "id", id="lookup"),
        pytest.param("mocean/voice/status", {"mocean-call-uuid": LONG, "mocean-status": "x"}, "mocean-call-uuid", "id",
                     id="call"),
        pytest.param("mocean/voice/status",
                     {"mocean-call-uuid": "1", "mocean-session-uuid": LONG, "mocean-status": "x"},
                     "mocean-session-uuid", "id", id="session"),
        pytest.param("mocean/whatsapp-inbound-message",
                     {"message_id": LONG, "event_data": {"content": {"type": "audio"}}}, "message_id", "id",
                     id="WhatsApp message"),
        pytest.param("mocean/whatsapp-delivery-status",
                     {"message_id": LONG, "event_data": {"meta_delivery_status": "read"}}, "message_id", "id",
                     id="WhatsApp status"),
        pytest.param("mycoolsms/delivery-report", {"smsid": LONG, "status": "SMS_STATUS_QUEUED"}, "smsid", "id",
                     id="My-Cool-SMS"),
        pytest.param("mocean/delivery-report",
                     {"mocean-msgid": "1", "mocean-dlr-status": "1", "mocean-from": LONG}, "mocean-from", "address",
                     id="address"),
    ],
)  # fmt: skip
def test_an_id_that_is_too_long_is_digested(url: str, fields: dict[str, Any], field: str, flag: str) -> None:
    (event,) = [json.loads(one.json) for one in events_of(url, json.dumps(fields).encode(), JSON)]
    (other,) = [
        json.loads(one.json) for one in events_of(url, json.dumps({**fields, field: DIGEST}).encode(), JSON)
    ]  # fmt: skip
    other["data"] |= {"raw": fields, "flags": [f"{flag}:too-long"]}
    assert event == other
    allowed = events_of(url, json.dumps({**fields, field: LONG[1:]}).encode(), JSON)
    assert [one.flags for one in allowed] == [()]


def test_a_step_that_is_too_long_is_digested() -> None:
    (event,) = [json.loads(one.json) for one in events_of(f"mocean/voice/collect/{LONG}", b"mocean-call-uuid=1")]
    assert (event["data"]["step"], event["data"]["flags"]) == (DIGEST, ["step:too-long"])


# Events


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"a", id="ASCII"),
        pytest.param("é".encode("latin-1"), id="latin-1"),
        pytest.param(quote("é", encoding="latin-1").encode(), id="latin-1, escaped"),
        pytest.param("👍".encode(), id="emoji"),
        pytest.param(quote("👍").encode(), id="emoji, escaped"),
        pytest.param(b'"', id="quotes"),
        pytest.param(b"\n", id="line ends"),
        pytest.param(b"\x01", id="control characters"),
        pytest.param(b"%01", id="control characters, escaped"),
    ],
)
def test_any_text_that_fits_into_a_body_fits_into_an_event(text: bytes) -> None:
    start = b"mocean-from=60123456789&mocean-to=63001&mocean-text="
    body = start + text * ((LIMIT - len(start)) // len(text))
    (event,) = events_of("mocean/inbound-sms?" + "ctx.a=" + "%01" * 1365, body)
    check_size(event.size)
    assert event.size == len(event.json.encode())


@pytest.mark.parametrize("name", ["bodyucs2", "bodygsm7"])
def test_any_hex_that_fits_into_a_body_fits_into_an_event(name: str) -> None:
    digits = {"bodyucs2": "20AC", "bodygsm7": "10"}[name]
    fields = {"from": "60123456789", "to": "63001", name: digits * ((LIMIT - 100) // len(digits))}
    (event,) = events_of("mycoolsms/inbound-sms", json.dumps(fields).encode(), JSON)
    check_size(event.size)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        pytest.param("ctx.a=" + "x" * 4095, True, id="all of it"),
        pytest.param("ctx.a=" + "x" * 4096, False, id="a value"),
        pytest.param("ctx.a" + "x" * 4096, False, id="a name"),
        pytest.param("ctx.a=" + "%C3%A9" * 2048, False, id="bytes, not characters"),
        pytest.param("&".join(f"ctx.{number}={'x' * 1000}" for number in range(5)), False, id="several"),
    ],
)
def test_the_context_is_limited(query: str, fits: bool) -> None:
    request = incoming(f"mocean/delivery-report?mocean-msgid=1&mocean-dlr-status=1&{query}")
    if fits:
        assert len(request.callbacks()) == 1
        return
    with pytest.raises(UnusableError) as raised:
        request.callbacks()
    assert raised.value.reason == "more than 4096 bytes of ctx. parameters in the URL"


# Turns and room


def waiting(account: str, size: int = 100, *, is_call: bool = False) -> Waiting:
    question = Question("nobody", time.monotonic() + 60) if is_call else None
    name = secrets.token_hex(8)
    return Waiting(name, "message.received", "mycoolsms", account, "x" * size, size, None, (), question)


def runs(group: list[Waiting]) -> list[tuple[str, int]]:
    """Return how many of which account come one after another."""
    told: list[tuple[str, int]] = []
    for one in group:
        if told and told[-1][0] == one.account:
            told[-1] = (one.account, told[-1][1] + 1)
        else:
            told.append((one.account, 1))
    return told


@pytest.mark.parametrize(
    ("arrived", "groups"),
    [
        pytest.param([("a", 3, 100)], [[("a", 3)]], id="one account"),
        pytest.param([("a", 300, 100)], [[("a", 256)], [("a", 44)]], id="more than a group"),
        pytest.param([("a", 3, 400_000)], [[("a", 2)], [("a", 1)]], id="more bytes than a group"),
        pytest.param([("a", 2, 2_000_000)], [[("a", 1)], [("a", 1)]], id="each more than a group"),
        pytest.param([("a", 100, 100), ("b", 2, 100)], [[("a", 32), ("b", 2), ("a", 68)]], id="a turn each"),
        pytest.param([("a", 1000, 100), ("b", 40, 100)],
                     [[("a", 32), ("b", 32), ("a", 32), ("b", 8), ("a", 152)], *[[("a", 256)]] * 3, [("a", 16)]],
                     id="a flood"),
        pytest.param([("a", 3, 2_000_000), ("b", 2, 100), ("c", 1, 100)],
                     [[("a", 1)], [("b", 2), ("c", 1)], [("a", 1)], [("a", 1)]], id="a flood of bytes"),
    ],
)  # fmt: skip
def test_accounts_take_turns(arrived: list[tuple[str, int, int]], groups: list[list[tuple[str, int]]]) -> None:
    turns = Turns()
    all_of: dict[str, list[Waiting]] = {}
    for account, number, size in arrived:
        for _ in range(number):
            one = waiting(account, size)
            all_of.setdefault(account, []).append(one)
            turns.add(one)
    taken = []
    while turns:
        taken.append(turns.take(MAX_GROUP, MAX_GROUP_BYTES))
    assert [runs(group) for group in taken] == groups
    for account, in_order in all_of.items():
        assert [one for group in taken for one in group if one.account == account] == in_order


@pytest.mark.parametrize("call", [MAX_GROUP_BYTES - 1000, 2 * MAX_GROUP_BYTES])
async def test_a_large_call_goes_before_the_events_that_wait(
    committer: tuple[Committer, Redis, Keys], call: int
) -> None:
    made, redis, keys = committer
    both = [waiting("a", call, is_call=True), waiting("a", 2000)]
    async with asyncio.timeout(10):
        await asyncio.gather(*map(made.store, both))
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrange(keys.events))
    assert [fields[b"id"].decode() for _, fields in entries] == [one.id for one in both]


def fill(room: Room, account: str, size: int = 100) -> int:
    """Let an account have what it may; give how many events that is."""
    number = 0
    while room.has(account):
        room.enter(waiting(account, size))
        number += 1
    return number


def test_there_is_always_room_for_another_account() -> None:
    room = Room()
    assert fill(room, "a") == pytest.approx(MOST_BYTES // 2 // (100 + BESIDE_JSON), abs=1)
    assert fill(room, "b") == pytest.approx(MOST_BYTES // 4 // (100 + BESIDE_JSON), abs=1)
    assert room.has("c", 1000)
    assert not room.has("a")


def test_room_is_counted_in_bytes_too() -> None:
    room = Room()
    assert fill(room, "a", 1024 * 1024) == pytest.approx(MOST_BYTES // 2 // (1024 * 1024 + BESIDE_JSON), abs=1)
    assert room.has("b", 1000)


def test_an_only_account_may_have_all_the_room() -> None:
    assert fill(Room(is_shared=False), "a") == pytest.approx(MOST_BYTES // (100 + BESIDE_JSON), abs=1)


def test_what_has_left_makes_room() -> None:
    room = Room()
    fill(room, "b")
    held = [waiting("a") for _ in range(4000)]
    for one in held:
        room.enter(one)
    assert not room.has("a", 4000)
    room.leave(held)
    assert room.has("a", 4000)


@pytest.fixture
async def committer(redis_url: str) -> AsyncIterator[tuple[Committer, Redis, Keys]]:
    keys = Keys(f"t{secrets.token_hex(4)}")
    made = Committer(commit_client(redis_url), Terms(keys, 3600, 3600))
    with Redis.from_url(redis_url) as redis:
        yield made, redis, keys
    await made.close()


async def test_calls_go_before_events_and_floods_leave_room(committer: tuple[Committer, Redis, Keys]) -> None:
    made, redis, keys = committer
    await made.store(waiting("a"))
    flood = [waiting("a", 10_000) for _ in range(600)]
    ringing = [waiting("a", is_call=True) for _ in range(200)]
    others = [waiting("b"), waiting("b", is_call=True)]
    outcomes = await asyncio.gather(*(made.store(one) for one in (*flood, *ringing, *others)))
    assert set(outcomes) == {CommitOutcome.STORED}
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", redis.xrange(keys.events))
    order = [fields[b"id"].decode() for _, fields in entries][1:]
    place = {name: number for number, name in enumerate(order)}
    assert [name for name in order if name in {one.id for one in flood}] == [one.id for one in flood]
    assert [name for name in order if name in {one.id for one in ringing}] == [one.id for one in ringing]
    event, call = (place[one.id] for one in others)
    assert call < 64, "the call of the other account is in the first group"
    assert event < 256, "and so is its event"
    assert place[ringing[-1].id] < place[flood[-1].id]
    assert made.room.has("a", MOST_BYTES // 2 // BESIDE_JSON), "nothing waits any more"
