"""The supervisor: child processes, started in order, restarted when they die, stopped in the reverse order.

A child that keeps dying is restarted after a pause that grows. Children have sessions of their own, so that a Ctrl-C in
the terminal reaches us alone, and they are tethered: they end even if we are killed.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import FrameType
from typing import IO, Final

import structlog

import ringback.system.tether
from ringback.logs.tracebacks import named

log = structlog.get_logger()

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_HEALTHY_AFTER_S: Final = 20.0
_LOOK_S: Final = 0.1
_SERVES_S: Final = 30.0


class ChildError(Exception):
    """A child does not start; the message is for people."""


@dataclass(slots=True)
class Child:
    """A process to keep alive. `stop_s`: how long it may take to end after SIGTERM.

    `ready` waits after the first start; `started_again` is told of each later one, and must return at once.
    `stage` orders start and stop: lower stages start first and stop last; a stage is stopped as a whole. `umask`: the
    mode bits that its files do not get; -1 leaves it as it is. `hear` is given, at each start, the pipe with all that
    it writes; it must see to it that this is read, and return at once. `talk` is given, likewise, our end of a socket
    whose other end is its standard input. `serves`: whether it does its work; without it, it does as soon as it has
    started. `without`: variables, in upper case, that it
    does not get, whatever the case they are given in.
    """

    name: str
    command: Sequence[str]
    stage: int
    stop_s: float
    environment: Mapping[str, str] = field(default_factory=dict)
    without: Collection[str] = ()
    pass_fds: tuple[int, ...] = ()
    umask: int = -1
    hear: Callable[[IO[bytes]], None] | None = None
    talk: Callable[[socket.socket], None] | None = None
    serves: Callable[[], bool] = lambda: True
    ready: Callable[[], None] | None = None
    started_again: Callable[[], None] | None = None
    process: "subprocess.Popen[bytes] | None" = None
    _started: float = 0.0
    _pause_s: float = _FIRST_PAUSE_S
    _due: float = 0.0

    def start(self) -> None:
        """Start it, tied to this process."""
        tether = [
            sys.executable,
            "-I",
            "-S",
            ringback.system.tether.__file__,
            str(int(signal.SIGTERM)),
            str(os.getpid()),
        ]
        given = {**os.environ, **self.environment}
        with ExitStack() as started:
            theirs = subprocess.DEVNULL
            if self.talk is not None:
                ours, end = map(started.enter_context, socket.socketpair())
                theirs = end.fileno()
            self.process = subprocess.Popen(
                [*tether, *self.command],
                env={name: value for name, value in given.items() if name.upper() not in self.without},
                stdin=theirs,
                start_new_session=True,
                pass_fds=self.pass_fds,
                umask=self.umask,
                stdout=subprocess.PIPE if self.hear else None,
                stderr=subprocess.STDOUT if self.hear else None,
            )
            if self.talk is not None:
                self.talk(ours.dup())
        if self.hear is not None and self.process.stdout is not None:
            self.hear(self.process.stdout)
        self._started = time.monotonic()

    def look(self) -> None:
        """Start it again if it has died and its pause is over."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._due:
                self.start_again()
            return
        if self.process.poll() is None:
            return
        if now - self._started > _HEALTHY_AFTER_S:
            self._pause_s = _FIRST_PAUSE_S
        log.error("process.died", process=self.name, code=self.process.returncode, restart_in_s=self._pause_s)
        self.process = None
        self._wait(now)

    def start_again(self) -> None:
        """Start it; where that is not possible, such as for want of processes, it is tried again later."""
        self.process = None
        try:
            self.start()
        except OSError as error:
            log.error("process.not_started", process=self.name, error=named(error), restart_in_s=self._pause_s)
            self._wait(time.monotonic())
            return
        if self.started_again is not None:
            self.started_again()

    def _wait(self, now: float) -> None:
        self._due = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    def ask_to_stop(self) -> None:
        """Send SIGTERM, to the process alone: it looks after its own children."""
        if self.process is not None and self.runs:
            self.process.send_signal(signal.SIGTERM)

    @property
    def runs(self) -> bool:
        """Tell whether it is alive."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End it, and whatever it started, at once."""
        if self.process is not None and self.runs:
            log.error("process.killed", process=self.name)
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Supervisor:
    """Keeps children alive until it is told to stop."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._told = threading.Event()
        self._replace = threading.Event()
        self._hurry = threading.Event()

    def start(self, child: Child) -> None:
        """Start a child and wait until it is ready. Raises what its `ready` raises."""
        self._children.append(child)
        child.start()
        if child.ready is not None:
            child.ready()

    def check(self) -> None:
        """Raise ChildError where a child has ended. At a start that is no accident which another start would mend."""
        for child in self._children:
            if child.process is not None and (code := child.process.poll()) is not None:
                how = f"with code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
                raise ChildError(f"{child.name} has ended {how} at its start; its lines above say why")

    def catch_signals(self) -> None:
        """Take SIGINT and SIGTERM as the word to stop, a second one as the word to stop at once."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._tell)

    def replace_on(self, number: int) -> None:
        """Take this signal as the word to replace the children, one after another (`replace_each`)."""
        signal.signal(number, lambda *_: self._replace.set())

    def run(self) -> None:
        """Look after the children until told to stop."""
        while not self._told.wait(_LOOK_S):
            for child in self._children:
                child.look()
            if self._replace.is_set():
                self._replace.clear()
                self.replace_each()

    def await_serving(self) -> None:
        """Wait until all children do their work, or we are told to stop. Raises ChildError where one has ended."""
        while not all(child.serves() for child in self._children) and not self._told.wait(_LOOK_S / 5):
            self.check()

    def replace_each(self) -> None:
        """Stop each child and start it again, so that the others serve meanwhile; look after them.

        The next one is stopped once its predecessor serves. Where one does not, none is any more.
        """
        for child in self._children:
            if not self._replace_one(child):
                return

    def _replace_one(self, child: Child) -> bool:
        """Return whether the new one serves."""
        log.info("process.replaced", process=child.name)
        child.ask_to_stop()
        others = [one for one in self._children if one is not child]
        if not self._wait_for(lambda: not child.runs, child.stop_s, others):
            child.kill()
        if self._told.is_set():
            return False
        child.start_again()
        if self._wait_for(child.serves, _SERVES_S, self._children):
            return True
        if not self._told.is_set():
            log.error("process.not_replaced", process=child.name, reason="it does not serve; its lines say why")
        return False

    def _wait_for(self, condition: Callable[[], bool], seconds: float, children: Sequence[Child]) -> bool:
        """Look after these children until it is so. Return False once its time is over, or we are told to stop."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or self._told.wait(_LOOK_S / 5):
                return False
            for child in children:
                child.look()
        return True

    def stop(self) -> None:
        """Stop all, stage after stage, the last first. Nothing is left behind."""
        for stage in sorted({child.stage for child in self._children}, reverse=True):
            members = [child for child in self._children if child.stage == stage]
            for child in members:
                child.ask_to_stop()
            deadline = time.monotonic() + max(child.stop_s for child in members)
            while any(child.runs for child in members) and time.monotonic() < deadline and not self._hurry.is_set():
                time.sleep(_LOOK_S / 5)
            for child in members:
                child.kill()
        self._children.clear()

    def _tell(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self._told.is_set():
            self._hurry.set()
        self._told.set()
