"""The fallback of a call is its own account's: the URLs of its steps carry no other account's token."""

import json
from collections.abc import Iterator

import pytest

from ringback.schemas.settings import Settings
from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.service import TOKEN, Service, running

FALLBACK = json.dumps(
    [{"action": "say", "text": "Press a key."}, {"action": "collect", "min": 1, "max": 1, "step": "choice"}]
)
TOKENS = {"acme": TOKEN, "other": "another-secret"}
SETTINGS = {
    "RINGBACK_VOICE_FALLBACK": FALLBACK, "RINGBACK_VOICE_DEADLINE": "100ms", "RINGBACK_MAX_BODY": "1000",
    "RINGBACK_PUBLIC_URL": "https://calls.test",
}  # fmt: skip


def event_url(secret: str) -> str:
    return f"https://calls.test/webhooks/mocean/voice/collect/choice?token={secret}"


@pytest.fixture(scope="module")
def speechless(redis_url: str) -> Iterator[Service]:
    """Return a receiver without workers, so that each call gets the fallback."""
    with running(redis_url, queues="", **SETTINGS) as service:
        yield service


@pytest.mark.parametrize("account", TOKENS)
@pytest.mark.parametrize(
    ("method", "content"),
    [
        pytest.param("POST", build(find("mocean/voice/answer"), {}).body, id="no worker"),
        pytest.param("POST", b"mocean-to=1", id="unusable"),
        pytest.param("POST", b"x" * 1001, id="too large"),
        pytest.param("GET", b"", id="a look"),
    ],
)
def test_a_call_gets_its_own_accounts_token(speechless: Service, account: str, method: str, content: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = speechless.request(method, "mocean/voice/answer", token=TOKENS[account], content=content, headers=headers)
    assert answer.status_code == 200
    assert [action.get("event-url") for action in answer.json()] == [None, event_url(TOKENS[account])]


def test_without_tokens_there_is_none(redis_url: str) -> None:
    settings = {**SETTINGS, "RINGBACK_TOKENS": "", "RINGBACK_INSECURE": "1"}
    with running(redis_url, queues="", **settings) as service:
        answer = service.request("POST", "mocean/voice/answer", token=None, data={"mocean-to": "1"})
        assert answer.json()[1]["event-url"] == "https://calls.test/webhooks/mocean/voice/collect/choice"


def test_of_several_tokens_the_first_counts() -> None:
    settings = Settings.model_validate(
        {"tokens": "acme:new,other:its-own,acme:old", "voice_fallback": FALLBACK, "public_url": "https://calls.test"}
    )
    urls = {account: settings.fallback_of(account)[1]["event-url"] for account in ("acme", "other")}
    assert urls == {"acme": event_url("new"), "other": event_url("its-own")}
