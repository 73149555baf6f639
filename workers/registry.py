"""Registry: which handlers there are, and what each wants.

The decorators only mark a function; `workers.discovery` collects the marked functions of the user's modules. So nothing
is registered by an import alone, and a test can make as many registries as it likes.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from schemas.events import DATA_OF_TYPE, CallIncomingEvent, CallInputEvent, Event, EventType
from workers.filters import CallFilter, Values

DEFAULT_RETRY_S: Final = (5, 30, 120, 600, 3600)
DEFAULT_TIMEOUT_S: Final = 60.0
EVERY_TYPE: Final = "*"
_MARK: Final = "__ringback__"

Function = TypeVar("Function", bound=Callable[..., object])


class HandlerError(Exception):
    """A handler is declared wrongly. The message names the function, its place and what to write."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What an event handler wants, and how it is to be run."""

    types: frozenset[EventType]
    matches: tuple[tuple[str, object], ...]
    when: Callable[[Event], bool] | None
    advanced: bool | None
    retry: tuple[int, ...]
    timeout: float


@dataclass(frozen=True, slots=True)
class Handler:
    """A function of the user's that runs on events."""

    name: str
    function: Callable[..., object]
    subscription: Subscription
    takes_context: bool
    is_async: bool

    def wants(self, event: Event, *, advanced: bool | None) -> bool:
        """Tell whether this event is for this handler. `when` is the user's and may raise."""
        wanted = self.subscription
        if wanted.advanced is not None and wanted.advanced is not advanced:
            return False
        for name, value in wanted.matches:
            actual = getattr(event.data, name)
            if actual not in value if isinstance(value, frozenset) else actual != value:
                return False
        return wanted.when is None or bool(wanted.when(event))


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
    """The handlers of one deployment."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    calls: dict[str, CallHandler] = field(default_factory=dict)
    _by_type: dict[EventType, list[Handler]] = field(default_factory=lambda: {kind: [] for kind in EventType})

    def of_type(self, kind: EventType) -> Sequence[Handler]:
        """Give the handlers that may want an event of this type, in the order of their declaration."""
        return self._by_type[kind]

    def answering(self, event: CallIncomingEvent | CallInputEvent) -> CallHandler | None:
        """Give the one handler that answers a call; None where there is none."""
        step = None if isinstance(event, CallIncomingEvent) else event.data.step or ""
        handlers = [handler for handler in self.calls.values() if handler.filter.step == step]
        for handler in handlers:
            if not handler.filter.otherwise and handler.filter.fits(event.data):
                return handler
        return next((handler for handler in handlers if handler.filter.otherwise), None)

    def add(self, function: Callable[..., object]) -> None:
        """Take a marked function in.

        Raises HandlerError where it could answer a call that another one answers too.
        """
        for number, mark in enumerate(marks(function), 1):
            name = f"{function.__module__}.{function.__qualname__}" + (f"#{number}" if number > 1 else "")
            takes_context = _takes_context(function)
            is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
            if isinstance(mark, Subscription):
                handler = Handler(name, function, mark, takes_context, is_async)
                self.handlers[name] = handler
                for kind in mark.types:
                    self._by_type[kind].append(handler)
            else:
                for other in self.calls.values():
                    if mark.overlaps(other.filter):
                        raise HandlerError(_both_answer(function, other.function, mark))
                self.calls[name] = CallHandler(name, function, mark, takes_context, is_async)


def on(
    *types: str,
    when: Callable[[Event], bool] | None = None,
    advanced: bool | None = None,
    retry: Iterable[int] = DEFAULT_RETRY_S,
    timeout: float = DEFAULT_TIMEOUT_S,
    **matches: object,
) -> Callable[[Function], Function]:
    """Run the function on each event of these types (`"*"`: of all).

    Keywords match fields of the event's data: a value must be equal, of a list, tuple or set one must be. `when` takes
    the event and decides the rest. `advanced` looks at whether a status moved its message forward. `retry`: pauses in
    whole seconds before each further attempt (jitter is added); none means a failure is final at once. `timeout`:
    seconds that one run may take.

    Raises HandlerError at once where a type, a field or a number makes no sense.
    """

    misused: object = types[0] if types else None
    if misused is not None and not isinstance(misused, str):
        # A bare @on would replace the function by one that nobody finds.
        where = place(misused) if inspect.isfunction(misused) else repr(misused)
        raise HandlerError(f"{where}: write @on(type of event, …) with the type in parentheses, in quotes")

    def mark(function: Function) -> Function:
        _must_be_function(function, "on")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise HandlerError(f"{place(function)}: it has a yield, so that calling it runs nothing; take that out")
        kinds = _kinds(function, types)
        for kind in kinds:
            for name in matches:
                if name not in DATA_OF_TYPE[kind].model_fields:
                    known = ", ".join(sorted(DATA_OF_TYPE[kind].model_fields))
                    raise HandlerError(f"{place(function)}: {kind} has no field {name!r}; it has {known}")
        asked: object = retry
        if not isinstance(asked, Iterable) or isinstance(asked, str):
            raise HandlerError(f"{place(function)}: retry={retry!r} must be a list of whole seconds, such as [5, 60]")
        pauses = tuple(retry)
        if any(type(pause) is not int or pause < 0 for pause in pauses):
            raise HandlerError(f"{place(function)}: retry={list(pauses)} must be whole seconds")
        if isinstance(timeout, bool) or not isinstance(timeout, int | float):
            raise HandlerError(f"{place(function)}: timeout={timeout!r} must be a number of seconds")
        if when is not None and not callable(when):
            raise HandlerError(f"{place(function)}: when={when!r} must be a function that takes the event")
        if timeout <= 0:
            raise HandlerError(f"{place(function)}: timeout={timeout} must be more than 0 seconds")
        wanted = tuple(
            (name, frozenset(value) if isinstance(value, list | tuple | set | frozenset) else value)
            for name, value in matches.items()
        )
        return _mark(function, Subscription(kinds, wanted, when, advanced, pauses, timeout))

    return mark


def answer(
    *misused: object, callee: Values | None = None, caller: Values | None = None, otherwise: bool = False
) -> Callable[[Function], Function]:
    """Answer new calls with the function: it is given the call (`voice.Incoming`) and returns an MC.

    `callee`, `caller`: only calls to, or from, one of these numbers. `otherwise`: the calls that no other one wants.
    No two handlers may want the same call: that is a HandlerError at the start.
    """
    if misused:
        raise HandlerError(_bare(misused[0], "voice.answer"))
    return _answers("voice.answer", None, callee=callee, caller=caller, otherwise=otherwise)


def collect(
    step: str = "",
    *,
    digits: Values | None = None,
    callee: Values | None = None,
    caller: Values | None = None,
    otherwise: bool = False,
) -> Callable[[Function], Function]:
    """Answer the digits of `mc.collect(step=…)`: the function is given the call (`voice.Input`) and returns an MC.

    `digits`: only these, each value a whole input, "" for none in time; the rest as in `answer`. Without a step it
    answers `…/voice/collect`, for an `event-url` that was written by hand.
    """
    if not isinstance(step, str):
        raise HandlerError(_bare(step, "voice.collect"))
    return _answers("voice.collect", step, digits=digits, callee=callee, caller=caller, otherwise=otherwise)


def _answers(
    decorator: str,
    step: str | None,
    *,
    digits: Values | None = None,
    callee: Values | None,
    caller: Values | None,
    otherwise: bool,
) -> Callable[[Function], Function]:
    def mark(function: Function) -> Function:
        _must_be_function(function, decorator)
        try:
            wanted = CallFilter.of(step, digits=digits, callee=callee, caller=caller, otherwise=otherwise)
        except ValueError as error:
            raise HandlerError(f"{place(function)}: {error}") from None
        return _mark(function, wanted)

    return mark


def marks(function: object) -> tuple[Subscription | CallFilter, ...]:
    """Give what the decorators left on a function."""
    found: tuple[Subscription | CallFilter, ...] = getattr(function, _MARK, ())
    return found


def place(function: Callable[..., object]) -> str:
    """Say where a function is: `greet (handlers.py, line 12)`."""
    code = inspect.unwrap(function).__code__
    return f"{function.__qualname__} ({code.co_filename.rpartition('/')[2]}, line {code.co_firstlineno})"


def _bare(misused: object, decorator: str) -> str:
    """Say that the parentheses are missing; a bare decorator would replace the function by one that nobody finds."""
    where = place(misused) if inspect.isfunction(misused) else repr(misused)
    return f"{where}: write @{decorator}(…) with parentheses"


def _both_answer(function: Callable[..., object], other: Callable[..., object], wanted: CallFilter) -> str:
    apart = "callee=, caller=" if wanted.step is None else "digits=, callee=, caller="
    return (
        f"{place(function)}: {wanted} can also be for {place(other)};"
        f" keep one, or tell them apart by {apart} or otherwise=True"
    )


def _mark(function: Function, mark: Subscription | CallFilter) -> Function:
    namespace = getattr(function, "__globals__", {})
    earlier = namespace.get(function.__name__)
    # The later of two functions of one name would silently take the place of the earlier.
    if earlier is not None and marks(earlier) and inspect.isfunction(earlier) and place(earlier) != place(function):
        raise HandlerError(f"{place(function)}: {place(earlier)} has the same name; rename one")
    setattr(function, _MARK, (*marks(function), mark))
    return function


def _must_be_function(function: object, decorator: str) -> None:
    if not inspect.isfunction(function):
        raise HandlerError(f"@{decorator}(…) takes a function, and {function!r} is none")
    within = function.__qualname__.rpartition(".")[0]
    if within and not within.endswith("<locals>"):
        raise HandlerError(
            f"{place(function)}: @{decorator}(…) is not for the methods of a class, which nobody calls; take the "
            "function out of the class"
        )


def _kinds(function: Callable[..., object], types: tuple[str, ...]) -> frozenset[EventType]:
    if EVERY_TYPE in types:
        return frozenset(EventType)
    unknown = [kind for kind in types if kind not in set(EventType)]
    if unknown or not types:
        known = ", ".join(EventType)
        raise (
            HandlerError(f"{place(function)}: {unknown[0]!r} is no type of event; use {known} or *")
            if unknown
            else (HandlerError(f"{place(function)}: @on needs a type of event; use {known} or *"))
        )
    return frozenset(EventType(kind) for kind in types)


def _takes_context(function: Callable[..., object]) -> bool:
    """Tell whether to call it with the event and the context, or the event alone."""
    parameters = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
    ]
    if not 1 <= len(parameters) <= 2:
        raise HandlerError(f"{place(function)}: a handler takes (event) or (event, ctx)")
    return len(parameters) == 2
