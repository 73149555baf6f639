"""The examples under `ringback up` with both providers simulated: who writes or calls gets an answer on the phone."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import pytest

from tests.support.service import ROOT
from tests.support.service import wait_for as wait_shortly
from tests.support.up import Up, up_simulated

HELP: Final = "Write HOURS for our opening hours, STOP to hear no more from us."
HOURS: Final = "We are here from nine to six, Monday to Friday."
THANKS: Final = "Thank you. We will get back to you."
OURS: Final = "60312345678"
NEWS: Final = "There is news about your order 42. Please call us on +60 3 1234 5678."
ADDRESS: Final = "You find us at 1 Jalan Ampang, Kuala Lumpur."
Result = TypeVar("Result")
CALLED: Final = "Thank you for your message. We call you back."


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    handlers = re.findall(r"^RINGBACK_HANDLERS \?= (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    with up_simulated(tmp_path_factory.mktemp("up"), RINGBACK_HANDLERS=handlers[0], RINGBACK_ADMIN_PORT="0") as running:
        yield running


def wait_for(condition: Callable[[], Result | None], what: str) -> Result:
    """Wait longer than usual: each look is a command, and on a busy machine one takes seconds."""
    return wait_shortly(condition, what, 60)


def inbox(service: Up, phone: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(service.ringback("sim", "inbox", phone, "--json").stdout)
    return rows


def texts(service: Up, phone: str, number: int) -> list[tuple[str, str, str]]:
    """Wait until a phone has got so many messages; return from whom, how and what they are, in order."""
    wait_for(lambda: len(inbox(service, phone)) >= number, "what the phone gets")
    got = inbox(service, phone)
    return [(one["from"], one["channel"], one["content"]["text"]) for one in got]


def events_of(service: Up, ref: str) -> list[dict[str, Any]]:
    """Return the events that have a send's ref, in order."""
    events = [one["event"] for one in service.events()]
    return [one for one in events if ref in (one["data"].get("ref"), one["data"].get("context", {}).get("send"))]


@pytest.mark.parametrize(
    ("phone", "words", "ours", "answer", "statuses"),
    [
        pytest.param("60123456701", ["Help me"], OURS, HELP, ["delivered"], id="an SMS by Mocean"),
        pytest.param("60123456702", ["hours?"], OURS, THANKS, ["delivered"], id="no word that it knows"),
        pytest.param("60123456703", ["HELP", "--channel", "whatsapp", "--names-sender"], OURS, HELP,
                     ["sent", "delivered", "read"], id="a WhatsApp message"),
        pytest.param("60123456704", ["HELP", "--provider", "mycoolsms", "--to", "440987654321"], "440987654321", HELP,
                     ["sent", "delivered"], id="an SMS by My-Cool-SMS"),
    ],
)  # fmt: skip
def test_who_writes_is_answered(
    service: Up, phone: str, words: list[str], ours: str, answer: str, statuses: list[str]
) -> None:
    assert service.ringback("sim", "text", *words, "--from", phone).returncode == 0
    channel = "whatsapp" if "whatsapp" in words else "sms"
    assert [(sender.removeprefix("+"), *rest) for sender, *rest in texts(service, phone, 1)] == [
        (ours, channel, answer)
    ]

    def told() -> list[dict[str, Any]]:
        received = [
            one["event"] for one in service.events()
            if (one["event"]["data"].get("sender") or {}).get("value") == f"+{phone}"
        ]  # fmt: skip
        sent = [one["event"] for one in service.events() if one["event"]["data"].get("cause") == received[0]["id"]]
        about = events_of(service, sent[0]["data"]["ref"]) if sent else []
        return [*received, *about] if len(about) == 1 + len(statuses) else []

    received, sent, *reports = wait_for(told, "its reports")
    assert [one["type"] for one in (received, sent)] == ["message.received", "message.sent"]
    assert (sent["data"]["status"], sent["data"]["handler"]) == ("accepted", "examples.auto_reply.reply")
    assert [one["data"]["status"] for one in reports] == statuses
    assert {one["data"]["message_id"] for one in (sent, *reports)} == {inbox(service, phone)[0]["message_id"]}


def test_a_whatsapp_message_that_answers_ours_needs_no_sender(service: Up) -> None:
    phone = "60123456711"
    service.ringback("sim", "text", "HELP", "--channel", "whatsapp", "--names-sender", "--from", phone)
    texts(service, phone, 1)
    answered = inbox(service, phone)[0]["message_id"]
    wait_for(lambda: any(one["event"]["data"].get("message_id") == answered for one in service.events()), "its event")
    said = service.ringback("sim", "text", "HOURS", "--channel", "whatsapp", "--from", phone, "--reply-to", answered)
    assert said.returncode == 0
    assert texts(service, phone, 2) == [(OURS, "whatsapp", HELP), (OURS, "whatsapp", HOURS)]


def test_who_writes_stop_is_not_texted(service: Up) -> None:
    phone = "60123456712"

    def say(text: str) -> None:
        assert service.ringback("sim", "text", text, "--from", phone).returncode == 0
        wait_for(lambda: all(one["handled"] for one in service.events()), "the handlers")

    def fates() -> list[tuple[str, str | None]]:
        sent = [one["event"]["data"] for one in service.events() if one["event"]["type"] == "message.sent"]
        mine = [one for one in sent if one["recipient"]["value"] == f"+{phone}"]
        return [(one["status"], (one.get("error") or {}).get("name")) for one in mine]

    say("HELP")
    texts(service, phone, 1)
    say("STOP")
    say("HELP")
    wait_for(lambda: fates()[1:] == [("refused", "opted_out")], "the refusal")
    say("START")
    assert texts(service, phone, 2) == [(OURS, "sms", HELP), (OURS, "sms", "Welcome back.")]


def test_what_mocean_did_not_deliver_goes_by_my_cool_sms_once(service: Up) -> None:
    phone = "99901000034"
    sent = service.ringback("send", "sms", "Your order is on its way.", "--to", phone, "--context", "order=42")
    assert sent.returncode == 0, sent
    assert [text for _, _, text in texts(service, phone, 2)] == ["Your order is on its way.", NEWS]
    assert [one["provider"] for one in inbox(service, phone)] == ["mocean", "mycoolsms"]
    assert "delivery_alert" in service.output

    def failed_too() -> bool:
        reports = [
            one["event"] for one in service.events() if one["event"]["type"] == "message.status" and one["handled"]
        ]
        return ("mycoolsms", "failed") in [(one["provider"], one["data"]["status"]) for one in reports]

    wait_for(failed_too, "the report of the second one, which fails too")
    assert len(inbox(service, phone)) == 2


@pytest.mark.parametrize(
    ("phone", "digits", "got"),
    [
        pytest.param("60123456721", "2,2", [ADDRESS], id="during the call"),
        pytest.param("60123456722", "3", [CALLED], id="after the call"),
        pytest.param("60123456723", "2,2,3", [ADDRESS, CALLED], id="both"),
    ],
)
def test_who_calls_gets_a_text(service: Up, phone: str, digits: str, got: list[str]) -> None:
    heard = service.ringback("sim", "call", "--from", phone, "--digits", digits)
    assert 'say "Welcome to Ringback." (en-GB)' in heard.stdout
    assert [text for _, _, text in texts(service, phone, len(got))] == got
    assert {sender for sender, _, _ in texts(service, phone, len(got))} == {OURS}
