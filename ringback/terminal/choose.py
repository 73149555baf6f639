"""Choose: what a person typed, and the one thing that it names."""

from collections.abc import Iterable, Mapping
from typing import Final

_SHORTEST_BEGINNING: Final = 4
_MOST_NAMED: Final = 5
_SHORT_ID: Final = 8


class ChoiceError(Exception):
    """What was typed names nothing, or several things. One line that says which."""


class Beginning:
    """An id, or how it begins, as it was typed; and what it may stand for. Of many candidates a few are kept."""

    def __init__(self, typed: str, things: str, absent: str) -> None:
        """`things`: what is looked for, in the plural. `absent`: the error where there is none."""
        self.typed = typed
        self._things = things
        self._absent = absent
        self._whole: str | None = None
        self._found: dict[str, str] = {}

    @property
    def is_settled(self) -> bool:
        """Whether no other id whose beginning this is would change anything."""
        too_short = len(self.typed) < _SHORTEST_BEGINNING
        return self._whole is not None or too_short or len(self._found) > _MOST_NAMED

    def offer(self, known: str, thing: str) -> None:
        """Take an id that is known into account; `thing` is what it leads to. Of one id's things the first counts."""
        if known == self.typed:
            self._whole = self._whole or thing
        elif not self.is_settled and known.startswith(self.typed):
            self._found.setdefault(known, thing)

    def only(self) -> str:
        """Return the thing whose id was typed whole, or the only one whose id begins so. Raises ChoiceError."""
        if self._whole is not None:
            return self._whole
        things = set(self._found.values())
        if len(things) == 1:
            return things.pop()
        if not things and len(self.typed) < _SHORTEST_BEGINNING:
            raise ChoiceError(f"{self._absent}; a beginning needs {_SHORTEST_BEGINNING} characters at least")
        if not things:
            raise ChoiceError(self._absent)
        named = ", ".join(list(self._found)[:_MOST_NAMED])
        if len(self._found) > _MOST_NAMED:
            raise ChoiceError(
                f"more than {_MOST_NAMED} {self._things} have ids that begin with {self.typed}, such as {named}; "
                "write more of it"
            )
        raise ChoiceError(
            f"{len(self._found)} {self._things} have ids that begin with {self.typed}: {named}; write more of it"
        )


def by_beginning(typed: str, ids: Iterable[str], things: str, absent: str) -> str:
    """Return the id that was typed, or the only one that begins so. Raises ChoiceError; see `Beginning`."""
    beginning = Beginning(typed, things, absent)
    for one in ids:
        beginning.offer(one, one)
    return beginning.only()


def short_length(ids: Iterable[str]) -> int:
    """Give how many characters of these ids tell one from another, eight at least."""
    known = set(ids)
    length = _SHORT_ID
    while len({one[:length] for one in known}) < len(known):
        length += 1
    return length


def handler_named(typed: str, names: Iterable[str], aliases: Mapping[str, str], what: str = "--handler") -> str | None:
    """Return the handler that is typed, whole or without its module; None where there is no such handler.

    `aliases`: earlier names of handlers and their present ones; the present one is returned. `what`: what the error
    calls it. Raises ChoiceError where several have the name.
    """
    known = {*names, *aliases, *aliases.values()}
    if typed in known:
        return aliases.get(typed, typed)
    found = sorted({aliases.get(name, name) for name in known if name.endswith(f".{typed}")})
    if len(found) > 1:
        raise ChoiceError(f'{what} "{typed}": write which of {", ".join(found)}')
    return found[0] if found else None
