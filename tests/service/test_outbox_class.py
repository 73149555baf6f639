"""`Outbox`: what other programs put into the outbox is sent once, by a sender that they know nothing of."""

from pathlib import Path

import pytest

from ringback import InvalidRequestError, Outbox, mc
from ringback.outbox.record import SendState
from ringback.schemas.settings import Settings, SettingsError
from tests.support.outbox import await_got, await_sent, got, replying
from tests.support.service import Service, wait_for

TOKENS = "acme:0123456789abcdef0123456789abcdef"


def outbox_of(service: Service) -> Outbox:
    return Outbox.of("acme", Settings(redis_url=service.redis_url, prefix=service.prefix))


def test_it_is_sent_once_and_followed(redis_url: str, tmp_path: Path) -> None:
    with replying(redis_url, tmp_path, queues="events,sends") as (service, provider), outbox_of(service) as outbox:
        sent = [
            outbox.sms(to="+60 12-345 6789", from_="ACME", text="On its way.", context={"order": "42"}, key="order 42")
            for _ in range(3)
        ]
        other = outbox.sms(to="+60 12-345 6789", from_="ACME", text="Thank you.", ttl=60)
        called = outbox.call(to="+60123456780", commands=[mc.say("Hello.")])
        assert {one.ref for one in sent} == {sent[0].ref} != {other.ref}
        await_got(provider, "On its way.", "Thank you.")
        await_sent(service)
        assert sorted(text for text in got(provider)) == ["On its way.", "Thank you."]
        record = outbox.sending(sent[0].ref)
        assert record is not None
        assert (record.state, record.context) == (SendState.ACCEPTED, {"order": "42"})

        def reported() -> bool:
            contexts = [one["data"]["context"] for one in service.events() if one["type"] == "message.status"]
            return {"order": "42", "send": sent[0].ref} in contexts

        wait_for(reported, "the delivery report")
        placed = [one["data"] for one in service.events() if one["type"] == "call.placed"]
        assert [(one["ref"], one["status"]) for one in placed] == [(called.ref, "accepted")]


def test_what_cannot_be_sent_is_an_error_here(redis_url: str) -> None:
    outbox = Outbox.of(settings=Settings(redis_url=redis_url, prefix="t-outbox"))
    with pytest.raises(InvalidRequestError, match="to: not a phone number"):
        outbox.sms(to="ACME", from_="ACME", text="Hello.")
    assert outbox.sending("aaaaaaaaaaaaaaaa") is None
    outbox.close()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param({}, "RINGBACK_REDIS_URL: not set", id="no Redis"),
        pytest.param(
            {"redis_url": "redis://127.0.0.1:1/0", "tokens": f"{TOKENS},other:fedcba9876543210fedcba9876543210"},
            r"several accounts \(acme, other\)",
            id="several accounts",
        ),
    ],
)
def test_what_is_to_be_set(settings: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Outbox.of(settings=Settings(**settings))  # type: ignore[arg-type]
