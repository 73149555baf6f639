"""Mocean Commands: what a handler may return, what goes over the wire, what is refused and where."""

import pytest

from ringback import mc
from schemas.mc import McError, parse_mc, render_mc


def url_of(step: str) -> str:
    return f"https://example.com/{step}"


@pytest.mark.parametrize(
    ("returned", "wire"),
    [
        pytest.param(mc.say("Hello"), [{"action": "say", "text": "Hello", "language": "en-GB"}], id="one action"),
        pytest.param(
            {"action": "say", "text": "Welcome to Mocean Voice API. ", "barge-in": False, "clear-digit-cache": False},
            [
                {
                    "action": "say",
                    "text": "Welcome to Mocean Voice API. ",
                    "barge-in": False,
                    "clear-digit-cache": False,
                    "language": "en-GB",
                }
            ],
            id="the document's example without a language",
        ),
        pytest.param(
            [
                {"action": "say", "language": "en-GB", "text": "Press 1, for Good. Press 2, for Not Good."},
                {"action": "collect", "min": 1, "max": 1, "timeout": 10000, "event-url": "https://example.com/e"},
            ],
            [
                {"action": "say", "language": "en-GB", "text": "Press 1, for Good. Press 2, for Not Good."},
                {"action": "collect", "min": 1, "max": 1, "timeout": 10000, "event-url": "https://example.com/e"},
            ],
            id="the document's asynchronous example",
        ),
        pytest.param(
            (mc.collect(step="menu", max=4, min=2, terminators="#"),),
            [
                {
                    "action": "collect",
                    "min": 2,
                    "max": 4,
                    "timeout": 5000,
                    "terminators": "#",
                    "event-url": "https://example.com/menu",
                }
            ],
            id="a named step",
        ),
        pytest.param(
            [mc.record(), mc.sleep(2000), mc.play(["a.mp3", "b.mp3"], barge_in=True)],
            [
                {"action": "record"},
                {"action": "sleep", "duration": 2000},
                {"action": "play", "file": ["a.mp3", "b.mp3"], "barge-in": True},
            ],
            id="record, sleep, play",
        ),
        pytest.param(
            mc.dial(["601", "602"], from_="603", dial_sequentially=True),
            [{"action": "dial", "to": ["601", "602"], "from": "603", "dial-sequentially": True}],
            id="dial several",
        ),
    ],
)
def test_what_goes_over_the_wire(returned: object, wire: list[dict[str, object]]) -> None:
    assert render_mc(parse_mc(returned), url_of) == wire


@pytest.mark.parametrize(
    ("returned", "error"),
    [
        pytest.param(None, "an MC is a list of actions, not NoneType", id="nothing returned"),
        pytest.param("Hello", "an MC is a list of actions, not str", id="a text"),
        pytest.param([], "an MC needs at least one action", id="no action"),
        pytest.param([mc.record(), {"action": "say"}], "action 1, text: Field required", id="no text"),
        pytest.param([{"action": "say", "text": "x", "lang": "x"}], "action 0, lang: Extra inputs", id="unknown field"),
        pytest.param([{"text": "x"}], "action 0, action: Unable to extract tag", id="no action name"),
        pytest.param([{"action": "jump"}], "action 0, action: Input tag 'jump' found", id="unknown action"),
        pytest.param([{"action": "collect", "max": 1}], "action 0, event-url: give either", id="collect to nowhere"),
        pytest.param([mc.collect(step="a", max=1, min=2)], "action 0, min: 2 is more than max 1", id="min over max"),
        pytest.param(
            [{"action": "sleep", "duration": 0}], "action 0, duration: Input should be greater", id="no sleep"
        ),
        pytest.param([{"action": "dial", "to": []}], "action 0, to: ", id="dial nobody"),
    ],
)
def test_what_is_refused(returned: object, error: str) -> None:
    with pytest.raises(McError) as raised:
        parse_mc(returned)
    assert str(raised.value).startswith(error)
