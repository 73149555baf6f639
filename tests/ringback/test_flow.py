"""`ringback voice check`: the tree of what callers hear, and each thing that can be wrong with a flow."""

import json
from pathlib import Path
from typing import Any

import pytest

from ringback.wire.hearing import pressed, read_mc, words
from tests.support.commands import ringback
from tests.support.service import TOKEN

HEAD = "from ringback import mc, voice\n\n\n"
ANSWER = '@voice.answer()\ndef welcome(call):\n    return [mc.say("Hello."), mc.collect(step="menu", max=1)]\n\n\n'


def check(folder: Path, flow: str, *words: str, **settings: str) -> tuple[int, dict[str, Any]]:
    """Check the flow of this source, and give the exit code and the document."""
    (folder / "flow.py").write_text(HEAD + flow)
    ended = ringback(folder, "voice", "check", "flow", "--json", *words, **settings)
    assert "Traceback" not in ended.stderr
    document: dict[str, Any] = json.loads(ended.stdout)
    return ended.returncode, document


def problem(kind: str, step: str | None, digits: str | None, reason: str, handler: str | None = None) -> dict[str, Any]:
    """Write a problem as the document has it; `digits` separated by spaces, `-` for no input."""
    listed = ["" if one == "-" else one for one in (digits or "").split()]
    return {"kind": kind, "step": step, "digits": listed, "handler": handler, "reason": reason}


GOOD = (
    ANSWER
    + """
@voice.collect("menu", digits="1")
async def sales(call):
    yield mc.say("We connect you.")
    yield mc.dial("60312345678", from_="60300000000")


@voice.collect("menu", digits=["2", "*"])
def hours(call):
    print("a line of the handler's own")
    return [mc.say("Nine to six.", language="ms-MY"), mc.play("https://example.com/bye.mp3", barge_in=True)]


@voice.collect("menu", digits="3")
def account(call):
    return mc.collect(step="account", max=6, min=4, timeout=2500, terminators="#")


@voice.collect("account", digits="0000")
def operator(call):
    return [mc.sleep(1500), mc.record(), mc.raw({"action": "transfer", "to": "desk"})]


@voice.collect("account", otherwise=True)
def counted(call):
    return mc.say(f"{len(call.data.digits)} digits of {call.data.caller.value}.")


@voice.collect("menu", otherwise=True)
def again(call):
    if call.state.increment("rounds") == 2:
        return mc.say("Goodbye.")
    return [mc.say("Again."), mc.collect(step="menu", max=1)]
"""
)
TREE = """\
a call from +60123456789 to +60312345678  welcome
  say "Hello." (en-GB)
  collect 1 digit, 5 s for each -> menu
├── 0, 4-9, #, no input  again
│     say "Again." (en-GB)
│     collect 1 digit, 5 s for each -> menu, again, but now
│   └── 0, 4-9, #, no input  again
│         say "Goodbye." (en-GB)
├── 1  sales
│     say "We connect you." (en-GB)
│     dial 60312345678, as 60300000000
├── 2, *  hours
│     say "Nine to six." (ms-MY)
│     play https://example.com/bye.mp3, a key skips it
└── 3  account
      collect 4 to 6 digits, 2.5 s for each, ended by # -> account
    ├── 0000  operator
    │     sleep 1.5 s
    │     record from here on
    │     {"action": "transfer", "to": "desk"}
    ├── 123456  counted
    │     say "6 digits of +60123456789." (en-GB)
    └── no input  counted
          say "0 digits of +60123456789." (en-GB)
"""


