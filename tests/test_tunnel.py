"""`ringback up --tunnel`: the public URL is found, printed and named in answers, before anything else starts.

The vendors' programs come from the vendors alone and want the internet, so a stand-in takes their place: a process,
found in PATH by its name, that serves the local API as the vendors describe it (ngrok: "Agent API", List Tunnels;
cloudflared: /ready and /quicktunnel at its metrics address). What it cannot show is that the real ones do so too.
"""

import json
import os
import sys
from pathlib import Path

import httpx
import pytest

from ringback.samples import find
from ringback.trigger import build
from tests.commands import ringback
from tests.service import free_port, is_alive, kill, wait_for
from tests.test_up import Up, descendants, up

STAND_IN = """#!{python}
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

starts = Path(__file__).parent / "starts"
with starts.open("a") as file:
    file.write(json.dumps(dict(argv=sys.argv[1:], environment=dict(os.environ), pid=os.getpid())) + "\\n")
name, number = Path(__file__).name, len(starts.read_text().splitlines())
options = dict(zip(sys.argv, sys.argv[1:]))
url = f"https://{{name}}-{{number}}.example.test"
asked = 0

class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        global asked
        asked += 1
        early = asked <= 2  # the session is not there yet
        if name == "ngrok" and self.path == "/api/tunnels":
            target = options["http"]
            other = dict(name="other", public_url="https://other.example.test", proto="https",
                         config=dict(addr="http://localhost:9", inspect=True))
            ours = dict(name="command_line", uri="/api/tunnels/command_line", public_url=options.get("--url", url),
                        proto="https", config=dict(addr=target, inspect=True), metrics=dict())
            self.say(200, dict(tunnels=[other] if early else [other, ours], uri="/api/tunnels"))
        elif name == "cloudflared" and self.path == "/ready":
            self.say(503 if early else 200, dict(status=503 if early else 200, readyConnections=0 if early else 1))
        elif name == "cloudflared" and self.path == "/quicktunnel":
            self.say(200, dict(hostname=url.removeprefix("https://")))
        else:
            self.say(404, dict())

    def say(self, code, document):
        body = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

HTTPServer.allow_reuse_address = True
if name == "cloudflared":
    server = HTTPServer(("127.0.0.1", int(options["--metrics"].rpartition(":")[2])), Api)
else:
    for port in range(4040, 4050):
        try:
            server = HTTPServer(("127.0.0.1", port), Api)
            break
        except OSError:
            pass
server.serve_forever()
"""


def install(folder: Path, vendor: str, program: str = STAND_IN) -> str:
    """Put a stand-in into a folder of its own; give a PATH that finds it."""
    programs = folder / "bin"
    programs.mkdir()
    file = programs / vendor
    file.write_text(program.format(python=sys.executable))
    file.chmod(0o755)
    return f"{programs}:{os.environ['PATH']}"


def started(folder: Path) -> list[dict[str, object]]:
    """Give what each start of the stand-in was told."""
    return [json.loads(line) for line in (folder / "bin" / "starts").read_text().splitlines()]


def ask_call(service: Up) -> str:
    """Make a call at the local port, and give the answer."""
    wire = build(find("mocean/voice/answer"), {})
    token = (service.folder / ".ringback" / "token").read_text().strip()
    url = f"http://127.0.0.1:{service.settings['RINGBACK_PORT']}{wire.path}"
    return httpx.request(wire.method, url, params={"token": token}, headers=wire.headers, content=wire.body).text


@pytest.mark.parametrize("vendor", ["ngrok", "cloudflared"])
def test_the_public_url(tmp_path: Path, vendor: str) -> None:
    path = install(tmp_path, vendor)
    secret = "the-secret-of-the-folder"
    settings = {"PATH": path, "RINGBACK_HANDLERS": "examples.ivr", "RINGBACK_TOKENS": f"default:{secret}"}
    (tmp_path / ".ringback").mkdir()
    (tmp_path / ".ringback" / "token").write_text(secret)
    with up(tmp_path, "--tunnel", vendor, **settings) as service:
        public = f"https://{vendor}-1.example.test"
        assert f"Ringback is up on {public} with" in service.output
        assert f"{public}/webhooks/mocean/inbound-sms?token=***" in service.output
        assert "http://127.0.0.1" not in service.output
        urls = json.loads(service.ringback("urls", "--json").stdout)
        assert all(one["url"].startswith(f"{public}/webhooks/") for one in urls)
        assert f"{public}/webhooks/mocean/voice/collect/menu?token=" in ask_call(service)

        (first,) = started(tmp_path)
        assert f"http://127.0.0.1:{service.settings['RINGBACK_PORT']}" in str(first["argv"])
        assert secret not in json.dumps(first)

        # A process that dies is started again. Where that gave it another URL, someone must be told.
        kill(int(str(first["pid"])))
        wait_for(lambda: "tunnel.moved" in service.output, "the word that the URL is another")
        assert f"https://{vendor}-2.example.test" in service.output
        below = descendants(service.process.pid)
        assert int(str(started(tmp_path)[1]["pid"])) in below
        assert service.stop() == 0
        assert [pid for pid in below if is_alive(pid)] == []
    assert not (tmp_path / ".ringback" / "public.url").exists()


def test_a_public_url_of_ones_own(tmp_path: Path) -> None:
    mine = "https://mine.example.test"
    with up(tmp_path, "--tunnel", "ngrok", PATH=install(tmp_path, "ngrok"), RINGBACK_PUBLIC_URL=mine) as service:
        assert f"Ringback is up on {mine} with" in service.output
        assert started(tmp_path)[0]["argv"] == [
            "http", f"http://127.0.0.1:{service.settings['RINGBACK_PORT']}", "--url", mine,
            "--log=stderr", "--log-level=warn",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("vendor", "program", "settings", "error"),
    [
        pytest.param("ngrok", None, {},
                     "--tunnel ngrok: there is no program ngrok in PATH; install the ngrok agent (ngrok's download "
                     "page), then once: ngrok config add-authtoken <yours>", id="ngrok is not installed"),
        pytest.param("cloudflared", None, {},
                     "--tunnel cloudflared: there is no program cloudflared in PATH; install cloudflared (Cloudflare's "
                     "download page); it needs no account", id="cloudflared is not installed"),
        pytest.param("cloudflared", STAND_IN, {"RINGBACK_PUBLIC_URL": "https://mine.example.test"},
                     "RINGBACK_PUBLIC_URL: a quick tunnel of cloudflared gets an address of its own each time; leave "
                     "it unset, or run your named tunnel beside `ringback up` without --tunnel", id="cannot have it"),
        pytest.param("ngrok", "#!{python}\nraise SystemExit(1)\n", {},
                     "--tunnel ngrok: it has ended (see above); does it know your account (ngrok config add-authtoken "
                     "<yours>)?", id="one that ends at once"),
    ],
)  # fmt: skip
def test_no_tunnel_is_one_line(
    tmp_path: Path, vendor: str, program: str | None, settings: dict[str, str], error: str
) -> None:
    path = install(tmp_path, vendor, program) if program else str(tmp_path)
    ended = ringback(tmp_path, "up", "--tunnel", vendor, PATH=path, RINGBACK_PORT=str(free_port()), **settings)
    assert (ended.returncode, ended.stderr) == (1, f"ringback: {error}\n")
