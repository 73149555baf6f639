"""Home: the folder in which `ringback up` keeps its things (`RINGBACK_DATA_DIR`), where other commands find them."""

import fcntl
import os
import secrets
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from schemas.settings import Settings, SettingsError, Token

_OWN_ACCOUNT: Final = "default"


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
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"another `ringback up` already works in {self.folder}; stop it, or set RINGBACK_DATA_DIR"
            ) from None

    def own_token(self) -> Token:
        """Give the token that `up` made when none was set, making it the first time."""
        file = self.folder / "token"
        if not file.exists():
            self._write_private(file, secrets.token_urlsafe(24))
        return Token(account=_OWN_ACCOUNT, secret=SecretStr(file.read_text().strip()))

    def announce_store(self, url: str) -> None:
        """Tell other commands where the embedded server is."""
        self._write_private(self.folder / "redis.url", url)

    def announce_public_url(self, url: str) -> None:
        """Tell other commands which public URL leads here."""
        self._write_private(self.folder / "public.url", url)

    def withdraw(self) -> None:
        """Tell other commands that the embedded server and the public URL are gone."""
        for name in ("redis.url", "public.url"):
            (self.folder / name).unlink(missing_ok=True)

    def find(self, settings: Settings) -> Settings:
        """Complete the settings with what a running `up` has made: its token, its embedded server, its public URL."""
        found: dict[str, object] = {}
        if not settings.tokens and (self.folder / "token").exists():
            found["tokens"] = (self.own_token(),)
        url = self.folder / "redis.url"
        if settings.redis_url is None and url.exists():
            found["redis_url"] = url.read_text().strip()
        public_url = self.folder / "public.url"
        if settings.public_url is None and public_url.exists():
            found["public_url"] = public_url.read_text().strip()
        return settings.model_copy(update=found)

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
