"""Mocean's clients, blocking and async, against a real server: each method carries its pair's request and reads it."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from ringback.clients.mocean import conversion, lookup, queries, sms
from ringback.clients.mocean.client import AsyncMocean, Mocean
from tests.support.mocean_calls import answer

TEXT = {"from_": "ACME", "text": "hi"}
ONE = {"messages": [{"status": 0, "receiver": "60123456789", "msgid": "m"}]}
REPORT = {"status": 0, "message_status": 1, "msgid": "m", "credit_deducted": "1"}
PRICE = {
    "country": "Malaysia",
    "operator": "Celcom",
    "mcc": "502",
    "mnc": "13,19",
    "price": "0.0020",
    "currency": "MYR",
}
FOUND = {"status": 0, "msgid": "m", "to": "60123456789", "ported": "ported"}

OPERATIONS = [
    pytest.param("sms", sms.send, (), {"to": "60123456789", **TEXT}, ONE, id="sms"),
    pytest.param("flash", sms.flash, (), {"to": "60123456789", **TEXT}, ONE, id="flash"),
    pytest.param("binary", sms.binary, (), {"to": "60123456789", "from_": "ACME", "data": b"\0"}, ONE, id="binary"),
    pytest.param("sms_many", sms.send_many, (), {"to": ["60123456789"], **TEXT}, ONE, id="sms_many"),
    pytest.param("conversion", conversion.report, ("m",), {"delivered": True}, {"status": 0}, id="conversion"),
    pytest.param("balance", queries.balance, (), {}, {"status": 0, "value": "1.50"}, id="balance"),
    pytest.param("pricing", queries.pricing, (), {"mcc": "502"}, {"status": 0, "destinations": [PRICE]}, id="pricing"),
    pytest.param("message_status", queries.message_status, ("m",), {}, REPORT, id="message_status"),
    pytest.param("lookup", lookup.lookup, ("+60 12-345 6789",), {}, FOUND, id="lookup"),
    pytest.param(
        "lookup_later",
        lookup.lookup_later,
        ("+60 12-345 6789",),
        {"callback_url": "https://x.example"},
        {"status": 0, "msgid": "m"},
        id="lookup_later",
    ),
]


class Provider(ThreadingHTTPServer):
    """Answers whatever comes with `body`, and keeps what came."""

    body: bytes = b""
    came: tuple[str, str, bytes] = ("", "", b"")


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.server.came = (self.command, self.path, self.rfile.read(length))
        self.send_response(202)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def named(provider: Provider) -> dict[str, Any]:
    return {
        "api_key": "KEY",
        "api_secret": "SECRET",
        "url": f"http://127.0.0.1:{provider.server_port}/rest/2",
    }


@pytest.mark.parametrize(("method", "pair", "arguments", "options", "body"), OPERATIONS)
async def test_operation(
    provider: Provider,
    method: str,
    pair: Any,
    arguments: tuple[object, ...],
    options: dict[str, object],
    body: dict[str, object],
) -> None:
    provider.body = json.dumps(body).encode()
    with Mocean(**named(provider)) as client:
        call = pair(client.account, *arguments, **options)
        sent = (call.request.method, call.request.full_url.partition(f":{provider.server_port}")[2], call.request.body)
        results = [getattr(client, method)(*arguments, **options)]
        assert provider.came == sent
    provider.came = ("", "", b"")
    async with AsyncMocean(**named(provider)) as async_client:
        results.append(await getattr(async_client, method)(*arguments, **options))
        assert provider.came == sent
    assert results == [call.result(answer(body))] * 2
    for kind in (Mocean, AsyncMocean):
        assert getattr(kind, method).__doc__ == pair.__doc__


def test_methods_are_typed(provider: Provider) -> None:
    """What mypy makes of each method is its pair's."""
    with Mocean(**named(provider)) as client:
        provider.body = json.dumps(ONE).encode()
        sent: sms.Sent = client.sms(to="60123456789", from_="ACME", text="hi")
        many: tuple[sms.Sent, ...] = client.sms_many(to=["60123456789"], from_="ACME", text="hi")
        assert many == (sent,)
        provider.body = json.dumps(FOUND).encode()
        found: lookup.LookupResult = client.lookup("60123456789")
        assert found.lookup_id == "m"
        with pytest.raises(TypeError):
            client.sms(to="60123456789", text="hi")  # type: ignore[call-arg]
