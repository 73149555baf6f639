"""What strangers send is shown in the terminal and steers nothing there: every listing, on a real service."""

import json
import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final, cast

import pytest

from tests.support.forged import FORGED, HOSTILE, is_seen
from tests.support.service import RINGBACK, ROOT, Service, clean_environment, running, wait_for

STYLES: Final = re.compile(r"\x1b\[[0-9;]*m")


# Every listing


@pytest.fixture(scope="module")
def service(redis_url: str) -> Iterator[Service]:
    """Return a service that has an event of each kind, a request in quarantine and a dead letter, all hostile."""
    with running(redis_url, queues="events", RINGBACK_HANDLERS="tests.support.handlers.recording") as started:
        sent = [
            started.trigger("mocean/delivery-report", **{"mocean-msgid": HOSTILE, "mocean-to": HOSTILE}),
            started.trigger("mocean/voice/status", **{"mocean-call-uuid": HOSTILE, "mocean-status": HOSTILE}),
            started.trigger("mocean/voice/collect", **{"mocean-call-uuid": HOSTILE, "mocean-digits": HOSTILE}),
            started.trigger("mycoolsms/delivery-report", smsid=HOSTILE, status=HOSTILE),
            started.trigger("mocean/inbound-sms", **{"mocean-text": HOSTILE, "mocean-keyword": "BROKEN"}),
            started.trigger("mocean/number-lookup", **{"msgid": HOSTILE, "current_carrier.name": HOSTILE}),
            started.trigger(
                "mocean/whatsapp-inbound-message", **{"message_id": HOSTILE, "event_data.from_name": HOSTILE}
            ),
        ]
        assert {one.status_code for one in sent} == {200}
        names = ("path", "reason", "method", "account", "body", "headers")
        fields: dict[Any, Any] = dict.fromkeys(names, f"X-A: {HOSTILE}")
        started.redis.xadd(started.keys.quarantine, fields)
        started.redis.hset(started.keys.oddities, f"mocean {HOSTILE}", 3)
        wait_for(started.dead_letters, "the dead letter")
        yield started


def ids(service: Service) -> dict[str, str]:
    (letter,) = service.dead_letters()
    (request,) = cast("list[tuple[bytes, object]]", service.redis.xrange(service.keys.quarantine))
    return {"event": service.stored()[1]["id"], "letter": letter["id"], "request": request[0].decode()}


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("events ls", 7),
        ("events ls --json", None),
        ("events show {event}", None),
        ("events odd", None),
        ("quarantine ls", None),
        ("quarantine ls --json", None),
        ("quarantine show {request}", None),
        ("quarantine retry {request}", 1),
        ("dead ls", 2),
        ("dead ls --json", None),
        ("dead show {letter}", None),
        ("dead show {letter} --json", None),
        ("replay {event} --dry-run", 1),
        ("replay --handler \x1b[31m --dry-run", 0),
        ("trigger mocean/voice/answer --set mocean-call-uuid=\x1b[31m\n", 1),
        ("doctor", None),
    ],
)
def test_a_listing(service: Service, words: str, lines: int | None) -> None:
    said = service.ringback(*words.format(**ids(service)).split(" "))
    assert "Traceback" not in said.stderr
    for text in (said.stdout, said.stderr):
        assert is_seen(text.replace("\n", ""))
        assert not [line for line in text.splitlines() if line.startswith(FORGED)]
    if lines is not None:
        assert said.stdout.count("\n") == lines, said.stdout
    if "--json" in words or " show {event}" in words or " show {request}" in words:
        assert HOSTILE in str(strings(json.loads(said.stdout))) or "dead ls" in words


def strings(document: object) -> str:
    """Return all strings of a document, end to end."""
    if isinstance(document, dict):
        return "".join(strings(one) for one in document.values())
    return "".join(strings(one) for one in document) if isinstance(document, list) else str(document)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_tail(service: Service, form: tuple[str, ...]) -> None:
    command = [*RINGBACK, "tail", *form]
    environment = clean_environment(**service.settings)
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as started:
        try:
            assert started.stdout
            assert started.stderr
            assert started.stderr.readline() == b"Waiting for events. Ctrl-C stops.\n"
            wait_for(lambda: service.redis.info("clients")["blocked_clients"] >= 1, "tail to wait")
            before = len(service.stored())
            read = threading.Thread(target=lambda: lines.append(started.stdout.readline()))  # type: ignore[union-attr]
            lines: list[bytes] = []
            read.start()

            def told() -> bool:
                service.trigger("mocean/voice/status", **{"mocean-call-uuid": HOSTILE, "mocean-status": HOSTILE})
                return bool(lines)

            wait_for(told, "a line")
            started.send_signal(signal.SIGINT)
            rest = started.stdout.read().decode()
        finally:
            started.kill()  # without which a failure would wait for it for ever
    text = lines[0].decode() + rest
    assert is_seen(text.replace("\n", ""))
    assert text.count("\n") <= len(service.stored()) - before


@pytest.mark.parametrize("words", ["events ls", "quarantine ls", "dead show {letter}"])
def test_a_listing_in_a_terminal(service: Service, words: str) -> None:
    text = in_terminal(service, *words.format(**ids(service)).split())
    plain = STYLES.sub("", text).replace("\r\n", "")
    assert is_seen(plain)
    assert r"\x1b]0;mine" in plain


def in_terminal(service: Service, *words: str) -> str:
    """Run a command in a terminal of 400 columns; give all that it sent there."""
    ours, its = pty.openpty()
    settings = {**service.settings, "COLUMNS": "400", "TERM": "xterm-256color"}
    with process_at(its, *words, **settings) as ended:
        os.close(its)
        sent = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            sent += piece
        assert ended() == 0
    os.close(ours)
    return sent.decode()


@contextmanager
def process_at(terminal: int, *words: str, **settings: str) -> Iterator[Callable[[], int]]:
    with subprocess.Popen(
        [*RINGBACK, *words], cwd=ROOT, env=clean_environment(**settings), stdin=terminal, stdout=terminal,
        stderr=terminal,
    ) as started:  # fmt: skip
        yield started.wait


# Answers of a service that is not ours


@contextmanager
def answering(status: int, body: str) -> Iterator[int]:
    """Run a server that answers every request so; give its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


SAID: Final = json.dumps(
    [{"action": "say", "text": HOSTILE, "language": "en-GB"}, {"action": HOSTILE, "x": HOSTILE}], ensure_ascii=False
)


@pytest.mark.parametrize(
    ("words", "status", "body"),
    [
        pytest.param("voice call", 500, HOSTILE, id="no MC"),
        pytest.param("voice call", 200, SAID, id="an MC"),
        pytest.param("voice call --json", 200, SAID, id="an MC, as JSON"),
        pytest.param("trigger mocean/voice/answer", 500, HOSTILE, id="a problem"),
        pytest.param("trigger mocean/voice/answer --json", 500, HOSTILE, id="a problem, as JSON"),
    ],
)
def test_what_a_server_answers(service: Service, words: str, status: int, body: str) -> None:
    from tests.support.commands import ringback

    with answering(status, body) as port:
        said = ringback(ROOT, *words.split(), **{**service.settings, "RINGBACK_PORT": str(port)})
    assert "Traceback" not in said.stderr
    assert "mine" in said.stdout + said.stderr
    for text in (said.stdout, said.stderr):
        assert is_seen(text.replace("\n", ""))
        assert not [line for line in text.splitlines() if line.startswith(FORGED)]
