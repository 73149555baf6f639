"""Machines, for tests: each has a network, a host name, process ids, a disk and a clock of its own.

Linux's namespaces make them, for root; Debian's `faketime` makes the clocks. Where one of the two is not to be had the
processes still run, without it, and `WAY` says so: it is part of the tests' ids.
"""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.service import RINGBACK, clean_environment, free_port, is_alive, wait_for

HOST_NAME: Final = "ringback"
_FAKETIME: Final = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
# Packets between namespaces never leave this machine; the block is set aside for measurements (RFC 2544).
_BLOCK: Final = "198.18"
_PORT: Final = 8000
# faketime shifts the end of a sleep, but not the clock that it goes by, and the kernel refuses that: sleep otherwise.
_SLEEP: Final = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""
# A disk and shared memory of its own: faketime names what it shares by the process id, which others have too.
_SETTLE: Final = (
    'mount -t tmpfs none "$1" && mount -t tmpfs none /dev/shm && hostname "$2" && echo && exec sleep infinity'
)


def _has_namespaces() -> bool:
    if not all(map(shutil.which, ("ip", "unshare", "nsenter"))):
        return False
    name = f"rb{secrets.token_hex(3)}"
    bridge, no_bridge = (["ip", "link", verb, name, "type", "bridge"] for verb in ("add", "del"))
    unshare = ["unshare", "--net", "--uts", "--pid", "--mount", "--fork", "--mount-proc"]
    commands = (bridge, no_bridge, [*unshare, "mount", "-t", "tmpfs", "none", "/dev/shm"])  # noqa: S108
    return all(subprocess.run(one, capture_output=True, check=False).returncode == 0 for one in commands)


HAS_NAMESPACES: Final = _has_namespaces()
HAS_CLOCKS: Final = _FAKETIME is not None
WAY: Final = ", ".join((
    "network, host name, pids and disk of its own" if HAS_NAMESPACES else "NO NAMESPACES HERE: one network and disk",
    "clocks three minutes apart" if _FAKETIME else "NO FAKETIME HERE: one clock",
))  # fmt: skip


@dataclass
class Program:
    """A process on a machine. `pid` is what this side knows it by."""

    process: "subprocess.Popen[bytes]"
    pid: int

    def stop(self) -> None:
        """End it by SIGTERM, and see that it ends."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
        self.process.wait(60)


@dataclass
class Machine:
    """A machine, and what was started on it. `ahead_s`: by how much its clock is ahead of this side's."""

    name: str
    folder: Path
    address: str
    port: int
    ahead_s: int
    admin_port: int
    settings: dict[str, str]
    holder: int | None = None
    cable: str = ""
    programs: list[Program] = field(default_factory=list)

    def start(self, *words: str, **settings: str) -> Program:
        """Run a command of Ringback's."""
        own = {
            "MACHINE": self.name, "HOME": str(self.folder), "RINGBACK_DATA_DIR": str(self.folder / "data"),
            "RINGBACK_HOST": self.address, "RINGBACK_PORT": str(self.port), "RINGBACK_ADMIN_HOST": self.address,
        }  # fmt: skip
        environment = clean_environment(**{**self.settings, **own, **settings})
        if _FAKETIME is not None:
            environment |= {"LD_PRELOAD": str(_FAKETIME), "FAKETIME": f"{self.ahead_s:+d}s"}
            # Its fix for an old fault of glibc makes threads that wait for the interpreter turn in a loop: a worker
            # with threads then takes four times the processor time, which no other clock would cost it.
            environment |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0"}
            environment["PYTHONPATH"] += f":{self.folder.parent}"
        inside = [*RINGBACK, *words]
        if self.holder is None:
            process = subprocess.Popen(inside, env=environment, cwd=self.folder)
            program = Program(process, process.pid)
        else:
            # The preload is not for nsenter, which is still on this side.
            preload = [f"LD_PRELOAD={environment.pop('LD_PRELOAD')}"] if _FAKETIME is not None else []
            enter = ["nsenter", f"--target={self.holder}", "--net", "--uts", "--pid", "--mount", f"--wd={self.folder}"]
            process = subprocess.Popen([*enter, "env", *preload, *inside], env=environment)
            program = Program(process, wait_for(lambda: _child(process), f"{words[0]} on {self.name}"))
        self.programs.append(program)
        return program

    def vanish(self) -> None:
        """End all that runs here at once, without a word to anyone: the network is gone first."""
        if self.cable:
            _run("ip", "link", "set", self.cable, "down")
        while pids := self.pids():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for program in self.programs:
                program.process.wait(30)

    def pids(self) -> list[int]:
        """Give what runs here, as this side knows it, but for what holds the namespaces."""
        found = set[int]()
        if self.holder is None:
            found |= {pid for one in self.programs if one.process.poll() is None for pid in (one.pid, *_below(one.pid))}
        else:
            here = _namespace(self.holder)
            found = {pid for pid in _all_pids() if pid != self.holder and _namespace(pid) == here and is_alive(pid)}
        return sorted(found)

    def close(self) -> None:
        """Stop what still runs."""
        for program in reversed(self.programs):
            program.stop()


