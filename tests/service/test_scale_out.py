"""Two machines behind nginx, each with a receiver and workers, one store: what crosses machines, what a restart loses.

The machines have nothing in common but the network (machines.py). The tests go from what should harm nobody to what
ends a machine for good, so they run in this order.
"""

import itertools
import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, cast

import httpx
import pytest

from tests.support.callers import CALL, DLR, MIX, MO, Answer, Caller, calling
from tests.support.machines import HAS_CLOCKS, HAS_NAMESPACES, HOST_NAME, WAY, Machine, Program, machines
from tests.support.proxies import Proxy, nginx
from tests.support.service import Service, await_answer, free_port, valkey, wait_for

LEAST_LOAD_S: Final = 20.0
CLAIM_IDLE_S: Final = 5
AHEAD_S: Final = 90
QUEUES: Final = "events,events,voice"
MOST_TRIED: Final = 8
"""Far more than the two workers of one machine run side by side of a handler that runs once in a process."""


@dataclass
class Pair:
    """Two machines, what runs on each, the store that they share and the proxy before them."""

    service: Service
    proxy: Proxy
    machines: Sequence[Machine]
    receivers: dict[str, Program] = field(default_factory=dict)
    workers: dict[str, Program] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    sent: list[int] = field(default_factory=list)

    def send(self, count: int, name: str, *, keyword: str | None = None, **context: str) -> list[Answer]:
        """Send so many at once; each must have been taken."""
        numbers = list(itertools.islice(self.numbers, count))
        caller = Caller(self.proxy.url)
        caller.send(numbers, name, context, {"mocean-keyword": keyword} if keyword else {})
        assert caller.failed == []
        self.sent += numbers
        return caller.answers

    def noted(self, handler: str) -> list[dict[str, Any]]:
        listed = cast("list[bytes]", self.service.redis.lrange(f"{self.service.prefix}:noted", 0, -1))
        return [one for one in map(json.loads, listed) if one["handler"] == handler]

    def stored(self) -> Counter[int]:
        return Counter(int(event["data"]["context"]["n"]) for event in self.service.events())

    def check_all_once(self) -> None:
        """See that each that was sent is stored once and handled once."""
        wait_for(lambda: len(self.noted("everything")) >= len(self.sent), "the handlers", 60)
        wait_for(lambda: self.pending == 0, "the ledger")
        assert self.stored() == Counter(self.sent)
        assert Counter(int(one["number"]) for one in self.noted("everything")) == Counter(self.sent)

    @property
    def pending(self) -> int:
        return self.service.pending

    def count_workers(self) -> int:
        return self.service.redis.scard(f"{self.service.keys.rq_prefix}:workers")

    def start_receiver(self, machine: Machine) -> None:
        self.receivers[machine.name] = machine.start("serve", RINGBACK_ADMIN_PORT=str(machine.admin_port))
        with httpx.Client(base_url=f"http://{machine.address}:{machine.port}", trust_env=False) as client:
            await_answer(client, who=f"the receiver of {machine.name}")

    def start_workers(self, machine: Machine) -> None:
        before = self.count_workers()
        self.workers[machine.name] = machine.start("work", "--queues", QUEUES)
        wait_for(lambda: self.count_workers() == before + len(QUEUES.split(",")), f"the workers of {machine.name}")

    def send_until_each_has_one(self, keyword: str, **context: str) -> int:
        """Send inbound SMS one by one until a handler is at work on one on each machine. Return how many those are."""
        noted = f"{keyword.lower()}-started"
        before = len(self.noted(noted))
        names = {machine.name for machine in self.machines}
        for sent in range(1, MOST_TRIED):
            self.send(1, MO, keyword=keyword, **context)
            wait_for(lambda sent=sent: len(self.noted(noted)) >= before + sent, noted)  # type: ignore[misc]
            if {one["machine"] for one in self.noted(noted)[before:]} == names:
                return sent
        raise AssertionError(f"one machine had all {MOST_TRIED - 1}")


