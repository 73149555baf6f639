"""Credentials of providers: workers have them, and no process does that is reached from outside."""

import os
from pathlib import Path

import pytest

from ringback.schemas.sending_settings import NOT_FOR_RECEIVERS
from tests.support.commands import ringback
from tests.support.service import RINGBACK, Service, await_ready, free_port, process
from tests.support.up import descendants, up

SECRET = "the-api-secret-of-acme"
CREDENTIALS = {"RINGBACK_MOCEAN_API_KEY": "the-api-key", "ringback_mocean_api_secret": SECRET}


def environment(pid: int) -> set[str]:
    """Return the names of a process's variables, as it was started."""
    return {line.partition(b"=")[0].decode() for line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")}


def words(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")


@pytest.mark.parametrize("name", ["nowhere.toml", "."])
def test_a_receiver_never_opens_the_file(redis_url: str, tmp_path: Path, name: str) -> None:
    """Whoever opens it fails: one is not there, and the other is a folder."""
    file = {"RINGBACK_CREDENTIALS": str(tmp_path / name)}
    service = Service(redis_url, f"credentials{os.getpid()}", free_port())
    try:
        with process([*RINGBACK, "serve"], **service.settings, **file):
            await_ready(service, 0)
            assert service.trigger("mocean/inbound-sms").status_code == 200
        found = ringback(tmp_path, "balance", **service.settings, **file)
        wanted = (2, f"ringback: RINGBACK_CREDENTIALS: {tmp_path / name}")
        assert (found.returncode, found.stderr.partition(": cannot be read")[0]) == wanted
    finally:
        service.close()


def test_who_has_them_under_up(tmp_path: Path) -> None:
    with up(tmp_path, **CREDENTIALS, RINGBACK_CREDENTIALS="") as started:
        found: dict[str, bool] = {}
        for pid in descendants(started.process.pid):
            has = bool({name.upper() for name in environment(pid)} & NOT_FOR_RECEIVERS)
            what = next((name for name in ("serve", "worker", "sender") if name in words(pid)), "store")
            found[what] = found.get(what, False) or has
        assert found == {"store": False, "serve": False, "worker": True, "sender": True}
        assert SECRET not in started.output
