"""Posting: what the provider's answer, or the lack of one, says of a send; and how fast an account may go on."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from ringback import (
    InDoubtError,
    InvalidRequestError,
    NoCreditError,
    NotConfiguredError,
    RefusedError,
    SendError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
)
from ringback.clients.accounts import ApiToken, CallbackBase, MoceanAccount, MyCoolSmsAccount
from ringback.outbox import drafting
from ringback.outbox.draft import InDoubt
from ringback.outbox.record import SendRecord, SendState
from ringback.schemas.event_data import Error
from ringback.sender.posting import PAUSES_S, failed, with_ref
from ringback.sender.rates import Pace

ATTEMPTS = len(PAUSES_S)


def record(attempts: int = 0, in_doubt: InDoubt = "hold") -> SendRecord:
    draft = drafting.sms("mocean", "acme", to="+60123456789", text="Hi", from_="ACME", in_doubt=in_doubt)
    return SendRecord("ref", SendState.CLAIMED, draft, attempts, datetime.now(UTC))


def error(kind: type[SendError], **said: Any) -> SendError:
    return kind("mocean", "sms", "why", **said)


@pytest.mark.parametrize(
    ("attempts", "policy", "raised", "state", "counts", "holds_up", "due"),
    [
        pytest.param(0, "hold", error(RefusedError, code=28, permanent=True), "refused", 0, 0, 0, id="refused"),
        pytest.param(0, "hold", error(InvalidRequestError), "refused", 0, 0, 0, id="invalid"),
        pytest.param(0, "hold", error(NotConfiguredError), "refused", 0, 0, 0, id="no credentials"),
        pytest.param(0, "hold", error(UnauthorizedError, code=1), "refused", 0, 0, 0, id="wrong credentials"),
        pytest.param(0, "hold", error(NoCreditError, code=2), "refused", 0, 0, 0, id="no credit"),
        pytest.param(0, "hold", error(RefusedError, code=24), "queued", 1, 0, PAUSES_S[0], id="refused, unsaid why"),
        pytest.param(2, "hold", error(UnavailableError, code=45), "queued", 1, 0, PAUSES_S[2], id="for now"),
        pytest.param(0, "hold", error(UnavailableError, code=45, retry_after=90), "queued", 1, 0, 90, id="as it asks"),
        pytest.param(ATTEMPTS, "hold", error(UnavailableError, code=45), "refused", 0, 0, 0, id="for the last time"),
        pytest.param(0, "hold", error(ThrottledError, code=32, retry_after=7), "queued", 0, 1, 0, id="throttled"),
        pytest.param(9, "hold", error(UnavailableError), "queued", 0, 1, 0, id="not reached"),
        pytest.param(0, "hold", error(InDoubtError), "in_doubt", 0, 0, 0, id="no answer"),
        pytest.param(0, "again", error(InDoubtError), "queued", 1, 0, PAUSES_S[0], id="no answer, again"),
        pytest.param(9, "again", error(InDoubtError), "queued", 1, 0, PAUSES_S[-1], id="no answer, again and again"),
        pytest.param(0, "again", error(RefusedError, permanent=True), "refused", 0, 0, 0, id="refused, again"),
    ],
)
def test_the_fate_of_a_send(
    attempts: int, policy: InDoubt, raised: SendError, state: str, counts: int, holds_up: int, due: float
) -> None:
    posted = failed(record(attempts, policy), raised)
    fate = posted.fate
    assert (fate.state.value, fate.is_attempt, posted.holds_up) == (state, bool(counts), bool(holds_up))
    assert due <= fate.due_s <= due * 1.2
    assert posted.hold_s == (raised.retry_after if holds_up else None)
    name = type(raised).__name__
    assert fate.error == Error(code=raised.code, name=name, description="why", permanent=raised.permanent)


@pytest.mark.parametrize(
    "account",
    [
        pytest.param(MoceanAccount(ApiToken(SecretStr("t")), callbacks=CallbackBase("https://x")), id="mocean"),
        pytest.param(MyCoolSmsAccount("u", SecretStr("p"), callbacks=CallbackBase("https://x")), id="mycoolsms"),
    ],
)
def test_the_callback_has_the_ref(account: MoceanAccount | MyCoolSmsAccount) -> None:
    url = with_ref(account, "abc").callback_url("mocean/delivery-report", {"order": "42"})
    assert url == "https://x/webhooks/mocean/delivery-report?ctx.order=42&ctx.send=abc"


def test_an_account_without_callbacks_stays_so() -> None:
    account = MoceanAccount(ApiToken(SecretStr("t")))
    assert with_ref(account, "abc") is account


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("ringback.sender.rates.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_without_a_rate_there_is_room(clock: Clock) -> None:
    pace = Pace(None)
    assert (pace.room(32), pace.wait_s()) == (32, 0.0)


def test_a_rate(clock: Clock) -> None:
    pace = Pace(10)
    assert pace.room(32) == 10
    for _ in range(10):
        pace.began()
    assert pace.room(32) == 0
    assert pace.wait_s() == pytest.approx(0.1)
    clock.now += 0.35
    assert pace.room(32) == 3
    clock.now += 60
    assert pace.room(32) == 10


def test_a_slow_rate(clock: Clock) -> None:
    pace = Pace(1 / 60)
    pace.began()
    clock.now += 30
    assert pace.room(1) == 0
    assert pace.wait_s() == pytest.approx(30)


def test_pauses_grow_until_something_passes(clock: Clock) -> None:
    pace = Pace(None)
    held = []
    for _ in range(8):
        held.append(pace.hold(None))
        assert pace.room(1) == 0
        pace.hold(None)  # another of those that were under way, which makes it no longer
        clock.now += held[-1]
    assert held == [1, 2, 4, 8, 16, 32, 60, 60]
    pace.passed()
    assert pace.hold(None) == 1
    clock.now += 1
    assert pace.hold(7) == 7
