"""The running service, for tests: each process is real, is started here, and is ended here by its pid."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar, cast

import httpx
from redis import Redis

from ringback.reading.progress import backlog
from ringback.run.children import POLLS_QUEUE, SENDS_QUEUE
from ringback.run.store import await_store, binary
from ringback.schemas.keys import Keys
from ringback.wire.samples import find
from ringback.wire.sending import Wire, build

ROOT = Path(__file__).parent.parent.parent
TOKEN = "the-secret-of-acme"
RINGBACK = (sys.executable, "-m", "ringback")

Result = TypeVar("Result")


def wait_for(condition: Callable[[], Result | None], what: str, seconds: float = 20.0) -> Result:
    """Wait until the condition gives something true, and give that."""
    deadline = time.monotonic() + seconds
    while True:
        if result := condition():
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.01)


def clean_environment(**settings: str) -> dict[str, str]:
    """Give this environment with these settings of Ringback's and no others."""
    # Without bytecode files, which this forbids, each of some thousand processes would compile all modules again.
    others = ("RINGBACK_", "RQ_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return {**kept, "PYTHONPATH": str(ROOT), "RINGBACK_ADMIN_PORT": "0", **settings}


def store_program() -> str:
    """Return the program of the store: the embedded Valkey's, or the one that TEST_STORE names (`redis-server`)."""
    chosen = os.environ.get("TEST_STORE")
    if chosen is None:
        return binary()
    found = shutil.which(chosen)
    assert found is not None, f"TEST_STORE: {chosen} is not installed"
    return found


@contextmanager
def valkey(folder: Path, port: int) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run a store that has each write on disk before its reply; yield its URL and process."""
    options = {"port": str(port), "bind": "127.0.0.1", "dir": str(folder), "save": "", "appendonly": "yes"}
    options |= {"appendfsync": "always", "logfile": str(folder / "valkey.log"), "maxmemory-policy": "noeviction"}
    command = [store_program(), *(part for name, value in options.items() for part in (f"--{name}", value))]
    with process(command) as started:
        url = f"redis://127.0.0.1:{port}/0"
        await_store(url)
        yield url, started


@contextmanager
def process(command: Sequence[str], **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process; end it with SIGTERM if it still runs, and see that it ends."""
    started = subprocess.Popen(command, env=clean_environment(**settings), cwd=ROOT)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.terminate()
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
            raise


def free_port() -> int:
    """Find a port that nobody uses now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Noted:
    """What a test handler noted of one run."""

    event: dict[str, Any]
    attempt: int | None
    advanced: bool | None
    pid: int | None
    at: float


@dataclass
class Service:
    """A receiver and workers on a Redis, under a prefix of their own."""

    redis_url: str
    prefix: str
    port: int
    redis: Redis = field(init=False)
    keys: Keys = field(init=False)
    http: httpx.Client = field(init=False)
    data_dir: Path = field(default_factory=lambda: Path(mkdtemp(prefix="ringback-")))

    def __post_init__(self) -> None:
        self.redis = Redis.from_url(self.redis_url)
        self.keys = Keys(self.prefix)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    @property
    def settings(self) -> dict[str, str]:
        return {
            "RINGBACK_REDIS_URL": self.redis_url,
            "RINGBACK_PREFIX": self.prefix,
            "RINGBACK_PORT": str(self.port),
            "RINGBACK_DATA_DIR": str(self.data_dir),
            "RINGBACK_TOKENS": f"acme:{TOKEN},other:another-secret",
            "RINGBACK_HANDLERS": "tests.support.handlers.recording",
            "RINGBACK_VOICE_DEADLINE": "1s",
        }

    def close(self) -> None:
        self.http.close()
        self.redis.close()
        shutil.rmtree(self.data_dir)

    def request(
        self, method: str, path: str, *, token: str | None = TOKEN, params: Mapping[str, str] | None = None, **body: Any
    ) -> httpx.Response:
        """Make a request to a path below /webhooks/."""
        query = {**({"token": token} if token else {}), **(params or {})}
        return self.http.request(method, f"/webhooks/{path}", params=query, **body)

    def send(self, wire: Wire, **params: str) -> httpx.Response:
        """Send a callback as the provider would."""
        return self.http.request(
            wire.method, wire.path, params={"token": TOKEN, **params}, headers=wire.headers, content=wire.body
        )

    def trigger(self, name: str, **overrides: str) -> httpx.Response:
        """Send a sample callback with new ids."""
        return self.send(build(find(name), overrides))

    def sms(self, keyword: str) -> str:
        """Send an inbound SMS that the handler for this keyword wants; give its text, which no other has."""
        text = secrets.token_hex(8)
        wire = build(find("mocean/inbound-sms"), {"mocean-text": text, "mocean-keyword": keyword})
        assert self.send(wire).status_code == 200
        return text

    def ringback(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, with this service's settings."""
        from tests.support.commands import ringback

        return ringback(ROOT, *words, **self.settings)

    def noted(self, handler: str) -> list[Noted]:
        """Give what a handler has noted, in order."""
        listed = cast("list[bytes]", self.redis.lrange(f"{self.prefix}:noted:{handler}", 0, -1))
        decoded = [json.loads(one) for one in listed]
        return [
            Noted(json.loads(one["event"]), one.get("attempt"), one.get("advanced"), one.get("pid"), one["at"])
            for one in decoded
        ]

    def noted_of(self, handler: str, text: str) -> list[Noted]:
        """Give what a handler has noted of the message with this text."""
        return [one for one in self.noted(handler) if one.event["data"].get("text") == text]

    def attempts(self, handler: str, text: str) -> list[int | None]:
        """Return the attempts that a handler has made on the message with this text."""
        return [one.attempt for one in self.noted_of(handler, text)]

    def stored(self) -> list[dict[str, str]]:
        """Return the entries of the events stream."""
        return self._entries(self.keys.events)

    def events(self) -> list[dict[str, Any]]:
        """Return the events of the stream."""
        return [json.loads(entry["event"]) for entry in self.stored()]

    @property
    def pending(self) -> int:
        """How many entries workers have in hand; there must have been a worker."""
        found = backlog(self.redis, self.keys)
        assert found is not None, "no worker has made the group"
        return found.pending

    def quarantined(self) -> list[dict[str, str]]:
        """Return the entries of the quarantine."""
        return self._entries(self.keys.quarantine)

    def _entries(self, key: str) -> list[dict[str, str]]:
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", self.redis.xrange(key))
        return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in entries]

    def dead_letters(self) -> list[dict[str, str]]:
        """Return the failed RQ jobs of the queue of the events."""
        ids = cast("list[bytes]", self.redis.zrange(f"{self.keys.rq_prefix}:failed:events", 0, -1))
        found = []
        for job_id in ids:
            fields = cast("dict[bytes, bytes]", self.redis.hgetall(self.keys.rq_job(job_id.decode())))
            found.append({"id": job_id.decode(), "description": fields[b"description"].decode()})
        return found


