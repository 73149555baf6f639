"""Mocean Commands: what a handler may return, what goes over the wire, what is refused and where."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moceansdk import Mc, McBuilder

from ringback import mc
from ringback.schemas.mc_actions import ACTIONS, Action, Language
from ringback.schemas.mc_wire import McError, parse_mc, render_mc
from ringback.schemas.settings import Settings, SettingsError

EVENT_URL = "https://example.com/webhook/voice-event"
COLLECT = {"action": "collect", "max": 1, "event-url": EVENT_URL}
RECORD = {"action": "record"}


def render(returned: object, language: Language = Language.ENGLISH_GB) -> list[dict[str, object]]:
    return render_mc(parse_mc(returned), lambda step: f"https://example.com/{step}", language)


# The document's examples, to the letter: three of "Mocean Command (MC) Reference", the command of the curl example of
# "Make an outbound call", the answer of "Receive collect action".
SINGLE = """
[
  {
    "action": "say",
    "text": "Welcome to Mocean Voice API. ",
    "barge-in": false,
    "clear-digit-cache": false
  }
]
"""
MULTIPLE = """
[
  {
    "action": "say",
    "language": "en-GB",
    "text": "Welcome to Mocean Voice API."
  },
  {
    "action": "sleep",
    "duration": 3000
  },
  {
    "action": "say",
    "language": "en-GB",
    "text": "Thank you for calling."
  }
]
"""
ASYNCHRONOUS = """
[
  {
    "action": "say",
    "language": "en-GB",
    "text": "How are you today?"
  },
  {
    "action": "say",
    "language": "en-GB",
    "text": "Press 1, for Good. Press 2, for Not Good."
  },
  {
    "action": "collect",
    "min": 1,
    "max": 1,
    "timeout": 10000,
    "event-url": "https://example.com/webhook/voice-event"
  },
  {
    "action": "say",
    "language": "en-GB",
    "text": "Thanks for your input, goodbye!"
  }
]
"""
OUTBOUND = '[{"action":"say","language":"en-GB","text":"Welcome to Mocean Voice API."}]'
ANSWER = '[{"action":"say","text":"Thanks for calling","language":"en-GB"}]'


@pytest.mark.parametrize(
    ("example", "filled_in"),
    [
        pytest.param(SINGLE, {"language": "ms-MY"}, id="single option, without a language"),
        pytest.param(MULTIPLE, {}, id="multiple option"),
        pytest.param(ASYNCHRONOUS, {}, id="asynchronous"),
        pytest.param(OUTBOUND, {}, id="make an outbound call"),
        pytest.param(ANSWER, {}, id="receive collect action"),
    ],
)
def test_the_documents_examples(example: str, filled_in: dict[str, str]) -> None:
    first, *others = json.loads(example)
    assert render(json.loads(example), Language.MALAY) == [first | filled_in, *others]


def sdk_of_the_document() -> McBuilder:
    """Make the document's Python sample. The SDK wants more for `collect` than the sample gives."""
    collect = Mc.collect("https://test.com/collect").set_minimum(1).set_maximum(4).set_timeout(5000)
    return (
        McBuilder()
        .add(Mc.record())
        .add(Mc.dial("60123456789"))
        .add(Mc.say("for english please press 1"))
        .add(collect)
        .add(Mc.sleep(2000))
        .add(Mc.play("http://test.com/play"))
    )


OF_THE_DOCUMENT = [
    {"action": "record"},
    {"action": "dial", "to": "60123456789"},
    {"action": "say", "language": "en-US", "text": "for english please press 1"},
    {"action": "collect", "event-url": "https://test.com/collect", "min": 1, "max": 4, "timeout": 5000},
    {"action": "sleep", "duration": 2000},
    {"action": "play", "file": "http://test.com/play"},
]


