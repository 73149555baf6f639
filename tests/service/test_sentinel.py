"""Failover: a primary that dies under load. Where replicas are waited for, no event that was answered 200 is lost."""

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import cast

import httpx
import pytest
from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from ringback.receiver.commit.spool import lying
from ringback.schemas.keys import Keys
from ringback.system.redis_sync import connect
from ringback.wire.samples import find
from ringback.wire.sending import Wire, build
from tests.chaos.sender import Connection
from tests.support.commands import ringback
from tests.support.replicated import Replicated, replicated
from tests.support.service import RINGBACK, ROOT, TOKEN, await_answer, free_port, process, wait_for

RATE = 200
CONNECTIONS = 20
KEYS = Keys("failover")
MO = find("mocean/inbound-sms")
CALL = find("mocean/voice/answer")
OUTAGE_S = 1.0

Measured = Callable[[str, object], None]


@dataclass
class Load:
    """Numbered inbound messages at a steady rate, and what was answered to each."""

    port: int
    stop: Flag = field(default_factory=Flag)
    answers: dict[str, int] = field(default_factory=dict)
    sent: dict[str, float] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)

    @property
    def taken(self) -> set[str]:
        return {number for number, status in self.answers.items() if status == 200}

    @property
    def seconds(self) -> list[float]:
        """How long each answer took, the longest last."""
        return sorted(self.answered[number] - self.sent[number] for number in self.answered)

    def is_in_order(self, stored: Iterable[str]) -> bool:
        """Tell whether what was sent after an answer stands behind what was answered."""
        last_sent = 0.0
        for number in stored:
            if self.answered[number] < last_sent:
                return False
            last_sent = max(last_sent, self.sent[number])
        return True

    async def run(self) -> None:
        await asyncio.gather(*(self._send(first) for first in range(CONNECTIONS)))

    async def _send(self, first: int) -> None:
        connection = Connection([self.port], 0)
        due = time.monotonic() + first / RATE
        while not self.stop.is_set():
            await asyncio.sleep(due - time.monotonic())
            due += CONNECTIONS / RATE
            number = str(len(self.sent))
            self.sent[number] = time.monotonic()
            self.answers[number] = await connection.ask(message(number)) or 0
            self.answered[number] = time.monotonic()
        connection.close()


def message(text: str) -> bytes:
    """Write an inbound message as it goes over the wire."""
    wire = build(MO, {"mocean-text": text})
    head = [f"{wire.method} {wire.path}?token={TOKEN} HTTP/1.1", "Host: 127.0.0.1"]
    head += [f"Content-Type: {wire.headers['Content-Type']}", f"Content-Length: {len(wire.body)}"]
    return "\r\n".join([*head, "", ""]).encode() + wire.body


@contextmanager
def loaded(house: "House") -> Iterator[Load]:
    """Send for as long as the block lasts."""
    load = Load(house.port)
    thread = Thread(target=lambda: asyncio.run(load.run()))
    thread.start()
    try:
        yield load
    finally:
        load.stop.set()
        thread.join()


class House:
    """A receiver, and workers if there are any, on a Redis that fails over."""

    def __init__(self, store: Replicated, folder: Path, notes_url: str, stack: ExitStack, **settings: str) -> None:
        self.store = store
        self.redis = connect(store.url, retry=Retry(ExponentialWithJitterBackoff(), 20), reply_s=5, connect_s=5)
        self.notes = Redis.from_url(notes_url)
        self.notes_key = f"notes:{secrets.token_hex(4)}"
        self._stack = stack
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = {
            "RINGBACK_REDIS_URL": store.url,
            "RINGBACK_PREFIX": "failover",
            "RINGBACK_PORT": str(self.port),
            "RINGBACK_DATA_DIR": str(folder / "data"),
            "RINGBACK_TOKENS": f"acme:{TOKEN}",
            "RINGBACK_HANDLERS": "tests.support.handlers.noting",
            "NOTES_REDIS_URL": notes_url,
            "NOTES_KEY": self.notes_key,
            **settings,
        }
        self.start("serve")
        with httpx.Client(base_url=self.url) as client:
            await_answer(client)

    def start(self, *command: str) -> None:
        self._stack.enter_context(process([*RINGBACK, *command], **self._settings))

    def start_workers(self) -> None:
        self.start("work", "--queues", "events,events,voice")
        wait_for(lambda: self.redis.scard(f"{KEYS.rq_prefix}:workers") >= 3, "the workers", 30)

    def stored(self) -> Counter[str]:
        """Count in the primary of now each number that is there."""
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", self.redis.xrange(KEYS.events))
        texts = (json.loads(fields[b"event"])["data"].get("text") for _, fields in entries)
        return Counter(text for text in texts if text is not None)

    def spooled(self) -> int:
        """Count what is in the receiver's spool."""
        return sum(one.events for one in lying(Path(self._settings["RINGBACK_DATA_DIR"]) / "spool" / "failover"))

    def doctor(self, *names: str) -> dict[str, tuple[str, str]]:
        """Give what `ringback doctor` says to these questions."""
        checks = json.loads(ringback(ROOT, "doctor", "--json", **self._settings).stdout)["checks"]
        return {one["name"]: (one["grade"], one["detail"]) for one in checks if one["name"] in names}

    def handled(self) -> Counter[bytes]:
        return Counter(cast("list[bytes]", self.notes.lrange(self.notes_key, 0, -1)))

    def send(self, wire: Wire) -> httpx.Response:
        """Send a callback as the provider would."""
        where, params = f"{self.url}{wire.path}", {"token": TOKEN}
        return httpx.request(wire.method, where, params=params, headers=wire.headers, content=wire.body)

    def answer(self) -> str:
        """Make a call; give what is said."""
        answer = self.send(build(CALL, {}))
        assert answer.status_code == 200
        return str(answer.json()[0]["text"])


