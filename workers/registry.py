"""Registry: which handlers there are, and what each wants.

The decorators only mark a function; `workers.discovery` collects the marked functions of the user's modules. So nothing
is registered by an import alone, and a test can make as many registries as it likes.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from schemas.events import DATA_OF_TYPE, Event, EventType

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
class CallSubscription:
    """What a voice handler answers: a new call (`step` None) or the digits of a step."""

    step: str | None


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
    """A function of the user's that answers calls."""

    name: str
    function: Callable[..., object]
    step: str | None
    takes_context: bool
    is_async: bool


@dataclass(slots=True)
class Registry:
    """The handlers of one deployment."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    calls: dict[str | None, CallHandler] = field(default_factory=dict)
    _by_type: dict[EventType, list[Handler]] = field(default_factory=lambda: {kind: [] for kind in EventType})

    def of_type(self, kind: EventType) -> Sequence[Handler]:
        """Give the handlers that may want an event of this type, in the order of their declaration."""
        return self._by_type[kind]

    def add(self, function: Callable[..., object]) -> None:
        """Take a marked function in.

        Raises HandlerError where it would answer a call that another one answers already.
        """
        for number, mark in enumerate(marks(function), 1):
            name = f"{function.__module__}.{function.__qualname__}" + (f"#{number}" if number > 1 else "")
            takes_context, is_async = _takes_context(function), inspect.iscoroutinefunction(function)
            if isinstance(mark, Subscription):
                handler = Handler(name, function, mark, takes_context, is_async)
                self.handlers[name] = handler
                for kind in mark.types:
                    self._by_type[kind].append(handler)
            else:
                if other := self.calls.get(mark.step):
                    what = "a new call" if mark.step is None else f"the step {mark.step!r}"
                    raise HandlerError(
                        f"{place(function)}: {what} is already answered by {place(other.function)}; keep one"
                    )
                self.calls[mark.step] = CallHandler(name, function, mark.step, takes_context, is_async)


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
    if inspect.isfunction(misused):  # a bare @on would replace the function by one that nobody finds
        raise HandlerError(f"{place(misused)}: write @on(type of event, …) with the type in parentheses")

    def mark(function: Function) -> Function:
        _must_be_function(function, "on")
        kinds = _kinds(function, types)
        for kind in kinds:
            for name in matches:
                if name not in DATA_OF_TYPE[kind].model_fields:
                    known = ", ".join(sorted(DATA_OF_TYPE[kind].model_fields))
                    raise HandlerError(f"{place(function)}: {kind} has no field {name!r}; it has {known}")
        pauses = tuple(retry)
        if any(type(pause) is not int or pause < 0 for pause in pauses):
            raise HandlerError(f"{place(function)}: retry={list(pauses)} must be whole seconds")
        if timeout <= 0:
            raise HandlerError(f"{place(function)}: timeout={timeout} must be more than 0 seconds")
        wanted = tuple(
            (name, frozenset(value) if isinstance(value, list | tuple | set | frozenset) else value)
            for name, value in matches.items()
        )
        return _mark(function, Subscription(kinds, wanted, when, advanced, pauses, timeout))

    return mark


def answer() -> Callable[[Function], Function]:
    """Answer new calls with the function: it is given the `call.incoming` event and returns an MC."""

    def mark(function: Function) -> Function:
        _must_be_function(function, "voice.answer")
        return _mark(function, CallSubscription(None))

    return mark


def collect(step: str) -> Callable[[Function], Function]:
    """Answer the digits of `mc.collect(step=…)`: the function is given the `call.input` event and returns an MC."""

    def mark(function: Function) -> Function:
        _must_be_function(function, "voice.collect")
        return _mark(function, CallSubscription(step))

    return mark


def marks(function: object) -> tuple[Subscription | CallSubscription, ...]:
    """Give what the decorators left on a function."""
    found: tuple[Subscription | CallSubscription, ...] = getattr(function, _MARK, ())
    return found


def place(function: Callable[..., object]) -> str:
    """Say where a function is: `greet (handlers.py, line 12)`."""
    code = inspect.unwrap(function).__code__
    return f"{function.__qualname__} ({code.co_filename.rpartition('/')[2]}, line {code.co_firstlineno})"


def _mark(function: Function, mark: Subscription | CallSubscription) -> Function:
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