@contextmanager
def machines(folder: Path, clocks: Mapping[str, int], **settings: str) -> Iterator[tuple[str, list[Machine]]]:
    """Give this side's address as the machines see it, and machines with these names and clocks."""
    with ExitStack() as stack:
        if HAS_NAMESPACES:
            bridge, network = f"rb{secrets.token_hex(3)}", f"{_BLOCK}.{secrets.randbelow(256)}"
            host, addresses = f"{network}.1", [f"{network}.{number + 2}" for number in range(len(clocks))]
            _run("ip", "link", "add", bridge, "type", "bridge")
            stack.callback(_run, "ip", "link", "del", bridge)
            _run("ip", "addr", "add", f"{host}/24", "dev", bridge)
            _run("ip", "link", "set", bridge, "up")
        else:
            host, addresses = "127.0.0.1", ["127.0.0.1"] * len(clocks)
        (folder / "sitecustomize.py").write_text(_SLEEP)
        made: list[Machine] = []
        for (name, ahead_s), address in zip(clocks.items(), addresses, strict=True):
            disk = folder / name
            disk.mkdir()
            port, admin_port = (_PORT, _PORT + 1) if HAS_NAMESPACES else (free_port(), free_port())
            machine = Machine(name, disk, address, port, ahead_s, admin_port, dict(settings))
            if HAS_NAMESPACES:
                machine.holder = stack.enter_context(_holding(disk))
                machine.cable = f"{bridge}-{len(made)}"
                _connect(machine, bridge)
                # Its end may outlive the namespace by minutes, for connections that were cut off.
                stack.callback(_run, "ip", "link", "del", machine.cable)
            stack.callback(machine.close)
            made.append(machine)
        yield host, made


@contextmanager
def _holding(disk: Path) -> Iterator[int]:
    """Make the namespaces, with a process in them that keeps them; when it ends, so does all that is in them."""
    unshare = ["unshare", "--net", "--uts", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"]
    command = [*unshare, "sh", "-c", _SETTLE, "sh", str(disk), HOST_NAME]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as started:
        try:
            assert started.stdout is not None
            assert started.stdout.readline() == b"\n"
            yield wait_for(lambda: _child(started), "the machine")
        finally:
            started.kill()  # which ends its child, and that one's end the rest
            started.wait(30)


def _connect(machine: Machine, bridge: str) -> None:
    inside = ["nsenter", "--target", str(machine.holder), "--net", "ip"]
    _run("ip", "link", "add", machine.cable, "type", "veth", "peer", "name", "eth0", "netns", str(machine.holder))
    _run("ip", "link", "set", machine.cable, "master", bridge, "up")
    _run(*inside, "addr", "add", f"{machine.address}/24", "dev", "eth0")
    for link in ("lo", "eth0"):
        _run(*inside, "link", "set", link, "up")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=30)


def _child(started: "subprocess.Popen[bytes]") -> int | None:
    assert started.poll() is None, started.args
    return next(iter(_below(started.pid)), None)


def _below(pid: int) -> Sequence[int]:
    """Give a process's descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [found for child in map(int, children) for found in (child, *_below(child))]


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _namespace(pid: int) -> str | None:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return None
