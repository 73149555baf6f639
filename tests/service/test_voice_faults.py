"""Whatever is wrong, a call is answered with valid MC within its deadline, and the counters say what was wrong."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from prometheus_client import CollectorRegistry

from ringback.receiver.app import make_app
from ringback.receiver.http.listen import bind
from ringback.receiver.metrics import CallOutcome
from ringback.schemas.mc_wire import parse_mc
from ringback.schemas.settings import Settings
from tests.support.service import (
    RINGBACK,
    TOKEN,
    Service,
    await_ready,
    free_port,
    kill,
    process,
    running,
    valkey,
    wait_for,
)
from tests.support.service import worker_pids as pids

pytestmark = pytest.mark.timed

DEADLINE_S = 1.0
GRACE_S = 0.1
CALLS = 100
AT_ONCE = 50
APART_S = 0.005
HANDLER = "by the handler"
FALLBACK = "We cannot take your call right now. Please try again."
SETTINGS = {"RINGBACK_HANDLERS": "tests.support.handlers.faulty", "RINGBACK_VOICE_DEADLINE": f"{DEADLINE_S}s"}


@dataclass(frozen=True)
class Answered:
    """One call's answer: what it says first, and after how many seconds."""

    says: str
    after: float


async def ring(port: int, do: str) -> Answered:
    """Call once, on a connection of its own, and read valid MC."""
    body = b"mocean-call-uuid=call&mocean-session-uuid=session&mocean-to=63001"
    head = (
        f"POST /webhooks/mocean/voice/answer?token={TOKEN}&ctx.do={do} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.perf_counter()
    writer.write(head.encode() + body)
    answer = await reader.read()
    after = time.perf_counter() - began
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    said = httpx.Response(200, content=answer.partition(b"\r\n\r\n")[2]).json()
    parse_mc(said)
    return Answered(said[0]["text"], after)


async def ring_often(port: int, do: str, *, meanwhile: Callable[[], None] = lambda: None) -> list[Answered]:
    """Call 500 times, 50 at once; do something while each fifty are on their way.

    The calls begin a little apart: if all deadlines ended at once, it would be this client that is late.
    """
    answered: list[Answered] = []
    for _ in range(CALLS // AT_ONCE):
        calls = []
        for _ in range(AT_ONCE):
            calls.append(asyncio.create_task(ring(port, do)))
            await asyncio.sleep(APART_S)
        meanwhile()
        answered += await asyncio.gather(*calls)
    return answered


def check(answered: list[Answered], *says: str) -> None:
    """See that each call got one of these answers in time."""
    assert len(answered) == CALLS
    assert {one.says for one in answered} <= set(says)
    assert max(one.after for one in answered) <= DEADLINE_S + GRACE_S


@contextmanager
def own_valkey(folder: Path) -> Iterator[tuple[Service, int]]:
    """Run a service on a Valkey of its own; give that one's pid too."""
    with valkey(folder, free_port()) as (url, store), running(url, queues="voice,voice", **SETTINGS) as service:
        try:
            yield service, store.pid
        finally:
            if store.poll() is None:
                store.send_signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def faulty(redis_url: str) -> Iterator[Service]:
    """Give a service whose voice handler is faulty on demand."""
    with running(redis_url, queues="voice,voice,events", **SETTINGS) as service:
        yield service


@pytest.mark.parametrize("do", ["raise", "invalid", "hang"])
def test_a_faulty_handler(faulty: Service, do: str) -> None:
    check(asyncio.run(ring_often(faulty.port, do)), FALLBACK)


def test_voice_workers_that_are_killed(faulty: Service) -> None:
    def kill_them() -> None:
        for pid in pids(faulty, "voice"):
            try:
                kill(pid)
            except ProcessLookupError:  # it was killed before, and is still listed
                continue

    check(asyncio.run(ring_often(faulty.port, "", meanwhile=kill_them)), HANDLER, FALLBACK)
    wait_for(lambda: asyncio.run(ring(faulty.port, "")).says == HANDLER, "another voice worker", 60)


def test_no_voice_worker(redis_url: str) -> None:
    with running(redis_url, queues="events", **SETTINGS) as service:
        check(asyncio.run(ring_often(service.port, "")), FALLBACK)


def test_a_valkey_that_hangs(tmp_path: Path) -> None:
    with own_valkey(tmp_path) as (service, store):
        assert asyncio.run(ring(service.port, "")).says == HANDLER
        os.kill(store, signal.SIGSTOP)
        check(asyncio.run(ring_often(service.port, "")), FALLBACK)
        os.kill(store, signal.SIGCONT)
        wait_for(lambda: asyncio.run(ring(service.port, "")).says == HANDLER, "the handler's answer")


def test_a_valkey_that_hangs_in_the_middle(tmp_path: Path) -> None:
    """Some calls are stored, and their answers do not come."""
    with own_valkey(tmp_path) as (service, store):
        switched = iter([signal.SIGSTOP, signal.SIGCONT] * CALLS)
        answered = asyncio.run(ring_often(service.port, "", meanwhile=lambda: os.kill(store, next(switched))))
        check(answered, FALLBACK, HANDLER)


def test_a_valkey_that_is_killed(tmp_path: Path) -> None:
    port = free_port()
    with valkey(tmp_path, port) as (url, store), running(url, queues="voice,voice", **SETTINGS) as service:
        assert asyncio.run(ring(service.port, "")).says == HANDLER
        kill(store.pid)
        check(asyncio.run(ring_often(service.port, "")), FALLBACK)
        with valkey(tmp_path, port):
            wait_for(lambda: asyncio.run(ring(service.port, "")).says == HANDLER, "the handler's answer", 60)


def test_many_calls_at_once_keep_nobody_waiting(redis_url: str) -> None:
    """200 calls are answered by their handler; delivery reports that come meanwhile do not wait for them."""
    settings = SETTINGS | {"RINGBACK_VOICE_DEADLINE": "3s"}

    async def calls_and_reports(port: int) -> tuple[list[Answered], list[float]]:
        calls = asyncio.gather(*(ring(port, "") for _ in range(200)))
        took: list[float] = []
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            while not calls.done():
                began = time.perf_counter()
                form = {"mocean-msgid": f"message-{len(took)}", "mocean-dlr-status": "1"}
                report = await http.put("/webhooks/mocean/delivery-report", params={"token": TOKEN}, data=form)
                assert report.status_code == 200
                took.append(time.perf_counter() - began)
        return await calls, took

    with running(redis_url, queues="voice,voice,events", **settings) as service:
        answered, took = asyncio.run(calls_and_reports(service.port))
    assert [one.says for one in answered] == [HANDLER] * 200
    assert sorted(took)[len(took) * 95 // 100] < 0.1


@contextmanager
def counting(url: str, folder: Path) -> Iterator[tuple[Service, CollectorRegistry]]:
    """Run a receiver in this process, with a registry to look into."""
    service = Service(url, "counted", free_port())
    registry = CollectorRegistry()
    chosen = Settings.load(
        prefix=service.prefix, tokens=f"acme:{TOKEN}", voice_deadline=f"{DEADLINE_S}s", data_dir=folder
    )
    with bind("127.0.0.1", service.port) as bound:
        server = uvicorn.Server(uvicorn.Config(make_app(chosen, url, registry), lifespan="on", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            await_ready(service, 0)
            yield service, registry
        finally:
            server.should_exit = True
            thread.join(30)
            service.close()


def counted(registry: CollectorRegistry) -> dict[str, int]:
    """Give the counters that are not 0."""
    values = {
        outcome.value: registry.get_sample_value("ringback_voice_answers_total", {"outcome": outcome.value})
        for outcome in CallOutcome
    }
    values["late"] = registry.get_sample_value("ringback_voice_late_answers_total")
    return {name: round(value) for name, value in values.items() if value}


def test_each_fault_has_a_counter_of_its_own(tmp_path: Path) -> None:
    with valkey(tmp_path, free_port()) as (url, store), counting(url, tmp_path) as (service, registry):
        settings = service.settings | SETTINGS
        assert service.trigger("mocean/voice/answer").json()[0]["text"] == FALLBACK
        assert counted(registry) == {"no_worker": 1}
        with process([*RINGBACK, "work", "--queues", "voice"], **settings):
            await_ready(service, 1)
            for do in ("", "raise", "invalid", "hang"):
                fields = {"mocean-call-uuid": "call"}
                service.request("POST", "mocean/voice/answer", params={"ctx.do": do}, data=fields)
            service.request("POST", "mocean/voice/collect/attic", data={"mocean-call-uuid": "call"})
            service.request("POST", "mocean/voice/answer", data={"mocean-to": "63001"})
            expected = {"no_worker": 1, "answered": 1, "handler_raised": 1, "invalid_mc": 1, "handler_timeout": 1}
            expected |= {"no_handler": 1, "unusable": 1}
            assert counted(registry) == expected
            service.request("POST", "mocean/voice/collect/late", data={"mocean-call-uuid": "call"})
            expected |= {"no_worker": 2, "late": 1}
            wait_for(lambda: counted(registry) == expected, "the answer that is too late")
        store.kill()
        store.wait()
        assert service.trigger("mocean/voice/answer").json()[0]["text"] == FALLBACK
        assert counted(registry) == expected | {"redis_away": 1}
