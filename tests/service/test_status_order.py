"""Status order: the furthest status known of a message ends the same, whatever the order and way of arrival."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import cycle, permutations
from typing import Any, cast

import httpx
import pytest

from ringback.schemas.event_data import STATUS_RANK
from tests.support.service import RINGBACK, TOKEN, Service, await_ready, free_port, process, running

FIVE = ("AT_CARRIER", "DELIVERY_DELAYED", "EXPIRED", "ERROR", "DELIVERED")
ORDERS = list(permutations(FIVE))
RANKS = {status.value: rank for status, rank in STATUS_RANK.items()}
AT_ONCE = 16


@pytest.fixture(scope="module")
def receivers(redis_url: str) -> Iterator[tuple[Service, list[int]]]:
    """Give two receivers on one Redis, by their ports."""
    with running(redis_url, queues="") as service:
        port = free_port()
        with process([*RINGBACK, "serve"], **{**service.settings, "RINGBACK_PORT": str(port)}):
            second = Service(redis_url, service.prefix, port)
            await_ready(second, 0)
            second.close()
            yield service, [service.port, port]


async def report(http: httpx.AsyncClient, port: int, smsid: str, status: str) -> None:
    url = f"http://127.0.0.1:{port}/webhooks/mycoolsms/delivery-report?token={TOKEN}"
    answer = await http.post(url, json={"smsid": smsid, "status": f"SMS_STATUS_{status}"})
    assert answer.status_code == 200


async def send_all(ports: list[int], way: str) -> None:
    """Send each order as a message of its own, its statuses to the receivers in turn."""
    gate = asyncio.Semaphore(AT_ONCE)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=30) as http:

        async def send(order: tuple[str, ...]) -> None:
            smsid = message_id(way, order)
            async with gate:
                reports = [report(http, port, smsid, status) for port, status in zip(cycle(ports), order, strict=False)]
                if way == "all at once":
                    await asyncio.gather(*reports)
                else:
                    for one in reports:
                        await one

        await asyncio.gather(*(send(order) for order in ORDERS))


def message_id(way: str, order: tuple[str, ...]) -> str:
    return f"{way}: {' '.join(order)}"


def entries_of_messages(service: Service) -> dict[str, list[tuple[dict[str, Any], str]]]:
    """Give each message's events, in the order of the stream, with `advanced`."""
    found: dict[str, list[tuple[dict[str, Any], str]]] = defaultdict(list)
    for entry in service.stored():
        event = json.loads(entry["event"])
        found[event["subject"]].append((event, entry["advanced"]))
    return found


@pytest.mark.parametrize("way", ["one after another", "all at once"])
def test_all_orders_of_five_statuses_at_two_receivers_end_the_same(
    receivers: tuple[Service, list[int]], way: str
) -> None:
    service, ports = receivers
    asyncio.run(send_all(ports, way))
    entries = entries_of_messages(service)
    for order in ORDERS:
        smsid = message_id(way, order)
        events = [event for event, _ in entries[smsid]]
        arrived = [event["data"]["raw"]["status"].removeprefix("SMS_STATUS_") for event in events]
        assert sorted(arrived) == sorted(FIVE)
        if way == "one after another":
            assert tuple(arrived) == order
        furthest, expected = 0, []
        for event in events:
            rank = RANKS[event["data"]["status"]]
            expected.append("1" if rank > furthest else "0")
            furthest = max(furthest, rank)
        assert [advanced for _, advanced in entries[smsid]] == expected, smsid
        (last,) = [event for event in events if event["data"]["status"] == "delivered"]
        known = cast("dict[bytes, bytes]", service.redis.hgetall(service.keys.message("mycoolsms", "acme", smsid)))
        assert known == {b"status": b"delivered", b"event": last["id"].encode(), b"at": known[b"at"]}
        assert datetime.fromisoformat(known[b"at"].decode()) == datetime.fromisoformat(last["time"])
