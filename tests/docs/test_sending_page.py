"""docs/sending.md: its handlers answer, its program runs against the simulator and prints what the page says, and no
error is missing. And docs/providers/mocean.md: its table of requests has each method of the client.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from ringback.clients import errors
from ringback.clients.mocean import codes
from ringback.clients.mocean.client import Mocean, VerifyMethods
from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.service import ROOT, TOKEN, running, wait_for
from tests.support.simulated import simulated
from tests.support.up import up_simulated

PAGE: Final = (ROOT / "docs" / "sending.md").read_text()
MOCEAN: Final = (ROOT / "docs" / "providers" / "mocean.md").read_text()
PROGRAM: Final = re.findall(r"```python\n(# first\.py\n.*?)```", PAGE, re.DOTALL)[0]
HANDLERS: Final = re.findall(r"```python\n(# replies\.py\n.*?)```", PAGE, re.DOTALL)[0]
INBOX: Final = re.findall(r"ringback sim inbox .*\n((?: .+\n)+)", PAGE)[0]
CODES: Final = re.findall(r"```python\n(# codes\.py\n.*?)```", PAGE, re.DOTALL)[0]
OUTPUT: Final = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0]
ID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f-]{20,30}")


def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    with simulated(tmp_path) as there:
        (tmp_path / "first.py").write_text(PROGRAM.replace("http://127.0.0.1:8010", there.url))
        done = subprocess.run(
            [sys.executable, "-P", "first.py"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )

    assert done.stderr == ""
    assert ID.sub("…", done.stdout) == ID.sub("…", OUTPUT)


def test_the_handlers_answer_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "replies.py").write_text(HANDLERS)
    with up_simulated(tmp_path, RINGBACK_HANDLERS="replies", RINGBACK_LOG_FORMAT="json") as service:

        def tickets() -> list[tuple[str, str]]:
            lines = [json.loads(line) for line in service.output.splitlines() if line.startswith("{")]
            return [(one["ticket"], one["status"]) for one in lines if one["event"] == "ticket"]

        assert f"{service.ringback('sim', 'text', 'Hello').stdout}$" in PAGE
        wait_for(lambda: tickets() == [("42", "accepted"), ("42", "delivered")], "the reports")
        got = service.ringback("sim", "inbox").stdout
        assert [line.split() for line in got.splitlines()] == [line.split() for line in INBOX.splitlines()]
        service.ringback("sim", "text", "CALL")
        wait_for(lambda: "call.placed" in [one["event"]["type"] for one in service.events()], "the call")
        wait_for(lambda: service.events()[-1]["event"]["data"].get("status") == "hangup", "its end")


def test_the_handlers_call_at_once(tmp_path: Path, redis_url: str) -> None:
    (tmp_path / "codes.py").write_text(CODES)
    settings = {
        "RINGBACK_HANDLERS": "codes",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}",
        "RINGBACK_VOICE_DEADLINE": "5s",
    }
    login = {"RINGBACK_MOCEAN_API_KEY": "any", "RINGBACK_MOCEAN_API_SECRET": "any", "RINGBACK_TOKENS": f"acme:{TOKEN}"}
    with simulated(tmp_path) as there:
        url = f"{there.url}/rest/2"
        with running(redis_url, queues="events,voice,sends", RINGBACK_MOCEAN_URL=url, **settings, **login) as service:
            number = build(find("mocean/inbound-sms"), {}).body.decode()
            phone = dict(parse_qsl(number))["mocean-from"]
            service.sms("CODE")
            service.sms("WHO")
            wait_for(lambda: len(there.got(phone)) == 2, "the code and the answer")
            texts = sorted(str(one["content"]["text"]) for one in there.got(phone))
            (said,) = service.trigger("mocean/voice/answer").json()

    assert "ACME" in texts[0]
    assert texts[1].startswith("You are with ")
    assert said["text"].startswith("There are ")


def test_each_error_has_a_row() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    rows = set(re.findall(r"^\| `(\w+Error)`", PAGE, re.MULTILINE))
    assert rows == kinds - {"SendError"}


def test_each_method_of_mocean_has_a_row() -> None:
    section = MOCEAN.partition("## What we ask of it\n")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([\w.]+)`", row[1])}
    methods = {name for name in vars(Mocean) if not name.startswith("_")} - {"provider", "verify"}
    methods |= {f"verify.{name}" for name in vars(VerifyMethods) if not name.startswith("_")}
    assert named == methods
    tables = {name for name in vars(codes) if name.isupper() and not name.startswith("_")} - {"LOOKUP_ERRORS"}
    assert {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row[5])} == tables
