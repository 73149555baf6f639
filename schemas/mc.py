"""Mocean Commands: the actions that answer a call (Mocean document, "Mocean Command (MC) Reference").

An MC is a JSON array of actions. `parse_mc` reads what a handler returns, `render_mc` writes what goes over the wire.
The models have the wire's names; `make` takes Python's. What the document leaves open is marked *assumed*: `Raw`
passes on what these checks would refuse.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Final, Literal, Protocol, TypeVar, runtime_checkable
from urllib.parse import urlencode, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from schemas.address import AddressKind, parse_address

TERMINATORS: Final = "terminators"
"""Parameter of a step's URL that names the keys that end the input."""


class McError(ValueError):
    """An MC that Mocean would refuse (its code 13): which action, which field, what is wrong.

    `index` counts from 0; it is None for an action that is not in an MC yet, and for what is wrong with the MC itself.
    Numbers, URLs and texts are not quoted: the message goes to the log.
    """

    def __init__(
        self, reason: str, *, index: int | None = None, action: str | None = None, field: str | None = None
    ) -> None:
        where = ", ".join(filter(None, (action if index is None else f"action {index}", field)))
        super().__init__(f"{where}: {reason}" if where else reason)
        self.reason = reason
        self.index = index
        self.field = field


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


def _number(value: str) -> str:
    """Read a destination as addresses are read, and write it as the document does: digits, no `+`."""
    address = parse_address(value)
    if address.kind is not AddressKind.E164:
        raise ValueError("no phone number with its country code; write digits such as 60123456789")
    return address.value.removeprefix("+")


def _caller_id(value: str) -> str:
    """Write a number as `to` has it. Anything else stays: the document says no more than "Caller ID"."""
    address = parse_address(value)
    return address.value.removeprefix("+") if address.kind is AddressKind.E164 else _text(value)


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        # Reading the port checks it. urlsplit would drop some of the characters that isprintable refuses.
        complete = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        complete = False
    if not complete or not value.isprintable() or " " in value:
        raise ValueError("no URL; write http://… or https://…")
    return value


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("is blank")
    value.encode()  # half of a surrogate pair is no text; the error is a ValueError and says so
    return value


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


def _one_or_several(check: Callable[[str], str]) -> Callable[[object], str | tuple[str, ...]]:
    def checked(value: object) -> str | tuple[str, ...]:
        if isinstance(value, str):
            return check(value)
        if not isinstance(value, list | tuple):
            raise ValueError(f"must be a text or a list of texts, not {type(value).__name__}")
        if not value:
            raise ValueError("the list is empty")
        return tuple(_item(position, item) for position, item in enumerate(value))

    def _item(position: int, item: object) -> str:
        if not isinstance(item, str):
            raise ValueError(f"item {position} must be a text, not {type(item).__name__}")
        try:
            return check(item)
        except ValueError as error:
            raise ValueError(f"item {position}: {error}") from None

    return checked


Url = Annotated[str, AfterValidator(_url)]
# The document says "File"; its samples give a URL, and nothing tells how else Mocean would find one: *assumed*.
Files = Annotated[str | tuple[str, ...], BeforeValidator(_one_or_several(_url))]
Numbers = Annotated[str | tuple[str, ...], BeforeValidator(_one_or_several(_number))]
Count = Annotated[int, BeforeValidator(_no_bool)]


def _wire_name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class Action(BaseModel):
    """Any one action."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=_wire_name)

    def wire(self) -> dict[str, object]:
        """Give the action with the wire's names and types, less what was not given."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


class Play(Action):
    """Play an audio file, or several."""

    action: Literal["play"] = "play"
    file: Files
    barge_in: bool | None = None
    clear_digit_cache: bool | None = None


class Collect(Action):
    """Collect digits and ask `event-url` what now. `timeout` in milliseconds, for each digit.

    `step` is ours: it names a collect handler, and becomes the `event-url` when the MC is rendered. The document wants
    `min` and `timeout` too; we fill them in.
    """

    action: Literal["collect"] = "collect"
    step: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.~-]+$")] | None = None
    event_url: Annotated[Url | None, Field(validate_default=True)] = None
    max: Count = Field(ge=1)
    # 0, for an answer that may be left out: *assumed*.
    min: Count = Field(default=1, ge=0)
    timeout: Count = Field(default=5000, gt=0)
    # "Digits used to end input": the keys of a phone, so `*` and `#` too: *assumed*.
    terminators: Annotated[str, Field(pattern=r"^[0-9*#]+$")] | None = None

    @field_validator("event_url")
    @classmethod
    def _one_destination(cls, event_url: str | None, info: ValidationInfo) -> str | None:
        if "step" in info.data and (event_url is None) == (info.data["step"] is None):
            raise ValueError("give either a step or an event-url")
        return event_url

    @field_validator("min")
    @classmethod
    def _not_over_max(cls, value: int, info: ValidationInfo) -> int:
        if value > info.data.get("max", value):
            raise ValueError(f"{value} is more than max {info.data['max']}")
        return value


class Say(Action):
    """Speak a text. Without a language it is rendered with the default one."""

    action: Literal["say"] = "say"
    language: Language | None = None
    text: Annotated[str, AfterValidator(_text)]
    barge_in: bool | None = None
    clear_digit_cache: bool | None = None


class Sleep(Action):
    """Wait. `duration` in milliseconds: *assumed* from the document's examples, 2000 and 3000."""

    action: Literal["sleep"] = "sleep"
    duration: Count = Field(gt=0)


class Dial(Action):
    """Connect the call to a number. Of a list "we will only call to the first number", says the document, for now."""

    action: Literal["dial"] = "dial"
    to: Numbers
    from_: Annotated[str, AfterValidator(_caller_id)] | None = None
    dial_sequentially: bool | None = None


