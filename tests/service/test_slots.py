"""Slots: whoever comes late, twice or after a person, never makes a call that was made, nor frees another's claim."""

import secrets
from collections.abc import Iterator

import pytest
from redis import Redis

from ringback.clients.exchange import ProviderAnswer
from ringback.outbox.draft import Draft
from ringback.outbox.queue import Proof, again, drop, prove, record_of
from ringback.outbox.record import SendState
from ringback.outbox.slots import Slot, doubt_overdue
from ringback.schemas.keys import Keys

REF = "abcdefghijklmnop"
DRAFT = Draft("direct", "mocean", "acme", "", {"operation": "sms", "key": "otp"}, handler="h", cause="e")
ANSWER = ProviderAnswer(202, "application/json", b'{"status":0,\x00\xff}')


@pytest.fixture
def store(redis_url: str) -> Iterator[tuple[Redis, Keys]]:
    with Redis.from_url(redis_url) as redis:
        yield redis, Keys(f"t{secrets.token_hex(4)}")


def slot(store: tuple[Redis, Keys], by: str) -> Slot:
    return Slot(*store, REF, DRAFT, by)


def state(store: tuple[Redis, Keys]) -> SendState | None:
    record = record_of(*store, REF)
    return record.state if record is not None else None


def lists(store: tuple[Redis, Keys]) -> tuple[int, int]:
    redis, keys = store
    return redis.zcard(keys.outbox_direct), redis.zcard(keys.outbox_doubt)


def test_the_first_has_it_also_where_its_reply_was_lost(store: tuple[Redis, Keys]) -> None:
    assert slot(store, "a").claim(9) is None
    assert slot(store, "a").claim(9) is None
    assert (state(store), lists(store)) == (SendState.CLAIMED, (1, 0))
    assert store[0].ttl(store[1].send(REF)) == -1


def test_the_second_finds_it_in_doubt_and_then_done(store: tuple[Redis, Keys]) -> None:
    first, second = slot(store, "a"), slot(store, "b")
    assert first.claim(9) is None
    found = second.claim(9)
    assert found is not None
    assert (found.record.state, found.answer, lists(store)) == (SendState.IN_DOUBT, None, (0, 1))
    first.accept(ANSWER, "m1", "s1")
    found = second.claim(9)
    assert found is not None
    assert (found.record.state, found.answer) == (SendState.ACCEPTED, ANSWER)
    assert (found.record.message_id, found.record.session_id, lists(store)) == ("m1", "s1", (0, 0))
    redis, keys = store
    assert redis.get(f"{keys.sent}mocean:acme:m1") == REF.encode()
    assert redis.ttl(keys.send(REF)) > 30 * 24 * 3600


def test_a_refusal_frees_it(store: tuple[Redis, Keys]) -> None:
    first, second = slot(store, "a"), slot(store, "b")
    assert first.claim(9) is None
    assert second.claim(9) is not None
    first.free()
    assert (state(store), lists(store)) == (None, (0, 0))
    assert second.claim(9) is None
    first.free()
    first.doubt()
    assert (state(store), lists(store)) == (SendState.CLAIMED, (1, 0))


def test_a_callback_settles_it_before_the_answer_and_after(store: tuple[Redis, Keys]) -> None:
    first = slot(store, "a")
    assert first.claim(9) is None
    prove(*store, [Proof(REF, "acme", "m1")])
    assert state(store) is SendState.ACCEPTED
    first.doubt()
    first.free()
    found = slot(store, "b").claim(9)
    assert found is not None
    assert (found.record.state, found.answer, found.record.message_id) == (SendState.ACCEPTED, None, "m1")
    assert lists(store) == (0, 0)
    first.accept(ANSWER)
    found = slot(store, "b").claim(9)
    assert found is not None
    assert (found.answer, found.record.message_id) == (ANSWER, "m1")
    assert store[0].xlen(store[1].outbox) == store[0].zcard(store[1].outbox_open) == 0


def test_another_accounts_callback_settles_nothing(store: tuple[Redis, Keys]) -> None:
    assert slot(store, "a").claim(9) is None
    prove(*store, [Proof(REF, "other", "m1")])
    assert state(store) is SendState.CLAIMED


def test_a_person_frees_it(store: tuple[Redis, Keys]) -> None:
    first = slot(store, "a")
    assert first.claim(9) is None
    first.doubt()
    assert lists(store) == (0, 1)
    again(*store, REF)
    assert (state(store), lists(store)) == (SendState.QUEUED, (0, 0))
    assert slot(store, "b").claim(9) is None
    assert store[0].xlen(store[1].outbox) == 0


def test_a_person_drops_it(store: tuple[Redis, Keys]) -> None:
    first = slot(store, "a")
    assert first.claim(9) is None
    first.doubt()
    drop(*store, REF)
    found = slot(store, "b").claim(9)
    assert found is not None
    assert (found.record.state, lists(store)) == (SendState.DROPPED, (0, 0))


@pytest.mark.parametrize(
    ("within_s", "left"),
    [pytest.param(-1.0, SendState.IN_DOUBT, id="overdue"), pytest.param(60.0, SendState.CLAIMED, id="at work")],
)
def test_what_nobody_ends_becomes_in_doubt(store: tuple[Redis, Keys], within_s: float, left: SendState) -> None:
    assert slot(store, "a").claim(within_s) is None
    assert doubt_overdue(*store) == (left is SendState.IN_DOUBT)
    assert state(store) is left
    slot(store, "a").accept(ANSWER)
    assert (state(store), lists(store)) == (SendState.ACCEPTED, (0, 0))
