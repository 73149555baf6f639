"""The start of `ringback up`, `serve` and `work`: what keeps it from working is one line, at once; what is not safe is
said."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ringback.receiver.http.listen import bind
from tests.support.commands import ringback
from tests.support.service import RINGBACK, TOKEN, free_port, process, valkey, wait_for
from tests.support.up import up

AT_ONCE_S = 15.0
"""Far less than the 30 s that a start which goes well may take; a busy machine needs some of it to see a death."""
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what a user writes


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        pytest.param({"RINGBACK_ADMIN_PORT": "{taken}"},
                     "cannot listen on 127.0.0.1:{taken}: address already in use; set RINGBACK_ADMIN_HOST or "
                     "RINGBACK_ADMIN_PORT", id="the admin port is taken"),
        pytest.param({"RINGBACK_PORT": "{taken}"},
                     "cannot listen on 127.0.0.1:{taken}: address already in use; set RINGBACK_HOST or RINGBACK_PORT",
                     id="the port is taken"),
        pytest.param({"RINGBACK_HOST": "203.0.113.9"},
                     "cannot listen on 203.0.113.9:0: cannot assign requested address; set RINGBACK_HOST or "
                     "RINGBACK_PORT", id="an address of another machine"),
        pytest.param({"RINGBACK_ADMIN_HOST": "203.0.113.9", "RINGBACK_ADMIN_PORT": "{free}"},
                     "cannot listen on 203.0.113.9:{free}: cannot assign requested address; set RINGBACK_ADMIN_HOST or "
                     "RINGBACK_ADMIN_PORT", id="an admin address of another machine"),
    ],
)  # fmt: skip
def test_an_address_that_is_not_to_be_had(tmp_path: Path, settings: dict[str, str], line: str) -> None:
    with bind("127.0.0.1", 0) as taken:
        places = {"taken": taken.getsockname()[1], "free": free_port()}
        chosen = {name: value.format(**places) for name, value in settings.items()}
        ended = ringback(tmp_path, "up", **{"RINGBACK_PORT": "0", **chosen})
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"ringback: {line.format(**places)}\n")
    assert list(tmp_path.iterdir()) == []  # nothing was started


def break_the_store(folder: Path) -> None:
    (folder / "valkey" / "appendonlydir").mkdir(parents=True)
    (folder / "valkey" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")


def break_the_spool(folder: Path) -> None:
    (folder / "spool" / "ringback" / "spool-0.sqlite").mkdir(parents=True)


@pytest.mark.parametrize(
    ("prepare", "line"),
    [
        pytest.param(break_the_store, "the embedded server has ended at its start; valkey/valkey.log in "
                     "RINGBACK_DATA_DIR says why", id="the store"),
        pytest.param(break_the_spool, "receiver has ended with code 2 at its start; its lines above say why",
                     id="the receiver"),
    ],
)  # fmt: skip
def test_a_child_that_dies_at_the_start(tmp_path: Path, prepare: Callable[[Path], None], line: str) -> None:
    prepare(tmp_path / ".ringback")
    began = time.monotonic()
    ended = ringback(tmp_path, "up", RINGBACK_PORT="0")
    assert time.monotonic() - began < AT_ONCE_S
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"ringback: {line}"
    assert "Traceback" not in ended.stderr


def test_a_proxy_in_the_environment_is_not_asked_for_our_own_receiver(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with up(tmp_path, HTTP_PROXY=nobody, http_proxy=nobody, NO_PROXY="", no_proxy=""):
        pass


def test_insecure_with_a_tunnel_is_refused(tmp_path: Path) -> None:
    ended = ringback(tmp_path, "up", "--tunnel", "ngrok", RINGBACK_PORT="0", RINGBACK_INSECURE="1")
    assert (ended.returncode, ended.stderr) == (2, (
        "ringback: RINGBACK_INSECURE: with --tunnel anyone on the internet could post events; take it out "
        "(`ringback up` then makes a token), or set RINGBACK_TOKENS\n"
    ))  # fmt: skip


def warnings_in(output: str) -> set[tuple[str, str]]:
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {(line["event"], line["reason"]) for line in lines if line["event"] in ("tokens.none", "settings.exposed")}


@pytest.mark.parametrize(
    ("settings", "mode", "expected"),
    [
        pytest.param({}, 0o600, set(), id="nothing"),
        pytest.param({"RINGBACK_INSECURE": "1"}, None, set(), id="insecure, for this machine alone"),
        pytest.param({"RINGBACK_INSECURE": "1", "RINGBACK_HOST": EVERYWHERE}, None,
                     {("tokens.none", "anyone who reaches 0.0.0.0:{port} can post events")}, id="insecure"),
        pytest.param({"RINGBACK_INSECURE": "1", "RINGBACK_PUBLIC_URL": "https://host"}, None,
                     {("tokens.none", "anyone who reaches https://host can post events")}, id="insecure, by a proxy"),
        pytest.param({"RINGBACK_INSECURE": "1", "RINGBACK_HOST": EVERYWHERE}, 0o600, set(), id="insecure with tokens"),
        pytest.param({}, 0o640, {("settings.exposed", "can be read by other local users")}, id="a readable file"),
        pytest.param({}, 0o606, {("settings.exposed", "can be written by other local users")}, id="a writable file"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["up", "serve"])
def test_what_is_not_safe_is_said_at_the_start(
    tmp_path: Path, command: str, settings: dict[str, str], mode: int | None, expected: set[tuple[str, str]]
) -> None:
    port = str(free_port())
    if mode is not None:
        (tmp_path / ".env").write_text(f"RINGBACK_TOKENS=acme:{TOKEN}\n")
        (tmp_path / ".env").chmod(mode)
    chosen = {"RINGBACK_PORT": port, **settings}
    if command == "up":
        with up(tmp_path, **chosen) as service:
            said = service.output
    else:
        said = serve_shortly(tmp_path, **chosen)
    assert warnings_in(said) == {(event, reason.format(port=port)) for event, reason in expected}


def serve_shortly(folder: Path, **settings: str) -> str:
    """Run a receiver until it serves; give what it says."""
    log = folder / "serve.log"
    settings = {"RINGBACK_REDIS_URL": f"redis://127.0.0.1:{free_port()}", **settings}
    words = ["sh", "-c", f'cd "{folder}" && exec "$@" 2>"{log}"', "sh", *RINGBACK, "serve"]
    with process(words, **settings):
        wait_for(lambda: log.exists() and "receiver.open_files" in log.read_text(), "the receiver")
    return log.read_text()


def test_work_without_handlers_says_so(tmp_path: Path) -> None:
    with valkey(tmp_path, free_port()) as (url, _):
        log = tmp_path / "work.log"
        words = ["sh", "-c", f'exec "$@" 2>"{log}"', "sh", *RINGBACK, "work", "--queues", "events"]
        with process(words, RINGBACK_REDIS_URL=url, RINGBACK_DATA_DIR=str(tmp_path / "data")):
            wait_for(lambda: log.exists() and "handlers.none" in log.read_text(), "the warning")
    assert not (tmp_path / "data").exists()


def test_work_sets_the_data_folder_right(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    with valkey(tmp_path, free_port()) as (url, _):
        with process([*RINGBACK, "work", "--queues", "events"], RINGBACK_REDIS_URL=url, RINGBACK_DATA_DIR=str(data)):
            wait_for(lambda: data.stat().st_mode & 0o077 == 0, "the mode")
        assert data.stat().st_uid == os.geteuid()
