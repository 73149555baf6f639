"""The data folder: ours alone at each start, whoever made it; and nothing in it is believed that others could write."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ringback.run.home import Home
from ringback.schemas.settings import Settings
from ringback.system import private
from ringback.system.private import NotPrivateError
from tests.support.modes import mode, modes

STRANGER = os.geteuid() + 1
"""A user whom nothing here belongs to. Where a function can be told who asks, that is this one: no root is needed."""


def open_to_all(path: Path) -> None:
    path.chmod(mode(path) | 0o066)


@pytest.mark.parametrize("made_with", [None, 0o755, 0o777], ids=["not there", "readable", "writable, and empty"])
def test_a_folder_is_made_private_whoever_made_it(tmp_path: Path, made_with: int | None) -> None:
    folder = tmp_path / "data"
    if made_with is not None:
        folder.mkdir()
        folder.chmod(made_with)
    assert private.own(folder) == folder
    assert mode(folder) == 0o700


def test_what_is_below_is_tightened(tmp_path: Path) -> None:
    below = tmp_path / "data" / "valkey" / "appendonlydir"
    below.mkdir(parents=True)
    (below / "a.aof").write_text("texts")
    for path in (below, below / "a.aof", below.parent):
        path.chmod(mode(path) | 0o055)
    assert len(private.exposed(below.parent, whole=True)) == 3
    private.own(below.parent, whole=True)
    assert set(modes(below.parent).values()) == {0}


def another_owns(folder: Path) -> Path:
    return folder


def others_may_write(folder: Path) -> Path:
    (folder / "token").write_text("theirs")
    folder.chmod(0o777)
    return folder


def a_file_in_its_place(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file"


def a_link_of_anothers(folder: Path) -> Path:
    (folder / "real").mkdir()
    (folder / "link").symlink_to(folder / "real")
    return folder / "link" / "data"


def links_in_a_circle(folder: Path) -> Path:
    (folder / "link").symlink_to(folder / "link")
    return folder / "link"


@pytest.mark.parametrize(
    ("prepare", "user", "reason"),
    [
        pytest.param(another_owns, STRANGER, "belongs to .*, and this runs as .*; run it as", id="another's"),
        pytest.param(others_may_write, None, "others may write to .*; look at it, then chmod -R go= it", id="writable"),
        pytest.param(a_file_in_its_place, None, "is not a folder; name another one", id="a file"),
        pytest.param(a_link_of_anothers, STRANGER, "is a link of .*; name the folder", id="a link of another's"),
        pytest.param(links_in_a_circle, None, "goes round in circles; name a folder", id="a circle"),
    ],
)
def test_a_folder_that_is_refused(
    tmp_path: Path, prepare: Callable[[Path], Path], user: int | None, reason: str
) -> None:
    if os.geteuid() == 0 and user is not None:
        # What belongs to root is nobody's trap: give it to somebody else.
        folder = prepare(tmp_path)
        for path in (tmp_path, *tmp_path.rglob("*")):
            os.chown(path, STRANGER, -1, follow_symlinks=False)
        user = None
    else:
        folder = prepare(tmp_path)
    with pytest.raises(NotPrivateError, match=f"^RINGBACK_DATA_DIR: .*{reason}") as raised:
        private.own(folder, user=user)
    assert "\n" not in str(raised.value)


def test_a_link_of_ours_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to("disk/../disk")
    assert private.own(tmp_path / "data" / "spool") == tmp_path / "disk" / "spool"


def a_link(file: Path) -> None:
    file.with_name("elsewhere").write_text("theirs")
    file.symlink_to(file.with_name("elsewhere"))


def writable(file: Path) -> None:
    file.write_text("theirs")
    open_to_all(file)


def a_pipe(file: Path) -> None:
    os.mkfifo(file)


def a_folder(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize("prepare", [a_link, writable, a_pipe, a_folder])
@pytest.mark.parametrize("name", ["token", "redis.url", "public.url"])
def test_a_file_that_is_not_believed(tmp_path: Path, name: str, prepare: Callable[[Path], None]) -> None:
    tmp_path.chmod(0o700)
    prepare(tmp_path / name)
    with (tmp_path / "lock").open("w") as lock:  # what is announced counts while an `up` holds it
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(NotPrivateError, match=f"^RINGBACK_DATA_DIR: .*{name}"):
            Home(tmp_path).find(Settings())


def test_a_file_of_anothers_is_not_believed(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "redis.url").write_text("redis://evil.example")
    user = STRANGER
    if os.geteuid() == 0:
        os.chown(tmp_path / "redis.url", STRANGER, -1)
        user = 0
    with pytest.raises(NotPrivateError, match="belongs to"):
        private.read(tmp_path / "redis.url", user=user)


def test_what_is_written_replaces_a_link_and_leaves_what_it_led_to(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("ours")
    (tmp_path / "redis.url").symlink_to("precious")
    private.write(tmp_path / "redis.url", "redis://here")
    assert (tmp_path / "precious").read_text() == "ours"
    assert private.read(tmp_path / "redis.url") == "redis://here"
    assert mode(tmp_path / "redis.url") == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious", "redis.url"]
