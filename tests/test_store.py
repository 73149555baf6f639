"""The server's settings: the embedded server, and the file for one's own, are the same ones that the promises need."""

import shlex
from pathlib import Path

from ringback.store import command
from tests.service import ROOT


def test_the_embedded_server_and_the_settings_file_agree() -> None:
    words = command(Path("/x"), Path("/x/s"))[1:]
    embedded = dict(zip((word.removeprefix("--") for word in words[::2]), words[1::2], strict=True))
    lines = [shlex.split(line, comments=True) for line in (ROOT / "deploy/valkey.conf").read_text().splitlines()]
    filed = {line[0]: line[1] for line in lines if line}
    assert {name: embedded[name] for name in filed} == filed
    assert set(filed) == {"appendonly", "appendfsync", "no-appendfsync-on-rewrite", "save", "maxmemory-policy"}
