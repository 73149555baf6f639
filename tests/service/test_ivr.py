"""`ringback voice call`, and the sample flow `examples/ivr.py` on every path, over HTTP on the real service."""

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from ringback.schemas.mc_actions import Collect
from ringback.schemas.mc_wire import make
from ringback.schemas.settings import Settings
from ringback.schemas.tokens import Token
from ringback.wire.hearing import words
from ringback.wire.phone import PhoneCall, PhoneError, ServiceLine, taken
from tests.support.commands import ringback
from tests.support.service import RINGBACK, ROOT, TOKEN, Service, clean_environment, free_port, running, wait_for

MENU = [
    'say "Press 1 for sales, 2 for when and where to find us, 3 to leave a message." (en-GB), a key skips it',
    "collect 1 digit, 5 s for each",
]
FIND_US = [
    'say "Press 1 for our opening hours, 2 for our address, 9 for the main menu." (en-GB), a key skips it',
    "collect 1 digit, 5 s for each",
]
SORRY = 'say "Sorry, I did not get that." (en-GB)'
GOODBYE = ['say "Please call again. Goodbye." (en-GB)']
SALES = ['say "We connect you to sales." (en-GB)', "dial 60312345678"]
MESSAGE = ['say "Speak after this, and hang up when you are done." (en-GB)', "record from here on", "sleep 60 s"]
HOURS = 'say "We are here from nine to six, Monday to Friday." (en-GB)'
ADDRESS = 'say "You find us at 1 Jalan Ampang, Kuala Lumpur." (en-GB)'


@pytest.fixture(scope="module")
def ivr(redis_url: str) -> Iterator[Service]:
    """Give a service that answers with the sample flow."""
    with running(redis_url, queues="voice,events", RINGBACK_HANDLERS="examples.ivr") as started:
        yield started


@pytest.fixture(scope="module")
def echo(redis_url: str) -> Iterator[Service]:
    """Give a service that repeats what was pressed."""
    with running(redis_url, queues="voice,events", RINGBACK_HANDLERS="tests.support.handlers.echo") as started:
        yield started


def line(service: Service, token: str = TOKEN) -> ServiceLine:
    settings = Settings(port=service.port, tokens=(Token(account="acme", secret=SecretStr(token)),))
    return ServiceLine.of(settings, service.http)


def state(service: Service, call: PhoneCall) -> dict[bytes, bytes]:
    kept: dict[bytes, bytes] = service.redis.hgetall(service.keys.call("mocean", "acme", call.session))  # type: ignore[assignment]
    return kept


@pytest.mark.parametrize(
    ("path", "hears", "outcome"),
    [
        pytest.param(["1"], [SALES], "sales", id="sales"),
        pytest.param(["3"], [MESSAGE], "message", id="a message"),
        pytest.param(["2", "1", "1"], [FIND_US, [HOURS, *MENU], SALES], "sales", id="opening hours, then sales"),
        pytest.param(["2", "2", "3"], [FIND_US, [ADDRESS, *MENU], MESSAGE], "message", id="address, then a message"),
        pytest.param(["2", "9", "2"], [FIND_US, MENU, FIND_US], None, id="down, up and down"),
        pytest.param(["", "", ""], [[SORRY, *MENU], [SORRY, *MENU], GOODBYE], None, id="three silent rounds"),
        pytest.param(["9", "7", "*"], [[SORRY, *MENU], [SORRY, *MENU], GOODBYE], None, id="three wrong keys"),
        pytest.param(["2", "", "", ""], [FIND_US, [SORRY, *FIND_US], [SORRY, *FIND_US], GOODBYE], None,
                     id="three silent rounds further down"),
        pytest.param(["", "", "2", "", "9", ""],
                     [[SORRY, *MENU], [SORRY, *MENU], FIND_US, [SORRY, *FIND_US], MENU, [SORRY, *MENU]], None,
                     id="who chooses something has three rounds again"),
        pytest.param([], [], None, id="hung up during the greeting"),
    ],
)  # fmt: skip
def test_the_sample_flow(ivr: Service, path: list[str], hears: list[list[str]], outcome: str | None) -> None:
    call = PhoneCall(line(ivr), "60123456789", "60312345678")
    turns = [call.ring(), *(call.press(keys) for keys in path)]
    assert [[words(action) for action in turn.heard] for turn in turns] == [
        ['say "Welcome to Ringback." (en-GB)', *MENU], *hears
    ]  # fmt: skip
    assert not any(turn.is_fallback for turn in turns)
    assert state(ivr, call).get(b"outcome") == (json.dumps(outcome).encode() if outcome else None)
    call.hang_up()
    wait_for(lambda: not ivr.pending, "the hang-up to be noted")


