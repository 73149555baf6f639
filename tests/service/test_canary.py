"""The canary: a secret, a text, a name and a number go through every endpoint and every failure, and are in no log, no
error page, no metric and no job's description.

The stream, dead letters, the quarantine and the spool hold texts and numbers: that is what they are for. The secret is
not in them either.
"""

import json
import signal
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import httpx
import pytest

from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.service import (
    RINGBACK,
    TOKEN,
    Service,
    await_ready,
    free_port,
    kill,
    process,
    valkey,
    wait_for,
    worker_pids,
)

WRONG: Final = "the-mistyped-secret"
TEXT: Final = "Kwyjibo ate my homework"
NAME: Final = "Canaria"
NUMBER: Final = "60198765432"
KEPT: Final = 4  # digits at the end of a number that may be seen

SECRETS: Final = (TOKEN, "another-secret", WRONG, b64encode(f"acme:{TOKEN}".encode()).decode())
PRIVATE: Final = ("Kwyjibo", NAME, NUMBER[-KEPT - 2 :])

OF_EACH: Final = {
    "mocean/delivery-report": {"mocean-from": NUMBER},
    "mocean/inbound-sms": {"mocean-from": NUMBER, "mocean-text": TEXT},
    "mocean/number-lookup": {"to": NUMBER},
    "mocean/whatsapp-inbound-message": {
        "event_data.from": NUMBER, "event_data.from_name": NAME, "event_data.content.text": TEXT,
    },
    "mocean/whatsapp-delivery-status": {"event_data.from": NUMBER, "event_data.meta_delivery_status": TEXT},
    "mocean/voice/answer": {"mocean-from": NUMBER},
    "mocean/voice/collect": {"mocean-from": NUMBER, "step": "menu"},
    "mocean/voice/status": {"mocean-from": NUMBER},
    "mycoolsms/delivery-report": {"status": TEXT},
    "mycoolsms/inbound-sms": {"from": NUMBER, "body": TEXT},
}  # fmt: skip
EVENT_FAILURES: Final = (
    "raise", "again", "async", "exit", "when", "drop", "later", "hang", "crash", "crash again", "redis", "validate",
    "aside",
)  # fmt: skip
CALL_FAILURES: Final = ("raise", "invalid", "dial", "state", "hang")

# What must have been logged: else something was not tried after all.
EXPECTED: Final = {
    "request.refused", "callback.unusable", "event.odd",
    "handler.failed", "handler.dropped", "handler.kills_workers",
    "horse.died", "leaky.validation", "leaky.library",
    "python.warning", "thread.broken", "error.ignored", "Task exception was never retrieved", "Exception in callback",
    "voice.handler_raised", "voice.invalid_mc", "voice.handler_timeout", "voice.fallback",
    "quarantine.spooled", "quarantine.broken", "quarantine.unspooled", "commit.failed",
    "spool.in_use", "spool.refused", "spool.empty", "drain.broken",
    "process.died",
}  # fmt: skip


