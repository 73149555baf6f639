"""Commands: `ringback …` run to its end, in a process of its own that is forked from one that has imported it already.

To import it anew for each of some hundred commands would take a test run minutes. What a user types is run as it is by
tests/ringback/test_cli.py, but for the lines that say what is wrong.
"""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.service import clean_environment

LIMIT_S = 60


def ringback(folder: Path, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run `ringback …` in a folder, with these settings and no others. What is in the folder can be imported."""
    with TemporaryDirectory(prefix="ringback-") as said:
        out, err = Path(said, "out"), Path(said, "err")
        order = (words, str(folder), clean_environment(**settings), str(out), str(err))
        command = _forkserver().Process(target=_run, args=order)
        command.start()
        command.join(LIMIT_S)
        code = command.exitcode
        if code is None:
            command.kill()
            raise subprocess.TimeoutExpired(["ringback", *words], LIMIT_S)
        command.close()
        written = (file.read_bytes().decode() for file in (out, err))  # not read_text, which hides a \r
        return subprocess.CompletedProcess(["ringback", *words], code, *written)


@cache
def _forkserver() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    # pytest too: a child imports again what its parent's main module does.
    context.set_forkserver_preload(["pytest", "ringback.cli.exits", __name__])
    return context


def _run(words: Sequence[str], folder: str, environment: Mapping[str, str], out: str, err: str) -> None:
    """Be that command; multiprocessing makes its exit code of how this ends."""
    from ringback.__main__ import main

    assert "rq" not in sys.modules  # it reads its prefix when it is imported
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, folder)
    for descriptor, file in enumerate((os.devnull, out, err)):
        opened = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.argv = ["ringback", *words]
    main()
