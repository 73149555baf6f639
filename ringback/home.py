"""Home: the folder in which `ringback up` keeps its things (`RINGBACK_DATA_DIR`), where other commands find them."""

import fcntl
import os
import secrets
import time
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from schemas.redis_url import without_password
from schemas.settings import Settings, SettingsError, Token

_OWN_ACCOUNT: Final = "default"
_ANNOUNCED: Final = ("redis.url", "public.url", "handlers", "port")
_TRIES: Final = 10
_PAUSE_S: Final = 0.05


class BusyError(Exception):
    """Another `ringback up` works in the same folder."""


class Home:
    """The data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._lock: int | None = None

    @property
    def store(self) -> Path:
        """The embedded server's folder."""
        return self.folder / "valkey"

    def take(self) -> None:
        """Make the folder ours, private, until this process ends. Raises BusyError."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.folder / ".gitignore").write_text("*\n")
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for left in reversed(range(_TRIES)):
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not left:
                    raise BusyError(
                        f"another `ringback up` already works in {self.folder}; stop it, or set RINGBACK_DATA_DIR"
                    ) from None
                time.sleep(_PAUSE_S)  # another command may be asking, for an instant, whether we are here

    def own_token(self) -> Token:
        """Give the token that `up` made when none was set, making it the first time."""
        file = self.folder / "token"
        if not file.exists():
            self._write_private(file, secrets.token_urlsafe(24))
        return Token(account=_OWN_ACCOUNT, secret=SecretStr(file.read_text().strip()))

    def announce_store(self, url: str) -> None:
        """Tell other commands where the store is."""
        self._write_private(self.folder / "redis.url", url)

    def announce_public_url(self, url: str) -> None:
        """Tell other commands which public URL leads here."""
        self._write_private(self.folder / "public.url", url)

    def announce_service(self, settings: Settings) -> None:
        """Tell other commands the handlers and the port, and the Redis, unless its URL has a password."""
        self._write_private(self.folder / "handlers", ",".join(settings.handlers))
        self._write_private(self.folder / "port", str(settings.port))
        if settings.redis_url == without_password(settings.redis_url or ""):
            self.announce_store(settings.redis_url)

    def withdraw(self) -> None:
        """Tell other commands that what was announced is over."""
        for name in _ANNOUNCED:
            (self.folder / name).unlink(missing_ok=True)

    def find(self, settings: Settings) -> Settings:
        """Complete the settings with the token that `up` has made, and with what a running one announces."""
        found: dict[str, object] = {}
        if not settings.tokens and (self.folder / "token").exists():
            found["tokens"] = (self.own_token(),)
        if not self._is_taken():  # an `up` that was killed has left what it announced
            return settings.model_copy(update=found)
        if settings.redis_url is None and (url := self._announced("redis.url")):
            found["redis_url"] = url
        if settings.public_url is None and (url := self._announced("public.url")):
            found["public_url"] = url
        if not settings.handlers and (modules := self._announced("handlers")):
            found["handlers"] = tuple(modules.split(","))
        if (not settings.port or "port" not in settings.model_fields_set) and (port := self._announced("port")):
            found["port"] = int(port)
        return settings.model_copy(update=found)

    def _announced(self, name: str) -> str:
        try:
            return (self.folder / name).read_text().strip()
        except FileNotFoundError:
            return ""

    def _is_taken(self) -> bool:
        """Whether an `up` works in the folder: it alone keeps the lock."""
        try:
            lock = os.open(self.folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    @staticmethod
    def _write_private(file: Path, text: str) -> None:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(text + "\n")


def redis_url(settings: Settings) -> str:
    """Give the Redis to use. Raises SettingsError where there is none."""
    if settings.redis_url is None:
        raise SettingsError(
            "RINGBACK_REDIS_URL: not set, and no `ringback up` runs in this folder; write redis://host:port/db"
        )
    return settings.redis_url
