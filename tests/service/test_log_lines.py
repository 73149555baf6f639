"""The log of the service: one id for an event throughout, and a flood fills no disk."""

import json
import time
from collections import Counter
from typing import Any

import pytest

from tests.support.service import Service, running, wait_for


def test_a_flood_is_counted_and_fills_no_disk(redis_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    sizes = {"no_entry": 300, "wrong_method": 30, "callback.unusable": 300, "event.odd": 100, "voice.fallback": 40}
    began = time.monotonic()
    with running(redis_url, queues="", RINGBACK_VOICE_DEADLINE="20ms", RINGBACK_TRUSTED_PROXIES="127.0.0.1") as service:
        for number in range(sizes["no_entry"]):
            whose = {"X-Forwarded-For": f"2001:db8:{number:x}::1"}  # so that the limiter has nothing to say
            answer = service.request("POST", "mocean/inbound-sms", token="guess", headers=whose)
            assert answer.status_code == 401
        for _ in range(sizes["wrong_method"]):
            assert service.request("DELETE", "mocean/inbound-sms").status_code == 405
        bad = [{"smsid": str(number)} for number in range(sizes["callback.unusable"])]
        assert service.request("POST", "mycoolsms/delivery-report", json=bad).status_code == 422
        odd = [{"smsid": str(number), "status": "?"} for number in range(sizes["event.odd"])]
        assert service.request("POST", "mycoolsms/delivery-report", json=odd).status_code == 200
        for _ in range(sizes["voice.fallback"]):
            assert service.request("POST", "mocean/voice/answer").status_code == 200
        took_s = time.monotonic() - began
    counted: Counter[str] = Counter()
    written: Counter[str] = Counter()
    for line in capfd.readouterr().err.splitlines():
        if '"count"' in line:
            said = json.loads(line)
            name = said["outcome"] if said["event"] == "request.refused" else said["event"]
            counted[name] += said["count"]
            written[name] += 1
    # Also of what came last, a moment before the end.
    assert {name: counted[name] for name in sizes} == {**sizes, "callback.unusable": 340}
    assert max(written.values()) <= took_s + 2


Line = dict[str, Any]


def test_one_event_id_from_the_receiver_to_the_handlers(redis_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    settings = {"RINGBACK_LOG_FORMAT": "json", "RINGBACK_LOG_LEVEL": "debug"}
    with running(redis_url, RINGBACK_HANDLERS="tests.support.handlers.talking", **settings) as service:
        event_id = sent(service)
        assert service.trigger("mocean/voice/answer").status_code == 200
        call_id = next(one["id"] for one in service.stored() if one["type"] == "call.incoming")
        lines: list[Line] = []

        def logged(of: str) -> list[Line]:
            lines.extend(json.loads(line) for line in capfd.readouterr().err.splitlines())
            found = [dict(line) for line in lines if line.get("event_id") == of]
            for line in found:
                del line["timestamp"], line["event_id"]
            return sorted(found, key=lambda line: (line.get("handler", ""), line.get("attempt", 0), line["event"]))

        wait_for(lambda: len(logged(event_id)) >= 9, "the lines of the second attempt")
        at = "tests.support.handlers.talking."
        assert logged(event_id) == [
            {"event": "event", "level": "debug", "outcome": "stored"},
            {"event": "by structlog", "level": "info", "of": "fails_once", "handler": f"{at}fails_once", "attempt": 1},
            {"event": "handler.failed", "level": "warning", "error": "ValueError", "handler": f"{at}fails_once",
             "attempt": 1},
            {"event": "by structlog", "level": "info", "of": "fails_once", "handler": f"{at}fails_once", "attempt": 2},
            {"event": "by a library", "level": "warning", "logger": "a.library", "handler": f"{at}says", "attempt": 1},
            {"event": "by ctx", "level": "info", "of": "says", "handler": f"{at}says", "attempt": 1},
            {"event": "by structlog", "level": "info", "of": "says", "handler": f"{at}says", "attempt": 1},
            {"event": "by structlog", "level": "info", "of": "says_later", "handler": f"{at}says_later", "attempt": 1},
            {"event": "in a thread", "level": "info", "handler": f"{at}says_later", "attempt": 1},
        ]  # fmt: skip
        assert logged(call_id) == [
            {"event": "voice.answered", "level": "debug"},
            {"event": "by structlog", "level": "info", "of": "answers", "handler": f"{at}answers", "attempt": 1},
        ]


def sent(service: Service) -> str:
    """Send an SMS; give its event's id."""
    service.sms("-")
    return next(one["id"] for one in service.stored() if one["type"] == "message.received")
