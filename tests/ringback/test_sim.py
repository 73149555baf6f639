"""`ringback simulate` and `ringback sim …`: words, one-line errors, what is printed."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import ringback
from tests.support.service import RINGBACK, clean_environment, free_port, wait_for
from tests.support.simulated import Simulated, simulated


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        pytest.param(
            ["sim", "inbox", "--at", "http://127.0.0.1:{port}"],
            1,
            "no simulator answers at http://127.0.0.1:{port} (ConnectError); is `ringback up` running, "
            "without credentials, or `ringback simulate`?",
            id="no simulator",
        ),
        pytest.param(
            ["simulate", "--delay", "soon"],
            2,
            '--delay "soon": write a duration such as 300ms or 2s',
            id="no duration",
        ),
        pytest.param(
            ["sim", "fail", "sms", "smoke"],
            2,
            "which fault? write hang, close, 502, garbage, throttle or a code's number",
            id="no fault",
        ),
        pytest.param(
            ["sim", "text", "x", "--provider", "mycoolsms", "--channel", "whatsapp"],
            2,
            "--channel whatsapp: mycoolsms has no such messages; write sms",
            id="no such channel",
        ),
        pytest.param(
            ["sim", "text", "x", "--lost"],
            2,
            "--lost: mocean lists no messages to ask for; write --provider mycoolsms",
            id="nothing to ask for",
        ),
        pytest.param(
            ["sim", "text", "x", "--account", "nobody"],
            2,
            '--account "nobody": RINGBACK_TOKENS has no such account; there are none',
            id="no such account",
        ),
        pytest.param(
            ["sim", "press", "60123456789", "1,two"],
            2,
            'digits "two": a phone has the keys 0-9, * and #; separate inputs by commas',
            id="no key",
        ),
    ],
)
def test_one_line(tmp_path: Path, words: list[str], code: int, error: str) -> None:
    port = str(free_port())
    ended = ringback(tmp_path, *(word.replace("{port}", port) for word in words))
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr == f"ringback: {error.replace('{port}', port)}\n"


def test_a_port_in_use(tmp_path: Path) -> None:
    with simulated(tmp_path) as there:
        port = there.url.rpartition(":")[2]
        ended = ringback(tmp_path, "simulate", "--port", port)
    assert ended.returncode == 1
    assert ended.stderr == f"ringback: cannot listen on 127.0.0.1:{port}: address already in use; set --port\n"


def test_the_service_is_away(tmp_path: Path) -> None:
    with simulated(tmp_path) as there:
        settings = {"RINGBACK_PORT": str(free_port()), "RINGBACK_TOKENS": "acme:the-secret-of-acme"}
        text = ringback(tmp_path, "sim", "text", "HELP", "--at", there.url, **settings)
        call = ringback(tmp_path, "sim", "call", "--at", there.url, **settings)
    assert (text.returncode, text.stdout) == (1, "mocean/inbound-sms: ConnectError, pending\n")
    assert (call.returncode, call.stderr) == (1, "ringback: no Ringback answers there (ConnectError)\n")


def test_what_is_printed(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with said.open("w") as file:
        command = [sys.executable, "-P", *RINGBACK[1:], "simulate", "--port", "0", "--delay", "0s"]
        environment = clean_environment(RINGBACK_LOG_LEVEL="debug", RINGBACK_DATA_DIR=str(tmp_path))
        started = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=file, stderr=file)
    try:
        wait_for(lambda: "RINGBACK_MYCOOLSMS_URL=" in said.read_text(), "its addresses")
        base = said.read_text().partition("RINGBACK_MOCEAN_URL=")[2].partition("/rest/2\n")[0]
        there = Simulated(int(base.rpartition(":")[2]))
        followed = tmp_path / "followed"
        with followed.open("w") as file:
            command = [sys.executable, "-P", *RINGBACK[1:], "sim", "inbox", "--follow", "--at", base]
            follower = subprocess.Popen(command, env=clean_environment(), cwd=tmp_path, stdout=file, stderr=file)
        try:
            url = f"http://127.0.0.1:{free_port()}/hook?token=the-secret-of-acme"
            [sent] = there.sms("60123456789", url, text="a private text\x1b[2J")["messages"]
            wait_for(lambda: there.callbacks(sent["msgid"]), "the report")
            wait_for(lambda: "a private text" in followed.read_text(), "the message in the inbox")
        finally:
            follower.terminate()
            follower.wait(10)
        there.http.close()
    finally:
        started.terminate()
        assert started.wait(10) is not None
    assert "60123456789  sms from ACME: a private text" in followed.read_text()
    assert "\x1b" not in followed.read_text()
    printed = said.read_text()
    assert [one for one in ("the-secret-of-acme", "private", "60123456789", "Traceback") if one in printed] == []


def test_it_stops_while_someone_hangs(tmp_path: Path) -> None:
    said, port = tmp_path / "said", free_port()
    with said.open("w") as file:
        command = [sys.executable, "-P", *RINGBACK[1:], "simulate", "--port", str(port)]
        started = subprocess.Popen(command, env=clean_environment(), cwd=tmp_path, stdout=file, stderr=file)
    try:
        wait_for(lambda: "RINGBACK_MYCOOLSMS_URL=" in said.read_text(), "its addresses")
        body = b"username=a&password=b&function=sendSms&number=99906000000&message=x"
        head = f"POST /api-socket.php HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", port)) as hanging:
            hanging.sendall(head + body)
            there = Simulated(port)
            wait_for(lambda: there.got("99906000000"), "the SMS")
            there.http.close()
            started.send_signal(signal.SIGINT)
            assert started.wait(10) == 0
    finally:
        if started.poll() is None:
            started.kill()
            started.wait()
    assert said.read_text().endswith("\nStopped.\n")
    assert "Traceback" not in said.read_text()


def test_requests_are_answered_while_a_receiver_is_away(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/hook"
    with simulated(tmp_path) as there:  # it waits two seconds for an answer
        for _ in range(500):
            assert there.sms("60123456789", url)["messages"][0]["status"] == 0
        assert len(there.got("60123456789")) == 500
