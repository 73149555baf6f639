"""A Redis that fails over: a primary, two replicas and three Sentinels as in deploy/, for tests that take some away."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

from redis import Redis
from redis.exceptions import ResponseError

from ringback.run.store import await_store
from tests.support.service import ROOT, free_port, process, store_program, wait_for

SERVICE = "calls"
REPLICAS = 2
SENTINELS = 3


class Replicated:
    """The servers and the Sentinels that watch them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._sentinels: dict[int, subprocess.Popen[bytes]] = {}
        self._frozen: set[int] = set()
        first = self._server(None)
        for _ in range(REPLICAS):
            self._server(first)
        wait_for(lambda: self.attached(first) == REPLICAS, "the replicas")
        for _ in range(SENTINELS):
            self._sentinel(first)
        wait_for(lambda: all(map(self._sees_all, self._sentinels)), "the Sentinels")

    @property
    def url(self) -> str:
        """What RINGBACK_REDIS_URL is to be."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}/0"

    @property
    def primary(self) -> int:
        """The port of the primary, by what the Sentinels say."""
        with self._asked() as sentinel:
            _, port = cast("tuple[str, int]", sentinel.sentinel_get_master_addr_by_name(SERVICE))
        return port

    @property
    def replicas(self) -> list[int]:
        """The ports of the others that run."""
        primary = self.primary
        return [port for port, started in self._processes.items() if port != primary and started.poll() is None]

    def attached(self, port: int) -> int:
        """Count the replicas that a server has, and that follow it closely."""
        with Redis(port=port) as redis:
            told = cast("dict[str, object]", redis.info("replication"))
        return sum(isinstance(one, dict) and one.get("state") == "online" for one in told.values())

    def kill(self, port: int) -> None:
        """End a server as a power failure would."""
        self._processes[port].kill()
        self._processes[port].wait()

    def kill_sentinel(self) -> None:
        """End a Sentinel."""
        _, started = self._sentinels.popitem()
        started.kill()
        started.wait()

    def prioritise(self, port: int, priority: int) -> None:
        """Set how gladly a replica is promoted."""
        with Redis(port=port) as redis:
            redis.config_set("replica-priority", priority)

    def freeze(self, ports: list[int]) -> None:
        """Let servers stand still, and cut them off from whomever they follow."""
        self._frozen.update(ports)
        for port in ports:
            self._processes[port].send_signal(signal.SIGSTOP)
        with Redis(port=self.primary) as redis:
            redis.client_kill_filter(_type="replica")

    def thaw(self) -> None:
        """Let them go on."""
        for port in self._frozen:
            self._processes[port].send_signal(signal.SIGCONT)
        self._frozen.clear()

    def fail_over(self) -> None:
        """Make another the primary, as an operator would who wants to stop the present one."""
        before = self.primary
        wait_for(self._accepts_failover, "a Sentinel that knows a replica to promote", 30)
        self.await_another(before)

    def await_another(self, before: int) -> None:
        """Wait until the Sentinels have made another the primary."""
        wait_for(lambda: self.primary != before, "another primary", 30)

    def _server(self, follows: int | None) -> int:
        port = free_port()
        folder = self._folder / str(port)
        folder.mkdir(parents=True)
        options = {
            "port": str(port), "bind": "127.0.0.1", "dir": str(folder), "save": "", "appendonly": "yes",
            "appendfsync": "always", "logfile": str(folder / "valkey.log"), "repl-diskless-sync-delay": "0",
        }  # fmt: skip
        if follows is not None:
            options["replicaof"] = f"127.0.0.1 {follows}"
        words = (word for name, value in options.items() for word in (f"--{name}", *value.split(" ")))
        command = [store_program(), *words]
        self._processes[port] = self._stack.enter_context(process(command))
        await_store(f"redis://127.0.0.1:{port}/0")
        return port

    def _sentinel(self, primary: int) -> None:
        port = free_port()
        folder = self._folder / str(port)
        folder.mkdir()
        file = folder / "sentinel.conf"
        text = (ROOT / "deploy" / "sentinel.conf").read_text()
        for before, after in {
            "\nport 26379": f"\nport {port}\nlogfile {folder}/sentinel.log",
            "\nbind 10.0.0.1": "\nbind 127.0.0.1",
            "dir /var/lib/valkey-sentinel": f"dir {folder}",
            f"monitor {SERVICE} 10.0.0.1 6379": f"monitor {SERVICE} 127.0.0.1 {primary}",
            f"down-after-milliseconds {SERVICE} 5000": f"down-after-milliseconds {SERVICE} 1000",
            f"failover-timeout {SERVICE} 60000": f"failover-timeout {SERVICE} 5000",
        }.items():
            assert before in text
            text = text.replace(before, after)
        file.write_text(text)
        self._sentinels[port] = self._stack.enter_context(process([store_program(), str(file), "--sentinel"]))
        await_store(f"redis://127.0.0.1:{port}/0")

    def _asked(self) -> Redis:
        return Redis(port=next(iter(self._sentinels)))

    def _accepts_failover(self) -> bool:
        with self._asked() as sentinel:
            try:
                return bool(sentinel.execute_command("SENTINEL", "FAILOVER", SERVICE))
            except ResponseError:  # it is at the last one still, or has not heard of the replica
                return False

    def _sees_all(self, port: int) -> bool:
        with Redis(port=port) as sentinel:
            told = cast("dict[str, int]", sentinel.sentinel_master(SERVICE))
        return (told["num-slaves"], told["num-other-sentinels"]) == (REPLICAS, SENTINELS - 1)


@contextmanager
def replicated(folder: Path) -> Iterator[Replicated]:
    """Run them."""
    with ExitStack() as stack:
        store = Replicated(folder, stack)
        stack.callback(store.thaw)  # what stands still does not end when it is told to
        yield store
