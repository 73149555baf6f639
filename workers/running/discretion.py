"""Discretion: what a handler says of an event, fit for a log. What the event itself says is taken out of it."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import asdict

from ringback.schemas.events import Event
from ringback.schemas.parts import Part

# Of an event's data: who and what. Ids and states are no secret, and a log without them is of no use.
_PRIVATE: Final = frozenset(
    {"sender", "sender_name", "recipient", "caller", "callee", "number", "text", "content", "keyword", "digits"}
)
_PUBLIC: Final = frozenset({"type", "kind", "country", "mime_type"})
_SHORTEST: Final = 4  # what is shorter is also a part of other words
_SHOWN: Final = 200


def discreet(said: str, event: Event) -> str:
    """Give what was said in a line of at most 200 characters, with `…` for each text, name and number of the event."""
    line = " ".join(said.split())
    for value in sorted(set(_private(event)), key=len, reverse=True):
        line = line.replace(value, "…")
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def _private(event: Event) -> Iterator[str]:
    for value in _leaves({name: getattr(event.data, name) for name in _PRIVATE & set(event.data.__struct_fields__)}):
        for form in (" ".join(value.split()), value.removeprefix("+")):
            if len(form) >= _SHORTEST:
                yield form


def _leaves(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Part():
            yield from _leaves(asdict(value))
        case dict():
            for name, item in value.items():
                if name not in _PUBLIC:
                    yield from _leaves(item)
        case list() | tuple():
            for item in value:
                yield from _leaves(item)
