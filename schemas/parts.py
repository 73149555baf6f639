"""Parts: what events are made of. Frozen structs, words of lists that may get longer, times; and how they are written.

What is None is left out, and nothing else: msgspec leaves out what is the default, and what `dict` or `tuple` makes as
one. So what has another default is made by a function of ours.
"""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import msgspec

if TYPE_CHECKING:
    from pydantic import JsonValue as JsonValue
else:
    JsonValue = Any  # which is what reads JSON of any kind

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware time; one without a zone is not read. It is written in RFC 3339, with `Z` where it is in UTC."""


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A piece of an event, or a whole one. Nobody can change it, save what is in its dicts.

    Nothing that it is made of leads back to it, so the garbage collector need not look (`gc=False`).
    """


class Word(StrEnum):
    """A word of a list that may get longer.

    One that a newer version wrote is read as `unknown`, or as itself where the list has no such word: the rest of the
    event is none the worse for it.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        known = cls.__members__.get("UNKNOWN")
        if known is not None:
            return known
        made = str.__new__(cls, value)
        made._name_ = made._value_ = value
        return made


def to_json(part: Part) -> bytes:
    """Return an event, or a part of one, as JSON."""
    return _ENCODER.encode(part)


def time_as_written(time: datetime) -> str:
    """Return a time as it stands in an event's JSON."""
    return _ENCODER.encode(time)[1:-1].decode()  # several times as quick as its own `isoformat`


def to_document(part: Part) -> dict[str, Any]:
    """Return an event, or a part of one, as what its JSON is in Python."""
    document: dict[str, Any] = msgspec.json.decode(to_json(part))
    return document


def _plain(value: object) -> str:
    """Return a text of a type of its own, such as a number as it was written, as a plain one."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not written in JSON")


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_plain)