@pytest.fixture
def house(redis_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    with replicated(tmp_path / "store") as store, ExitStack() as stack:
        yield House(store, tmp_path, redis_url, stack, **request.param)


def lose_the_primary(house: House) -> None:
    """Kill the primary when its replicas have not heard of it for a moment, as it is when a machine dies under load."""
    primary, replicas = house.store.primary, house.store.replicas
    house.store.freeze(replicas)
    time.sleep(OUTAGE_S)
    house.store.kill(primary)
    house.store.thaw()
    house.store.await_another(primary)


@pytest.mark.each_store
@pytest.mark.parametrize("house", [{"RINGBACK_WAIT_REPLICAS": "1"}], indirect=True)
def test_with_replicas_waited_for_a_failover_loses_nothing(
    house: House, record_property: Callable[[str, object], None]
) -> None:
    house.start_workers()
    with loaded(house) as load:
        wait_for(lambda: len(load.taken) > RATE, "the load")
        lose_the_primary(house)
        time.sleep(3)
        # And the same again as an operator does it, who wants to stop this one.
        wait_for(lambda: house.store.attached(house.store.primary) == 1, "the replica")
        house.store.fail_over()
        time.sleep(3)
    assert set(load.answers.values()) == {200}
    wait_for(lambda: load.taken <= house.stored().keys(), "the spool", 30)
    slowest = load.seconds[-len(load.seconds) // 100 :]
    measured = f"{len(load.taken)} answered 200, 0 lost; p99 {slowest[0]:.2f} s, at most {slowest[-1]:.2f} s"
    record_property("measured", measured)
    stored = house.stored()
    assert (max(stored.values()), load.is_in_order(stored)) == (1, True)
    wait_for(lambda: len(house.handled()) == len(load.taken), "the handlers", 60)
    assert wait_for(lambda: house.answer() == "Answered by a handler.", "an answer", 30)


@pytest.mark.parametrize("house", [{"RINGBACK_WAIT_REPLICAS": "2"}], indirect=True)
def test_while_replicas_are_away_the_spool_stands_in_for_them_and_work_goes_on(house: House) -> None:
    house.start_workers()
    away = house.store.replicas[:1]
    with loaded(house) as load:
        wait_for(lambda: len(load.taken) > RATE, "the load")
        house.store.freeze(away)
        frozen_at = len(load.answers)
        wait_for(lambda: house.spooled() > RATE, "copies")
        # Redis has it all, so that handlers run and answer.
        wait_for(lambda: len(house.handled()) > frozen_at + RATE, "the handlers")
        assert house.answer() == "Answered by a handler."
        house.store.thaw()
        wait_for(lambda: house.spooled() == 0, "the replica to have it all", 30)
    assert set(load.answers.values()) == {200}
    stored = house.stored()
    assert (load.taken - stored.keys(), max(stored.values()), load.is_in_order(stored)) == (set(), 1, True)
    wait_for(lambda: len(house.handled()) == len(load.taken), "the handlers")
    assert max(house.handled().values()) == 1


@pytest.mark.parametrize("house", [{"RINGBACK_WAIT_REPLICAS": "1"}], indirect=True)
def test_doctor_looks_at_replicas_and_sentinels(house: House) -> None:
    assert house.doctor("replicas", "sentinels") == {
        "replicas": ("ok", "2 follow, 1 are waited for"),
        "sentinels": ("ok", "3 of 3 answer, 2 replicas to promote"),
    }
    house.store.prioritise(house.store.replicas[0], 50)
    wait_for(lambda: "priorities differ" in house.doctor("sentinels")["sentinels"][1], "the priority", 30)
    house.store.kill_sentinel()
    assert house.doctor("sentinels") == {"sentinels": ("warning", "2 of 3 answer")}
    house.store.freeze(house.store.replicas)
    assert house.doctor("replicas") == {"replicas": ("not ok", "0 follow, 1 are waited for")}
    house.store.kill_sentinel()
    wait_for(lambda: house.doctor("sentinels")["sentinels"][1].startswith("they cannot agree: NOQUORUM"), "it")


@pytest.mark.parametrize("house", [{"RINGBACK_WAIT_REPLICAS": "1", "RINGBACK_SPOOL": "off"}], indirect=True)
def test_without_a_spool_what_replicas_lack_is_refused_and_taken_as_a_repeat(house: House) -> None:
    message = build(MO, {})
    away = house.store.replicas
    house.store.freeze(away)
    refused = house.send(message)
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    house.store.thaw()
    wait_for(lambda: house.send(message).status_code == 200, "the replicas")
    assert list(house.stored().values()) == [1]


@pytest.mark.parametrize("house", [{}], indirect=True)
def test_without_it_a_failover_loses_what_no_replica_had(
    house: House, record_property: Callable[[str, object], None]
) -> None:
    with loaded(house) as load:
        wait_for(lambda: len(load.taken) > RATE, "the load")
        lose_the_primary(house)
        time.sleep(1)
    assert set(load.answers.values()) == {200}
    last = max(load.taken, key=int)
    wait_for(lambda: last in house.stored(), "the spool", 30)
    lost = load.taken - house.stored().keys()
    record_property("measured", f"{len(load.taken)} answered 200, {len(lost)} lost")
    assert 0 < len(lost) <= 3 * OUTAGE_S * RATE
