"""Guessing: who sends wrong tokens over HTTP is told to wait; a right token is let in."""

from contextlib import ExitStack

import httpx

from ringback.receiver.bounds.limiter import MAX_WRONG, S_PER_WRONG
from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.service import TOKEN, running

ATTACKER, PROVIDER = "198.51.100.1", "203.0.113.7"


def test_over_http(redis_url: str) -> None:
    # Each address of 127.0.0.0/8 is this machine's own, so callers are told apart without a proxy, and with one.
    sources = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
    with running(redis_url, queues="", RINGBACK_TRUSTED_PROXIES=sources[0]) as service, ExitStack() as stack:
        transports = {source: httpx.HTTPTransport(local_address=source) for source in sources}
        clients = {
            source: stack.enter_context(httpx.Client(base_url=service.http.base_url, transport=transport))
            for source, transport in transports.items()
        }

        def post(source: str, token: str, forwarded: str = "") -> httpx.Response:
            headers = {"X-Forwarded-For": forwarded} if forwarded else {}
            return clients[source].post("/webhooks/mocean/inbound-sms", params={"token": token}, headers=headers)

        def wrong(source: str, forwarded: str = "") -> list[int]:
            return [post(source, f"guess-{number}", forwarded).status_code for number in range(MAX_WRONG + 2)]

        assert wrong("127.0.0.3") == [401] * MAX_WRONG + [429] * 2
        limited = post("127.0.0.3", "guess")
        assert (limited.status_code, limited.headers["retry-after"]) == (429, str(round(S_PER_WRONG)))
        assert limited.headers["content-type"] == "application/problem+json"
        assert limited.json() == {"title": "Too many wrong tokens, please wait", "status": 429}
        assert post("127.0.0.3", "guess", "203.0.113.9").status_code == 429  # it cannot say that it is another
        assert post("127.0.0.4", "guess").status_code == 401
        assert wrong("127.0.0.2", ATTACKER) == [401] * MAX_WRONG + [429] * 2
        assert post("127.0.0.2", "guess", f"{ATTACKER}, {PROVIDER}").status_code == 401
        assert post("127.0.0.2", "guess", f"{PROVIDER}, {ATTACKER}").status_code == 429
        six = [post("127.0.0.2", "guess", f"2001:db8::{number:x}").status_code for number in range(MAX_WRONG + 2)]
        assert six == [401] * MAX_WRONG + [429] * 2
        assert post("127.0.0.2", "guess", "2001:db8:0:1::1").status_code == 401

        # Whoever has a right token is let in all the same: a stored event, and a call with its MC.
        for source, forwarded in (("127.0.0.3", ""), ("127.0.0.2", ATTACKER), ("127.0.0.2", "2001:db8::1")):
            assert post(source, "guess", forwarded).status_code == 429
            wire = build(find("mycoolsms/delivery-report"), {})
            http, query, headers = clients[source], {"token": TOKEN}, {**wire.headers, "X-Forwarded-For": forwarded}
            stored = http.request(wire.method, wire.path, params=query, headers=headers, content=wire.body)
            assert (stored.status_code, stored.content) == (200, b"")
            called = http.post("/webhooks/mocean/voice/answer", params=query, headers=headers)
            assert (called.status_code, called.json()[0]["action"]) == (200, "say")
        assert len(service.stored()) == 3