@contextmanager
def running(redis_url: str, *, queues: str = "events,events,voice", **settings: str) -> Iterator[Service]:
    """Run a receiver and workers; the queues may be none."""
    service = Service(redis_url, f"t{secrets.token_hex(4)}", free_port())
    chosen = {**service.settings, **settings}
    try:
        with process([*RINGBACK, "serve"], **chosen):
            if queues:
                with process([*RINGBACK, "work", "--queues", queues], **chosen):
                    names = queues.split(",")
                    await_ready(service, len([name for name in names if name not in (SENDS_QUEUE, POLLS_QUEUE)]))
                    if SENDS_QUEUE in names:
                        wait_for(lambda: service.redis.exists(service.keys.sender), "the sender")
                    yield service
            else:
                await_ready(service, 0)
                yield service
    finally:
        service.close()


def await_answer(client: httpx.Client, path: str = "/livez", status: int = 200, who: str = "the receiver") -> None:
    """Wait until a GET gets this status; nobody may listen yet."""

    def answers() -> bool:
        try:
            return client.get(path).status_code == status
        except httpx.TransportError:
            return False

    wait_for(answers, who)


def await_ready(service: Service, workers: int) -> None:
    """Wait until the receiver serves and the workers wait for work."""
    await_answer(service.http)
    key = f"{service.keys.rq_prefix}:workers"
    wait_for(lambda: service.redis.scard(key) >= workers, "the workers")


def worker_pids(service: Service, queue: str) -> list[int]:
    """Give the pids of the workers of a queue."""
    names = cast("set[bytes]", service.redis.smembers(f"{service.keys.rq_prefix}:workers:{queue}"))
    found = (cast("bytes | None", service.redis.hget(name.decode(), "pid")) for name in names)
    return [int(pid) for pid in found if pid]


def kill(pid: int) -> None:
    """End a process without any notice."""
    os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def held_commit(redis: Redis) -> int | None:
    """Find the connection of a commit that Redis, told to pause, has received and not run."""
    clients = redis.client_list()
    return next((int(one["id"]) for one in clients if one["cmd"] == "evalsha" and "b" in one["flags"]), None)


def resident_kib(pid: int) -> int:
    """Return the resident memory of a process, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])
