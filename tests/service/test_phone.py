"""Voice handlers at work: the ways to answer, the flow from step to step, and the state of a call."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from ringback import voice
from tests.support.service import TOKEN, Service, running, wait_for, worker_pids

FALLBACK = "We cannot take your call right now. Please try again."


@pytest.fixture(scope="module")
def phone(redis_url: str) -> Iterator[Service]:
    """Give a service that answers calls with two workers."""
    with running(redis_url, queues="voice,voice,events", RINGBACK_HANDLERS="tests.support.handlers.phone") as started:
        yield started


def call(phone: Service, number: str, session: str = "session-1", **params: str) -> list[dict[str, Any]]:
    """Call a number and give the MC."""
    fields = {"mocean-call-uuid": "call-1", "mocean-session-uuid": session, "mocean-to": number}
    answer: list[dict[str, Any]] = phone.request("POST", "mocean/voice/answer", params=params, data=fields).json()
    return answer


def press(phone: Service, step: str, digits: str, session: str = "session-1") -> list[dict[str, Any]]:
    """Press digits at a step and give the MC."""
    fields = {"mocean-call-uuid": "call-1", "mocean-session-uuid": session, "mocean-digits": digits}
    answer: list[dict[str, Any]] = phone.request("POST", f"mocean/voice/collect/{step}", data=fields).json()
    return answer


def state_key(phone: Service, session: str) -> str:
    return phone.keys.call("mocean", "acme", session)


@pytest.mark.parametrize(
    ("number", "says"),
    [
        pytest.param("63001", ["a list"], id="a list"),
        pytest.param("63002", ["one action"], id="one action"),
        pytest.param("63003", ["a generator"], id="a generator"),
        pytest.param("63004", ["a coroutine"], id="a coroutine"),
        pytest.param("63005", ["an async generator"], id="an async generator"),
        pytest.param("63006", ["an iterator", "of two"], id="an iterator"),
        pytest.param("60312345678", ["welcome"], id="otherwise"),
        pytest.param("63011", [FALLBACK], id="a generator that hangs between two actions"),
        pytest.param("63012", [FALLBACK], id="an async generator that hangs"),
        pytest.param("63015", [FALLBACK], id="nothing"),
    ],
)
def test_ways_to_answer(phone: Service, number: str, says: list[str]) -> None:
    assert [action["text"] for action in call(phone, number) if action["action"] == "say"] == says


@pytest.mark.parametrize(
    ("digits", "wire"),
    [
        pytest.param("1", {"action": "dial", "to": "60123456789"}, id="one value"),
        pytest.param("3", {"action": "say", "text": "not 3", "language": "en-GB"}, id="one of several"),
        pytest.param("", {"action": "say", "text": "again", "language": "en-GB"}, id="no input, otherwise"),
    ],
)
def test_digits_choose_the_handler(phone: Service, digits: str, wire: dict[str, object]) -> None:
    assert press(phone, "menu", digits)[0] == wire


def test_the_context_goes_from_step_to_step(phone: Service) -> None:
    context = {"ctx.order": "4 2/&=ü", "ctx.token": "mine"}
    url = call(phone, "63001", **context)[1]["event-url"]
    for _ in range(2):
        assert url == (
            f"http://127.0.0.1:{phone.port}/webhooks/mocean/voice/collect/menu?token={TOKEN}"
            "&ctx.order=4+2%2F%26%3D%C3%BC&ctx.token=mine"
        )
        again = phone.http.post(url, data={"mocean-call-uuid": "call-context", "mocean-digits": "9"}).json()
        url = again[1]["event-url"]
    data = [json.loads(entry["event"])["data"] for entry in phone.stored() if "call-context" in entry["event"]]
    assert [one["context"] for one in data] == [{"order": "4 2/&=ü", "token": "mine"}] * 2


def test_a_call_remembers(phone: Service) -> None:
    call(phone, "63021", "session-2", **{"ctx.language": "ms"})
    assert 0 < phone.redis.ttl(state_key(phone, "session-2")) <= voice.CallState.TTL_S
    assert press(phone, "remember", "7", "session-2")[0]["text"] == '{"choices": ["ms", "7"]}'
    # Another call, and the same session of another account, have states of their own.
    call(phone, "63021", "session-3")
    assert press(phone, "remember", "8", "session-3")[0]["text"] == '{"choices": ["none", "8"]}'
    ended = {"mocean-call-uuid": "c", "mocean-session-uuid": "session-2", "mocean-status": "HANGUP"}
    assert phone.request("POST", "mocean/voice/status", data=ended).status_code == 200
    noted = wait_for(lambda: phone.redis.get(f"{phone.prefix}:ended:session-2"), "the end of the call")
    assert json.loads(cast("bytes", noted)) == {"choices": ["ms", "7"]}
    wait_for(lambda: not phone.redis.exists(state_key(phone, "session-2")), "the end of the state")
    assert phone.redis.exists(state_key(phone, "session-3"))


def test_callbacks_of_one_call_at_once_lose_nothing(phone: Service) -> None:
    digits = [str(number) for number in range(8)]
    with ThreadPoolExecutor(len(digits)) as threads:
        said = list(threads.map(lambda one: press(phone, "count", one, "session-4")[0]["text"], digits))
    assert sorted(said) == [str(number) for number in range(1, 9)]
    kept = phone.redis.hgetall(state_key(phone, "session-4"))
    assert kept.pop(b"times") == b"8"
    assert sorted(kept) == [f"pressed {one}".encode() for one in digits]


@pytest.mark.parametrize(
    ("number", "why"),
    [
        pytest.param("63001", "the handler does not use it", id="unused"),
        pytest.param("63022", "it is too large", id="too large"),
    ],
)
def test_no_state_is_kept(phone: Service, number: str, why: str) -> None:
    call(phone, number, "session-5")
    assert not phone.redis.exists(state_key(phone, "session-5")), why


def test_of_a_handler_that_raised_only_increments_are_kept(phone: Service) -> None:
    call(phone, "63014", "session-7")
    assert phone.redis.hgetall(state_key(phone, "session-7")) == {b"tries": b"7"}


def test_a_text_cannot_be_incremented(phone: Service) -> None:
    assert call(phone, "63023", "session-6")[0]["text"] == FALLBACK


def test_a_handler_that_holds_the_interpreter_costs_one_worker(redis_url: str) -> None:
    settings = {"RINGBACK_HANDLERS": "tests.support.handlers.phone", "RINGBACK_VOICE_DEADLINE": "500ms"}
    with running(redis_url, queues="voice", **settings) as phone:
        (before,) = worker_pids(phone, "voice")
        assert call(phone, "63013")[0]["text"] == FALLBACK
        wait_for(lambda: set(worker_pids(phone, "voice")) - {before}, "another worker")
        wait_for(lambda: call(phone, "63002")[0]["text"] == "one action", "the handler's answer")