def test_a_good_flow(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(HEAD + GOOD)
    ended = ringback(tmp_path, "voice", "check", "flow")
    assert ended.stdout == TREE
    assert (ended.returncode, ended.stderr) == (
        0,
        "a line of the handler's own\n" * 4 + "0 problems in 33 runs of 7 handlers.\n",
    )


def test_the_configured_handlers_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(HEAD + GOOD)
    settings = {"RINGBACK_HANDLERS": "flow", "RINGBACK_TOKENS": f"acme:{TOKEN}"}
    ended = ringback(tmp_path, "voice", "check", "--json", **settings)
    assert ended.returncode == 0
    assert TOKEN not in ended.stdout
    answer = json.loads(ended.stdout)["calls"][0]["answer"]
    assert answer["mc"][1] == {
        "action": "collect", "min": 1, "max": 1, "timeout": 5000,
        "event-url": "http://127.0.0.1:8000/webhooks/mocean/voice/collect/menu",
    }  # fmt: skip
    assert [one["digits"] for one in answer["answers"]] == [
        ["", "0", "4", "5", "6", "7", "8", "9", "#"], ["1"], ["2", "*"], ["3"]
    ]  # fmt: skip


KEYS = "0 1 2 3 4 5 6 7 8 9 * #"
HEARS = "; the caller hears the fallback"


@pytest.mark.parametrize(
    ("flow", "problems"),
    [
        pytest.param(
            ANSWER,
            [problem("no_handler", "menu", f"- {KEYS}", f'there is no @voice.collect("menu") for it{HEARS}')],
            id="no handler for a step",
        ),
        pytest.param(
            ANSWER + '@voice.collect("menu", digits="1")\ndef one(call):\n    return mc.say("One.")\n',
            [problem("no_handler", "menu", f"- {KEYS.replace('1 ', '')}",
                     f'there is no @voice.collect("menu") for it{HEARS}')],
            id="no handler for some digits",
        ),
        pytest.param(
            '@voice.collect("menu")\ndef menu(call):\n    return mc.say("One.")\n',
            [problem("no_handler", None, None, f"there is no @voice.answer() for a new call{HEARS}"),
             problem("unreachable", "menu", None, "menu (flow.py, line 4) is never run: no call gets here",
                     "flow.menu")],
            id="no handler for a call",
        ),
        pytest.param(
            ANSWER + '@voice.collect("menu")\ndef menu(call):\n    return mc.say(str(10 // int(call.data.digits)))\n',
            [problem("handler_raised", "menu", "-", "menu (flow.py, line 9) raised ValueError: invalid literal for "
                     f"int() with base 10: '' (line 11){HEARS}", "flow.menu"),
             problem("handler_raised", "menu", "0", "menu (flow.py, line 9) raised ZeroDivisionError: integer "
                     f"division or modulo by zero (line 11){HEARS}", "flow.menu"),
             problem("handler_raised", "menu", "*", "menu (flow.py, line 9) raised ValueError: invalid literal for "
                     f"int() with base 10: '*' (line 11){HEARS}", "flow.menu"),
             problem("handler_raised", "menu", "#", "menu (flow.py, line 9) raised ValueError: invalid literal for "
                     f"int() with base 10: '#' (line 11){HEARS}", "flow.menu")],
            id="a handler raises for some digits",
        ),
        pytest.param(
            '@voice.answer()\ndef welcome(call):\n    return [{"action": "say", "text": " "}]\n',
            [problem("invalid_mc", None, None, "welcome (flow.py, line 4) gave an invalid MC: action 0, text: is blank"
                     + HEARS, "flow.welcome")],
            id="an invalid MC",
        ),
        pytest.param(
            '@voice.answer()\ndef welcome(call):\n    call.state["x"] = {1, 2}\n    return mc.say("Hello.")\n',
            [problem("handler_raised", None, None, "welcome (flow.py, line 4) raised StateError: call.state['x'] is "
                     f"nothing that JSON can write: Object of type set is not JSON serializable{HEARS}",
                     "flow.welcome")],
            id="a state that cannot be stored",
        ),
        pytest.param(
            "@voice.answer()\nasync def welcome(call):\n    import asyncio\n    await asyncio.sleep(9)\n",
            [problem("handler_timeout", None, None, f"welcome (flow.py, line 4) took longer than 0.2 s{HEARS}",
                     "flow.welcome")],
            id="a handler hangs",
        ),
        pytest.param(
            "@voice.answer()\ndef welcome(call):\n    return mc.sleep(1000)\n",
            [problem("silent", None, None, "the caller hears nothing of what flow.welcome answers", "flow.welcome")],
            id="silence",
        ),
        pytest.param(
            ANSWER + '@voice.collect("menu")\ndef menu(call):\n    return welcome(call)\n',
            [problem("dead_end", "menu", None,
                     "no way out: whatever is pressed, the call does not end, nor is it handed on or recorded")],
            id="a step that leads to itself",
        ),
        pytest.param(
            ANSWER + '@voice.collect("menu")\ndef menu(call):\n    call.state.increment("n")\n'
            '    return welcome(call)\n',
            [problem("dead_end", "menu", None,
                     "no way out: whatever is pressed, the call does not end, nor is it handed on or recorded")],
            id="a step that leads to itself, with another state each time",
        ),
        pytest.param(
            ANSWER + '@voice.collect("menu")\ndef menu(call):\n'
            '    return mc.say("Bye.") if call.data.digits else welcome(call)\n',
            [problem("endless", "menu", "-",
                     "who presses nothing is asked for ever; count the rounds in call.state, and say goodbye")],
            id="silence for ever",
        ),
        pytest.param(
            '@voice.answer()\ndef welcome(call):\n    return mc.dial("60123456789")\n\n\n'
            '@voice.collect("menu")\ndef menu(call):\n    return mc.say("Bye.")\n',
            [problem("unreachable", "menu", None, "menu (flow.py, line 9) is never run: no call gets here",
                     "flow.menu")],
            id="a step that nobody gets to",
        ),
        pytest.param(
            ANSWER + '@voice.collect("menu", digits="12")\ndef twelve(call):\n    return mc.say("Twelve.")\n\n\n'
            '@voice.collect("menu", otherwise=True)\ndef menu(call):\n    return mc.say("Bye.")\n',
            [problem("unreachable", "menu", None, "twelve (flow.py, line 9) is never run: no call gets here",
                     "flow.twelve")],
            id="digits that are never collected",
        ),
        pytest.param(
            '@voice.answer()\ndef welcome(call):\n'
            '    return [mc.say("Hello."), mc.collect(event_url="https://example.com/collect/menu", max=1)]\n',
            [],
            id="someone else is given the digits",
        ),
        pytest.param(
            ANSWER.replace("answer()", "answer(otherwise=True)")
            + '@voice.collect("menu", caller="60111111111")\ndef friend(call):\n    return mc.say("You!")\n\n\n'
            '@voice.collect("menu", otherwise=True)\ndef menu(call):\n    return mc.say("Bye.")\n\n\n'
            '@voice.answer(callee="63001")\ndef short(call):\n    return mc.say("Hello.")\n',
            [],
            id="handlers for some numbers",
        ),
    ],
)  # fmt: skip
def test_problems(tmp_path: Path, flow: str, problems: list[dict[str, Any]]) -> None:
    code, document = check(tmp_path, flow, RINGBACK_VOICE_DEADLINE="200ms")
    assert document["problems"] == problems
    assert code == (1 if problems else 0)


SECRET = (
    ANSWER
    + """
@voice.collect("menu")
def code(call):
    return mc.collect(step="inside", max=4) if call.data.digits == "9" else mc.say("Bye.")


@voice.collect("inside")
def inside(call):
    return mc.collect(step="safe", max=1) if call.data.digits == "4711" else mc.say("Wrong.")


@voice.collect("safe")
def safe(call):
    return mc.say("Open.")
"""
)


@pytest.mark.parametrize(
    ("flow", "words", "code"),
    [
        pytest.param(SECRET, [], 1, id="a secret code is not guessed"),
        pytest.param(SECRET, ["--digits", "1234,4711"], 0, id="a secret code that is given"),
        pytest.param('@voice.collect("menu")\ndef menu(call):\n    return mc.say("Bye.")\n', ["--step", "menu"], 0,
                     id="a call that we made"),
        pytest.param('@voice.collect("menu")\ndef menu(call):\n    return mc.say("Bye.")\n', ["--step", "attic"], 1,
                     id="a call that we made, to a step that is not there"),
    ],
)  # fmt: skip
def test_what_is_tried(tmp_path: Path, flow: str, words: list[str], code: int) -> None:
    assert check(tmp_path, flow, *words)[0] == code


def test_a_flow_without_end_is_left(tmp_path: Path) -> None:
    endless = """
@voice.collect("menu")
def menu(call):
    pressed = [*call.state.get("pressed", []), call.data.digits]
    if len(pressed) > 90:
        return mc.say("Goodbye.")
    call.state["pressed"] = pressed
    return [mc.say("Go on."), mc.collect(step="menu", max=1)]
"""
    code, document = check(tmp_path, ANSWER + endless)
    assert (code, document["complete"]) == (1, False)
    assert document["runs"] <= 2000
    assert [one["kind"] for one in document["problems"]] == ["dead_end"]


def test_a_handler_that_holds_the_interpreter_is_named(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(HEAD + "@voice.answer()\ndef welcome(call):\n    return sum(range(10**11))\n")
    ended = ringback(tmp_path, "voice", "check", "flow", RINGBACK_VOICE_DEADLINE="200ms")
    assert ended.returncode == 1
    assert 'flow.py", line 6 in welcome' in ended.stderr


@pytest.mark.parametrize(
    ("words", "settings", "code", "error"),
    [
        pytest.param([], {}, 2, "RINGBACK_HANDLERS: not set; write which flow, such as "
                     "`ringback voice check examples.ivr`", id="no flow"),
        pytest.param(["nowhere"], {}, 2, 'RINGBACK_HANDLERS: there is no module "nowhere" in {folder} or among the '
                     "packages", id="no such flow"),
        pytest.param(["examples.auto_reply"], {}, 1, "no voice handler is in examples.auto_reply; "
                     "`@voice.answer()` makes one", id="no voice handler"),
        pytest.param(["examples.ivr", "--digits", "1,x"], {}, 2, '--digits "x": a phone has the keys 0-9, * and #; '
                     "separate inputs by commas", id="no digits"),
    ],
)  # fmt: skip
def test_one_line(tmp_path: Path, words: list[str], settings: dict[str, str], code: int, error: str) -> None:
    ended = ringback(tmp_path, "voice", "check", *words, **settings)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr == f"ringback: {error.format(folder=tmp_path)}\n"


@pytest.mark.parametrize(
    ("digits", "named"),
    [
        pytest.param([""], "no input", id="none"),
        pytest.param(["3"], "3", id="one"),
        pytest.param(["", "5", "4", "0", "6", "#", "*"], "0, 4-6, *, #, no input", id="a range"),
        pytest.param(["0", "1", "3", "4711"], "0, 1, 3, 4711", id="two are no range"),
    ],
)
def test_inputs_in_words(digits: list[str], named: str) -> None:
    assert pressed(digits) == named


def test_a_raw_collect_is_one_all_the_same() -> None:
    wire = [{"action": "collect", "event-url": "https://h/x", "min": 2, "max": 2, "timeout": 900, "speech": True}]
    assert words(read_mc(wire)[0]) == "collect 2 digits, 0.9 s for each"
