"""The house: Valkey, receivers and workers as processes, each of which can be found, killed and restarted."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from redis import Redis

from ringback.run.children import SENDS_QUEUE
from ringback.run.store import await_store
from ringback.schemas.keys import Keys
from tests.support.service import RINGBACK, ROOT, TOKEN, clean_environment, free_port, store_program, wait_for

_PREFIX: Final = "chaos"
_STOP_S: Final = 60.0

Process = subprocess.Popen[bytes]


class House:
    """The processes of one run, in a folder of their own."""

    def __init__(self, folder: Path, receivers: int, queues: str, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.ports = [free_port() for _ in range(receivers)]
        self.notes = folder / "notes"
        self.keys = Keys(_PREFIX)
        self._valkey_port = free_port()
        self.url = f"redis://127.0.0.1:{self._valkey_port}/0"
        self._queues = queues
        self.settings = {
            "RINGBACK_REDIS_URL": self.url,
            "RINGBACK_PREFIX": _PREFIX,
            "RINGBACK_DATA_DIR": str(folder / "data"),
            "RINGBACK_TOKENS": f"acme:{TOKEN}",
            "RINGBACK_HANDLERS": "tests.chaos.handlers",
            "RINGBACK_PUBLIC_URL": f"http://127.0.0.1:{self.ports[0]}",
            "RINGBACK_LOG_FORMAT": "json",
            "CHAOS_NOTES": str(self.notes),
            **settings,
        }
        self._log = (folder / "log").open("ab")
        self.valkey: Process | None = None
        self.receivers: list[Process] = []
        self.work: Process | None = None

    def start(self) -> None:
        """Start everything and wait until it runs."""
        self.notes.mkdir()
        self.start_valkey()
        self.receivers = [self._start([*RINGBACK, "serve"], RINGBACK_PORT=str(port)) for port in self.ports]
        self.start_work()
        with Redis.from_url(self.url) as redis:
            expected = len([name for name in self._queues.split(",") if name != SENDS_QUEUE])
            wait_for(lambda: redis.scard(f"{self.keys.rq_prefix}:workers") >= expected, "the workers", 60)

    def start_valkey(self) -> None:
        """Start the server, with each write on disk before its reply, and wait until it answers."""
        options = {"port": str(self._valkey_port), "bind": "127.0.0.1", "dir": str(self.folder), "save": ""}
        options |= {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
        command = [store_program(), *(part for name, value in options.items() for part in (f"--{name}", value))]
        self.valkey = self._start(command)
        await_store(self.url)

    def start_work(self) -> None:
        """Start the workers."""
        self.work = self._start([*RINGBACK, "work", "--queues", self._queues])

    def look_after_work(self) -> None:
        """Start the workers again where they have ended by themselves, as systemd does: they need a store to start."""
        if self.work is not None and self.work.poll() is not None:
            self.start_work()

    def restart_receiver(self, number: int, signum: int) -> int:
        """End a receiver by a signal, start another on its port, and give the pid of the one that ended."""
        ended = self.receivers[number]
        end(ended, signum)
        self.receivers[number] = self._start([*RINGBACK, "serve"], RINGBACK_PORT=str(self.ports[number]))
        return ended.pid

    def children(self, *words: str) -> list[int]:
        """Give the pids of the children of `work` whose command ends with these words; of all if there are none."""
        if self.work is None:
            return []
        found = children_of(self.work.pid)
        return [pid for pid in found if command_of(pid)[-len(words) :] == list(words)] if words else found

    def close(self) -> list[int]:
        """End everything; give the pids that were still there when all should have been gone."""
        for started in (self.work, *self.receivers):
            if started is not None:
                end(started, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S / 3
        while (left := self._strays()) and time.monotonic() < deadline:
            time.sleep(0.1)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.valkey is not None:
            end(self.valkey, signal.SIGKILL)
        self._log.close()
        return left

    def _start(self, command: Sequence[str], **settings: str) -> Process:
        environment = clean_environment(**self.settings, **settings)
        return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=self._log, stderr=self._log)

    def _strays(self) -> list[int]:
        """Give the workers of this run that are alive, whoever their parent is."""
        mark = f"CHAOS_NOTES={self.notes}\0".encode()
        own = {started.pid for started in (self.valkey, *self.receivers, self.work) if started is not None}
        return [pid for pid in _pids() if pid not in own and mark in _read(pid, "environ")]


def end(started: Process, signum: int) -> None:
    """End a process by a signal, and see that it ends."""
    started.send_signal(signum)
    try:
        started.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()
        raise


def children_of(parent: int) -> list[int]:
    """Give the pids of a process's children."""
    stats = ((pid, _read(pid, "stat")) for pid in _pids())
    return [pid for pid, stat in stats if stat and int(stat.rpartition(b")")[2].split()[1]) == parent]


def command_of(pid: int) -> list[str]:
    """Give the command line of a process; nothing if it is gone."""
    return _read(pid, "cmdline").decode().split("\0")[:-1]


@contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """Hold processes still."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
