"""Callbacks: what a provider module declares. A table of (path, method, needed fields, function), and drafts of events.

A provider module has no HTTP, no Redis and no clock: fields in, draft out. What every callback needs (secret, parsing,
context, raw, id, envelope, quarantine) is done once, around it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from ringback.receiver.parsing.fields import Fields
from ringback.schemas.event_data import Data

Method = Literal["PUT", "POST"]


class Normalised(NamedTuple):
    """What a callback says, before it has an id and an envelope.

    `identity`: what makes two callbacks the same one (contract, section 2); None makes each request a new event.
    `time`: when it happened; naive is in the provider's zone; None is the receive time.
    `party`: the conversation that it belongs to, which keeps its order: an address or a call session.
    """

    data: Data
    subject: str | None = None
    identity: tuple[str, ...] | None = None
    time: datetime | None = None
    party: str | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """A mandatory field: any one of `names` (dotted for a nested one) will do. `addresses` may be Contact objects."""

    names: tuple[str, ...]
    may_be_empty: bool = False
    addresses: tuple[str, ...] = ()

    def met(self, fields: Fields) -> bool:
        """Tell whether the callback has it: as a scalar, so that the function which reads it finds text."""
        for dotted in self.names:
            plain = fields.raw.get(dotted)
            if type(plain) is str and (self.may_be_empty or plain.strip()):  # nearly always, and quicker than the walk
                return True
            holder, name = fields.at(dotted)
            text = holder.scalar(name)
            if text is not None and (self.may_be_empty or text.strip()):
                return True
            if dotted in self.addresses and holder.address(name) is not None:
                return True
        return False

    def is_there(self, fields: Fields) -> bool:
        """Whether there is an object or an array under one of the names, where text belongs."""
        return any(isinstance(holder.get(name), dict | list) for holder, name in map(fields.at, self.names))

    def __str__(self) -> str:
        return " or ".join(self.names)


def any_of(*names: str, may_be_empty: bool = False) -> Need:
    """Declare that one of several fields is mandatory."""
    return Need(names, may_be_empty)


def an_address(*names: str) -> Need:
    """Declare that an address, in one of several fields, is mandatory."""
    return Need(names, addresses=names)


Normalise = Callable[[Fields], Normalised]


@dataclass(frozen=True, slots=True)
class Callback:
    """One kind of callback of one provider. `name` is its path under `/webhooks/`, and its name everywhere else.

    `marks` are fields, not mandatory, that tell it from others with the same mandatory ones.
    """

    provider: str
    path: str
    method: Method
    needs: tuple[Need, ...]
    normalise: Normalise
    wants_answer: bool = False
    marks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`mocean/delivery-report`: how people call it."""
        return self.provider + self.path

    def missing(self, fields: Fields) -> Need | None:
        """Give the first mandatory field that the callback lacks."""
        for need in self.needs:
            if not need.met(fields):
                return need
        return None

    def is_marked(self, fields: Fields) -> bool:
        """Tell whether the callback has a field that only this kind has."""
        return any(fields.word(mark) is not None for mark in self.marks)


class Callbacks:
    """The callbacks of one provider, in the order of its document."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self._declared: list[Callback] = []

    def __iter__(self) -> Iterator[Callback]:
        return iter(self._declared)

    def at(
        self,
        path: str,
        *,
        method: Method,
        needs: tuple[str | Need, ...],
        wants_answer: bool = False,
        marks: tuple[str, ...] = (),
    ) -> Callable[[Normalise], Normalise]:
        """Declare the function that reads the callback at `path`, below `/webhooks/<provider>`.

        `method` is the documented one; all of PUT, POST and GET are accepted. `wants_answer` marks a call that waits
        for a Mocean Command. `marks` tell it from callbacks with the same needs, when one comes to a wrong path.
        """

        def declare(normalise: Normalise) -> Normalise:
            needed = tuple(need if isinstance(need, Need) else Need((need,)) for need in needs)
            self._declared.append(Callback(self.provider, path, method, needed, normalise, wants_answer, marks))
            return normalise

        return declare
