"""What a WhatsApp message consists of (Mocean document, "WhatsApp API", "Send WhatsApp", "Content").

The models have the names of the builders in `ringback.wa`; `wire` writes them as the document has them. What the
document leaves open is marked *assumed*: `RawContent` passes on what these checks would refuse. Interactive contents
are in `wa_interactive`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from ringback.schemas.field_types import Count, Url, Words, copied_json, not_blank

CAPTIONED: Final = ("image", "video", "document")
"""The media that take a caption. The document names images alone; videos and documents have one inbound: *assumed*."""
HEADERS: Final = ("image", "video", "document")
MOST_BUTTONS: Final = 3

# Any pictograph: new ones come every year, and the document takes "all emojis supported by Android and iOS devices".
_PICTOGRAPH: Final = (
    "[©®\u203c\u2049™\u2139\u2194-\u21aa\u2300-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001f1e5\U0001f200-\U0001faff]"
)
_SHADED: Final = rf"{_PICTOGRAPH}(?:\ufe0f|[\U0001f3fb-\U0001f3ff])?(?:[\U000e0020-\U000e007e]+\U000e007f)?"
_FLAG: Final = "[\U0001f1e6-\U0001f1ff]{2}"
_KEYCAP: Final = "[0-9#*]\ufe0f?\u20e3"
_EMOJI: Final = re.compile(rf"{_FLAG}|{_KEYCAP}|{_SHADED}(?:\u200d{_SHADED})*")
"""One emoji: a flag, a key, or pictographs that are joined to one."""

_WRONG_TYPE: Final = {
    "string_type": "must be a text",
    "bool_type": "must be True or False",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "greater_than_equal": "must be 0 or more",
    "model_type": "must be what wa.section or wa.product_section makes",
}
"""Pydantic's types of errors, and what we say of them."""


class WaError(ValueError):
    """A WhatsApp content that Mocean would refuse (its codes 72, 92, 94): which content, which field, what is wrong.

    `field` has the builder's name, with positions from 0, as in `rows[2].title`. Texts, numbers, ids and URLs are not
    quoted: the message goes to the log.
    """

    def __init__(self, reason: str, *, content: str, field: str | None = None) -> None:
        super().__init__(f"{content}, {field}: {reason}" if field else f"{content}: {reason}")
        self.reason = reason
        self.content = content
        self.field = field


class ContentPart(BaseModel):
    """Whatever a content is made of. Its repr has no text, number or URL."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_by_name=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    __str__ = __repr__

    def wire(self) -> dict[str, object]:
        """Return it with the wire's names and types, less what was not given."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


class WaContent(ContentPart):
    """Any one content: `wire` returns the value of `mocean-content`."""


Content: TypeAlias = WaContent
"""What it is called in `ringback.wa`. What a message from an end user consists of is a class of its own."""


PartT = TypeVar("PartT", bound=ContentPart)


def make_part(model: type[PartT], builder: str, /, **fields: object) -> PartT:
    """Make a content, or a part of one. Raises WaError naming the builder and the first field that is wrong."""
    try:
        return model.model_validate(fields, by_alias=False, by_name=True)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        reason = _WRONG_TYPE.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        raise WaError(reason, content=builder, field=_path(problem["loc"])) from None


