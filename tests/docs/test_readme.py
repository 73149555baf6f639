"""README.md: what its first commands print is what it shows, under `ringback up` with the handlers of `make up`."""

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.pages import section
from tests.support.service import RINGBACK, ROOT, clean_environment, wait_for
from tests.support.up import Up, up_simulated

README: Final = (ROOT / "README.md").read_text()
RUN_IT: Final = section(README, "Run it")
SHOWN: Final = dict(re.findall(r"^\$ \.venv/bin/ringback (.*)\n((?:(?!\$ |```).*\n)+)", RUN_IT, re.MULTILINE))
"""Words of a command -> what it prints."""
TO_TRY: Final = re.findall(r"^\.venv/bin/ringback (.*)$", RUN_IT, re.MULTILINE)
HANDLERS: Final = re.findall(r"^RINGBACK_HANDLERS \?= (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    settings = {"RINGBACK_HANDLERS": HANDLERS, "RINGBACK_ADMIN_PORT": "0"}
    with up_simulated(tmp_path_factory.mktemp("up"), **settings) as running:
        yield running


def alike(printed: str) -> list[str]:
    """Return lines without what differs from run to run: times, ids, spaces at the end."""
    printed = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "TIME", printed)
    return [re.sub(r"(cust)?[0-9a-f]{32}", "ID", line).rstrip() for line in printed.splitlines() if line.strip()]


def test_the_round_trip(service: Up, tmp_path: Path) -> None:
    printed, said = tmp_path / "printed", tmp_path / "said"
    with printed.open("w") as output, said.open("w") as errors:
        environment = clean_environment(**service.settings)
        tail = subprocess.Popen([*RINGBACK, "tail"], cwd=service.folder, env=environment, stdout=output, stderr=errors)
    try:
        wait_for(lambda: "Waiting for events" in said.read_text(), "tail")
        assert list(SHOWN) == ["sim text HELP", "sim inbox", "tail"]
        assert alike(service.ringback("sim", "text", "HELP").stdout) == alike(SHOWN["sim text HELP"])
        wait_for(lambda: alike(service.ringback("sim", "inbox").stdout) == alike(SHOWN["sim inbox"]), "the answer")
        wait_for(lambda: alike(printed.read_text()) == alike(SHOWN["tail"]), "what tail prints")
    finally:
        tail.send_signal(signal.SIGINT)
        tail.wait(30)
    received, sent, status = (one["event"]["data"] | {"id": one["event"]["id"]} for one in service.events())
    assert (sent["cause"], sent["handler"]) == (received["id"], "examples.auto_reply.reply")
    assert sent["ref"] == status["context"]["send"]


def test_more_to_try(service: Up) -> None:
    before = len(phones(service))
    tried = [shlex.split(line, comments=True) for line in TO_TRY]
    for words in tried:
        if "--follow" not in words:
            done = service.ringback(*words)
            assert done.returncode == 0, (words, done.stderr)
    wait_for(lambda: len(phones(service)) >= before + 4, "the answers: WhatsApp, the address, the order twice")
    assert {one["channel"] for one in phones(service)} == {"sms", "whatsapp"}
    assert [one["provider"] for one in phones(service) if one["to"].endswith("99901000034")] == ["mocean", "mycoolsms"]


def phones(service: Up) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(service.ringback("sim", "inbox", "--json").stdout)
    return rows


def test_the_first_handler(tmp_path: Path) -> None:
    code = re.findall(r"```python\n(# handlers\.py\n.*?)```", README, re.DOTALL)[0]
    (tmp_path / "handlers.py").write_text(code)
    with up_simulated(tmp_path, RINGBACK_HANDLERS="handlers") as service:
        assert service.ringback("sim", "text", "Good morning").returncode == 0
        wait_for(lambda: phones(service), "the answer")
        assert [one["content"]["text"] for one in phones(service)] == ["Hello MY. We got your 2 words."]
        assert "We connect you" in service.ringback("sim", "call").stdout
