"""A caller that goes away in the midst of its request: nothing is done, and nothing is logged as a fault."""

import socket
import subprocess
import sys
from pathlib import Path

from tests.support.service import RINGBACK, clean_environment, free_port, wait_for
from tests.support.simulated import Simulated


def test_half_a_request(tmp_path: Path) -> None:
    said, port = tmp_path / "said", free_port()
    with said.open("w") as file:
        command = [sys.executable, "-P", *RINGBACK[1:], "simulate", "--port", str(port)]
        started = subprocess.Popen(command, env=clean_environment(), cwd=tmp_path, stdout=file, stderr=file)
    try:
        wait_for(lambda: "RINGBACK_MYCOOLSMS_URL=" in said.read_text(), "its addresses")
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port)) as caller:
                head = f"POST /rest/2/sms HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 500\r\n\r\n"
                caller.sendall(f"{head}mocean-to=1".encode())
        there = Simulated(port)
        assert there.http.get("/_sim/messages").json()["messages"] == []
        there.http.close()
    finally:
        started.terminate()
        started.wait()
    assert "Traceback" not in said.read_text()
