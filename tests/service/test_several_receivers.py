"""Several receivers on one socket: one that dies or is replaced cuts nobody off, and they are shown as one."""

import itertools
import os
import secrets
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.callers import calling
from tests.support.commands import ringback
from tests.support.service import (
    RINGBACK,
    ROOT,
    TOKEN,
    Service,
    await_answer,
    free_port,
    is_alive,
    kill,
    process,
    valkey,
    wait_for,
)

WAITING = 20


class Store(ExitStack):
    """A store that goes away and comes back."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__()
        self._folder = folder
        self._port = port
        self.url = f"redis://127.0.0.1:{port}/0"

    def start(self) -> None:
        self.enter_context(valkey(self._folder, self._port))


@dataclass
class Several:
    """Two receivers, their parent and their store."""

    service: Service
    parent: "subprocess.Popen[bytes]"
    admin: httpx.Client
    store: Store

    @property
    def receivers(self) -> list[int]:
        """Return the pids of those that run."""
        pids = map(int, Path(f"/proc/{self.parent.pid}/task/{self.parent.pid}/children").read_text().split())
        return [pid for pid in pids if is_alive(pid)]

    def figure(self, name: str, **labels: str) -> float:
        """Return the sum of the series of this name with these labels, as the admin port shows them."""
        families = text_string_to_metric_families(self.admin.get("/metrics").text)
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    @property
    def stored(self) -> float:
        return self.figure("ringback_events_total", outcome="stored")

    def await_all(self) -> None:
        """Wait until as many serve as should."""
        wait_for(lambda: self.figure("ringback_receivers_missing") == 0, "the receivers")

    def call(self, number: int) -> socket.socket:
        """Connect, and send a callback without waiting for its answer."""
        caller = socket.create_connection(("127.0.0.1", self.service.port), timeout=20)
        body = b"mocean-from=60123456789&mocean-to=63001&mocean-text=%d" % number
        head = f"POST /webhooks/mocean/inbound-sms?token={TOKEN}&ctx.n={number} HTTP/1.1\r\nhost: a\r\n"
        kind = "content-type: application/x-www-form-urlencoded\r\n"
        caller.sendall(f"{head}{kind}content-length: {len(body)}\r\n\r\n".encode() + body)
        return caller


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Several]:
    with ExitStack() as stack:
        store = stack.enter_context(Store(tmp_path_factory.mktemp("valkey"), free_port()))
        store.start()
        service = Service(store.url, f"t{secrets.token_hex(4)}", free_port())
        stack.callback(service.close)
        port = str(free_port())
        chosen = {**service.settings, "RINGBACK_ADMIN_PORT": port, "RINGBACK_RECEIVERS": "2"}
        parent = stack.enter_context(process([*RINGBACK, "serve"], **chosen))
        admin = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10))
        await_answer(service.http)
        made = Several(service, parent, admin, store)
        made.await_all()
        yield made


def numbers(service: Service) -> Counter[int]:
    """Count the inbound SMS by the number in their context."""
    sms = [event for event in service.events() if event["type"] == "message.received"]
    return Counter(int(event["data"]["context"]["n"]) for event in sms)


def answered(caller: socket.socket) -> str:
    """Return the status that a caller gets, or nothing where it is cut off."""
    try:
        return caller.recv(65536).decode().partition(" ")[2][:3]
    except ConnectionError:
        return "cut off"


def connections(pid: int) -> int:
    """Count a process's open sockets."""
    links = [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]
    return sum(link.startswith("socket:") for link in links)


def test_each_has_as_many_connections(two: Several) -> None:
    before = [connections(pid) for pid in two.receivers]
    with ExitStack() as stack:
        for number in range(WAITING):
            assert answered(stack.enter_context(two.call(number))) == "200"
        after = [connections(pid) for pid in two.receivers]
    new = [there - were for there, were in zip(after, before, strict=True)]
    assert sum(new) >= WAITING
    assert min(new) >= WAITING // 4, new