@pytest.mark.parametrize(
    ("returned", "wire"),
    [
        pytest.param(sdk_of_the_document(), OF_THE_DOCUMENT, id="a builder"),
        pytest.param(sdk_of_the_document().build(), OF_THE_DOCUMENT, id="what a builder has built"),
        pytest.param(
            McBuilder()
            .add(Mc.say("Hi").set_language("ja-JP").set_barge_in(True).set_clear_digit_cache(False))
            .add(Mc.play(["http://a.example/1.mp3", "http://a.example/2.mp3"]).set_barge_in(True))
            .add(Mc.dial(["60123456789", "60123456780"]).set_from("60312345678").set_dial_sequentially(True))
            .add(
                Mc.collect(EVENT_URL)
                .set_minimum("1")
                .set_maximum("4")
                .set_timeout("9000")
                .set_terminators("*#")  # texts
            ),
            [
                {"action": "say", "language": "ja-JP", "text": "Hi", "barge-in": True, "clear-digit-cache": False},
                {"action": "play", "file": ["http://a.example/1.mp3", "http://a.example/2.mp3"], "barge-in": True},
                {
                    "action": "dial",
                    "to": ["60123456789", "60123456780"],
                    "from": "60312345678",
                    "dial-sequentially": True,
                },
                {
                    "action": "collect",
                    "event-url": EVENT_URL,
                    "min": 1,
                    "max": 4,
                    "timeout": 9000,
                    "terminators": "*#",
                },
            ],
            id="every setter of the SDK",
        ),
        pytest.param(Mc.record(), [RECORD], id="one of its actions"),
        pytest.param([Mc.sleep(1), mc.sleep(2)], [{"action": "sleep", "duration": d} for d in (1, 2)], id="mixed"),
    ],
)
def test_what_the_official_sdk_builds(returned: object, wire: list[dict[str, object]]) -> None:
    assert render(returned) == wire


@pytest.mark.parametrize(
    ("returned", "wire"),
    [
        pytest.param(mc.say("Hello"), [{"action": "say", "text": "Hello", "language": "en-GB"}], id="one action"),
        pytest.param(RECORD, [RECORD], id="one dict"),
        pytest.param((action for action in [RECORD]), [RECORD], id="a generator"),
        pytest.param(
            mc.say("你好", language="zh-HK", barge_in=True, clear_digit_cache=True),
            [{"action": "say", "text": "你好", "language": "zh-HK", "barge-in": True, "clear-digit-cache": True}],
            id="all of say",
        ),
        pytest.param(
            mc.play(["https://a.example/a.mp3", "http://a.example:8080/b?c=d"], barge_in=False, clear_digit_cache=True),
            [
                {
                    "action": "play",
                    "file": ["https://a.example/a.mp3", "http://a.example:8080/b?c=d"],
                    "barge-in": False,
                    "clear-digit-cache": True,
                }
            ],
            id="all of play",
        ),
        pytest.param(
            mc.play("https://a.example/a.mp3"), [{"action": "play", "file": "https://a.example/a.mp3"}], id="one file"
        ),
        pytest.param(
            mc.collect(step="menu", max=4, min=2, timeout=9000, terminators="*#"),
            [
                {
                    "action": "collect",
                    "min": 2,
                    "max": 4,
                    "timeout": 9000,
                    "terminators": "*#",
                    "event-url": "https://example.com/menu?terminators=*%23",
                }
            ],
            id="all of collect, to a step: its URL names the terminators",
        ),
        pytest.param(
            mc.collect(event_url=EVENT_URL, max=1, terminators="#"),
            [
                {
                    "action": "collect",
                    "min": 1,
                    "max": 1,
                    "timeout": 5000,
                    "terminators": "#",
                    "event-url": EVENT_URL,
                }
            ],
            id="terminators of someone else's URL",
        ),
        pytest.param(
            mc.collect(event_url=EVENT_URL, max=1),
            [{"action": "collect", "min": 1, "max": 1, "timeout": 5000, "event-url": EVENT_URL}],
            id="collect to a URL",
        ),
        pytest.param(
            {"action": "collect", "max": 1, "step": "menu"},
            [{"action": "collect", "min": 1, "max": 1, "timeout": 5000, "event-url": "https://example.com/menu"}],
            id="a step in a dict",
        ),
        pytest.param(
            mc.collect(step="menu", max=1, min=0),
            [{"action": "collect", "min": 0, "max": 1, "timeout": 5000, "event-url": "https://example.com/menu"}],
            id="digits that may be left out",
        ),
        pytest.param(
            mc.dial(["60123456789", "60123456780"], from_="+60312345678", dial_sequentially=True),
            [
                {
                    "action": "dial",
                    "to": ["60123456789", "60123456780"],
                    "from": "60312345678",
                    "dial-sequentially": True,
                }
            ],
            id="all of dial",
        ),
        pytest.param(mc.dial("+60 12-345 6789"), [{"action": "dial", "to": "60123456789"}], id="a number as people do"),
        pytest.param(
            mc.dial("60123456789", from_="Ringback"),
            [{"action": "dial", "to": "60123456789", "from": "Ringback"}],
            id="a caller ID that is no number",
        ),
        pytest.param(
            [mc.record(), mc.sleep(2000)], [RECORD, {"action": "sleep", "duration": 2000}], id="record and sleep"
        ),
        pytest.param(
            [COLLECT | {"min": "1", "max": 2.0, "timeout": "800"}, {"action": "say", "text": "x", "barge-in": "true"}],
            [
                {"action": "collect", "min": 1, "max": 2, "timeout": 800, "event-url": EVENT_URL},
                {"action": "say", "text": "x", "barge-in": True, "language": "en-GB"},
            ],
            id="numbers and booleans as texts",
        ),
        pytest.param(
            {"action": "say", "text": "x", "language": None, "barge-in": None},
            [{"action": "say", "text": "x", "language": "en-GB"}],
            id="null is not given",
        ),
        pytest.param(
            [mc.raw({"action": "transfer", "to": None, "legs": ({"barge_in": 1.5},)}), mc.record()],
            [{"action": "transfer", "to": None, "legs": [{"barge_in": 1.5}]}, RECORD],
            id="raw",
        ),
        pytest.param(mc.raw({"action": "say"}), [{"action": "say"}], id="raw goes round the checks"),
    ],
)
def test_what_goes_over_the_wire(returned: object, wire: list[dict[str, object]]) -> None:
    assert render(returned) == wire


