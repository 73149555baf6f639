"""Commands: `ringback …` run to its end, in a process of its own that is forked from one that has imported it already.

To import it anew for each of some hundred commands would take a test run half a minute. What a user types is run as it
is by tests/ringback/test_cli.py.
"""

import atexit
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, cast

from tests.support.service import ROOT, clean_environment

LIMIT_S = 60


@dataclass(frozen=True)
class Order:
    """A command to run: where, with which environment, and the files for what it says."""

    words: list[str]
    folder: str
    environment: dict[str, str]
    out: str
    err: str


def ringback(folder: Path, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run `ringback …` in a folder, with these settings and no others. What is in the folder can be imported."""
    with TemporaryDirectory(prefix="ringback-") as said:
        out, err = Path(said, "out"), Path(said, "err")
        order = Order(list(words), str(folder), clean_environment(**settings), str(out), str(err))
        forker = _forker()
        to, back = cast("IO[str]", forker.stdin), cast("IO[str]", forker.stdout)
        to.write(json.dumps(asdict(order)) + "\n")
        to.flush()
        code = int(back.readline())
        written = (file.read_bytes().decode() for file in (out, err))  # not read_text, which hides a \r
        return subprocess.CompletedProcess(["ringback", *words], code, *written)


@cache
def _forker() -> "subprocess.Popen[str]":
    started = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.support.commands"],
        env=clean_environment(), cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    atexit.register(_end, started)
    return started


def _end(forker: "subprocess.Popen[str]") -> None:
    cast("IO[str]", forker.stdin).close()
    forker.wait(LIMIT_S)


def serve() -> None:
    """Run each order that comes in, and say how it ended."""
    import ringback.__main__  # noqa: F401

    # Which reads its prefix when it is imported.
    assert "rq" not in sys.modules
    for line in sys.stdin:
        order = Order(**json.loads(line))
        child = os.fork()
        if child == 0:
            os._exit(obey(order))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def obey(order: Order) -> int:
    """Be that command; give its exit code."""
    from ringback.__main__ import main

    _take_over(order.folder, order.environment, order.out, order.err)
    sys.argv = ["ringback", *order.words]
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter would
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    return code


def _take_over(folder: str, environment: Mapping[str, str], out: str, err: str) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path.insert(0, folder)
    files: Sequence[tuple[str, int, int]] = ((os.devnull, os.O_RDONLY, 0), (out, os.O_WRONLY | os.O_CREAT, 1),
                                             (err, os.O_WRONLY | os.O_CREAT, 2))  # fmt: skip
    for file, flags, descriptor in files:
        opened = os.open(file, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)


if __name__ == "__main__":
    serve()
