"""Who may call: an account's addresses, over HTTP, and behind a proxy."""

from collections.abc import Iterator

import httpx
import pytest

from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.service import TOKEN, Service, running

HOME, PROXY, INNER_PROXY, FRIEND, STRANGER = "10.0.0.9", "10.0.0.1", "10.0.0.2", "203.0.113.7", "198.51.100.1"


REAL_PROXY, REAL_FRIEND, REAL_STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.4"
REFUSED = {"title": "Address not allowed", "status": 403}


@pytest.fixture(scope="module")
def service(redis_url: str) -> Iterator[Service]:
    """Return a receiver that one address may call, and that has a proxy before it."""
    settings = {"RINGBACK_ALLOW_IPS": f"{REAL_FRIEND},{FRIEND}", "RINGBACK_TRUSTED_PROXIES": REAL_PROXY}
    settings["RINGBACK_VOICE_DEADLINE"] = "100ms"
    with running(redis_url, queues="", **settings) as started:
        yield started


@pytest.mark.parametrize("name", ["mocean/inbound-sms", "mocean/voice/answer"])
@pytest.mark.parametrize(
    ("source", "forwarded", "code"),
    [
        pytest.param(REAL_FRIEND, [], 200, id="allowed"),
        pytest.param(REAL_STRANGER, [], 403, id="not allowed"),
        pytest.param(REAL_STRANGER, [FRIEND], 403, id="spoofed"),
        pytest.param(REAL_STRANGER, [REAL_FRIEND, REAL_PROXY], 403, id="spoofed with the proxy in it"),
        pytest.param(REAL_FRIEND, [STRANGER], 200, id="an untrusted header changes nothing"),
        pytest.param(REAL_PROXY, [FRIEND], 200, id="through the proxy"),
        pytest.param(REAL_PROXY, [FRIEND, STRANGER], 403, id="spoofed through the proxy"),
        pytest.param(REAL_PROXY, [STRANGER, FRIEND], 200, id="what the proxy appended counts"),
        pytest.param(REAL_PROXY, [], 403, id="the proxy itself"),
    ],
)
def test_who_may_call(service: Service, name: str, source: str, forwarded: list[str], code: int) -> None:
    wire = build(find(name), {})
    headers = [*wire.headers.items(), *(("X-Forwarded-For", value) for value in forwarded)]
    headers += [("Forwarded", f"for={FRIEND}"), ("X-Real-IP", FRIEND), ("Client-IP", FRIEND)]
    transport = httpx.HTTPTransport(local_address=source)
    with httpx.Client(base_url=service.http.base_url, transport=transport, timeout=30) as client:
        url = wire.path
        answer = client.request("POST", url, params={"token": TOKEN}, headers=headers, content=wire.body)
        assert answer.status_code == code
        if code == 403:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json() == REFUSED
            # A right secret and a wrong one are told the same.
            assert client.post(url, params={"token": "x"}, headers=headers, content=wire.body).json() == REFUSED
        assert client.get("/livez").status_code == 200
