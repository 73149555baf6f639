"""The machine: its cores and who runs on which, the store, and processes that are ended by the one who started them."""

import os
import platform
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from redis import Redis

from benchmarks.results import Machine
from ringback.run.store import await_store, command

ROOT: Final = Path(__file__).parent.parent
HERE: Final = Path(__file__).parent
NO_REWRITES: Final = ("--auto-aof-rewrite-percentage", "0")
_STOP_S: Final = 20.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE_MB: Final = os.sysconf("SC_PAGE_SIZE") / 1e6


class BenchError(Exception):
    """A run that must not count; the message says why."""


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for what is measured, the other for the load and the store; both None where nothing can be pinned."""

    measured: set[int] | None
    rest: set[int] | None

    @classmethod
    def choose(cls) -> "Cores":
        """Take the first two cores that this process may use."""
        if not hasattr(os, "sched_setaffinity"):
            return cls(None, None)
        usable = sorted(os.sched_getaffinity(0))
        if len(usable) < 2:
            return cls(None, None)
        return cls({usable[0]}, {usable[1]})


@dataclass(frozen=True, slots=True)
class Store:
    """The one Valkey that all contestants use."""

    port: int
    pid: int
    client: Redis

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def empty(self) -> None:
        """Remove everything, also from the log on disk, so that each run starts alike."""
        self.client.flushall()
        self.rewrite()

    def rewrite(self) -> None:
        """Rewrite the log on disk, and wait until that is done."""
        self.client.bgrewriteaof()
        self.await_rewrite()

    def await_rewrite(self) -> None:
        """Wait until no rewrite of the log is under way."""
        until(lambda: not self.client.info("persistence")["aof_rewrite_in_progress"], "the rewrite of the log", 120.0)

    def used(self) -> int:
        """Give the bytes of memory in use."""
        return cast("int", self.client.info("memory")["used_memory"])


@dataclass(frozen=True, slots=True)
class Bench:
    """What every measurement works with."""

    cores: Cores
    store: Store
    folder: Path

    @contextmanager
    def measured(self, name: str, command: Sequence[str], **environment: str) -> Iterator[int]:
        """Run what is measured, on its own core; give its pid."""
        with process(command, self.cores.measured, self.folder / f"{name}.log", environment) as pid:
            yield pid

    @contextmanager
    def stored(self, command: Sequence[str]) -> Iterator[Store]:
        """Run another store beside the load, as `command` starts it, on a port of its own."""
        with _serving_store(command, self.cores.rest, self.folder) as store:
            yield store

    def load(self, command: Sequence[str], seconds: float, **environment: str) -> tuple[str, float]:
        """Run a program on the other core to its end; give what it prints, and its processor time in seconds."""
        with _on(self.cores.rest):
            started = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True,
            )  # fmt: skip
        before = os.times()
        try:
            printed, complained = started.communicate(timeout=seconds + 60)
        except BaseException:
            started.kill()
            started.wait()
            raise
        if started.returncode:
            raise BenchError(f"{command[0]} ended with {started.returncode}: {complained.strip()}")
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        return printed, used


@contextmanager
def bench() -> Iterator[Bench]:
    """Start the store, in a folder on the same disk as the repository: a temporary one may be in memory."""
    home = ROOT / ".ringback"
    home.mkdir(mode=0o700, exist_ok=True)
    cores = Cores.choose()
    if cores.rest is not None:
        os.sched_setaffinity(0, cores.rest)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=home) as name:
        folder = Path(name)
        # The log is not rewritten in the middle of somebody's run.
        started = [*command(folder, folder / "valkey.sock"), *NO_REWRITES]
        with _serving_store(started, cores.rest, folder) as store:
            yield Bench(cores, store, folder)


@contextmanager
def _serving_store(command: Sequence[str], cores: set[int] | None, folder: Path) -> Iterator[Store]:
    port = free_port()
    # The last of several values counts.
    started = [*command, "--port", str(port), "--bind", "127.0.0.1"]
    with process(started, cores, folder / f"store-{port}.log", {}) as pid:
        url = f"redis://127.0.0.1:{port}/0"
        await_store(url)
        client = Redis.from_url(url, protocol=2)
        try:
            yield Store(port, pid, client)
        finally:
            client.close()


@contextmanager
def process(command: Sequence[str], cores: set[int] | None, log: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """Run a process, and what it starts, on these cores; end it by its pid."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RINGBACK_", "RQ_"))}
    with log.open("ab") as output, _on(cores):
        started = subprocess.Popen(
            command, cwd=ROOT, env={**kept, **environment}, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
    try:
        yield started.pid
    except BaseException as error:
        error.add_note(f"{command[0]} said last: {log.read_text(errors='replace')[-2000:]}")
        raise
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGTERM)
        try:
            started.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def _on(cores: set[int] | None) -> Iterator[None]:
    """Be on these cores for a moment: who is started meanwhile, with all its threads, stays there."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def until(condition: Callable[[], bool], what: str, seconds: float = 30.0, pause: float = 0.01) -> None:
    """Wait for a condition. Raises BenchError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"waited {seconds:g} s for {what}")
        time.sleep(pause)


def free_port() -> int:
    """Find a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def family(pid: int) -> list[int]:
    """Give a process and all that descend from it. Empty where the system does not tell."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        fields = _fields(status)
        if fields:
            parents[int(status.parent.name)] = int(fields[1])
    found = [pid] if pid in parents else []
    for one in found:
        found.extend(child for child, parent in parents.items() if parent == one)
    return found


def processor_seconds(pid: int) -> float:
    """Give the processor time of a process and all that descend from it, also of those that have ended."""
    ticks = 0
    for one in family(pid):
        ticks += sum(int(value) for value in _fields(Path(f"/proc/{one}/stat"))[11:15])
    return ticks / _TICKS


def resident_mb(pid: int) -> float:
    """Give the resident memory of a process and all that descend from it, in MB; what they share counts for each."""
    found = (_fields(Path(f"/proc/{one}/stat")) for one in family(pid))
    return sum(int(fields[21]) for fields in found if fields) * _PAGE_MB


def _fields(status: Path) -> list[str]:
    """Read a `/proc/<pid>/stat` from its third field on; the second, the name, may hold anything."""
    try:
        return status.read_text().rpartition(")")[2].split()
    except OSError:
        return []


class Others:
    """How much of the machine other programs use while this one works: above a few per cent, figures are noisy."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._busy = _busy_seconds()
        self._own = self._own_seconds()

    def share(self) -> float | None:
        """Give it, as a share of all cores; only after every process of ours has ended."""
        if self._busy is None:
            return None
        busy = (_busy_seconds() or 0.0) - self._busy - (self._own_seconds() - self._own)
        return max(0.0, busy / (time.monotonic() - self._began) / (os.cpu_count() or 1))

    @staticmethod
    def _own_seconds() -> float:
        return sum(os.times()[:4])


def _busy_seconds() -> float | None:
    try:
        first = Path("/proc/stat").read_text().splitlines()[0].split()
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = (int(value) for value in first[1:9])
    return (user + nice + system + irq + softirq + steal) / _TICKS


def describe(folder: Path, cores: Cores) -> Machine:
    """Say what machine this is. Of the disk: how long it takes to have 4 KB on it."""
    took = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        pinned=cores.measured is not None,
        fsync_us=statistics.median(took) * 1e6,
    )


def _processor() -> str:
    try:
        named = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        named = None
    return named[1] if named else platform.processor() or "unknown"
