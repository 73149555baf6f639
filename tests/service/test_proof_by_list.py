"""My-Cool-SMS sends in doubt are settled by the list of what was sent: a real simulator's, into a real store."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ringback.clients.configured import Configured
from ringback.clients.transport import AsyncHttpTransport
from ringback.outbox.draft import Draft
from ringback.outbox.queue import record_of
from ringback.outbox.record import SendState
from ringback.schemas.callback_urls import callback_url
from ringback.schemas.settings import Settings
from ringback.sender.doubts import Doubts
from tests.support.polling import sending_to
from tests.support.service import Service, free_port
from tests.support.simulated import Simulated, simulated

TO = "491234567890"
PUBLIC = "https://ringback.example"


@pytest.fixture(scope="module")
def running_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    with simulated(tmp_path_factory.mktemp("simulator")) as there:
        yield there


@pytest.fixture
def simulator(running_simulator: Simulated) -> Simulated:
    """An account that has sent nothing yet."""
    running_simulator.control("reset")
    return running_simulator


@pytest.fixture
def store(redis_url: str) -> Iterator[Service]:
    service = Service(redis_url, f"proof{secrets.token_hex(4)}", free_port())
    yield service
    service.close()


def in_doubt(service: Service, *, ago_s: float = 180) -> str:
    """Put a send into the outbox whose answer never came; return its ref."""
    ref = secrets.token_hex(8)
    at = round((time.time() - ago_s) * 1000)
    draft = Draft("sms", "mycoolsms", "acme", TO, {"text": "Hello"}, "ACME")
    fields: dict[Any, Any] = {"state": "in_doubt", "send": draft.dump(), "noted": at, "at": at}
    service.redis.hset(service.keys.send(ref), mapping=fields)
    service.redis.zadd(service.keys.outbox_doubt, {ref: at})
    return ref


def send(simulator: Simulated, ref: str | None, to: str = f"+{TO}") -> None:
    """Let the provider take an SMS whose report nobody can hear."""
    context = {"send": ref, "order": "42"} if ref else {}
    url = callback_url(PUBLIC, "mycoolsms/delivery-report", None, context)
    simulator.cool("sendSms", number=to, message="Hello", callbackurl=url)


def look(service: Service, simulator: Simulated) -> None:
    """Ask the list once."""
    environment = {**service.settings, "RINGBACK_PUBLIC_URL": PUBLIC, **sending_to(simulator.url)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        configured = Configured.load(Settings.load())

    async def once() -> None:
        transport = AsyncHttpTransport()
        await Doubts(service.redis, service.keys, configured).look(transport)
        await transport.close()

    asyncio.run(once())


def fate(service: Service, ref: str) -> tuple[SendState, str | None]:
    record = record_of(service.redis, service.keys, ref)
    assert record is not None
    return record.state, record.message_id


def test_a_row_with_the_ref_proves_that_it_was_accepted(store: Service, simulator: Simulated) -> None:
    ref = in_doubt(store, ago_s=5)
    simulator.control("faults", operation="sendSms", fault="close", taken=True)
    with pytest.raises(httpx.TransportError):
        send(simulator, ref)
    look(store, simulator)
    [row] = simulator.cool("getOutboundSms")["messages"]
    assert fate(store, ref) == (SendState.ACCEPTED, row["smsid"])
    assert not store.redis.zcard(store.keys.outbox_doubt)
    key = f"{store.keys.sent}mycoolsms:acme:{row['smsid']}"
    assert store.redis.get(key) == ref.encode()


def test_a_row_that_150_later_ones_hide(store: Service, simulator: Simulated) -> None:
    ref, missing = in_doubt(store), in_doubt(store)
    send(simulator, ref)
    for _ in range(150):
        send(simulator, secrets.token_hex(8))
    look(store, simulator)
    assert fate(store, ref)[0] is SendState.ACCEPTED
    assert fate(store, missing) == (SendState.QUEUED, None)
    assert [entry[b"ref"] for _, entry in entries(store)][-1] == missing.encode()


def entries(service: Service) -> list[tuple[bytes, dict[bytes, bytes]]]:
    found: Any = service.redis.xrange(service.keys.outbox)
    return list(found)


@pytest.mark.parametrize(
    ("ago_s", "is_anonymous"),
    [
        pytest.param(60, False, id="within two minutes"),
        pytest.param(180, True, id="with a row to the same number that has no ref"),
    ],
)
def test_where_there_is_room_for_doubt_it_stays(
    store: Service, simulator: Simulated, ago_s: float, is_anonymous: bool
) -> None:
    ref = in_doubt(store, ago_s=ago_s)
    if is_anonymous:
        send(simulator, None)
    look(store, simulator)
    assert fate(store, ref) == (SendState.IN_DOUBT, None)


def test_a_provider_that_cannot_be_asked_leaves_it_in_doubt(store: Service, simulator: Simulated) -> None:
    ref = in_doubt(store)
    simulator.control("faults", operation="getOutboundSms", fault="502")
    look(store, simulator)
    assert fate(store, ref)[0] is SendState.IN_DOUBT
    look(store, simulator)
    assert fate(store, ref)[0] is SendState.QUEUED