class Record(Action):
    """Record the call from here on."""

    action: Literal["record"] = "record"


class Raw(Action):
    """An action that the document does not know yet. It is passed on as it is."""

    command: dict[str, JsonValue]

    @field_validator("command", mode="before")
    @classmethod
    def _of_json(cls, value: object) -> object:
        if not isinstance(value, Mapping) or not isinstance(value.get("action"), str) or not value["action"]:
            raise ValueError('must be a dict with a text "action"')
        try:
            written = json.dumps(dict(value), allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError):
            raise ValueError("must be made of what JSON has: texts, numbers, true, false, null, lists, dicts") from None
        # Read again it is nobody else's: a later change of the handler's dict does not reach it.
        return json.loads(written)

    def wire(self) -> dict[str, object]:
        """Give the action as it was given."""
        return dict(self.command)


ACTIONS: Final[Mapping[str, type[Action]]] = {
    "play": Play,
    "collect": Collect,
    "say": Say,
    "sleep": Sleep,
    "dial": Dial,
    "record": Record,
}
_ELSE: Final = "mc.raw({…}) passes on what Ringback does not know"

ActionT = TypeVar("ActionT", bound=Action)


@runtime_checkable
class _Builder(Protocol):
    """The official SDK's `McBuilder`."""

    def build(self) -> object: ...


@runtime_checkable
class _Built(Protocol):
    """What the official SDK's `Mc` makes, one action."""

    def get_request_data(self) -> object: ...


def make(model: type[ActionT], /, **fields: object) -> ActionT:
    """Make an action of fields by their Python names. Raises McError naming the action and the field."""
    try:
        return model.model_validate(fields, by_alias=False, by_name=True)
    except ValidationError as error:
        field, reason = _problem(model, error, str)
        raise McError(reason, action=model.__name__.lower(), field=field) from None


def parse_mc(commands: object) -> tuple[Action, ...]:
    """Check one action or several: models, dicts with the wire's names, or what the official SDK builds.

    Raises McError naming the action's index (from 0) and field of the first thing that is wrong.
    """
    if isinstance(commands, _Builder):
        commands = _ask(commands.build)
    if isinstance(commands, BaseModel | Mapping | _Built):
        commands = (commands,)
    if not isinstance(commands, Iterable) or isinstance(commands, str | bytes):
        raise McError(f"an MC is a list of actions, not {type(commands).__name__}")
    actions = tuple(_parse(index, item) for index, item in enumerate(commands))
    if not actions:
        raise McError("an MC needs at least one action")
    return actions


def render_mc(actions: Iterable[Action], step_url: Callable[[str], str], language: Language) -> list[dict[str, object]]:
    """Write an MC with the wire's names. `step_url` makes the `event-url` of a named step."""
    rendered = []
    for action in actions:
        command = action.wire()
        if isinstance(action, Collect) and action.step is not None:
            del command["step"]
            command["event-url"] = _ended_by(step_url(action.step), action.terminators)
        if isinstance(action, Say):
            command.setdefault("language", language.value)
        rendered.append(command)
    return rendered


def _ended_by(url: str, terminators: str | None) -> str:
    """Name the terminators in the URL that gets the digits: a terminator that comes along is then known for one."""
    if terminators is None:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode({TERMINATORS: terminators}, safe='*')}"


def _parse(index: int, item: object) -> Action:
    if isinstance(item, Action):
        return item
    if isinstance(item, _Built):
        item = _ask(item.get_request_data, index)
    if not isinstance(item, Mapping):
        raise McError(f"an action is what mc makes, or a dict, not {type(item).__name__}", index=index)
    name = item.get("action")
    model = ACTIONS.get(name) if isinstance(name, str) else None
    if model is None:
        raise McError(_no_action(name), index=index, field="action")
    try:
        return model.model_validate(dict(item))
    except ValidationError as error:
        field, reason = _problem(model, error, _wire_name)
        raise McError(reason, index=index, field=field) from None


def _ask(build: Callable[[], object], index: int | None = None) -> object:
    """Let the SDK build. It has checks of its own, and raises its own error for a field that is missing."""
    try:
        return build()
    except Exception as error:
        raise McError(f"the SDK's builder refuses it: {error}", index=index) from error


def _problem(model: type[Action], error: ValidationError, named: Callable[[str], str]) -> tuple[str | None, str]:
    """Give the name of the first field that is wrong, if it has one, and what is wrong with it."""
    problems = error.errors(include_url=False, include_input=False)
    # A mistyped name first: it tells why the right one is missing.
    problem = next((each for each in problems if each["type"] in ("extra_forbidden", "invalid_key")), problems[0])
    if not problem["loc"]:
        return None, problem["msg"]
    field = str(problem["loc"][0])
    match problem["type"]:
        case "extra_forbidden" | "invalid_key":
            action = model.__name__.lower()
            known = [named(name) for name in model.model_fields if name != "action"]
            there = f"it has {', '.join(known)}" if known else "it has none"
            return field, f"{action} has no such field{_near(field, known)}; {there}; {_ELSE}"
        case "missing":
            reason = "is missing"
        case _:
            reason = problem["msg"].removeprefix("Value error, ")
    # A default that is refused has its Python name, whatever the others have.
    return named(field), reason


def _no_action(name: object) -> str:
    if not isinstance(name, str):
        return f"must be a text, one of {', '.join(ACTIONS)}"
    return f"{name[:32]!a} is no action{_near(name, ACTIONS)}; there are {', '.join(ACTIONS)}; {_ELSE}"


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name.lower(), [*known], n=1)
    return f" (did you mean {near[0]}?)" if near else ""