@pytest.mark.parametrize("language", [*Language])
def test_the_languages(language: Language) -> None:
    assert len(Language) == 13
    assert render(mc.say("x", language=language.value)) == [{"action": "say", "text": "x", "language": language.value}]


def test_raw_is_not_changed_from_outside() -> None:
    command: dict[str, object] = {"action": "new", "list": [1]}
    action = mc.raw(command)
    command["list"] = [2]
    assert render(action) == [{"action": "new", "list": [1]}]


def say(**fields: object) -> dict[str, object]:
    return {"action": "say", "text": "x", **fields}


def collect(**fields: object) -> dict[str, object]:
    return {**COLLECT, **fields}


def play(file: object) -> dict[str, object]:
    return {"action": "play", "file": file}


def dial(to: object, **fields: object) -> dict[str, object]:
    return {"action": "dial", "to": to, **fields}


LONG = "0123456789" * 2


@pytest.mark.parametrize(
    ("returned", "index", "field"),
    [
        pytest.param(None, None, None, id="nothing returned"),
        pytest.param("Hello", None, None, id="a text"),
        pytest.param(7, None, None, id="a number"),
        pytest.param([], None, None, id="no action"),
        pytest.param(McBuilder(), None, None, id="an empty builder"),
        pytest.param(McBuilder().add(Mc.collect(EVENT_URL)), None, None, id="a builder that refuses to build"),
        pytest.param([RECORD, Mc.collect(EVENT_URL)], 1, None, id="an SDK action that refuses to build"),
        pytest.param([RECORD, "record"], 1, None, id="a text for an action"),
        pytest.param([RECORD, [RECORD]], 1, None, id="a list in the list"),
        pytest.param([RECORD, McBuilder().add(Mc.record())], 1, None, id="a builder in the list"),
        pytest.param(Settings(), 0, None, id="another model"),
        pytest.param([RECORD, {"text": "x"}], 1, "action", id="no action name"),
        pytest.param([{"action": None}], 0, "action", id="the action is null"),
        pytest.param([{"action": ["say"]}], 0, "action", id="the action is a list"),
        pytest.param([RECORD, RECORD, {"action": "jump"}], 2, "action", id="unknown action"),
        pytest.param([{"action": "Say", "text": "x"}], 0, "action", id="action in capitals"),
        pytest.param([say(lang="en-GB")], 0, "lang", id="unknown field"),
        pytest.param([{"action": "say", "txt": "x"}], 0, "txt", id="misspelt field"),
        pytest.param([say(barge_in=True)], 0, "barge_in", id="a Python name"),
        pytest.param([say(**{"event-url": EVENT_URL})], 0, "event-url", id="another action's field"),
        pytest.param([RECORD | {"format": "mp3"}], 0, "format", id="record has no fields"),
        pytest.param([{"action": "record", 7: "x"}], 0, "7", id="a name that is no text"),
        pytest.param([{"action": "record", "\ud800": "x"}], 0, None, id="a name with half a character"),
        pytest.param([{"action": "say"}], 0, "text", id="no text"),
        pytest.param([say(text="")], 0, "text", id="empty text"),
        pytest.param([say(text=" \n")], 0, "text", id="blank text"),
        pytest.param([say(text=["x"])], 0, "text", id="text is a list"),
        pytest.param([say(text="\ud800")], 0, "text", id="text with half a character"),
        pytest.param([RECORD, say(language="xx-XX")], 1, "language", id="unknown language"),
        pytest.param([say(language="en-gb")], 0, "language", id="language in small letters"),
        pytest.param([say(language="")], 0, "language", id="empty language"),
        pytest.param([say(**{"barge-in": "maybe"})], 0, "barge-in", id="barge-in is no boolean"),
        pytest.param([say(**{"clear-digit-cache": 2})], 0, "clear-digit-cache", id="clear-digit-cache is no boolean"),
        pytest.param([{"action": "play"}], 0, "file", id="no file"),
        pytest.param([play("")], 0, "file", id="empty file"),
        pytest.param([play("hello.mp3")], 0, "file", id="file is no URL"),
        pytest.param([play([])], 0, "file", id="empty list of files"),
        pytest.param([play(["https://a.example/a.mp3", ""])], 0, "file", id="one file of several is empty"),
        pytest.param([play(7)], 0, "file", id="file is a number"),
        pytest.param([play("https://a.example/a.mp3") | {"barge-in": "x"}], 0, "barge-in", id="play's barge-in"),
        pytest.param([{"action": "collect", "max": 1}], 0, "event-url", id="collect to nowhere"),
        pytest.param([collect(step="menu")], 0, "event-url", id="collect to two places"),
        pytest.param([collect(**{"event-url": "/menu"})], 0, "event-url", id="event-url is a path"),
        pytest.param([collect(**{"event-url": "example.com/menu"})], 0, "event-url", id="event-url without a scheme"),
        pytest.param([collect(**{"event-url": "ftp://example.com"})], 0, "event-url", id="event-url of another scheme"),
        pytest.param([collect(**{"event-url": "https://"})], 0, "event-url", id="event-url without a host"),
        pytest.param([collect(**{"event-url": "https://example.com/a b"})], 0, "event-url", id="a space in event-url"),
        pytest.param([collect(**{"event-url": "https://example.com\n"})], 0, "event-url", id="a line end in event-url"),
        pytest.param([collect(**{"event-url": "https://example.com:99999"})], 0, "event-url", id="no such port"),
        pytest.param([collect(**{"event-url": "https://[::1"})], 0, "event-url", id="half an IPv6 host"),
        pytest.param([{"action": "collect", "max": 1, "step": "a/b"}], 0, "step", id="a step that is no path segment"),
        pytest.param([{"action": "collect", "event-url": EVENT_URL}], 0, "max", id="no max"),
        pytest.param([collect(max=0)], 0, "max", id="max is 0"),
        pytest.param([collect(max="four")], 0, "max", id="max is a word"),
        pytest.param([collect(max=1.5)], 0, "max", id="max is a fraction"),
        pytest.param([collect(max=True)], 0, "max", id="max is a boolean"),
        pytest.param([RECORD, RECORD, collect(min=3)], 2, "min", id="min over max"),
        pytest.param([collect(min=-1)], 0, "min", id="min is negative"),
        pytest.param([collect(min=None)], 0, "min", id="min is null"),
        pytest.param([collect(timeout=0)], 0, "timeout", id="timeout is 0"),
        pytest.param([collect(timeout=-5000)], 0, "timeout", id="timeout is negative"),
        pytest.param([collect(timeout=float("inf"))], 0, "timeout", id="timeout has no end"),
        pytest.param([collect(timeout="5s")], 0, "timeout", id="timeout with a unit"),
        pytest.param([collect(terminators="x")], 0, "terminators", id="a terminator that no phone has"),
        pytest.param([collect(terminators="")], 0, "terminators", id="no terminators"),
        pytest.param([collect(terminators=["#"])], 0, "terminators", id="terminators in a list"),
        pytest.param([{"action": "sleep"}], 0, "duration", id="no duration"),
        pytest.param([{"action": "sleep", "duration": 0}], 0, "duration", id="duration is 0"),
        pytest.param([{"action": "sleep", "duration": -1}], 0, "duration", id="duration is negative"),
        pytest.param([{"action": "sleep", "duration": "long"}], 0, "duration", id="duration is a word"),
        pytest.param([{"action": "dial"}], 0, "to", id="no number"),
        pytest.param([dial("")], 0, "to", id="empty number"),
        pytest.param([dial([])], 0, "to", id="empty list of numbers"),
        pytest.param([dial("0123456789")], 0, "to", id="a number without its country code"),
        pytest.param([dial("sales")], 0, "to", id="a name for a number"),
        pytest.param([dial(LONG)], 0, "to", id="a number that is too long"),
        pytest.param([dial(60123456789)], 0, "to", id="the number is no text"),
        pytest.param([dial("60123456789,60123456780")], 0, "to", id="two numbers in one text"),
        pytest.param([RECORD, dial(["60123456789", "x"])], 1, "to", id="one number of several"),
        pytest.param([dial(["60123456789", None])], 0, "to", id="one number of several is null"),
        pytest.param([dial("60123456789", **{"from": " "})], 0, "from", id="blank caller ID"),
        pytest.param([dial("60123456789", from_="60")], 0, "from_", id="a Python name for the caller ID"),
        pytest.param([dial("60123456789", **{"dial-sequentially": "x"})], 0, "dial-sequentially", id="no boolean"),
        pytest.param(McBuilder().add(Mc.record()).add(Mc.sleep(-1)), 1, "duration", id="a builder's action"),
        pytest.param([Mc.say("x").set_language("xx")], 0, "language", id="an SDK action"),
    ],
)
def test_what_is_refused(returned: object, index: int | None, field: str | None) -> None:
    with pytest.raises(McError) as raised:
        parse_mc(returned)
    error = raised.value
    assert (error.index, error.field) == (index, field)
    where = ", ".join(part for part in ("" if index is None else f"action {index}", field) if part)
    assert str(error) == (f"{where}: {error.reason}" if where else error.reason)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        pytest.param(None, "an MC is a list of actions, not NoneType", id="nothing returned"),
        pytest.param([], "an MC needs at least one action", id="no action"),
        pytest.param([["x"]], "action 0: an action is what mc makes, or a dict, not list", id="a list in the list"),
        pytest.param([RECORD, say(text=None)], "action 1, text: Input should be a valid string", id="text is null"),
        pytest.param([{"action": "say"}], "action 0, text: is missing", id="missing"),
        pytest.param(
            [say(lang="x")],
            "action 0, lang: say has no such field (did you mean language?); it has language, text, barge-in,"
            " clear-digit-cache; mc.raw({…}) passes on what Ringback does not know",
            id="unknown field",
        ),
        pytest.param(
            [{"action": "SAY"}],
            "action 0, action: 'SAY' is no action (did you mean say?); there are play, collect, say, sleep, dial,"
            " record; mc.raw({…}) passes on what Ringback does not know",
            id="unknown action",
        ),
        pytest.param(
            [{"text": "x"}],
            "action 0, action: must be a text, one of play, collect, say, sleep, dial, record",
            id="no action name",
        ),
        pytest.param([RECORD, RECORD, collect(min=3)], "action 2, min: 3 is more than max 1", id="min over max"),
        pytest.param(
            [collect(**{"event-url": "example.com/?token=secret"})],
            "action 0, event-url: no URL; write http://… or https://…",
            id="no URL, which is not quoted",
        ),
        pytest.param(
            [dial(["60123456789", "0123456789"])],
            "action 0, to: item 1: no phone number with its country code; write digits such as 60123456789",
            id="no number, which is not quoted",
        ),
        pytest.param(
            McBuilder().add(Mc.collect(EVENT_URL)),
            "the SDK's builder refuses it: min is mandatory field, Collect",
            id="the SDK's own check",
        ),
    ],
)
def test_what_the_refusal_says(returned: object, message: str) -> None:
    with pytest.raises(McError) as raised:
        parse_mc(returned)
    assert str(raised.value) == message


