"""`ringback up` without credentials: both providers are simulated, and whatever sends in its folder sends to them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from ringback.schemas.sending_settings import NOT_FOR_RECEIVERS
from tests.support.commands import ringback
from tests.support.modes import modes
from tests.support.service import TOKEN, free_port, is_alive, kill, wait_for
from tests.support.up import Up, descendants, up_simulated

PHONE: Final = "60123456789"
HANDLERS: Final = """
from ringback import mc, on, voice

@on("message.received")
def note(event):
    pass

@voice.answer()
def welcome(call):
    return [mc.say("Welcome."), mc.collect(step="menu", max=1)]

@voice.collect("menu")
def menu(call):
    return mc.say(f"You pressed {call.data.digits}.")
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    (folder / "phones.py").write_text(HANDLERS)
    with up_simulated(folder, RINGBACK_HANDLERS="phones", RINGBACK_ADMIN_PORT=str(free_port())) as running:
        yield running


def answer(service: Up, *words: str) -> Any:
    """Run a command that succeeds, and return its JSON."""
    ended = service.ringback(*words, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def simulator_of(folder: Path) -> str:
    return (folder / ".ringback" / "simulator.url").read_text().strip()


def commands(service: Up) -> dict[str, dict[str, str]]:
    """Return the environment of each of its processes, by the command of `ringback` that it runs."""
    found = {}
    for pid in descendants(service.process.pid):
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        pieces = Path(f"/proc/{pid}/environ").read_text().split("\0")
        if "ringback" in words:
            command = words[words.index("ringback") + 1]
            found[command] = dict(piece.split("=", 1) for piece in pieces if "=" in piece)
    return found


def test_it_says_so_and_how_to_try_it(service: Up) -> None:
    url = simulator_of(service.folder)
    greeting = service.output.partition("Ringback is up")[2]
    assert f"No credentials: phones are simulated at {url}; no provider is asked for anything." in greeting
    assert re.findall(r"^  ringback (sim \w+)", greeting, re.MULTILINE) == ["sim text", "sim inbox"]
    assert "sender.no_reports" not in service.output


def test_the_receiver_has_no_credentials_and_what_sends_has_the_simulators(service: Up) -> None:
    environments = commands(service)
    assert {"simulate", "serve", "worker", "sender"} <= environments.keys()
    for command in ("simulate", "serve"):
        assert environments[command].keys() & NOT_FOR_RECEIVERS == set()
    url, file = simulator_of(service.folder), service.folder / ".ringback" / "simulated.toml"
    expected = {
        "RINGBACK_MOCEAN_URL": f"{url}/rest/2",
        "RINGBACK_MYCOOLSMS_URL": f"{url}/api-socket.php",
        "RINGBACK_CREDENTIALS": str(file),
    }
    for command in ("worker", "sender"):
        assert environments[command].items() >= expected.items()
    assert {path: bits for path, bits in modes(service.folder / ".ringback").items() if bits} == {}


@pytest.mark.parametrize(
    ("words", "provider", "statuses"),
    [
        pytest.param(["sms", "Hello"], "mocean", ["delivered"], id="an SMS by Mocean"),
        pytest.param(["sms", "Hello", "--provider", "mycoolsms"], "mycoolsms", ["sent", "delivered"],
                     id="an SMS by My-Cool-SMS"),
        pytest.param(["whatsapp", "Hello"], "mocean", ["sent", "delivered", "read"], id="a WhatsApp message"),
    ],
)  # fmt: skip
def test_what_is_sent_from_the_folder_reaches_a_phone(
    service: Up, words: list[str], provider: str, statuses: list[str]
) -> None:
    to = f"6012345{len(words)}{len(provider):02}{len(statuses)}"
    sent = service.ringback("send", *words, "--to", to)
    assert (sent.returncode, sent.stderr) == (
        0, f"accepted by {provider}, which `ringback up` simulates; its reports come back as events\n",
    )  # fmt: skip
    [got] = answer(service, "sim", "inbox", to)
    assert (got["message_id"], got["content"].get("text")) == (sent.stdout.strip(), "Hello")

    def reported() -> bool:
        about = [
            one["event"] for one in service.events() if one["event"]["data"].get("message_id") == got["message_id"]
        ]
        return [one["data"]["status"] for one in about] == statuses

    wait_for(reported, "its reports")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="an SMS by Mocean"),
        pytest.param(["--channel", "whatsapp"], id="a WhatsApp message"),
        pytest.param(["--provider", "mycoolsms", "--to", "440987654321"], id="an SMS by My-Cool-SMS"),
    ],
)
def test_a_phone_writes(service: Up, words: list[str]) -> None:
    text = f"HELP {' '.join(words)}"
    assert answer(service, "sim", "text", text, *words)["state"] == "accepted"
    wait_for(lambda: text in [one["event"]["data"].get("text") for one in service.events()], "its event")