def test_all_are_shown_as_one_and_no_count_falls_when_one_dies(two: Several) -> None:
    has = len(two.service.stored())
    with ExitStack() as stack:
        for number in range(1000, 1010):
            assert answered(stack.enter_context(two.call(number))) == "200"
        wait_for(lambda: two.stored == has + 10, "the sum")
    checks = {one["name"]: one for one in two.admin.get("/readyz").json()["checks"]}
    assert (checks["receivers"]["ok"], checks["receivers"]["detail"]) == (True, "2 of 2 serve")
    assert two.admin.get("/livez").status_code == 200
    names = {family.name for family in text_string_to_metric_families(two.admin.get("/metrics").text)}
    assert {"ringback_redis_up", "ringback_spool_events", "ringback_commit_seconds"} <= names
    seen = {has + 10.0}
    kill(two.receivers[0])

    def is_back() -> bool:
        seen.add(two.stored)
        return two.figure("ringback_receivers_missing") == 0

    wait_for(lambda: two.figure("ringback_receivers") == 1, "the gap")
    wait_for(is_back, "the next one")
    assert seen == {has + 10}
    with ExitStack() as stack:
        for number in range(1010, 1020):
            assert answered(stack.enter_context(two.call(number))) == "200"
        wait_for(lambda: two.stored == has + 20, "the sum")


def test_what_waits_for_one_that_is_killed_another_answers(two: Several) -> None:
    first, second = two.receivers
    for pid in (first, second):
        os.kill(pid, signal.SIGSTOP)
    with ExitStack() as stack:
        callers = [stack.enter_context(two.call(number)) for number in range(WAITING)]
        kill(first)
        os.kill(second, signal.SIGCONT)
        assert [answered(caller) for caller in callers] == ["200"] * WAITING
    two.await_all()


@pytest.mark.timed  # a caller that gets no turn for half a second would use a connection that is being closed
def test_nobody_notices_that_all_are_replaced(two: Several) -> None:
    before, url = set(two.receivers), f"http://127.0.0.1:{two.service.port}"
    with calling(url, itertools.count()) as kept, calling(url, itertools.count(), keeps_connections=False) as new:
        two.parent.send_signal(signal.SIGHUP)
        wait_for(lambda: not before & set(two.receivers), "their successors")
        two.await_all()
    assert (kept.failed, new.failed) == ([], [])
    assert min(len(kept.taken), len(new.taken)) > 100


def test_what_dead_ones_have_left_on_disk_is_taken_up(two: Several) -> None:
    has, sent = numbers(two.service), range(2000, 2000 + WAITING)
    two.store.close()
    with ExitStack() as stack:
        for number in sent:
            assert answered(stack.enter_context(two.call(number))) == "200"
    wait_for(lambda: two.figure("ringback_spool_events") == WAITING, "the spools")
    before = two.receivers
    for pid in before:
        kill(pid)
    assert two.figure("ringback_spool_events") == WAITING
    wait_for(lambda: len(two.receivers) == 2 and not set(before) & set(two.receivers), "their successors")
    two.await_all()
    assert two.figure("ringback_spool_events") == WAITING
    two.store.start()
    wait_for(lambda: two.figure("ringback_spool_events") == 0, "the empty spools")
    assert numbers(two.service) == has + Counter(sent)


@pytest.mark.parametrize(
    ("words", "settings", "complaint"),
    [
        pytest.param(("--processes", "65"), {}, "--processes", id="too many"),
        pytest.param((), {"RINGBACK_TOKENS": ""}, "RINGBACK_TOKENS: not set", id="no token"),
        pytest.param((), {"RINGBACK_DATA_DIR": "/proc/none"}, "RINGBACK_DATA_DIR: ", id="no spool"),
    ],
)
def test_what_keeps_them_from_starting_is_said(
    redis_url: str, words: tuple[str, ...], settings: dict[str, str], complaint: str
) -> None:
    chosen = {
        "RINGBACK_REDIS_URL": redis_url,
        "RINGBACK_TOKENS": f"acme:{TOKEN}",
        "RINGBACK_RECEIVERS": "2",
        **settings,
    }
    ended = ringback(ROOT, "serve", *words, **{**chosen, "RINGBACK_PORT": str(free_port())})
    assert ended.returncode in (1, 2)
    assert complaint in ended.stderr


def test_all_who_have_reached_them_are_answered_at_the_end(two: Several) -> None:
    """The last test: it ends what the others share."""
    pids, sent = two.receivers, range(3000, 3000 + WAITING)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    with ExitStack() as stack:
        callers = [stack.enter_context(two.call(number)) for number in sent]
        two.parent.terminate()
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        assert [answered(caller) for caller in callers] == ["200"] * WAITING
    assert two.parent.wait(20) == 0
    assert not any(map(is_alive, pids))
    assert set(sent) <= set(numbers(two.service))
