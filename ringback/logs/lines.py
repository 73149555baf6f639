"""Logs: one form for our own lines and those of the libraries, to stderr. Readable in a terminal, JSON otherwise.

Secrets, texts and full numbers are in none of them. So no line has the message of an exception, of whoever's; and each
goes through the censor when it is written, of whatever library it is.
"""

import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, TextIO

import structlog
from structlog.dev import plain_traceback
from structlog.typing import EventDict, Processor, WrappedLogger

from ringback.logs.tracebacks import without_messages
from ringback.schemas.censor import Censor
from ringback.schemas.settings import LogFormat, LogLevel
from ringback.terminal.shown import shown

log = structlog.get_logger()

# httpx writes the whole URL of a request, and a URL of ours may hold the secret.
_QUIET: Final = ("httpx", "httpcore", "rq", "rq.worker", "rq.job", "rq.queue", "rq.scheduler", "uvicorn", "asyncio")
# asyncio says in words what went wrong, and then shows the task or the callback with all that it holds.
_WORDS: Final = re.compile(r"[^\n<(]*")
_OF_LINES: Final = ("exception", "stack")

Work = Callable[[], Mapping[str, object]]
"""Gives the keys that name what this process works on at the moment; none where it is nothing."""


def set_up_logs(form: LogFormat, level: LogLevel, work: Work = dict, censor: Censor | None = None) -> None:
    """Send every line of this process to stderr in the wanted form; `work` adds its keys to each.

    What `censor` knows is in no line.
    """
    console = form is LogFormat.CONSOLE or (form is LogFormat.AUTO and sys.stderr.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _Adding(work),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if console else "iso", utc=not console),
        structlog.processors.ExceptionRenderer(without_messages),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain_traceback)
        if console
        else structlog.processors.JSONRenderer()
    )
    before: list[Processor] = [_shown] if console else []  # JSON escapes by itself
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, _in_words],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *before,
                renderer,
                _Censoring(censor or Censor()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    _catch_the_rest()


class _Adding:
    """Adds the keys of the work at hand to a line that does not have them."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self, _: WrappedLogger, __: str, line: EventDict) -> EventDict:
        for name, value in self._work().items():
            line.setdefault(name, value)
        return line


@dataclass(frozen=True, slots=True)
class _Shown:
    """A value as a line for people has it."""

    value: object

    def __repr__(self) -> str:
        return shown(repr(self.value))


def _shown(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Let nothing of a line steer the terminal. Tracebacks, which hold no values, are the only text of more lines."""
    safe: EventDict = {}
    for name, value in line.items():
        if name == "event":
            value = shown(str(value).rstrip())
        elif name in _OF_LINES and isinstance(value, str):
            value = shown(value, lines=True)
        elif not isinstance(value, str) or value != shown(value):
            value = _Shown(value)
        safe[shown(name)] = value
    return safe


class _Censoring:
    """Takes the tokens out of a line that is ready to be written."""

    def __init__(self, censor: Censor) -> None:
        self._censor = censor

    def __call__(self, _: WrappedLogger, __: str, line: EventDict | str) -> str:
        return self._censor.text(str(line))


def _in_words(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Keep of asyncio's lines what they say, and not what they show."""
    if line["logger"] == "asyncio" and (said := _WORDS.match(line["event"])):
        line["event"] = said[0].strip()
    return line


def _catch_the_rest() -> None:
    """Log what Python would write to stderr by itself, message and all."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    warnings.showwarning = _warned


def _uncaught(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, where)
    else:
        log.critical("process.broken", exc_info=(kind, error, where))


def _uncaught_in_thread(raised: threading.ExceptHookArgs) -> None:
    if raised.exc_value is not None and not isinstance(raised.exc_value, SystemExit):
        name = raised.thread.name if raised.thread else None
        log.critical("thread.broken", thread=name, exc_info=raised.exc_value)


def _unraisable(raised: "sys.UnraisableHookArgs") -> None:
    if raised.exc_value is not None:
        log.error("error.ignored", exc_info=raised.exc_value)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - what `warnings` calls it with
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Log a warning of Python's with its words; of one of a library's, which may quote values, only where it is."""
    said = str(message) if category.__module__ == "builtins" and category is not UserWarning else None
    log.warning("python.warning", category=category.__name__, file=filename, line=lineno, says=said)
