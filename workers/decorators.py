"""Decorators: `@on`, `@voice.answer` and `@voice.collect`, as plugin authors write them, and what they refuse.

They only mark a function. So nothing is registered by an import alone.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Final

from ringback.schemas.events import SEND_TYPES, Event, EventType
from ringback.workers.marks import Function, HandlerError, Lifespan, Subscription, leave_mark, place
from ringback.workers.matching import read_matches
from ringback.workers.naming import read_aliases, read_name
from ringback.workers.voice.filters import CallFilter, Values

DEFAULT_RETRY_S: Final = (5, 30, 120, 600, 3600)
DEFAULT_TIMEOUT_S: Final = 60.0
EVERY_TYPE: Final = "*"
_NAMED_ONLY: Final = SEND_TYPES
"""Types that `"*"` leaves out: a handler of everything that sends something would otherwise be run on its own sends."""


def on(
    *types: str,
    when: Callable[[Event], bool] | None = None,
    advanced: bool | None = None,
    retry: Iterable[int] = DEFAULT_RETRY_S,
    timeout: float = DEFAULT_TIMEOUT_S,
    concurrency: int | None = None,
    name: str | None = None,
    aliases: Iterable[str] = (),
    **matches: object,
) -> Callable[[Function], Function]:
    """Run the function on each event of these types (`"*"`: of all but `message.sent` and `call.placed`, which say
    what became of a send and have to be named too: `@on("*", "message.sent")`).

    Keywords match fields of the event's data: a value must be equal, of a list, tuple or set one must be. Phone numbers
    may be written in any of the ways in which providers write them. `when` takes the event and decides the rest.
    `advanced` looks at whether a status moved its message forward. `retry`: pauses in whole seconds before each further
    attempt (jitter is added); none means a failure is final at once. `timeout`: seconds that one run may take.
    `concurrency`: how many runs of it may be side by side in one process; by default as many as there are threads
    (RINGBACK_THREADS), of an async one 64. `name`: what the handler is called in listings, logs and dead letters, in
    place of its module and function. `aliases`: its earlier names, under which its retries and dead letters are still
    found.

    Raises HandlerError at once where a type, a field, a value or a number makes no sense.
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
        try:
            wanted = read_matches(matches, kinds)
            called, earlier_names = read_name(name), read_aliases(aliases)
        except ValueError as error:
            raise HandlerError(f"{place(function)}: {error}") from None
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
        if inspect.iscoroutinefunction(when):
            raise HandlerError(f"{place(function)}: when={when!r} is async, and nobody awaits it; write def")
        if advanced is not None and type(advanced) is not bool:
            raise HandlerError(f"{place(function)}: advanced={advanced!r} must be True or False")
        if timeout <= 0:
            raise HandlerError(f"{place(function)}: timeout={timeout} must be more than 0 seconds")
        if concurrency is not None and (type(concurrency) is not int or concurrency < 1):
            raise HandlerError(f"{place(function)}: concurrency={concurrency!r} must be a whole number from 1")
        subscription = Subscription(kinds, wanted, when, advanced, pauses, timeout, concurrency)
        return leave_mark(function, subscription, called, earlier_names)

    return mark


def lifespan(function: Function | None = None) -> Function:
    """Run the function, which yields once, around all that runs handlers in one process: open at its `yield`.

    What it yields is `ctx.state`. It may be a sync or an async generator function. Where several modules have one, each
    yields a dict, and `ctx.state` has what is in all of them. Raises HandlerError for what is no such function.
    """
    misused: object = function
    if function is None:
        raise HandlerError("write @lifespan without parentheses")
    if not (inspect.isgeneratorfunction(misused) or inspect.isasyncgenfunction(misused)):
        where = place(misused) if inspect.isfunction(misused) else repr(misused)
        raise HandlerError(f"{where}: @lifespan is for a function that opens, yields once what it opened, and closes")
    _must_be_function(misused, "lifespan")
    if inspect.signature(function).parameters:
        raise HandlerError(f"{place(function)}: @lifespan calls it with nothing; take its parameters out")
    return leave_mark(function, Lifespan(), None)


def answer(
    *misused: object,
    callee: Values | None = None,
    caller: Values | None = None,
    otherwise: bool = False,
    name: str | None = None,
) -> Callable[[Function], Function]:
    """Answer new calls with the function: it is given the call (`voice.Incoming`) and returns an MC.

    `callee`, `caller`: only calls to, or from, one of these numbers. `otherwise`: the calls that no other one wants.
    No two handlers may want the same call: that is a HandlerError at the start. `name`: as in `on`.
    """
    if misused:
        raise HandlerError(_bare(misused[0], "voice.answer"))
    return _answers("voice.answer", None, callee=callee, caller=caller, otherwise=otherwise, name=name)


def collect(
    step: str = "",
    *,
    digits: Values | None = None,
    callee: Values | None = None,
    caller: Values | None = None,
    otherwise: bool = False,
    name: str | None = None,
) -> Callable[[Function], Function]:
    """Answer the digits of `mc.collect(step=…)`: the function is given the call (`voice.Input`) and returns an MC.

    `digits`: only these, each value a whole input, "" for none in time; the rest as in `answer`. Without a step it
    answers `…/voice/collect`, for an `event-url` that was written by hand.
    """
    if not isinstance(step, str):
        raise HandlerError(_bare(step, "voice.collect"))
    return _answers("voice.collect", step, digits=digits, callee=callee, caller=caller, otherwise=otherwise, name=name)


def _answers(
    decorator: str,
    step: str | None,
    *,
    digits: Values | None = None,
    callee: Values | None,
    caller: Values | None,
    otherwise: bool,
    name: str | None,
) -> Callable[[Function], Function]:
    def mark(function: Function) -> Function:
        _must_be_function(function, decorator)
        try:
            wanted = CallFilter.of(step, digits=digits, callee=callee, caller=caller, otherwise=otherwise)
            called = read_name(name)
        except ValueError as error:
            raise HandlerError(f"{place(function)}: {error}") from None
        return leave_mark(function, wanted, called)

    return mark


def _bare(misused: object, decorator: str) -> str:
    """Return what to write: a decorator without parentheses would replace the function by one that nobody finds."""
    where = place(misused) if inspect.isfunction(misused) else repr(misused)
    return f"{where}: write @{decorator}(…) with parentheses"


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
    unknown = [kind for kind in types if kind != EVERY_TYPE and kind not in set(EventType)]
    if unknown or not types:
        known = ", ".join(EventType)
        raise (
            HandlerError(f"{place(function)}: {unknown[0]!r} is no type of event; use {known} or *")
            if unknown
            else (HandlerError(f"{place(function)}: @on needs a type of event; use {known} or *"))
        )
    named = frozenset(EventType(kind) for kind in types if kind != EVERY_TYPE)
    return named if EVERY_TYPE not in types else named | (frozenset(EventType) - _NAMED_ONLY)