def paths(answer: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Give each path that `voice check` draws, with the MC at its end."""
    yield before, answer["mc"]
    for branch in answer.get("answers", ()):
        yield from (
            found for digits in branch["digits"] for found in paths({**branch, "answers": ()}, (*before, digits))
        )
        yield from list(paths(branch, (*before, branch["digits"][0])))[1:]


def test_the_service_plays_what_the_check_draws(ivr: Service) -> None:
    checked = ivr.ringback("voice", "check", "examples.ivr", "--json")
    assert checked.returncode == 0
    (drawn,) = json.loads(checked.stdout)["calls"]
    played = 0
    for path, mc in paths(drawn["answer"]):
        call = PhoneCall(line(ivr), drawn["caller"], drawn["callee"])
        turns = [call.ring(), *(call.press(keys) for keys in path)]
        assert turns[-1].row()["mc"] == mc, path
        played += 1
    # The greeting; either menu whole, and twice more the ten inputs that are none of its choices.
    assert played == 1 + 2 * (13 + 2 * 10)


SAID = """\
a call from 60123456789 to 60312345678
  say "Welcome to Ringback." (en-GB)
  {menu}
no input
  say "Sorry, I did not get that." (en-GB)
  {menu}
1
  say "We connect you to sales." (en-GB)
  dial 60312345678
The flow has ended, and the call with it.
""".format(menu="\n  ".join(MENU))


def test_a_call_in_words(ivr: Service) -> None:
    ended = ivr.ringback("voice", "call", "--digits", ",1,7")
    assert (ended.returncode, ended.stdout) == (0, SAID)
    assert re.sub(r"\d+\.\d", "N", ended.stderr) == "answered in N ms\n" * 3 + "Not used of --digits: 7\n"


def test_the_page_is_true(ivr: Service, tmp_path: Path) -> None:
    """The call and the flow that docs/voice.md shows."""
    page = (ROOT / "docs/voice.md").read_text()
    digits, said = page.partition("$ ringback voice call --digits ")[2].partition("```")[0].split("\n", 1)
    assert ivr.ringback("voice", "call", "--digits", digits).stdout == said
    (tmp_path / "flow.py").write_text(page.partition("```python\n")[2].partition("```")[0])
    checked = ringback(tmp_path, "voice", "check", "flow")
    assert (checked.returncode, checked.stderr) == (0, "0 problems in 14 runs of 3 handlers.\n")


def test_a_call_as_json(echo: Service) -> None:
    words = ["--from", "60111111111", "--to", "63001", "--digits", "12345"]
    document = json.loads(echo.ringback("voice", "call", "--json", *words).stdout)
    session = document.pop("session")
    assert all(turn.pop("milliseconds") > 0 for turn in document["turns"])
    code = {
        "action": "collect", "min": 2, "max": 4, "timeout": 5000, "terminators": "#*",
        "event-url": f"http://127.0.0.1:{echo.port}/webhooks/mocean/voice/collect/code?terminators=%23*",
    }  # fmt: skip
    assert document == {
        "from": "60111111111",
        "to": "63001",
        "turns": [
            {
                "digits": None,
                "mc": [{"action": "say", "text": "Your code?", "language": "en-GB"}, code],
                "fallback": False,
            },
            {
                "digits": "1234",
                "mc": [{"action": "say", "text": "1234 of +60111111111", "language": "en-GB"}],
                "fallback": False,
            },
        ],
        "ended": "by the flow",
        "unused": [],
    }
    found = [json.loads(one["event"]) for one in echo.stored() if session in one["event"]]
    assert [(one["type"], one["data"].get("status")) for one in found] == [
        ("call.incoming", None), ("call.input", None), ("call.status", "hangup")
    ]  # fmt: skip


def test_a_terminator_that_comes_along_is_no_digit(echo: Service) -> None:
    ids = {"mocean-session-uuid": "ended", "mocean-call-uuid": "ended-1"}
    parties = {"mocean-from": "60123456789", "mocean-to": "63001"}
    asked = echo.trigger("mocean/voice/answer", **ids, **parties).json()[-1]
    said = echo.http.post(asked["event-url"], data={**ids, **parties, "mocean-digits": "12#"})
    assert said.json() == [{"action": "say", "text": "12 of +60123456789", "language": "en-GB"}]
    (data,) = [
        event["data"]
        for event in (json.loads(entry["event"]) for entry in echo.stored() if entry["type"] == "call.input")
        if event["subject"] == "ended-1"
    ]
    assert (data["digits"], data["raw"]["mocean-digits"], data["raw"]["terminators"]) == ("12", "12#", "#*")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        pytest.param(["--to", "63001"], 0, ["The caller hangs up."], id="no digits, no terminal"),
        pytest.param(["--to", "63001", "--digits", "", "--account", "other"], 0,
                     ["no input", '  say "nothing of +60123456789" (en-GB)',
                      "The flow has ended, and the call with it."], id="nothing pressed, another account"),
        pytest.param(["--to", "63002", "--digits", "1"], 0,
                     ["Someone else than Ringback is given the digits: the call ends here."], id="elsewhere"),
        pytest.param(["--to", "63003"], 1,
                     ["  the fallback: no handler answered; the log of the workers says why",
                      '  say "We cannot take your call right now. Please try again." (en-GB)',
                      "The flow has ended, and the call with it."], id="the fallback"),
    ],
)  # fmt: skip
def test_how_a_call_ends(echo: Service, words: list[str], code: int, says: list[str]) -> None:
    ended = echo.ringback("voice", "call", *words)
    assert ended.returncode == code
    assert ended.stdout.splitlines()[-len(says) :] == says
    assert TOKEN not in ended.stdout + ended.stderr


def test_the_public_url_leads_here(redis_url: str) -> None:
    """Behind a tunnel the MC has the tunnel's URLs; the call is made on this machine all the same."""
    settings = {
        "RINGBACK_HANDLERS": "tests.support.handlers.echo",
        "RINGBACK_PUBLIC_URL": "https://ringback.example/base",
    }
    with running(redis_url, queues="voice", **settings) as service:
        words = ("voice", "call", "--to", "63001", "--digits", "4711")
        ended = ringback(ROOT, *words, **{**service.settings, **settings})
        assert '  say "4711 of +60123456789" (en-GB)' in ended.stdout


def test_digits_are_asked_for_in_a_terminal(ivr: Service) -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"x\n2\n\n\x04")
        command = [*RINGBACK, "voice", "call"]
        environment = clean_environment(**ivr.settings)
        ended = subprocess.run(
            command, env=environment, cwd=ROOT, stdin=theirs, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        os.close(ours)
        os.close(theirs)
    heard = [one for one in ended.stdout.splitlines() if not one.startswith(" ")]
    assert heard == ["a call from 60123456789 to 60312345678", "2", "no input", "The caller hangs up."]
    assert "A phone has the keys 0-9, * and #." in ended.stderr


@pytest.mark.parametrize(
    ("words", "settings", "code", "error"),
    [
        pytest.param([], {}, 1, "no Ringback answers at http://127.0.0.1:{port} (ConnectError); is `ringback up` "
                     "running?", id="no service"),
        pytest.param(["--at", "http://127.0.0.1:{port}/"], {"RINGBACK_PORT": "1"}, 1,
                     "no Ringback answers at http://127.0.0.1:{port} (ConnectError); is `ringback up` running?",
                     id="no service there"),
        pytest.param(["--account", "acme"], {}, 2, '--account "acme": RINGBACK_TOKENS has no such account; there are '
                     "none", id="no such account"),
        pytest.param(["--digits", "1,a"], {}, 2, '--digits "a": a phone has the keys 0-9, * and #; separate inputs by '
                     "commas", id="no digits"),
    ],
)  # fmt: skip
def test_one_line(tmp_path: Path, words: list[str], settings: dict[str, str], code: int, error: str) -> None:
    port = str(free_port())
    typed = [word.replace("{port}", port) for word in words]
    ended = ringback(tmp_path, "voice", "call", "--json", *typed, **{"RINGBACK_PORT": port, **settings})
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr == f"ringback: {error.format(port=port)}\n"


def test_a_wrong_secret(ivr: Service) -> None:
    with pytest.raises(PhoneError, match=r"the service answered 401, which is no MC: .*No valid token"):
        PhoneCall(line(ivr, "wrong"), "60123456789", "60312345678").ring()


def test_nobody_collects(ivr: Service) -> None:
    call = PhoneCall(line(ivr), "60123456789", "60312345678")
    with pytest.raises(PhoneError, match="nobody here collects digits now"):
        call.press("1")


@pytest.mark.parametrize(
    ("asked", "keys", "sent"),
    [
        pytest.param({"max": 1}, "123", "1", id="cut to max"),
        pytest.param({"max": 4, "min": 3}, "12", "12", id="fewer than min"),
        pytest.param({"max": 4, "terminators": "#"}, "12#3", "12", id="up to a terminator"),
        pytest.param({"max": 4, "terminators": "*#"}, "#1*", "", id="a terminator alone"),
        pytest.param({"max": 4}, "1#", "1#", id="no terminators"),
        pytest.param({"max": 2, "terminators": "#"}, "123#", "12", id="cut before the terminator"),
        pytest.param({"max": 2}, "", "", id="nothing"),
    ],
)
def test_what_the_provider_takes(asked: dict[str, object], keys: str, sent: str) -> None:
    assert taken(make(Collect, event_url="https://h/x", **asked), keys) == sent


def test_where_the_service_is() -> None:
    with httpx.Client() as client:
        settings = Settings(host="0.0.0.0", port=8123, public_url="https://ringback.example/base")  # noqa: S104
        here = ServiceLine.of(settings, client)
        ways = ["https://ringback.example/base/webhooks/x?a=b", "http://127.0.0.1:8123/webhooks/x", "https://else/x"]
        assert [here.way_to(url) for url in ways] == [
            "http://127.0.0.1:8123/webhooks/x?a=b", "http://127.0.0.1:8123/webhooks/x", None
        ]  # fmt: skip
