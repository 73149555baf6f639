"""`ringback up` as a user runs it: in an empty folder, with nothing set; and the Procfile under honcho."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from ringback.run.children import DEFAULT_QUEUES
from ringback.run.home import Home
from ringback.wire.samples import SAMPLES
from tests.support.commands import ringback
from tests.support.service import ROOT, TOKEN, clean_environment, free_port, is_alive, kill, wait_for
from tests.support.up import Up, descendants, up


def test_up_from_an_empty_folder_and_once_more(tmp_path: Path) -> None:
    with up(tmp_path) as service:
        assert "Ringback is up" in service.output
        for number, name in enumerate(SAMPLES, 1):
            sent = service.ringback("trigger", name)
            assert (sent.returncode, sent.stdout.split(": ")[1][:3]) == (0, "200"), sent
            service.await_logged("ringback.eventlog.log_event", number, seconds=5)
        wait_for(lambda: all(one["handled"] for one in service.events()), "the ledger")
        events = service.events()
        assert [one["event"]["provider"] for one in events] == ["mocean"] * 8 + ["mycoolsms"] * 2
        assert service.output.count("ringback.eventlog.log_event") == len(SAMPLES)

        shown = json.loads(service.ringback("events", "show", events[0]["event"]["id"]).stdout)
        assert shown == events[0]
        urls = json.loads(service.ringback("urls", "--json").stdout)
        assert {one["account"] for one in urls} == {"default"}
        # A file is no terminal: it has the URLs less the token, and where to find them.
        token = (tmp_path / ".ringback" / "token").read_text().strip()
        assert all(one["url"].replace(token, "***") in service.output for one in urls)
        assert "`ringback urls` in this folder prints them whole." in service.output
        assert token not in service.output

        curl = re.search(r"curl -d '(.+)' \\\n +'(.+)'", service.output)
        assert curl is not None
        url = curl[2].replace("***", token)
        assert httpx.post(url, content=curl[1], headers={"content-type": "x"}).status_code == 200

        before = [one["event"]["id"] for one in service.events()]
        below = descendants(service.process.pid)
        assert len(below) >= len(DEFAULT_QUEUES) + 2, "the workers, the store and the receiver"
        assert service.stop() == 0
        assert service.output.endswith("Stopped.\n")
        assert [pid for pid in below if is_alive(pid)] == []

    with up(tmp_path) as again:
        assert [one["event"]["id"] for one in again.events()] == before


def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    with up(tmp_path) as service:
        for pid in descendants(service.process.pid):
            command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if {"serve", "worker", "sender"} & {*command}:
                kill(pid)
        # The supervisor holds the socket: this request waits for the new receiver.
        assert service.ringback("trigger", "mocean/inbound-sms").returncode == 0
        wait_for(lambda: service.events()[-1]["handled"] is True, "the new workers")
        assert service.output.count("process.died") >= len(DEFAULT_QUEUES) + 1


def test_a_killed_up_leaves_nothing_behind(tmp_path: Path) -> None:
    if sys.platform != "linux":
        return
    with up(tmp_path) as service:
        below = descendants(service.process.pid)
        kill(service.process.pid)
        service.process.wait(10)
        wait_for(lambda: not [pid for pid in below if is_alive(pid)], "the children's end")
    with up(tmp_path):
        pass


def test_what_up_announces_is_found_in_a_second_shell(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from ringback import on, voice, mc\n\n@on('message.received')\ndef greet(event):\n    pass\n\n"
        "@voice.answer()\ndef welcome(call):\n    return mc.say('Hello', language='en-US')\n"
    )
    other = {"RINGBACK_ADMIN_PORT": "0"}  # none of what the first shell has set
    with up(tmp_path, RINGBACK_HANDLERS="mine", RINGBACK_PORT="0") as service:
        shown = json.loads(ringback(tmp_path, "config", "--json", **other).stdout)
        port = int(shown["RINGBACK_PORT"])
        assert (shown["RINGBACK_HANDLERS"], f"http://127.0.0.1:{port} with" in service.output) == ("mine", True)
        doctor = json.loads(ringback(tmp_path, "doctor", "--json", **other).stdout)
        found = {one["name"]: (one["grade"], one["detail"]) for one in doctor["checks"]}
        assert found["handlers"] == ("ok", "1 for events, 1 for calls (answer)")
        assert found[f"port {port}"][0] == "ok"
        assert ringback(tmp_path, "trigger", "mocean/inbound-sms", **other).stdout == "mocean/inbound-sms: 200\n"
        replayed = ringback(tmp_path, "replay", "--all", **other)
        assert (replayed.returncode, replayed.stdout) == (0, "mine.greet: 1\n")
        assert "a call from +60123456789" in ringback(tmp_path, "voice", "check", **other).stdout
        # What is set counts.
        set_ = {**other, "RINGBACK_HANDLERS": "ringback.eventlog", "RINGBACK_PORT": "9"}
        shown = json.loads(ringback(tmp_path, "config", "--json", **set_).stdout)
        assert (shown["RINGBACK_HANDLERS"], shown["RINGBACK_PORT"]) == ("ringback.eventlog", "9")

        kill(service.process.pid)
        service.process.wait(10)
        assert (tmp_path / ".ringback" / "handlers").exists()
        assert_nothing_runs(tmp_path)
    with up(tmp_path) as again:
        shown = json.loads(ringback(tmp_path, "config", "--json", **other).stdout)
        assert shown["RINGBACK_HANDLERS"] == "ringback.eventlog"
        assert again.stop() == 0
        assert_nothing_runs(tmp_path)
    assert sorted(path.name for path in (tmp_path / ".ringback").iterdir() if path.is_file()) == [
        ".gitignore", "lock", "token",
    ]  # fmt: skip


def assert_nothing_runs(folder: Path) -> None:
    """See that a command in the folder believes nothing of an `up` that has ended."""
    shown = json.loads(ringback(folder, "config", "--json").stdout)
    names = ("RINGBACK_HANDLERS", "RINGBACK_PORT", "RINGBACK_REDIS_URL", "RINGBACK_PUBLIC_URL")
    assert [shown[name] for name in names] == ["", "8000", "", ""]
    replayed = ringback(folder, "replay", "--all")
    assert replayed.stderr.startswith("ringback: RINGBACK_HANDLERS: not set")


def test_a_command_that_asks_does_not_keep_up_from_starting(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        soon = threading.Timer(0.05, fcntl.flock, (asking, fcntl.LOCK_UN))
        soon.start()
        Home(tmp_path).take()
        soon.join()


def test_a_second_up_beside_one(tmp_path: Path) -> None:
    with up(tmp_path) as service:
        in_its_folder = ringback(tmp_path, "up", RINGBACK_PORT=str(free_port()))
        assert in_its_folder.returncode == 1
        assert in_its_folder.stderr.startswith("ringback: another `ringback up` already works in ")
        assert in_its_folder.stderr.count("\n") == 1

        port = service.settings["RINGBACK_PORT"]
        on_its_port = ringback(tmp_path, "up", RINGBACK_PORT=port, RINGBACK_DATA_DIR="elsewhere")
        assert on_its_port.returncode == 1
        assert on_its_port.stderr == (
            f"ringback: cannot listen on 127.0.0.1:{port}: address already in use; set RINGBACK_HOST or RINGBACK_PORT\n"
        )


def test_handlers_of_the_folder(tmp_path: Path) -> None:
    # The user's own, of the names that our folders have; and what must not come before ours.
    (tmp_path / "receiver.py").write_text("NAME = 'receiver'\n")
    (tmp_path / "schemas.py").write_text("import dataclasses\n\n@dataclasses.dataclass\nclass Mine:\n    name: str\n")
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "__init__.py").write_text("")
    (tmp_path / "workers" / "registry.py").write_text("def greeting(mine):\n    return f'greeted {mine.name}'\n")
    for name in ("ringback", "queue"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('not yours')\n")
    (tmp_path / "mine.py").write_text(
        "import receiver\nfrom ringback import on, voice, mc\n"
        "from schemas import Mine\nfrom workers.registry import greeting\n\n"
        "@on('message.received', channel='sms')\n"
        "def greet(event, ctx):\n    ctx.log.info(greeting(Mine(receiver.NAME)))\n\n"
        "@voice.answer()\ndef welcome(call):\n    return mc.say('Hello', language='en-US')\n"
    )
    with up(tmp_path, RINGBACK_HANDLERS="mine") as service:
        sent = service.ringback("trigger", "mocean/voice/answer")
        assert sent.stdout == 'mocean/voice/answer: 200 [{"action": "say", "language": "en-US", "text": "Hello"}]\n'
        service.ringback("trigger", "mocean/inbound-sms")
        wait_for(lambda: "greeted receiver" in service.output, "the handler")


def test_texts_numbers_and_secrets_stay_out_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "telltale.py").write_text(
        "from ringback import on, voice\n\n"
        "@on('message.received', retry=[1])\ndef tell(event):\n    raise ValueError(event.data.text)\n\n"
        "@voice.answer()\ndef welcome(call):\n    raise ValueError(call.data.caller.value)\n"
    )
    with up(tmp_path, RINGBACK_HANDLERS="telltale", RINGBACK_VOICE_DEADLINE="1s") as service:
        greeting = service.output
        token = (tmp_path / ".ringback" / "token").read_text().strip()
        service.ringback("trigger", "mocean/inbound-sms", "--set", "mocean-text=canary-text")
        service.ringback("trigger", "mocean/voice/answer")
        bad = service.ringback(
            "trigger", "mocean/inbound-sms", "--set", "mocean-from=", "--set", "mocean-text=canary-text"
        )
        assert bad.returncode == 1
        wait_for(lambda: service.output.count("handler.failed") == 2, "both attempts")
        wait_for(lambda: "canary-text" in service.ringback("dead", "show", letter(service)).stdout, "the dead letter")
    after = service.output.removeprefix(greeting)
    assert "voice.handler_raised" in after
    assert [secret for secret in ("canary-text", token, "60123456789") if secret in after] == []


def letter(service: Up) -> str:
    listed = wait_for(lambda: json.loads(service.ringback("dead", "ls", "--json").stdout), "a dead letter")
    return str(listed[0]["id"])


@pytest.mark.parametrize("module", ["examples.auto_reply", "examples.delivery_alert", "examples.ivr"])
def test_the_examples_load(module: str, tmp_path: Path) -> None:
    from ringback.workers.discovery import load_registry

    registry = load_registry([module])
    assert registry.handlers or registry.calls


def test_the_procfile_runs_under_honcho(tmp_path: Path, redis_url: str) -> None:
    shutil.copy(ROOT / "Procfile", tmp_path)
    port = str(free_port())
    settings = {
        "RINGBACK_REDIS_URL": redis_url, "RINGBACK_PREFIX": "honcho", "RINGBACK_PORT": port,
        "RINGBACK_TOKENS": f"acme:{TOKEN}", "RINGBACK_HANDLERS": "examples.ivr,ringback.eventlog",
    }  # fmt: skip
    environment = clean_environment(**settings)
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    log = tmp_path / "honcho.log"
    with log.open("w") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "honcho", "start"], cwd=tmp_path, env=environment, stdout=output, stderr=output
        )
    try:

        def answered() -> bool:
            sent = ringback(tmp_path, "trigger", "mocean/voice/answer", **settings)
            return "Welcome to Ringback." in sent.stdout

        wait_for(answered, "an answer of a voice worker")
        wait_for(lambda: "ringback.eventlog.log_event" in log.read_text(), "a drain worker")
        below = descendants(started.pid)
    finally:
        started.terminate()
        started.wait(30)
    assert [pid for pid in below if is_alive(pid)] == []
