"""The data folder of `up`, `serve` and commands: theirs alone, and no other is believed."""

from pathlib import Path

import pytest

from tests.support.commands import ringback
from tests.support.modes import modes
from tests.support.service import RINGBACK, TOKEN, free_port, process, wait_for
from tests.support.up import up


def test_up_in_a_folder_that_was_there_before(tmp_path: Path) -> None:
    (tmp_path / ".ringback" / "valkey").mkdir(parents=True)
    (tmp_path / ".ringback").chmod(0o755)
    (tmp_path / ".ringback" / "token").write_text("a-token-that-others-could-read\n")
    (tmp_path / "precious").write_text("ours")
    (tmp_path / ".ringback" / ".gitignore").symlink_to("../precious")
    with up(tmp_path) as service:
        assert service.ringback("trigger", "mocean/inbound-sms").returncode == 0
        assert {path: bits for path, bits in modes(tmp_path / ".ringback").items() if bits} == {}
        assert "folder.tightened" in service.output
    assert (tmp_path / "precious").read_text() == "ours"


def test_serve_first_and_then_up(tmp_path: Path) -> None:
    settings = {
        "RINGBACK_REDIS_URL": f"redis://127.0.0.1:{free_port()}", "RINGBACK_TOKENS": f"acme:{TOKEN}",
        "RINGBACK_DATA_DIR": str(tmp_path / "data"), "RINGBACK_PORT": "0",
    }  # fmt: skip
    with process([*RINGBACK, "serve"], **settings):
        wait_for(lambda: (tmp_path / "data" / "spool" / "ringback" / "spool-0.sqlite").exists(), "the spool")
        assert set(modes(tmp_path / "data").values()) == {0}


@pytest.mark.parametrize("words", [["up"], ["urls"], ["tail"]])
def test_a_command_in_a_folder_that_others_have_prepared(tmp_path: Path, words: list[str]) -> None:
    folder = tmp_path / ".ringback"
    folder.mkdir()
    (folder / "token").write_text("their-token")
    (folder / "redis.url").write_text("redis://127.0.0.1:1/0")
    folder.chmod(0o777)
    ended = ringback(tmp_path, *words, RINGBACK_PORT="0")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"ringback: RINGBACK_DATA_DIR: others may write to {folder}, so what is there may not be yours; look at it, "
        "then chmod -R go= it, or set RINGBACK_DATA_DIR to a folder of your own\n"
    )
