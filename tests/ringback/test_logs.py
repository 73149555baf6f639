"""Logs: one form for all lines, one event id from the receiver to the handlers, no message of any exception."""

import json
import re
import subprocess
import sys
from typing import Any, Final

import pytest

from tests.support.service import ROOT, clean_environment

LOGGED: Final[dict[str, tuple[str, dict[str, Any], str]]] = {
    "our own": (
        'log.warning("sweep.failed", error="TimeoutError", events=3)',
        {"event": "sweep.failed", "level": "warning", "error": "TimeoutError", "events": 3},
        "[warning  ] sweep.failed                   error=TimeoutError events=3",
    ),
    "our own, with a token": (
        'log.warning("callback.unusable", path="/x%3Ftoken=t0ken-s%65cret-of-acme")',
        {"event": "callback.unusable", "level": "warning", "path": "/x%3Ftoken=***"},
        "[warning  ] callback.unusable              path='/x%3Ftoken=***'",
    ),
    "a library's, with a token": (
        'logging.getLogger("a.library").warning("no %s", ["Basic", "YWNtZTp0MGtlbi1zZWNyZXQtb2YtYWNtZQ=="])',
        {"event": "no ['Basic', 'YWNtZT***']", "level": "warning", "logger": "a.library"},
        "[warning  ] no ['Basic', 'YWNtZT***'] [a.library]",
    ),
    "what is below the level": ('log.debug("event")', {}, ""),
    "a library's": (
        'logging.getLogger("a.library").warning("in %s words", 3)',
        {"event": "in 3 words", "level": "warning", "logger": "a.library"},
        "[warning  ] in 3 words                     [a.library]",
    ),
    "RQ's": (
        'logging.getLogger("rq.worker").warning("Worker %s: job %s failed (%s)", "w", "j", "why")',
        {"event": "Worker w: job j failed (why)", "level": "warning", "logger": "rq.worker"},
        "[warning  ] Worker w: job j failed (why)   [rq.worker]",
    ),
    "a stranger's": (
        'log.warning("a\\x1b[31m\\nforged ", id="x\\x9b2J", text="y\\u202e z", flags=["\\x07"], **{"k\\r": 3})',
        {
            "event": "a\x1b[31m\nforged ",
            "level": "warning",
            "id": "x\x9b2J",
            "text": "y\u202e z",
            "flags": ["\x07"],
            "k\r": 3,
        },
        r"[warning  ] a\x1b[31m\nforged              flags=['\x07'] id='x\x9b2J' k\r=3 text='y\u202e z'",
    ),
    "RQ's chatter": ('logging.getLogger("rq.worker").info("Worker w: started")', {}, ""),
    "uvicorn's": (
        'logging.getLogger("uvicorn.error").error("Exception in ASGI application\\n")',
        {"event": "Exception in ASGI application\n", "level": "error", "logger": "uvicorn.error"},
        "[error    ] Exception in ASGI application  [uvicorn.error]",
    ),
    "httpx's, with the URL": ('logging.getLogger("httpx").info("GET https://a.example/?token=secret")', {}, ""),
    "asyncio's, with what a task holds": (
        'logging.getLogger("asyncio").error("Task exception was never retrieved\\nfuture: <Task exception=secret>")',
        {"event": "Task exception was never retrieved", "level": "error", "logger": "asyncio"},
        "[error    ] Task exception was never retrieved [asyncio]",
    ),
    "an exception": (
        'try: raise ValueError("secret")\nexcept ValueError: log.exception("callback.broken")',
        {
            "event": "callback.broken",
            "level": "error",
            "exception": "Traceback (most recent call last):\nValueError",
        },
        "[error    ] callback.broken\nTraceback (most recent call last):\nValueError",
    ),
    "an exception with its cause, from a library": (
        'try:\n try: raise ValueError("secret")\n except ValueError as e: raise OSError(2, "secret") from e\n'
        'except OSError: logging.getLogger("a.library").exception("broken")',
        {
            "event": "broken",
            "level": "error",
            "logger": "a.library",
            "exception": "Traceback (most recent call last):\nValueError\n\n"
            "The above exception was the direct cause of the following exception:\n\n"
            "Traceback (most recent call last):\n"
            "FileNotFoundError: No such file or directory",
        },
        "[error    ] broken                         [a.library]\n"
        "Traceback (most recent call last):\nValueError\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\n"
        "FileNotFoundError: No such file or directory",
    ),
    "a group of exceptions": (
        'log.error("broken", exc_info=ExceptionGroup("secret", [KeyError("secret"), TypeError("secret")]))',
        {
            "event": "broken",
            "level": "error",
            "exception": "ExceptionGroup\n\nOne of them:\n\nKeyError\n\nOne of them:\n\nTypeError",
        },
        "[error    ] broken\nExceptionGroup\n\nOne of them:\n\nKeyError\n\nOne of them:\n\nTypeError",
    ),
    "a thread's": (
        "import threading\n"
        'thread = threading.Thread(target=int, args=("secret",), name="t"); thread.start(); thread.join()',
        {
            "event": "thread.broken",
            "level": "critical",
            "thread": "t",
            "exception": "Traceback (most recent call last):\nValueError",
        },
        "[critical ] thread.broken                  thread=t\nTraceback (most recent call last):\nValueError",
    ),
    "a warning of a library": (
        'import warnings\nwarnings.warn_explicit("secret", UserWarning, "a.py", 7)',
        {
            "event": "python.warning",
            "level": "warning",
            "category": "UserWarning",
            "file": "a.py",
            "line": 7,
            "says": None,
        },
        "[warning  ] python.warning                 category=UserWarning file=a.py line=7 says=None",
    ),
    "a warning of Python's": (
        'import warnings\nwarnings.warn_explicit("coroutine was never awaited", RuntimeWarning, "a.py", 7)',
        {
            "event": "python.warning",
            "level": "warning",
            "category": "RuntimeWarning",
            "file": "a.py",
            "line": 7,
            "says": "coroutine was never awaited",
        },
        "[warning  ] python.warning                 category=RuntimeWarning file=a.py line=7 "
        "says='coroutine was never awaited'",
    ),
    # The last: it ends the process.
    "what nobody catches": (
        'raise ValueError("secret")',
        {"event": "process.broken", "level": "critical", "exception": "Traceback (most recent call last):\nValueError"},
        "[critical ] process.broken\nTraceback (most recent call last):\nValueError",
    ),
}
MARK: Final = "=== next\n"
PROGRAM: Final = """
import logging, sys, structlog
from ringback.logs.lines import set_up_logs
from ringback.schemas.settings import LogFormat, LogLevel
from ringback.schemas.censor import Censor
from ringback.schemas.settings import Token
set_up_logs(LogFormat({form!r}), LogLevel.INFO, censor=Censor([Token(account="acme", secret="t0ken-secret-of-acme")]))
log = structlog.get_logger()
for snippet in {snippets!r}:
    exec(snippet)
    sys.stderr.write({mark!r})
"""


@pytest.fixture(scope="module", params=["json", "console"])
def written(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """Give the form, and what was written of each of LOGGED."""
    snippets = [snippet for snippet, _, _ in LOGGED.values()]
    program = PROGRAM.format(form=request.param, snippets=snippets, mark=MARK)
    ended = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment(), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    return request.param, dict(zip(LOGGED, ended.stderr.split(MARK), strict=True))


@pytest.mark.parametrize("what", LOGGED)
def test_a_line(written: tuple[str, dict[str, str]], what: str) -> None:
    form, lines = written
    _, fields, shown = LOGGED[what]
    line = lines[what]
    assert "secret" not in line
    if form == "console":
        line = re.sub(r"^\d\d:\d\d:\d\d ", "", without_frames(line))
        assert re.sub(r" +$", "", line, flags=re.MULTILINE).rstrip("\n") == shown
        return
    found = json.loads(line) if line else {}
    assert bool(found.pop("timestamp", None)) is bool(found)
    if "exception" in found:
        found["exception"] = without_frames(found["exception"])
    assert found == fields


def without_frames(text: str) -> str:
    """Leave out the places: some are in Python's own code."""
    return re.sub(r"^  .*\n", "", text, flags=re.MULTILINE)
