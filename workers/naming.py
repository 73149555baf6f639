"""Naming: what a handler may be called, and by which earlier names its retries and dead letters are still found."""

import re
from collections.abc import Iterable
from typing import Final

_NAME: Final = re.compile(r"[^\W\d_][\w.:-]{0,99}")
_EARLIER_NAME: Final = re.compile(r"\S*\w\S*")  # a default one may have <locals> in it
_NOT_IN_A_NAME: Final = re.compile(r"[^\w.:-]+")
_LONGEST: Final = 100


def read_name(name: object) -> str | None:
    """Read the name that a declaration gives its handler; None where it gives none. Raises ValueError."""
    if name is None:
        return None
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    instead = _NOT_IN_A_NAME.sub("-", str(name)).lstrip("-.:_0123456789").rstrip("-.:")[:_LONGEST] or "greet"
    raise ValueError(
        f"name={name!r} must be text of up to {_LONGEST} letters, digits and . _ : - that begins with a letter;"
        f" write name={instead!r}"
    )


def read_aliases(aliases: object) -> tuple[str, ...]:
    """Read the earlier names of a handler, given or by default. Raises ValueError."""
    if isinstance(aliases, str) or not isinstance(aliases, Iterable):
        raise ValueError(f"aliases={aliases!r} must be a list of earlier names, such as aliases=['sms.greet']")
    listed = tuple(aliases)
    for alias in listed:
        if not isinstance(alias, str) or not _EARLIER_NAME.fullmatch(alias) or not alias.isprintable():
            raise ValueError(f"aliases: {alias!r} was never a handler's name; write it as `ringback dead ls` shows it")
    return tuple(dict.fromkeys(listed))
