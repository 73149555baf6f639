"""Choose: what a person typed, and the one thing that it names."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import TypeAdapter, ValidationError

from schemas.settings import Duration

_DURATION: Final[TypeAdapter[timedelta]] = TypeAdapter(Duration)
_SHORT_ID: Final = 8


class ChoiceError(Exception):
    """What was typed names nothing, or several things. One line that says which."""


def by_prefix(typed: str, ids: Iterable[str], what: str) -> str:
    """Give the id that is typed, or the only one that begins so; `what` are the things, in the plural.

    Raises ChoiceError.
    """
    found = [one for one in ids if typed and one.startswith(typed)]
    if typed in found:
        return typed
    if not found:
        raise ChoiceError(f"none of the {what} has the id {typed}")
    if len(found) > 1:
        raise ChoiceError(f"{len(found)} {what} have ids that begin with {typed}; write more of it")
    return found[0]


def short_length(ids: Iterable[str]) -> int:
    """Give how many characters of these ids tell one from another, eight at least."""
    known = set(ids)
    length = _SHORT_ID
    while len({one[:length] for one in known}) < len(known):
        length += 1
    return length


def handler_named(typed: str, names: Iterable[str]) -> str | None:
    """Give the handler that is typed, whole or without its module; None where there is no such handler.

    Raises ChoiceError where several have the name.
    """
    found = sorted({name for name in names if name == typed or name.endswith(f".{typed}")})
    if typed in found:
        return typed
    if len(found) > 1:
        raise ChoiceError(f'--handler "{typed}": write which of {", ".join(found)}')
    return found[0] if found else None


def since(typed: str, now: datetime) -> datetime:
    """Read a duration that ended now (`90s`, `2h`, `7d`; a bare number is in seconds), or a time in RFC 3339.

    Raises ChoiceError.
    """
    try:
        return now - _DURATION.validate_python(typed)
    except (ValidationError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ChoiceError(f'--since "{typed}": write a duration such as 2h, or a time such as 2026-03-02T08:00:00Z')
    return moment.astimezone(UTC)
