"""`ringback up --tunnel`: the public URL is found, printed and named in answers, before anything else starts.

The vendors' programs come from the vendors alone and want the internet, so a stand-in takes their place: a process,
found in PATH by its name, that writes what the vendors' programs write (ngrok: its log in JSON; cloudflared: its log on
stderr, with the name in a box). What it cannot show is that the real ones of a later version do so too.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.commands import ringback
from tests.support.service import free_port, is_alive, kill, wait_for
from tests.support.up import Up, descendants, up, up_simulated

STAND_IN = """#!{python}
import json, os, sys, time
from pathlib import Path

starts = Path(__file__).parent / "starts"
with starts.open("a") as file:
    file.write(json.dumps(dict(argv=sys.argv[1:], environment=dict(os.environ), pid=os.getpid())) + "\\n")
name, number = Path(__file__).name, len(starts.read_text().splitlines())
options = dict(zip(sys.argv, sys.argv[1:]))

def log(lvl, msg, **more):
    print(json.dumps(dict(lvl=lvl, msg=msg, t="2026-11-27T17:00:00.000000000Z", **more)), flush=True)

def write(level, text):
    print(f"2026-11-27T17:00:00Z {{level}} {{text}}", file=sys.stderr, flush=True)

if name == "ngrok":
    target = options["http"]
    log("info", "no configuration paths supplied")
    log("info", "starting web service", obj="web", addr="127.0.0.1:4041", allow_hosts=[])
    log("warn", "a \\u001b[2J warning")
    print("x" * 20_000 + json.dumps(dict(lvl="info", msg="started tunnel", url="https://evil.example")), flush=True)
    log("info", "started tunnel", obj="tunnels", name="command_line (http)", addr=target, url="http://plain.example.test")
    url = options.get("--url", f"https://ngrok-{{number}}.example.test")
    log("info", "started tunnel", obj="tunnels", name="command_line", addr=target, url=url)
    log("info", "join connections", obj="join", id="1", l="127.0.0.1:8000", r="203.0.113.7:5000")
else:
    write("INF", "Requesting new quick Tunnel on trycloudflare.com...")
    write("ERR", 'failed once: Post "https://api.trycloudflare.com/tunnel": timeout')
    write("INF", "+" + "-" * 92 + "+")
    write("INF", "|  Your quick Tunnel has been created! Visit it at (it may take some time to be reachable):  |")
    write("INF", f"|  https://cloudflared-{{number}}.trycloudflare.com".ljust(93) + "|")
    write("INF", "+" + "-" * 92 + "+")
    time.sleep(0.5)
    Path(__file__).with_name("connected").touch()
    write("INF", "Registered tunnel connection connIndex=0 connection=c2 event=0 location=kul01 protocol=quic")
time.sleep(600)
"""

PUBLIC = {"ngrok": "https://ngrok-{}.example.test", "cloudflared": "https://cloudflared-{}.trycloudflare.com"}


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
        public = PUBLIC[vendor].format(1)
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
        assert PUBLIC[vendor].format(2) in service.output
        assert f"{PUBLIC[vendor].format(1)}/webhooks" in service.output
        # And again: a thread can be started only once.
        kill(int(str(started(tmp_path)[1]["pid"])))
        wait_for(lambda: len(started(tmp_path)) == 3, "the third start")
        wait_for(lambda: PUBLIC[vendor].format(3) in service.output, "its URL")
        below = descendants(service.process.pid)
        assert int(str(started(tmp_path)[2]["pid"])) in below
        assert service.stop() == 0
        assert [pid for pid in below if is_alive(pid)] == []
    assert not (tmp_path / ".ringback" / "public.url").exists()


def test_another_users_page_on_the_vendors_port_is_not_asked(tmp_path: Path) -> None:
    """Whoever holds ngrok's port says what he likes: our token must not be printed behind his address."""
    theirs = json.dumps({"tunnels": [{"public_url": "https://evil.example", "config": {"addr": "{target}"}}]})

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(theirs.replace("{target}", f"http://localhost:{port}").encode())

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    asked: list[str] = []
    port = str(free_port())
    try:
        page = ThreadingHTTPServer(("127.0.0.1", 4040), Page)
    except OSError:
        page = ThreadingHTTPServer(("127.0.0.1", 4041), Page)  # the next one that ngrok takes
    with page:
        Thread(target=page.serve_forever, daemon=True).start()
        with up(tmp_path, "--tunnel", "ngrok", PATH=install(tmp_path, "ngrok"), RINGBACK_PORT=port) as service:
            assert "Ringback is up on https://ngrok-1.example.test with" in service.output
            assert "evil.example" not in service.output
        page.shutdown()
    assert asked == []


def test_what_follows_at_a_simulator_comes_to_the_port_and_not_by_the_tunnel(tmp_path: Path) -> None:
    """A callback that is asked for at the public URL; nobody is there."""
    with up_simulated(tmp_path, "--tunnel", "ngrok", PATH=install(tmp_path, "ngrok")) as service:
        sent = service.ringback("send", "sms", "Hello", "--to", "60123456789")
        assert (sent.returncode, "its reports come back as events" in sent.stderr) == (0, True), sent
        wait_for(lambda: "message.status" in {one["event"]["type"] for one in service.events()}, "its report")
        assert service.ringback("sim", "text", "HELP").returncode == 0
        assert service.ringback("sim", "call").returncode == 0


def test_what_the_program_says_is_passed_on_but_its_chatter(tmp_path: Path) -> None:
    with up(tmp_path, "--tunnel", "ngrok", PATH=install(tmp_path, "ngrok")) as service:
        wait_for(lambda: "warning" in service.output, "its warning")
        assert "\\u001b[2J warning" in service.output
        assert "\x1b" not in service.output
        assert [
            word for word in ("join connections", "203.0.113.7", "no configuration") if word in service.output
        ] == []


def test_a_name_is_given_when_the_tunnel_is_connected(tmp_path: Path) -> None:
    with up(tmp_path, "--tunnel", "cloudflared", PATH=install(tmp_path, "cloudflared")) as service:
        assert (tmp_path / "bin" / "connected").exists()
        assert "api.trycloudflare.com/webhooks" not in service.output
        assert "ERR failed once" in service.output


def test_a_public_url_of_ones_own(tmp_path: Path) -> None:
    mine = "https://mine.example.test"
    with up(tmp_path, "--tunnel", "ngrok", PATH=install(tmp_path, "ngrok"), RINGBACK_PUBLIC_URL=mine) as service:
        assert f"Ringback is up on {mine} with" in service.output
        assert started(tmp_path)[0]["argv"] == [
            "http", f"http://127.0.0.1:{service.settings['RINGBACK_PORT']}", "--url", mine,
            "--log=stdout", "--log-format=json", "--log-level=info",
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
