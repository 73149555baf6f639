"""What `up` says once it runs: URLs with tokens for a terminal alone."""

import os
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from ringback.run.home import Home
from ringback.run.up import greet
from ringback.schemas.settings import Settings
from ringback.schemas.tokens import Token
from ringback.terminal.screen import Screen
from tests.support.service import TOKEN


def test_urls_with_tokens_are_for_a_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = Token(account="acme", secret=SecretStr(TOKEN))
    settings = Settings(tokens=(token,), public_url="https://me:pass-word@a.example")
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb") as terminal, os.fdopen(theirs, "w") as file:
        screen = Screen()
        screen.file = file
        greet(screen, settings, 1)
        file.flush()
        shown = ""
        while "Ctrl-C stops." not in shown:  # a terminal passes on a little at a time
            shown += terminal.read1().decode()
    assert shown.count(f"https://me:pass-word@a.example/webhooks/mocean/inbound-sms?token={TOKEN}") == 2
    assert "Ringback is up on https://***@a.example" in re.sub(r"\x1b\[[0-9;]*m", "", shown)
    # A colour that was asked for makes no terminal.
    monkeypatch.setenv("FORCE_COLOR", "1")
    greet(Screen(stderr=True), settings, 1)
    written = capfd.readouterr().err
    assert written.count("https://***@a.example/webhooks/mocean/inbound-sms?token=***") == 2
    assert [secret for secret in (TOKEN, "pass-word") if secret in written] == []


@pytest.mark.parametrize(
    ("password", "found"),
    [pytest.param("", True, id="without a password"), pytest.param("user:secret@", False, id="with one")],
)
def test_a_redis_of_ones_own_is_announced(tmp_path: Path, password: str, found: bool) -> None:
    url = f"redis://{password}127.0.0.1:7777/0"
    home = Home(tmp_path)
    home.take()
    home.announce_service(Settings(redis_url=url, handlers=("mine",), port=8123, admin_port=8124))
    told = Home(tmp_path).find(Settings())
    assert (told.redis_url, told.handlers, told.port) == (url if found else None, ("mine",), 8123)
    assert told.admin_port == 8124
    assert Home(tmp_path).find(Settings(admin_port=0)).admin_port == 0
    assert not [path for path in tmp_path.iterdir() if "secret" in path.read_text()]
