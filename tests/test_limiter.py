"""The limiter: guesses are slowed, an address at a time, and nobody else is."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from receiver.limiter import MAX_ADDRESSES, MAX_WRONG, PROVEN_S, S_PER_WRONG, Limiter
from tests.service import TOKEN, running

ATTACKER, PROVIDER = "198.51.100.1", "203.0.113.7"


@dataclass
class Clock:
    """A time that goes on when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


Step = tuple[str, str | float, int, bool]  # what, whose (or how long), how often, whether limited after it


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([("wrong", ATTACKER, 19, False), ("wrong", ATTACKER, 1, True)], id="twenty at once"),
        pytest.param([("wrong", ATTACKER, 20, True), ("wait", 2.9, 1, True), ("wait", 0.2, 1, False),
                      ("wrong", ATTACKER, 1, True)], id="one more each three seconds"),
        pytest.param([("wrong", ATTACKER, 20, True), ("wait", 60.1, 1, False), ("wrong", ATTACKER, 19, False),
                      ("wrong", ATTACKER, 1, True)], id="all is forgiven after a minute"),
        pytest.param([("wrong", ATTACKER, 10, False), ("wait", 15.0, 1, False), ("wrong", ATTACKER, 14, False),
                      ("wrong", ATTACKER, 1, True)], id="half is forgiven in half the time"),
        pytest.param([("wrong", PROVIDER, 20, False)], id="another's doing"),
        pytest.param([("right", ATTACKER, 1, False), ("wrong", ATTACKER, 100, False)], id="one old URL of a provider"),
        pytest.param([("wrong", ATTACKER, 20, True), ("right", ATTACKER, 1, False)], id="right at last"),
        pytest.param([("right", ATTACKER, 1, False), ("wait", PROVEN_S + 0.1, 1, False), ("wrong", ATTACKER, 20, True)],
                     id="right more than an hour ago"),
        pytest.param([("right", ATTACKER, 1, False), ("wait", 1800.0, 1, False), ("right", ATTACKER, 1, False),
                      ("wait", 1900.0, 1, False), ("wrong", ATTACKER, 100, False)], id="right again and again"),
    ],
)  # fmt: skip
def test_limits(steps: Sequence[Step]) -> None:
    clock = Clock()
    limiter = Limiter(clock)
    for what, whose, times, is_limited in steps:
        for _ in range(times):
            match what, whose:
                case "wrong", str():
                    limiter.failed(whose)
                case "right", str():
                    limiter.passed(whose)
                case _, float():
                    clock.now += whose
        assert limiter.is_limited(ATTACKER) is is_limited, (what, whose)


def test_it_tells_once_that_an_address_is_limited() -> None:
    limiter = Limiter(Clock())
    assert [limiter.failed(ATTACKER) for _ in range(MAX_WRONG)] == [False] * (MAX_WRONG - 1) + [True]


def test_addresses_are_forgotten_when_there_are_too_many() -> None:
    clock = Clock()
    limiter = Limiter(clock)
    for _ in range(MAX_WRONG):
        limiter.failed(ATTACKER)
    limiter.passed(PROVIDER)
    for number in range(MAX_ADDRESSES - 1):
        limiter.failed(f"a{number}")
        limiter.passed(f"b{number}")
    for _ in range(MAX_WRONG):
        limiter.failed(PROVIDER)
    assert (limiter.is_limited(ATTACKER), limiter.is_limited(PROVIDER)) == (True, False)
    limiter.failed("one more")
    limiter.passed("another one")
    for _ in range(MAX_WRONG):
        limiter.failed(PROVIDER)
    assert (limiter.is_limited(ATTACKER), limiter.is_limited(PROVIDER)) == (False, True)


def test_guesses_are_slowed_over_http(redis_url: str) -> None:
    # Each address of 127.0.0.0/8 is this machine's own, so callers are told apart without a proxy, and with one.
    sources = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
    with running(redis_url, queues="", RINGBACK_TRUSTED_PROXIES=sources[0]) as service, ExitStack() as stack:
        transports = {source: httpx.HTTPTransport(local_address=source) for source in sources}
        clients = {
            source: stack.enter_context(httpx.Client(base_url=service.http.base_url, transport=transport))
            for source, transport in transports.items()
        }

        def post(source: str, token: str, forwarded: str = "") -> httpx.Response:
            headers = {"X-Forwarded-For": forwarded} if forwarded else {}
            return clients[source].post("/webhooks/mocean/inbound-sms", params={"token": token}, headers=headers)

        def wrong(source: str, forwarded: str = "") -> list[int]:
            return [post(source, f"guess-{number}", forwarded).status_code for number in range(MAX_WRONG + 2)]

        assert wrong("127.0.0.3") == [401] * MAX_WRONG + [429] * 2
        limited = post("127.0.0.3", TOKEN)  # not even looked at
        assert (limited.status_code, limited.headers["retry-after"]) == (429, str(round(S_PER_WRONG)))
        assert limited.headers["content-type"] == "application/problem+json"
        assert limited.json() == {"title": "Too many wrong tokens, please wait", "status": 429}
        assert post("127.0.0.3", "guess", "203.0.113.9").status_code == 429  # it cannot say that it is another
        assert post("127.0.0.4", TOKEN).status_code == 422
        assert wrong("127.0.0.4") == [401] * (MAX_WRONG + 2)  # it has shown that it is a friend
        assert wrong("127.0.0.2", ATTACKER) == [401] * MAX_WRONG + [429] * 2
        assert post("127.0.0.2", TOKEN, f"{ATTACKER}, {PROVIDER}").status_code == 422
        assert post("127.0.0.2", TOKEN, f"{PROVIDER}, {ATTACKER}").status_code == 429
        six = [post("127.0.0.2", "guess", f"2001:db8::{number:x}").status_code for number in range(MAX_WRONG + 2)]
        assert six == [401] * MAX_WRONG + [429] * 2
        assert post("127.0.0.2", TOKEN, "2001:db8:0:1::1").status_code == 422
