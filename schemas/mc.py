"""Mocean Commands: the actions that answer a call (Mocean document, "Mocean Command (MC) Reference").

An MC is a JSON array of actions. `parse_mc` reads what a handler returns, `render_mc` writes what goes over the wire.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter, ValidationError

DEFAULT_LANGUAGE: Final = "en-GB"


class McError(ValueError):
    """An MC that Mocean would refuse (its code 13): which action, which field, what is wrong."""


class Language(StrEnum):
    """The languages that `say` knows."""

    ENGLISH_US = "en-US"
    ENGLISH_GB = "en-GB"
    MANDARIN_CN = "cmn-CN"
    JAPANESE = "ja-JP"
    KOREAN = "ko-KR"
    MALAY = "ms-MY"
    INDONESIAN = "id-ID"
    THAI = "th-TH"
    VIETNAMESE = "vi-VN"
    RUSSIAN = "ru-RU"
    CHINESE_CN = "zh-CN"
    CHINESE_TW = "zh-TW"
    CANTONESE = "zh-HK"


def _wire_name(name: str) -> str:
    return name.replace("_", "-")


class _Action(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=_wire_name, populate_by_name=True)


class Play(_Action):
    """Play an audio file, or several."""

    action: Literal["play"] = "play"
    file: Annotated[str, Field(min_length=1)] | Annotated[tuple[str, ...], Field(min_length=1)]
    barge_in: bool | None = None
    clear_digit_cache: bool | None = None


class Collect(_Action):
    """Collect digits and ask `event-url` what now. `timeout` in milliseconds, for each digit.

    `step` names one of our own collect handlers; it becomes the `event-url` when the MC is rendered.
    """

    action: Literal["collect"] = "collect"
    event_url: str | None = None
    step: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.~-]+$")] | None = None
    min: int = Field(default=1, ge=0)
    max: int = Field(ge=1)
    timeout: int = Field(default=5000, gt=0)
    terminators: str | None = None


class Say(_Action):
    """Speak a text."""

    action: Literal["say"] = "say"
    language: Language | None = None
    text: str = Field(min_length=1)
    barge_in: bool | None = None
    clear_digit_cache: bool | None = None


class Sleep(_Action):
    """Wait. `duration` in milliseconds, as in the document's examples."""

    action: Literal["sleep"] = "sleep"
    duration: int = Field(gt=0)


class Dial(_Action):
    """Connect the call to a number; of a list the provider calls the first, or one after the other."""

    action: Literal["dial"] = "dial"
    to: Annotated[str, Field(min_length=1)] | Annotated[tuple[str, ...], Field(min_length=1)]
    from_: Annotated[str | None, Field(alias="from")] = None
    dial_sequentially: bool | None = None


class Record(_Action):
    """Record the call from here on."""

    action: Literal["record"] = "record"


class Action(RootModel[Annotated[Play | Collect | Say | Sleep | Dial | Record, Field(discriminator="action")]]):
    """Any one action."""

    model_config = ConfigDict(frozen=True)


_ACTIONS: Final = TypeAdapter(tuple[Action, ...])


def parse_mc(commands: object) -> tuple[Action, ...]:
    """Check one action or several, as models or as the wire's dicts.

    Raises McError naming the action's index (from 0) and field of the first thing that is wrong.
    """
    if isinstance(commands, BaseModel | dict):
        commands = (commands,)
    if not isinstance(commands, Iterable) or isinstance(commands, str | bytes):
        raise McError(f"an MC is a list of actions, not {type(commands).__name__}")
    listed = tuple(item.root if isinstance(item, Action) else item for item in commands)
    if not listed:
        raise McError("an MC needs at least one action")
    try:
        actions = _ACTIONS.validate_python(listed)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        index, *path = problem["loc"]
        where = ".".join(str(step) for step in path[1:2]) or "action"
        raise McError(f"action {index}, {where}: {problem['msg']}") from None
    for index, action in enumerate(actions):
        if isinstance(collect := action.root, Collect):
            if (collect.event_url is None) == (collect.step is None):
                raise McError(f"action {index}, event-url: give either a step or an event-url")
            if collect.min > collect.max:
                raise McError(f"action {index}, min: {collect.min} is more than max {collect.max}")
    return actions


def render_mc(
    actions: Iterable[Action], step_url: Callable[[str], str], language: str = DEFAULT_LANGUAGE
) -> list[dict[str, object]]:
    """Write an MC with the wire's names. `step_url` makes the `event-url` of a named step."""
    rendered = []
    for action in actions:
        command = action.root.model_dump(by_alias=True, exclude_none=True, mode="json")
        if isinstance(action.root, Collect) and action.root.step is not None:
            command["event-url"] = step_url(command.pop("step"))
        if isinstance(action.root, Say):
            command.setdefault("language", language)
        rendered.append(command)
    return rendered