@dataclass
class House:
    """A Valkey, a receiver and workers that can be killed, and all that they say."""

    folder: Path
    service: Service
    admin: int
    settings: dict[str, str]
    captured: pytest.CaptureFixture[str]
    said: list[str] = field(default_factory=list)

    def answered(self, response: httpx.Response) -> int:
        """Keep what a response says; give its code. An MC has our callback URLs in it, for the provider to call."""
        if response.headers.get("content-type") == "application/json" and response.text.startswith("["):
            return response.status_code
        self.said.append(f"{dict(response.headers)} {response.text}\n")
        return response.status_code

    def send(self, name: str, do: str | None = None, **overrides: str) -> int:
        wire = build(find(name), {**OF_EACH[name], **overrides})
        return self.answered(self.service.send(wire, **({"ctx.do": do} if do else {})))

    def request(self, method: str, path: str, **how: object) -> int:
        return self.answered(self.service.http.request(method, path, **how))  # type: ignore[arg-type]

    def raw(self, data: bytes) -> None:
        """Send bytes as they are, and read the answer if there is one."""
        with socket.create_connection(("127.0.0.1", self.service.port), timeout=10) as connection:
            connection.sendall(data)
            self.said.append(connection.recv(65536).decode("latin-1") + "\n")

    def output(self) -> str:
        """Give what the processes have written so far, and all else that was said."""
        captured = self.captured.readouterr()
        self.said.append(captured.out + captured.err)
        return "".join(self.said)

    def observe(self) -> None:
        """Look at what operators look at."""
        for path in ("metrics", "readyz", "livez"):
            self.answered(httpx.get(f"http://127.0.0.1:{self.admin}/{path}", timeout=10))

    def ringback(self, *words: str) -> str:
        ended = self.service.ringback(*words)
        assert ended.returncode in (0, 1), ended.stderr
        return ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("form", "level"), [pytest.param("json", "debug", id="json"), pytest.param("console", "info", id="console")]
)
def test_the_canary_is_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str], form: str, level: str) -> None:
    store_port, admin = free_port(), free_port()
    service = Service(f"redis://127.0.0.1:{store_port}/0", "canary", free_port())
    settings = {
        **service.settings,
        "RINGBACK_HANDLERS": "tests.support.handlers.leaky,ringback.eventlog",
        "RINGBACK_ADMIN_PORT": str(admin),
        "RINGBACK_LOG_FORMAT": form,
        "RINGBACK_LOG_LEVEL": level,
        "RINGBACK_REQUEST_TIMEOUT": "1s",
        "RINGBACK_CLAIM_IDLE": "3s",
    }
    house = House(tmp_path, service, admin, settings, capfd)
    with (
        valkey(tmp_path, store_port) as (_, store),
        process([*RINGBACK, "work", "--queues", "events,events,voice"], **settings) as workers,
        process([*RINGBACK, "serve"], **settings) as receiver,
    ):
        await_ready(service, 3)
        good_and_bad_requests(house)
        failing_handlers(house)
        redis_that_errs(house)
        house.observe()
        what_lies_in_redis(house)
        commands(house)
        kill(worker_pids(service, "voice")[0])
        wait_for(lambda: "process.died" in house.output(), "the worker's end")
        workers.send_signal(signal.SIGTERM)
        workers.wait(30)
        store.kill()
        store.wait()
        without_redis(house)
        kill(receiver.pid)
        receiver.wait()
    with valkey(tmp_path, store_port), process([*RINGBACK, "serve"], **settings):
        await_ready(service, 0)
        wait_for(lambda: not spooled(house), "the spool's end")
        house.observe()
    service.close()
    everything = house.output()
    assert [one for one in EXPECTED if one not in everything] == []
    assert leaks(everything, (*SECRETS, *PRIVATE)) == []
    if form == "json":
        assert [line for line in logged(house) if not is_json(line)] == []


def logged(house: House) -> list[str]:
    return [line for part in house.said for line in part.splitlines() if line.startswith('{"') or '"level"' in line]


def is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def leaks(said: str, needles: tuple[str, ...]) -> list[str]:
    """Give the lines that hold what they must not."""
    return [line for line in said.splitlines() if any(needle in line for needle in needles)]