def _path(steps: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def some(least: int, most: int | None = None) -> Callable[[tuple[object, ...]], tuple[object, ...]]:
    """Return a check that a field has at least so many items, and at most so many."""

    def counted(items: tuple[object, ...]) -> tuple[object, ...]:
        if len(items) < least or (most is not None and len(items) > most):
            limits = f"at least {least}" if most is None else f"at most {most}" if least == 0 else f"{least} to {most}"
            raise ValueError(f"has {len(items)} items; write {limits}")
        return items

    return counted


def _listed(value: object) -> object:
    if isinstance(value, str | bytes | Mapping | BaseModel) or not isinstance(value, Iterable):
        raise ValueError(f"must be a list, not {type(value).__name__}")
    return tuple(value)


Listed = BeforeValidator(_listed)
"""Takes a list or whatever yields items, but not a text letter by letter."""
ReplyTo = Annotated[Words | None, Field(serialization_alias="reply_to_msg_id")]


class TextContent(WaContent):
    """A text ("Text Content"). Its longest is "the maximum character limit imposed by the destination channel"."""

    type: Literal["text"] = "text"
    text: Words
    preview_url: StrictBool | None = None
    reply_to: ReplyTo = None


class MediaContent(WaContent):
    """An image, audio, document, video or sticker at a URL ("Rich Media Content")."""

    type: Literal["image", "audio", "document", "video", "sticker"]
    url: Annotated[Url, Field(serialization_alias="rich_media_url")]
    caption: Annotated[Words | None, Field(serialization_alias="text")] = None
    name: Words | None = None
    reply_to: ReplyTo = None

    @field_validator("caption")
    @classmethod
    def _where_one_is_shown(cls, caption: str | None, info: ValidationInfo) -> str | None:
        if caption is not None and info.data.get("type") not in CAPTIONED:
            raise ValueError(f"only {', '.join(CAPTIONED)} have one; send a text of its own")
        return caption

    @field_validator("name")
    @classmethod
    def _of_a_document(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is not None and info.data.get("type") != "document":
            raise ValueError("only a document has one")
        return name


class ReactionContent(WaContent):
    """An emoji on a message, or none, which takes the one before away ("Reaction Content")."""

    type: Literal["reaction"] = "reaction"
    emoji: Annotated[str, Field(serialization_alias="text")]
    reply_to: Annotated[Words, Field(serialization_alias="reply_to_msg_id")]

    @field_validator("emoji")
    @classmethod
    def _one_or_none(cls, emoji: str) -> str:
        if emoji and not _EMOJI.fullmatch(emoji):
            raise ValueError("must be one emoji")
        return emoji


def _header(value: object) -> object:
    """Check what the document has of the headers of templates and of interactive contents alike."""
    if value is None:
        raise ValueError("is missing; write a text, or wa.image, wa.video or wa.document")
    if isinstance(value, str):
        return not_blank(value)
    if not isinstance(value, MediaContent):
        raise ValueError(f"must be a text, or wa.image, wa.video or wa.document, not {type(value).__name__}")
    if value.type not in HEADERS:
        raise ValueError(f"{value.type} is no header; write a text, or wa.image, wa.video or wa.document")
    if value.caption is not None:
        raise ValueError("the medium of a header has no caption; leave it out")
    if value.reply_to is not None:
        raise ValueError("the medium of a header has no reply_to; leave it out")
    return value


Header = Annotated[str | MediaContent, BeforeValidator(_header)]


def written(shown: str | MediaContent) -> dict[str, object]:
    """Return a header, body, footer or parameter with the wire's names. `"type":"text"` as in the document's tables."""
    return shown.wire() if isinstance(shown, MediaContent) else {"type": "text", "text": shown}


class TemplateButton(ContentPart):
    """What a button of a template lacks: a payload, or the end of a URL or a code. `index` as in the template."""

    index: Count = Field(ge=0)
    parameter: Words


def _indexed(value: object) -> object:
    if isinstance(value, Mapping):
        return tuple({"index": index, "parameter": parameter} for index, parameter in value.items())
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ValueError(f"must be a list, or a dict by index, not {type(value).__name__}")
    return tuple({"index": index, "parameter": parameter} for index, parameter in enumerate(value))


TemplateButtons = Annotated[
    tuple[TemplateButton, ...], BeforeValidator(_indexed), AfterValidator(some(0, MOST_BUTTONS))
]


class TemplateContent(WaContent):
    """A template that Meta has approved, with what its variables stand for ("Templates")."""

    name: Words
    language: Words
    header: Header | None = None
    body: Annotated[tuple[Words, ...], Listed] = ()
    quick_replies: TemplateButtons = ()
    url_parameters: TemplateButtons = ()

    @field_validator("url_parameters")
    @classmethod
    def _one_type(cls, buttons: tuple[TemplateButton, ...], info: ValidationInfo) -> tuple[TemplateButton, ...]:
        if buttons and info.data.get("quick_replies"):
            raise ValueError("all buttons are of one type; write either quick_replies or url_parameters")
        return buttons

    def wire(self) -> dict[str, object]:
        """Return the template with the wire's names, less the parameters that it does not have."""
        parameters = {
            "header_params": [] if self.header is None else [written(self.header)],
            "body_params": [written(text) for text in self.body],
            "wa_buttons": [
                *({"type": "quick_reply", "index": one.index, "payload": one.parameter} for one in self.quick_replies),
                *({"type": "url", "index": one.index, "url_parameter": one.parameter} for one in self.url_parameters),
            ],
        }
        given = {name: of_it for name, of_it in parameters.items() if of_it}
        return {"type": "template", "wa_template": {"name": self.name, "language": self.language, **given}}


class RawContent(WaContent):
    """A content that the document does not know yet. It is passed on as it is."""

    content: dict[str, JsonValue]

    @field_validator("content", mode="before")
    @classmethod
    def _of_json(cls, value: object) -> object:
        return copied_json(value, "type")

    def wire(self) -> dict[str, object]:
        """Return the content as it was given."""
        return dict(self.content)
