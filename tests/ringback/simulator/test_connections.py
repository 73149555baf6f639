"""Answers that are none, on a real connection."""

import socket
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ringback.simulator.connections import BAD_GATEWAY_PAGE, GARBAGE, misbehaviour
from ringback.simulator.magic_numbers import Answering
from tests.ringback.simulator.served import served


async def answer(request: Request) -> Response:
    await request.body()
    return misbehaviour(Answering(request.path_params["how"])) or PlainTextResponse("well")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served(Starlette(routes=[Route("/{how}", answer, methods=["POST"])])) as there:
        yield there


def exchange(port: int, how: str, wait_s: float = 5.0) -> bytes | None:
    """Return all bytes that come until the connection is closed; None if it is still open then."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"POST /{how} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b".encode())
        connection.settimeout(wait_s)
        try:
            return connection.recv(65536)
        except TimeoutError:
            return None
        except ConnectionResetError:
            return b""


def test_closed_without_a_byte(port: int) -> None:
    assert exchange(port, "close") == b""


def test_hangs(port: int) -> None:
    assert exchange(port, "hang", wait_s=0.3) is None


def test_the_others_have_bodies(port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    gateway, garbage, usual = (httpx.post(f"{url}/{how}", trust_env=False) for how in ("502", "garbage", "normal"))
    assert (gateway.status_code, gateway.text) == (502, BAD_GATEWAY_PAGE)
    assert (garbage.status_code, garbage.content) == (200, GARBAGE)
    assert usual.text == "well"