@pytest.fixture(scope="module", params=[pytest.param(None, id=WAY)])
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Give the two machines, all of them running."""
    store, folder, proxy = (tmp_path_factory.mktemp(name) for name in ("store", "machines", "nginx"))
    with ExitStack() as stack:
        url, _ = stack.enter_context(valkey(store, free_port()))
        service = Service(url, f"t{secrets.token_hex(4)}", free_port())
        stack.callback(service.close)
        settings = {
            **service.settings,
            "RINGBACK_HANDLERS": "tests.support.handlers.machines",
            "RINGBACK_VOICE_DEADLINE": "3s",
        }
        settings |= {"RINGBACK_CLAIM_IDLE": f"{CLAIM_IDLE_S}s", "RINGBACK_LOG_LEVEL": "warning"}
        clocks = {"early": AHEAD_S, "late": -AHEAD_S}
        host, made = stack.enter_context(machines(folder, clocks, **settings))
        service.redis.config_set("bind", f"127.0.0.1 {host}" if HAS_NAMESPACES else "127.0.0.1")
        service.redis.config_set("protected-mode", "no")
        for machine in made:
            machine.settings["RINGBACK_REDIS_URL"] = url.replace("127.0.0.1", host)
            machine.settings["RINGBACK_TRUSTED_PROXIES"] = host
        started = Pair(service, Proxy("", proxy), made)
        for machine in made:
            started.start_receiver(machine)
            started.start_workers(machine)
        started.proxy = stack.enter_context(nginx(proxy, *(f"{one.address}:{one.port}" for one in made)))
        wait_for(lambda: reaches(started.proxy), "nginx")
        yield started


def reaches(proxy: Proxy) -> bool:
    try:
        with proxy.client("127.0.0.1") as client:
            return client.get("/").status_code == 404
    except httpx.TransportError:
        return False


def test_both_machines_work_and_each_event_is_handled_once(pair: Pair) -> None:
    long = pair.send_until_each_has_one("LONG", seconds=str(CLAIM_IDLE_S + 3))
    failed = [one.number for one in pair.send(2, MO, keyword="FAIL")]
    said = set[str | None]()
    names = {machine.name for machine in pair.machines}

    def all_answer() -> bool:
        said.update(one.said for one in pair.send(10, CALL))
        return said >= {f"by {name}" for name in names}

    wait_for(all_answer, "calls that are answered by each machine")
    for name in (MO, DLR):
        pair.send(120, name)

    wait_for(lambda: len(pair.noted("long")) == long, "the long retries", 40)
    wait_for(lambda: len(pair.service.dead_letters()) == 2, "the dead letters")
    pair.check_all_once()
    notes = pair.noted("everything")
    assert {one["machine"] for one in notes} == names
    assert said == {f"by {name}" for name in names}
    if HAS_NAMESPACES:
        assert {one["host"] for one in notes} == {HOST_NAME}
        assert max(one["pid"] for one in notes) < 1000
    if HAS_CLOCKS:
        for machine in pair.machines:
            ahead = {round(one["clock"] / 10) * 10 for one in notes if one["machine"] == machine.name}
            assert ahead == {machine.ahead_s}

    # What takes longer than a claim lasts is not taken for abandoned by the machine whose clock is ahead.
    assert {one["machine"] for one in pair.noted("long-started")} == names
    assert Counter(one["number"] for one in pair.noted("long-started")) == Counter(
        one["number"] for one in pair.noted("long")
    )
    # What fails is tried again when it is due, by whichever machine.
    for number in failed:
        runs = sorted((one for one in pair.noted("failing") if int(one["number"]) == number), key=lambda one: one["at"])
        assert [one["attempt"] for one in runs] == [1, 2, 3]
        assert all(1 <= later["at"] - run["at"] < 15 for run, later in itertools.pairwise(runs))


def test_a_clock_that_is_wrong_is_told_and_nothing_else_is_wrong(pair: Pair) -> None:
    for machine in pair.machines:
        ready = httpx.get(f"http://{machine.address}:{machine.admin_port}/readyz", trust_env=False).json()
        wrong = {one["name"]: one["detail"] for one in ready["checks"] if not one["ok"]}
        assert set(wrong) == ({"clock"} if HAS_CLOCKS else set())
        if HAS_CLOCKS:
            ahead, word = wrong["clock"].split(" s ")
            assert float(ahead) == pytest.approx(AHEAD_S, abs=1)
            assert word == ("ahead of Redis's" if machine.ahead_s > 0 else "behind Redis's")


def test_a_rolling_restart_loses_nothing(pair: Pair) -> None:
    began = time.monotonic()
    with calling(pair.proxy.url, pair.numbers) as caller:
        time.sleep(1)
        for machine in pair.machines:
            pair.receivers[machine.name].stop()
            pair.start_receiver(machine)
        for machine in pair.machines:
            pair.workers[machine.name].stop()
            pair.start_workers(machine)
        time.sleep(max(0.0, began + LEAST_LOAD_S - time.monotonic()))
    pair.sent += [one.number for one in caller.answers]
    assert caller.failed == []
    said = Counter(one.said for one in caller.answers if one.said)
    assert set(said) == {f"by {machine.name}" for machine in pair.machines}  # nobody got the fallback
    pair.check_all_once()


@pytest.mark.timeout(240)
def test_a_machine_that_vanishes_is_replaced_by_the_other(pair: Pair) -> None:
    gone, left = pair.machines
    long_before, letters_before = len(pair.noted("long")), len(pair.service.dead_letters())
    held = pair.send_until_each_has_one("HELD")
    long = pair.send_until_each_has_one("LONG", seconds="8")
    gone.vanish()
    ended = {one["number"] for one in pair.noted("long")}
    assert [one for one in pair.noted("long-started") if one["machine"] == gone.name and one["number"] not in ended]
    for name in MIX:
        pair.send(20, name)
    assert {one.said for one in pair.send(20, CALL)} == {f"by {left.name}"}
    pair.service.redis.set(f"{pair.service.prefix}:go", 1)
    # What the machine had in hand is run alone, one after another.
    wait_for(lambda: len(pair.noted("long")) == long_before + long, "the long retries", 90)
    wait_for(lambda: len(pair.noted("held")) == held, "what was held", 60)
    pair.check_all_once()
    assert len(pair.service.dead_letters()) == letters_before
