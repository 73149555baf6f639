"""Matching: the keywords of `@on`, checked against the types of the fields that they name, and prepared."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from types import NoneType, UnionType
from typing import Final, Union, get_args, get_origin, get_type_hints

from ringback.schemas.address import Address
from ringback.schemas.events import DATA_OF_TYPE, EventType
from ringback.workers.voice.filters import canonical

_LOWER_CASED: Final = {EventType.CALL_STATUS: ("status", "direction")}
_COMPARABLE: Final = (StrEnum, str, int, bool, Address, NoneType)


Match = tuple[str, bool, frozenset[object]]
"""A field of an event's data, whether it is an address, and the values of which it (or the address's) must be one.

A plain tuple with enum members in it, and not what would read better: it is compared for each event and handler.
"""


def read_matches(matches: Mapping[str, object], kinds: Iterable[EventType]) -> tuple[Match, ...]:
    """Read what a declaration says of fields, each a value or several. A value that one of the types may have will do.

    Raises ValueError where a type has no such field, or no event can ever match.
    """
    ordered = sorted(kinds, key=list(EventType).index)
    return tuple(_match(field, value, ordered) for field, value in matches.items())


def _match(field: str, value: object, kinds: Sequence[EventType]) -> Match:
    types: dict[object, None] = {}  # in the order of the types of events, as an error names their values
    for kind in kinds:
        known = get_type_hints(DATA_OF_TYPE[kind])
        if field not in known:
            raise ValueError(f"{kind} has no field {field!r}; it has {', '.join(sorted(known))}")
        types.update(dict.fromkeys(_types_of(known[field])))
    comparable = [one for one in types if isinstance(one, type) and issubclass(one, _COMPARABLE)]
    if len(comparable) < len(types):
        raise ValueError(f"{field}=… cannot be compared; write when=lambda event: event.data.{field} … instead")
    listed = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    if not listed:
        raise ValueError(f"{field}={value!r} is empty, so that no event would match")
    if any(field in _LOWER_CASED.get(kind, ()) for kind in kinds):
        for one in listed:
            if isinstance(one, str) and one != one.lower():
                raise ValueError(f"{field}={one!r} never matches: it is lower-cased; write {one.lower()!r}")
    return field, Address in comparable, frozenset(_read(field, one, comparable) for one in listed)


def _read(field: str, value: object, types: Sequence[type]) -> object:
    """Return a value as events of these types have it. Raises ValueError where none can."""
    if value is None and NoneType not in types:
        raise ValueError(f"{field}=None never matches: each event of these types has a {field}")
    if value is None or (type(value) in (bool, int) and type(value) in types):
        return value
    if Address in types and isinstance(value, Address):
        return value.value
    if not isinstance(value, str):
        raise ValueError(f"{field}={value!r} must be {_what(types)}")
    if Address in types:
        return canonical(field, value)
    choices = {choice.value: choice for one in types if issubclass(one, StrEnum) for choice in one}
    if str in types or value in choices:
        return choices.get(value, str(value))
    if not choices:
        raise ValueError(f"{field}={value!r} must be {_what(types)}")
    if others := [kind for kind in EventType if value in _choices(field, kind)]:
        raise ValueError(
            f"{field}={value!r} never matches: it is for {', '.join(others)}; write one of {', '.join(choices)}"
        )
    nearest = get_close_matches(value.strip().lower(), choices, n=1)
    meant = f"{nearest[0]!r}, or else one" if nearest else "one"
    raise ValueError(
        f"{field}={value!r} never matches; write {meant} of {', '.join(one for one in choices if one not in nearest)}"
    )


def _types_of(annotation: object) -> tuple[object, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _choices(field: str, kind: EventType) -> tuple[str, ...]:
    """Return the values that a field of this type of event may have, where they are a list of words."""
    known = get_type_hints(DATA_OF_TYPE[kind]).get(field)
    enums = [one for one in _types_of(known) if isinstance(one, type) and issubclass(one, StrEnum)] if known else []
    return tuple(word.value for one in enums for word in one)


def _what(types: Sequence[type]) -> str:
    if bool in types:
        return "True or False"
    return "a whole number" if int in types else "text, in quotes"
