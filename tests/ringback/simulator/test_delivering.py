"""Callbacks that follow, and how often they are repeated."""

import asyncio
from urllib.parse import parse_qsl

import pytest

from ringback.simulator.delivering import ONCE, UNTIL_2XX, UNTIL_200, Deliveries, Repeats
from ringback.simulator.following import dlr
from tests.ringback.simulator.served import AnswersAsTold, answering
from tests.support.service import free_port

QUICK = 60_000.0  # a minute is a millisecond


async def delivered(url: str, repeats: Repeats, *, ends: bool = True) -> dict[str, object]:
    deliveries = Deliveries(scale=QUICK, delay_s=0)
    try:
        callback = await deliveries.deliver("dlr", "id", url, dlr("id", "60123456789", "ACME", "delivered"), repeats)
        while ends and not callback.ended:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        return callback.row()
    finally:
        await deliveries.close()


@pytest.mark.parametrize(
    ("statuses", "repeats", "state", "seen"),
    [
        pytest.param([], UNTIL_200, "accepted", [200], id="taken at once"),
        pytest.param([500, 204, 302, 200], UNTIL_200, "accepted", [500, 204, 302, 200], id="only 200 ends it"),
        pytest.param([503, 204], UNTIL_2XX, "accepted", [503, 204], id="2xx ends it"),
        pytest.param([500], ONCE, "given up", [500], id="not repeated"),
        pytest.param([500] * 99, UNTIL_200, "given up", [500] * 41, id="36 hours and no longer"),
    ],
)
async def test_repeated(statuses: list[int], repeats: Repeats, state: str, seen: list[int]) -> None:
    told = AnswersAsTold(*statuses)
    with answering(told) as url:
        row = await delivered(f"{url}/hook?token=secret&ctx.order=42", repeats)
    assert row["state"] == state
    tries = row["tries"]
    assert isinstance(tries, list)
    assert [one["status"] for one in tries] == seen
    assert "secret" not in str(row)
    method, path, body = told.got.get_nowait()
    assert (method, path) == ("PUT", "/hook?token=secret&ctx.order=42")
    assert dict(parse_qsl(body.decode())) == {
        "mocean-from": "60123456789",
        "mocean-to": "ACME",
        "mocean-dlr-status": "1",
        "mocean-msgid": "id",
        "mocean-error-code": "0",
    }


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        pytest.param("https://us.example/webhooks/x?token=t", "http://127.0.0.1:8000/webhooks/x?token=t", id="ours"),
        pytest.param("https://us.example.org/x", "https://us.example.org/x", id="a name that begins with ours"),
        pytest.param("https://them.example/x", "https://them.example/x", id="another's"),
    ],
)
async def test_the_service_beside_it_is_reached_directly(url: str, reached: str) -> None:
    deliveries = Deliveries(public="https://us.example", local="http://127.0.0.1:8000")
    assert deliveries.reached(url) == reached
    await deliveries.close()


async def test_repeated_while_nobody_is_there() -> None:
    port = free_port()
    deliveries = Deliveries(scale=600, delay_s=0)
    told = AnswersAsTold()
    try:
        wire = dlr("id", "60123456789", "ACME", "failed", 5)
        callback = await deliveries.deliver("dlr", "id", f"http://127.0.0.1:{port}/", wire, UNTIL_200)
        assert callback.tries[0].error == "ConnectError"
        with answering(told, port):
            while not callback.ended:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    finally:
        await deliveries.close()
    assert callback.accepted
    assert told.got.qsize() == 1


async def test_a_url_that_is_none() -> None:
    row = await delivered("http://[", ONCE)
    assert row["state"] == "given up"