def test_a_phone_calls_and_is_called(service: Up) -> None:
    called = answer(service, "sim", "call", "--digits", "1")
    assert [turn["heard"][0] for turn in called["turns"]] == [
        'say "Welcome." (en-GB)', 'say "You pressed 1." (en-GB)',
    ]  # fmt: skip
    sent = service.ringback("send", "call", "--to", PHONE, "--say", "Your order is ready.")
    assert (sent.returncode, sent.stderr.startswith("accepted by mocean, which")) == (0, True), sent

    def reported() -> bool:
        about = [one["event"]["data"] for one in service.events() if one["event"]["type"] == "call.status"]
        return [one["status"] for one in about if one["call_id"] == sent.stdout.strip()][-1:] == ["hangup"]

    wait_for(reported, "its reports")


def test_faults_balances_and_the_doctor(service: Up) -> None:
    assert service.ringback("sim", "fail", "sms", "5").returncode == 0
    refused = service.ringback("send", "sms", "Hello", "--to", PHONE)
    assert refused.returncode == 1, refused
    rows = answer(service, "balance")
    assert [(one["account"], one["provider"]) for one in rows] == [("default", "mocean"), ("default", "mycoolsms")]
    checks = {one["name"]: one for one in answer(service, "doctor")["checks"]}
    assert (checks["mocean of default"]["grade"], checks["mycoolsms of default"]["grade"]) == ("ok", "ok")
    assert (
        checks["sending"]["detail"] == f"no credentials: both providers are simulated at {simulator_of(service.folder)}"
    )


def test_credentials_in_the_other_shell_count(service: Up) -> None:
    mine = {"RINGBACK_MOCEAN_API_KEY": "mine", "RINGBACK_MOCEAN_API_SECRET": "mine"}
    shown = json.loads(ringback(service.folder, "config", "--json", **mine).stdout)
    assert shown["RINGBACK_MOCEAN_URL"] == "https://rest.moceanapi.com/rest/2"
    assert shown["RINGBACK_CREDENTIALS"] == ""


def test_a_simulator_that_dies_is_started_again_where_it_was(service: Up) -> None:
    before = service.output.count("process.died")
    for pid in descendants(service.process.pid):
        if "simulate" in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
            kill(pid)
    wait_for(lambda: service.output.count("process.died") > before, "its end")
    assert answer(service, "sim", "inbox") == []


def test_two_services_at_once_and_what_is_left_after_their_end(tmp_path: Path) -> None:
    tokens = f"acme.eu:{TOKEN},other:{TOKEN}-2"
    with up_simulated(tmp_path, RINGBACK_TOKENS=tokens) as first:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        with up_simulated(elsewhere, RINGBACK_INSECURE="1") as second:
            assert simulator_of(tmp_path) != simulator_of(elsewhere)
            assert {one["account"] for one in answer(first, "balance")} == {"acme.eu", "other"}
            assert {one["account"] for one in answer(second, "balance")} == {"default"}
            assert second.ringback("send", "sms", "Hello", "--to", PHONE).returncode == 0
            assert answer(first, "sim", "inbox") == []
            below = descendants(second.process.pid)
            assert second.stop() == 0
            assert [pid for pid in below if is_alive(pid)] == []
            assert {path.name for path in (elsewhere / ".ringback").iterdir() if path.is_file()} == {
                ".gitignore", "lock",
            }  # fmt: skip
            alone = second.ringback("send", "sms", "Hello", "--to", PHONE, "--from", "ACME")
            assert (alone.returncode, "no account has credentials" in alone.stderr) == (1, True)
        kill(first.process.pid)
        first.process.wait(10)
        assert simulator_of(tmp_path)  # left there, and not believed
        assert first.ringback("balance").returncode == 1


@pytest.mark.parametrize(
    ("words", "settings", "file"),
    [
        pytest.param(["--no-simulate"], {}, "", id="not wanted"),
        pytest.param([], {"RINGBACK_MYCOOLSMS_USERNAME": "name", "RINGBACK_MYCOOLSMS_PASSWORD": "word"}, "",
                     id="credentials of one provider"),
        pytest.param([], {}, "RINGBACK_CREDENTIALS=keys.toml\n", id="a file of credentials in .env"),
    ],
)  # fmt: skip
def test_not_simulated(tmp_path: Path, words: list[str], settings: dict[str, str], file: str) -> None:
    (tmp_path / ".env").write_text(file)
    (tmp_path / "keys.toml").write_text('[default.mocean]\napi_token = "mine"\n')
    with up_simulated(tmp_path, *words, **settings) as service:
        assert ("simulated" in service.output, "ringback sim" in service.output) == (False, False)
        assert "simulate" not in commands(service)
        assert not (tmp_path / ".ringback" / "simulator.url").exists()
        at_home = json.loads(service.ringback("config", "--json").stdout)
        assert at_home["RINGBACK_MOCEAN_URL"] == "https://rest.moceanapi.com/rest/2"
        if settings or file:  # a provider elsewhere cannot call a loopback address
            wait_for(lambda: "reaches this machine only" in service.output, "the sender's warning")
            assert service.output.count("sender.no_reports") == 1