cyclic: dict[str, Any] = {"action": "new"}
cyclic["self"] = cyclic


@pytest.mark.parametrize(
    ("make", "field", "message"),
    [
        pytest.param(lambda: mc.say(""), "text", "say, text: is blank", id="say: text"),
        pytest.param(lambda: mc.say("x", language="xx"), "language", "say, language: Input should be ", id="language"),
        pytest.param(
            lambda: mc.say("x", barge_in=7),  # type: ignore[arg-type]
            "barge_in",
            "say, barge_in: Input should be a valid boolean",
            id="the name that was written",
        ),
        pytest.param(lambda: mc.play([]), "file", "play, file: the list is empty", id="play: file"),
        pytest.param(lambda: mc.collect(max=1), "event_url", "collect, event_url: give either ", id="to nowhere"),
        pytest.param(
            lambda: mc.collect(step="a", max=1, min=2), "min", "collect, min: 2 is more than max 1", id="min over max"
        ),
        pytest.param(
            lambda: mc.collect(step="a b", max=1), "step", "collect, step: String should match ", id="collect: step"
        ),
        pytest.param(lambda: mc.sleep(0), "duration", "sleep, duration: Input should be greater than 0", id="sleep"),
        pytest.param(lambda: mc.dial("nobody"), "to", "dial, to: no phone number ", id="dial: to"),
        pytest.param(lambda: mc.dial("60123456789", from_=""), "from_", "dial, from_: is blank", id="dial: from"),
        pytest.param(
            lambda: mc.raw({"text": "x"}), "command", 'raw, command: must be a dict with a text "action"', id="raw"
        ),
        pytest.param(
            lambda: mc.raw({"action": "x", "y": {1}}), "command", "raw, command: must be made of ", id="a set"
        ),
        pytest.param(
            lambda: mc.raw({"action": "x", "y": float("nan")}), "command", "raw, command: must be made of ", id="NaN"
        ),
        pytest.param(
            lambda: mc.raw({"action": "\ud800"}), "command", "raw, command: must be made of ", id="half a character"
        ),
        pytest.param(lambda: mc.raw(cyclic), "command", "raw, command: must be made of ", id="a dict in itself"),
    ],
)
def test_a_wrong_action_is_refused_when_it_is_made(make: Callable[[], Action], field: str, message: str) -> None:
    with pytest.raises(McError) as raised:
        make()
    assert (raised.value.index, raised.value.field) == (None, field)
    assert str(raised.value).startswith(message)


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 3),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from([*Language, EVENT_URL, "60123456789", "1", "true", "\ud800"]),
)