def good_and_bad_requests(house: House) -> None:
    """Every endpoint, and every way not to be let in or understood."""
    for name, private in OF_EACH.items():
        assert house.send(name) == 200
        path = f"/webhooks/{name}"
        query = {"token": TOKEN, "ctx.note": TEXT}
        assert house.request("POST", path, params={"token": WRONG, "mocean-text": TEXT}, data=private) == 401
        assert house.request("POST", path, auth=("acme", WRONG), data=private) == 401
        assert house.request("DELETE", path, params=query) == 405
        assert house.request("GET", path, params=query) == 200
        voice = "voice/answer" in name or "voice/collect" in name
        expected = 200 if voice else 422
        assert house.request("POST", path, params=query, data={"text": TEXT, "mocean-to": NUMBER}) == expected
        headers = {"Content-Type": "application/json", "Referer": f"https://a.example/?token={TOKEN}"}
        broken = json.dumps(private)[:-1].encode()
        assert house.request("POST", path, auth=("acme", TOKEN), headers=headers, content=broken) == expected
        large = TEXT.encode() * 20_000
        assert house.request("POST", path, params=query, content=large) == (200 if voice else 413)
    assert house.request("POST", f"/webhooks/mocean/{NUMBER}", params={"token": TOKEN}, content=TEXT.encode()) == 404
    assert house.request("GET", f"/{TEXT}", params={"token": TOKEN}) == 404
    target = f"/webhooks/mocean/inbound-sms?token={TOKEN}&mocean-text={TEXT.split()[0]}".encode()
    house.raw(b"POST " + target + b" HTTP/9.9\r\n\r\n")
    house.raw(b"POST " + target + b"&x=" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n")
    house.raw(TEXT.encode() + b" " + TOKEN.encode() + b"\r\n\r\n")
    house.raw(b"POST " + target + b" HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n" + TEXT.encode())  # never whole


def failing_handlers(house: House) -> None:
    """Every way to fail, for a message and for a call."""
    service = house.service
    for do in EVENT_FAILURES:
        assert house.send("mocean/inbound-sms", do) == 200
        assert house.send("mocean/whatsapp-inbound-message", do) == 200
    for do in CALL_FAILURES:
        assert house.send("mocean/voice/answer", do) == 200
    # All but `drop` and `aside` end as dead letters; of a crash each handler that was not done.
    letters = {f"tests.support.handlers.leaky.{name}" for name in (
        "raises", "raises_again", "raises_in_a_group", "exits", "chosen", "later", "hangs", "crashes", "crashes_again",
        "asks_redis_nonsense", "validates",
    )}  # fmt: skip

    def buried() -> bool:
        return letters <= {one["description"].partition(" on ")[0] for one in service.dead_letters()}

    wait_for(buried, "the dead letters", seconds=40)
    wait_for(lambda: not service.pending, "the ledger")


def redis_that_errs(house: House) -> None:
    """Keys of the wrong type: Redis's errors, and redis-py's, quote what was asked."""
    keys = house.service.keys
    with wrong_type(house, keys.quarantine):
        assert house.request("POST", "/webhooks/mocean/inbound-sms", params={"token": TOKEN, "a": TEXT}) == 422
        wait_for(lambda: "quarantine.broken" in house.output(), "the error of what waits in the spool")
    wait_for(lambda: "quarantine.unspooled" in house.output(), "the request")
    with wrong_type(house, keys.oddities):
        assert house.send("mycoolsms/delivery-report") == 200
        assert house.send("mocean/voice/answer") == 200
        wait_for(lambda: spooled(house) == 0, "the refusal of what Redis does not take")
    with wrong_type(house, keys.tally):
        assert house.send("mocean/inbound-sms", "raise") == 200
        wait_for(lambda: "drain.broken" in house.output(), "the drain's error")
    wait_for(lambda: not house.service.pending, "the ledger", seconds=40)


@contextmanager
def wrong_type(house: House, key: str) -> Iterator[None]:
    """Put what no command expects where a key is."""
    redis = house.service.redis
    aside = f"{key}:aside"
    redis.delete(aside)
    if redis.exists(key):
        redis.rename(key, aside)
    redis.set(key, "wrong")
    try:
        yield
    finally:
        redis.delete(key)
        if redis.exists(aside):
            redis.rename(aside, key)


def spooled(house: House) -> int:
    metrics = httpx.get(f"http://127.0.0.1:{house.admin}/metrics", timeout=10).text
    (line,) = [line for line in metrics.splitlines() if line.startswith("ringback_spool_events ")]
    return int(float(line.split()[1]))


def without_redis(house: House) -> None:
    """Redis is away: events go to the spool, and what is unusable too; calls get the fallback."""
    for name in OF_EACH:
        assert house.send(name) == 200
    assert house.request("POST", "/webhooks/mocean/inbound-sms", params={"token": TOKEN, "a": TEXT}) == 422
    house.observe()
    house.said.append(house.ringback("doctor"))


def what_lies_in_redis(house: House) -> None:
    """Look at what others may show: descriptions of jobs, fields of counters. The secret is in nothing at all."""
    redis, keys = house.service.redis, house.service.keys
    for key in cast("list[bytes]", redis.keys(keys.rq_job("*"))):
        description = cast("bytes | None", redis.hget(key.decode(), "description"))
        house.said.append(f"{(description or b'').decode()}\n")
    for counters in (keys.tally, keys.oddities):
        house.said += [f"{name.decode()}\n" for name in cast("list[bytes]", redis.hkeys(counters))]
    kept = json.dumps([house.service.stored(), house.service.quarantined()])
    assert leaks(kept, SECRETS) == []


def commands(house: House) -> None:
    """Look as an operator does. What shows an event on demand shows its text too, and still not the secret."""
    for words in ("config", "doctor", "token ls", "dead ls", "events odd"):
        house.said.append(house.ringback(*words.split()))
    for words in ("quarantine ls", "events ls --json --limit 1000"):
        assert leaks(house.ringback(*words.split()), SECRETS) == []
