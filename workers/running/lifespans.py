"""Lifespans: what the user opens once in each process that runs handlers, and closes at its end."""

import threading
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from typing import Final, cast

import structlog

from ringback.workers.marks import HandlerError, place
from ringback.workers.running.run import AnyRun
from ringback.workers.running.runner import Runner

log = structlog.get_logger()

_OPEN_S: Final = 60.0
_CLOSE_S: Final = 10.0
_END: Final = object()


class Lifespans:
    """The lifespans of one process. Async ones run on the loop on which async handlers do."""

    def __init__(self, functions: Sequence[Callable[[], object]], runner: Runner[AnyRun]) -> None:
        self._functions = functions
        self._runner = runner
        self._opened: list[tuple[Callable[[], object], object]] = []

    def open(self) -> object:
        """Open them one after another, and return what handlers see as `ctx.state`; None if there are none.

        Raises HandlerError where one takes more than a minute, does not yield, or yields what cannot be merged, and
        whatever one raises.
        """
        yielded = []
        for function in self._functions:
            generator = function()
            self._opened.append((function, generator))
            value = self._step(function, generator, _OPEN_S)
            if value is _END:
                raise HandlerError(f"{place(function)}: @lifespan: it has ended without a yield")
            yielded.append((function, value))
        if len(yielded) <= 1:
            return yielded[0][1] if yielded else None
        state: dict[object, object] = {}
        for function, value in yielded:
            if not isinstance(value, Mapping):
                raise HandlerError(f"{place(function)}: @lifespan: there are others, so each must yield a dict")
            if clash := state.keys() & value.keys():
                raise HandlerError(f"{place(function)}: @lifespan: another yields {sorted(map(str, clash))} too")
            state |= value
        return state

    def close(self) -> None:
        """Close them, the last first. What they raise is logged; nobody waits for long."""
        while self._opened:
            function, generator = self._opened.pop()
            try:
                if self._step(function, generator, _CLOSE_S) is not _END:
                    log.error("lifespan.goes_on", function=place(function), reason="it has yielded twice")
            except Exception as error:  # noqa: BLE001 - it is the user's
                log.error("lifespan.not_closed", function=place(function), error=type(error).__name__)

    def _step(self, function: Callable[[], object], generator: object, seconds: float) -> object:
        """Let one go on to its next yield, in a thread or on the loop; return `_END` where there is none."""
        try:
            if isinstance(generator, AsyncGenerator):
                return self._runner.tie_to_loop().wait_for(_anext(generator), seconds)
            return _in_thread(cast("Generator[object]", generator), seconds)
        except TimeoutError:
            raise HandlerError(f"{place(function)}: @lifespan: it has taken more than {seconds:g} s") from None


async def _anext(generator: AsyncGenerator[object, None]) -> object:
    return await anext(generator, _END)


def _in_thread(generator: Generator[object], seconds: float) -> object:
    outcome: list[object] = []
    raised: list[BaseException] = []

    def step() -> None:
        try:
            outcome.append(next(generator, _END))
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            raised.append(error)

    thread = threading.Thread(target=step, name="lifespan", daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not outcome:
        raise TimeoutError
    return outcome[0]
