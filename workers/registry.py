"""Registry: the handlers of one deployment, and which of them an event or a call is for.

A test can make as many registries as it likes.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ringback.schemas.events import CallIncomingEvent, CallInputEvent, Event, EventType
from ringback.workers.marks import HandlerError, Lifespan, Subscription, marks, place
from ringback.workers.voice.filters import CallFilter


@dataclass(frozen=True, slots=True)
class Handler:
    """A function of the user's that runs on events. `aliases`: its earlier names."""

    name: str
    function: Callable[..., object]
    subscription: Subscription
    takes_context: bool
    is_async: bool
    aliases: tuple[str, ...] = ()

    def wants(self, event: Event, *, advanced: bool | None) -> bool:
        """Whether this event is for this handler. `when` is the user's and may raise."""
        when = self.subscription.when
        return self.matches(event, advanced=advanced) and (when is None or bool(when(event)))

    def matches(self, event: Event, *, advanced: bool | None) -> bool:
        """Whether this event is for this handler as far as its filters say; `when` decides the rest."""
        wanted = self.subscription
        if wanted.advanced is not None and wanted.advanced is not advanced:
            return False
        for name, is_address, values in wanted.matches:
            actual = getattr(event.data, name)
            if is_address and actual is not None:
                actual = actual.value
            if actual not in values:
                return False
        return True


@dataclass(frozen=True, slots=True)
class CallHandler:
    """A function of the user's that answers calls. `is_async`: also as an async generator."""

    name: str
    function: Callable[..., object]
    filter: CallFilter
    takes_context: bool
    is_async: bool


@dataclass(slots=True)
class Registry:
    """The handlers of one deployment, by name. `aliases`: earlier names of event handlers, and their present ones."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    calls: dict[str, CallHandler] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    lifespans: list[Callable[[], object]] = field(default_factory=list)
    _places: dict[str, str] = field(default_factory=dict)
    _by_type: dict[EventType, list[Handler]] = field(default_factory=lambda: {kind: [] for kind in EventType})

    def find(self, name: str) -> Handler | None:
        """Return the handler of events that has this name, or had it before; None where there is none."""
        return self.handlers.get(self.aliases.get(name, name))

    def of_type(self, kind: EventType) -> Sequence[Handler]:
        """Return the handlers that may want an event of this type, in the order of their declaration."""
        return self._by_type[kind]

    def answering(self, event: CallIncomingEvent | CallInputEvent) -> CallHandler | None:
        """Return the one handler that answers a call; None where there is none."""
        step = None if isinstance(event, CallIncomingEvent) else event.data.step or ""
        handlers = [handler for handler in self.calls.values() if handler.filter.step == step]
        for handler in handlers:
            if not handler.filter.otherwise and handler.filter.fits(event.data):
                return handler
        return next((handler for handler in handlers if handler.filter.otherwise), None)

    def add(self, function: Callable[..., object]) -> None:
        """Add a marked function.

        Raises HandlerError where another one has its name, or could answer a call that it answers too.
        """
        for number, mark in enumerate(marks(function), 1):
            if isinstance(mark.wanted, Lifespan):
                self.lifespans.append(function)
                continue
            by_default = f"{function.__module__}.{function.__qualname__}" + (f"#{number}" if number > 1 else "")
            name = mark.name or by_default
            self._take_name(name, mark.place)
            takes_context = _takes_context(function)
            is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
            if isinstance(mark.wanted, Subscription):
                aliases = tuple(alias for alias in mark.aliases if alias != name)
                for alias in aliases:
                    self._take_name(alias, mark.place, name)
                handler = Handler(name, function, mark.wanted, takes_context, is_async, aliases)
                self.handlers[name] = handler
                for kind in mark.wanted.types:
                    self._by_type[kind].append(handler)
            else:
                for other in self.calls.values():
                    if mark.wanted.overlaps(other.filter):
                        raise HandlerError(_both_answer(function, other.function, mark.wanted))
                self.calls[name] = CallHandler(name, function, mark.wanted, takes_context, is_async)

    def _take_name(self, name: str, place: str, present: str | None = None) -> None:
        """Take a name for the handler of a place; `present`: it is an alias, of the handler that is called so now."""
        if (other := self._places.get(name)) is not None:
            mine = "name" if present is None else "alias"
            theirs = "an alias" if name in self.aliases else "the name"
            fix = f"give each its own with name=…, such as name={_another(name)!r}" if present is None else "keep one"
            raise HandlerError(f"{place}: its {mine} {name} is also {theirs} of {other}; {fix}")
        self._places[name] = place
        if present is not None:
            self.aliases[name] = present


def _another(name: str) -> str:
    """Return a name to suggest beside a default one, which may have `<locals>` in it."""
    return f"{name.partition('#')[0].rpartition('.')[2]}-2"


def _both_answer(function: Callable[..., object], other: Callable[..., object], wanted: CallFilter) -> str:
    apart = "callee=, caller=" if wanted.step is None else "digits=, callee=, caller="
    return (
        f"{place(function)}: {wanted} can also be for {place(other)};"
        f" keep one, or tell them apart by {apart} or otherwise=True"
    )


def _takes_context(function: Callable[..., object]) -> bool:
    """Whether to call it with the event and the context; else with the event alone."""
    parameters = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
    ]
    if not 1 <= len(parameters) <= 2:
        raise HandlerError(f"{place(function)}: a handler takes (event) or (event, ctx)")
    return len(parameters) == 2
