"""Hearing: an MC in words, as the caller hears it, for `ringback voice check` and `ringback voice call`."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from ringback.schemas.mc_actions import ACTIONS, Action, Collect, Dial, Play, Raw, Record, Say, Sleep
from ringback.schemas.mc_wire import McError, make, parse_mc

NO_INPUT: Final = "no input"
KEYS: Final = "0123456789*#"
_RANGE: Final = 3  # 1, 2 but 1-3


def read_mc(commands: object) -> tuple[Action, ...]:
    """Read an MC as it went over the wire; what `mc.raw` passed on may stay raw. Raises McError where it is none."""
    if not isinstance(commands, list) or not commands:
        raise McError("an MC is a list of actions, one at least")
    return tuple(_read(index, command) for index, command in enumerate(commands))


def collect_of(actions: Sequence[Action]) -> Collect | None:
    """Give the collect that an MC ends with.

    What follows it is not heard: the answer to the digits takes its place (*assumed*).
    """
    return next((action for action in actions if isinstance(action, Collect)), None)


def heard_of(actions: Sequence[Action]) -> Sequence[Action]:
    """Give the actions up to the first collect, with that."""
    first = next((index for index, action in enumerate(actions) if isinstance(action, Collect)), len(actions))
    return actions[: first + 1]


def words(action: Action) -> str:
    """Say what the caller hears of an action, in one line."""
    match action:
        case Say():
            language = f" ({action.language.value})" if action.language else ""
            return f"say {_quoted(action.text)}{language}{_skipped(action.barge_in)}"
        case Play():
            return f"play {_listed(action.file)}{_skipped(action.barge_in)}"
        case Sleep():
            return f"sleep {_seconds(action.duration)}"
        case Dial():
            return f"dial {_listed(action.to)}" + (f", as {action.from_}" if action.from_ else "")
        case Record():
            return "record from here on"
        case Collect():
            number = str(action.max) if action.min == action.max else f"{action.min} to {action.max}"
            ended = f", ended by {' or '.join(action.terminators)}" if action.terminators else ""
            plural = "" if action.max == 1 else "s"
            return f"collect {number} digit{plural}, {_seconds(action.timeout)} for each{ended}"
        case _:
            return json.dumps(action.wire(), ensure_ascii=False)


def pressed(digits: Sequence[str]) -> str:
    """Name inputs shortly: `1`, `0, 3-9, no input`."""
    keys = [KEYS.index(one) for one in digits if len(one) == 1]
    ranges: list[tuple[int, int]] = []
    for key in sorted(keys):
        if ranges and ranges[-1][1] == key - 1 and key < KEYS.index("*"):
            ranges[-1] = (ranges[-1][0], key)
        else:
            ranges.append((key, key))
    named = []
    for first, last in ranges:
        if last - first + 1 >= _RANGE:
            named.append(f"{first}-{last}")
        else:
            named += KEYS[first : last + 1]
    named += [one for one in digits if len(one) > 1]
    return ", ".join([*named, *([NO_INPUT] if "" in digits else [])])


def _read(index: int, command: object) -> Action:
    if not isinstance(command, Mapping):
        raise McError("is no action", index=index)
    name = command.get("action")
    model = ACTIONS.get(name) if isinstance(name, str) else None
    if model is not None:
        known = {field.alias for field in model.model_fields.values()}
        try:
            return parse_mc({key: value for key, value in command.items() if key in known})[0]
        except McError:
            pass  # made by `mc.raw`, with something that is not documented
    return make(Raw, command=command)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _skipped(barge_in: bool | None) -> str:
    return ", a key skips it" if barge_in else ""


def _listed(one_or_several: str | Sequence[str]) -> str:
    return one_or_several if isinstance(one_or_several, str) else ", ".join(one_or_several)


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g} s"
