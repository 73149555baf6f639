"""The actions that a Mocean Command is made of (Mocean document, "Mocean Command (MC) Reference").

The models have the wire's names. What the document leaves open is marked *assumed*: `Raw` passes on what these checks
would refuse.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
)

from ringback.schemas.address import AddressKind, parse_address
from ringback.schemas.field_types import Count, Url, Words, checked_url, copied_json, not_blank


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
    return address.value.removeprefix("+") if address.kind is AddressKind.E164 else not_blank(value)


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


# The document says "File"; its samples give a URL, and nothing tells how else Mocean would find one: *assumed*.
Files = Annotated[str | tuple[str, ...], BeforeValidator(_one_or_several(checked_url))]
Numbers = Annotated[str | tuple[str, ...], BeforeValidator(_one_or_several(_number))]


def wire_name(name: str) -> str:
    """Return the wire's name of what has this name in Python."""
    return name.rstrip("_").replace("_", "-")


class Action(BaseModel):
    """Any one action."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=wire_name)

    def wire(self) -> dict[str, object]:
        """Return the action with the wire's names and types, less what was not given."""
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
    text: Words
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
        return copied_json(value, "action")

    def wire(self) -> dict[str, object]:
        """Return the action as it was given."""
        return dict(self.command)


ACTIONS: Final[Mapping[str, type[Action]]] = {
    "play": Play,
    "collect": Collect,
    "say": Say,
    "sleep": Sleep,
    "dial": Dial,
    "record": Record,
}
