"""A running `ringback up`."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.commands import ringback
from tests.support.service import RINGBACK, clean_environment, free_port, wait_for

READY = "Ctrl-C stops."


class Up:
    """A running `ringback up`."""

    def __init__(self, folder: Path, started: "subprocess.Popen[str]", settings: dict[str, str]) -> None:
        self.folder = folder
        self.process = started
        self.settings = settings

    @property
    def output(self) -> str:
        return (self.folder / "up.log").read_text()

    def ringback(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run another command in the same folder."""
        return ringback(self.folder, *words, **self.settings)

    def await_logged(self, words: str, times: int, seconds: float) -> None:
        """Wait until words are in the log so many times."""
        wait_for(lambda: self.output.count(words) >= times, f"{words} in the log", seconds)

    def events(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(self.ringback("events", "ls", "--json", "--limit", "100").stdout)
        return listed

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def up(folder: Path, *words: str, **settings: str) -> Iterator[Up]:
    """Run `ringback up` in a folder until the block ends, without the simulator: most tests need no phones."""
    with up_simulated(folder, *words, "--no-simulate", **settings) as running:
        yield running


@contextmanager
def up_simulated(folder: Path, *words: str, **settings: str) -> Iterator[Up]:
    """Run `ringback up` in a folder until the block ends, with the simulator unless the words or settings say no."""
    settings = {"RINGBACK_PORT": str(free_port()), **settings}
    with (folder / "up.log").open("w") as log:
        started = subprocess.Popen(
            [sys.executable, "-P", *RINGBACK[1:], "up", *words],
            cwd=folder,
            env=clean_environment(**settings),
            stdout=log,
            stderr=log,
            text=True,
        )
    running = Up(folder, started, settings)
    try:
        wait_for(lambda: READY in running.output or started.poll() is not None, "the service")
        assert started.poll() is None, running.output
        yield running
    finally:
        if started.poll() is None:
            running.stop(signal.SIGTERM)


def descendants(pid: int) -> list[int]:
    """Return the processes below a process."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(folder.name))
    found = list(children.get(pid, []))
    for child in found:
        found += children.get(child, [])
    return found