def odd_action(name: str) -> st.SearchStrategy[dict[str, object]]:
    fields = [field.alias or name for name, field in ACTIONS[name].model_fields.items() if name != "action"]
    values = dict.fromkeys(fields, ODD | st.lists(ODD, max_size=2))
    return st.fixed_dictionaries({"action": st.just(name)}, optional=values)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw builds a table of characters
@given(st.lists(st.sampled_from([*ACTIONS]).flatmap(odd_action), max_size=2))
def test_whatever_is_returned_is_refused_or_can_be_sent(returned: list[dict[str, object]]) -> None:
    try:
        wire = render(returned)
    except McError:
        return
    assert json.loads(json.dumps(wire, allow_nan=False, ensure_ascii=False).encode()) == wire
    assert render(wire) == wire


def test_a_default_language_that_mocean_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RINGBACK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RINGBACK_VOICE_LANGUAGE", "de-DE")
    with pytest.raises(
        SettingsError, match=r"^RINGBACK_VOICE_LANGUAGE: not one of its values; write 'en-US', .* or 'zh-HK'$"
    ):
        Settings.load()


def test_terminators_beside_other_parameters() -> None:
    actions = parse_mc(mc.collect(step="menu", max=1, terminators="#"))
    (command,) = render_mc(actions, lambda step: f"https://example.com/{step}?token=s", Language("en-GB"))
    assert command["event-url"] == "https://example.com/menu?token=s&terminators=%23"
