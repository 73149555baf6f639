"""A 200 means stored: also when clients hang up, and when the receiver is stopped."""

import asyncio
import json
import secrets
import signal
import socket
import subprocess
from contextlib import closing
from urllib.parse import quote

import httpx
import pytest

from tests.support.service import (
    RINGBACK,
    TOKEN,
    Service,
    await_ready,
    free_port,
    held_commit,
    process,
    running,
    wait_for,
)


def request_of(smsid: str) -> bytes:
    body = json.dumps({"smsid": smsid, "status": "SMS_STATUS_DELIVERED"}).encode()
    head = f"POST /webhooks/mycoolsms/delivery-report?token={quote(TOKEN)} HTTP/1.1\r\nHost: test\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def subjects(service: Service) -> list[str]:
    return [event["subject"] for event in service.events()]


def test_clients_that_hang_up_at_once_and_repeat_leave_each_event_once(redis_url: str) -> None:
    with running(redis_url, queues="") as service:
        smsids = [secrets.token_hex(8) for _ in range(200)]
        for smsid in smsids:
            with socket.create_connection(("127.0.0.1", service.port)) as connection:
                connection.sendall(request_of(smsid))
        # It got no answer, so the provider repeats; most are stored by then, or on their way.
        for smsid in smsids:
            body = {"smsid": smsid, "status": "SMS_STATUS_DELIVERED"}
            assert service.request("POST", "mycoolsms/delivery-report", json=body).status_code == 200
        assert sorted(subjects(service)) == sorted(smsids)


async def until_answered(http: httpx.AsyncClient, smsid: str) -> int | None:
    """Send a report; give its answer's code, None if there was no answer."""
    body = {"smsid": smsid, "status": "SMS_STATUS_DELIVERED"}
    try:
        answer = await http.post(f"/webhooks/mycoolsms/delivery-report?token={TOKEN}", json=body)
    except httpx.TransportError:
        return None
    return answer.status_code


@pytest.mark.parametrize("attempt", range(3))
async def test_a_receiver_that_is_stopped_answers_what_it_has_taken(redis_url: str, attempt: int) -> None:
    with closing(Service(redis_url, f"t{secrets.token_hex(4)}", free_port())) as service:
        smsids = [secrets.token_hex(8) for _ in range(64)]
        with process([*RINGBACK, "serve"], **service.settings) as receiver:
            await asyncio.to_thread(await_ready, service, 0)
            answers = await answers_around_stop(service, smsids, receiver)
            # uvicorn ends in good order, then by the signal that it was sent
            assert await asyncio.to_thread(receiver.wait, 20) == -signal.SIGTERM
        answered = [smsid for smsid, code in zip(smsids, answers, strict=True) if code == 200]
        assert answered
        assert set(answers) <= {200, None}
        assert sorted(subjects(service)) == sorted(["warm", *answered])


async def answers_around_stop(
    service: Service, smsids: list[str], receiver: "subprocess.Popen[bytes]"
) -> list[int | None]:
    """Stop the receiver while a commit is held up and requests gather behind it; give the answers' codes."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}", timeout=30) as http:
        assert await until_answered(http, "warm") == 200
        service.redis.client_pause(10_000, all=False)
        try:
            sent = [asyncio.create_task(until_answered(http, smsid)) for smsid in smsids]
            await asyncio.to_thread(wait_for, lambda: held_commit(service.redis), "the commit")
            receiver.send_signal(signal.SIGTERM)
        finally:
            service.redis.client_unpause()
        return await asyncio.gather(*sent)
