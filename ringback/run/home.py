"""Home: the folder in which `ringback up` keeps its things (`RINGBACK_DATA_DIR`), where other commands find them."""

import fcntl
import os
import secrets
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from ringback.schemas.redis_url import without_password
from ringback.schemas.settings import Settings, SettingsError
from ringback.schemas.tokens import Token
from ringback.system import private

if TYPE_CHECKING:
    from ringback.clients.configured import SendingSettings

_OWN_ACCOUNT: Final = "default"
_SIMULATOR_URL: Final = "simulator.url"
_SIMULATED: Final = "simulated.toml"
_ANNOUNCED: Final = ("redis.url", "public.url", "handlers", "port", "admin.port", _SIMULATOR_URL, _SIMULATED)
_FILES: Final = ("token", "lock", *_ANNOUNCED)
_TRIES: Final = 10
_PAUSE_S: Final = 0.05


class BusyError(Exception):
    """Another `ringback up` works in the same folder."""


class Home:
    """The data folder. What is read here is believed, so it must be this user's (ringback.system.private).

    Raises NotPrivateError wherever it is not.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = private.really(folder)
        self._lock: int | None = None

    @property
    def store(self) -> Path:
        """The embedded server's folder."""
        return self.folder / "valkey"

    def take(self) -> None:
        """Make the folder ours, private, until this process ends. Raises BusyError, SettingsError."""
        try:
            self._make_private()
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._lock = os.open(self.folder / "lock", flags, 0o600)
        except OSError as error:
            raise SettingsError(
                f"RINGBACK_DATA_DIR: {self.folder} cannot be used: {(error.strerror or str(error)).lower()}; "
                "set it to a folder on a local disk that this user may write to"
            ) from None
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
        token = self._token()
        if token is None:
            self._write_private(self.folder / "token", secrets.token_urlsafe(24))
            token = self._token()
        if token is None:
            raise SettingsError(
                f"RINGBACK_DATA_DIR: {self.folder / 'token'} is empty; delete it, and a new one is made"
            )
        return token

    def announce_store(self, url: str) -> None:
        """Announce to other commands where the store is."""
        self._write_private(self.folder / "redis.url", url)

    def announce_public_url(self, url: str) -> None:
        """Tell other commands which public URL leads here."""
        self._write_private(self.folder / "public.url", url)

    def announce_service(self, settings: Settings) -> None:
        """Announce to other commands the handlers and the ports, and the Redis, unless its URL has a password."""
        self._write_private(self.folder / "handlers", ",".join(settings.handlers))
        self._write_private(self.folder / "port", str(settings.port))
        self._write_private(self.folder / "admin.port", str(settings.admin_port))
        if settings.redis_url == without_password(settings.redis_url or ""):
            self.announce_store(settings.redis_url)

    def announce_simulator(self, url: str, credentials: str) -> None:
        """Announce to other commands where the simulator is, and the credentials to use there, in TOML."""
        self._write_private(self.folder / _SIMULATED, credentials)
        self._write_private(self.folder / _SIMULATOR_URL, url)

    def withdraw(self) -> None:
        """Withdraw what was announced."""
        for name in _ANNOUNCED:
            (self.folder / name).unlink(missing_ok=True)

    def files(self) -> list[Path]:
        """Return the files that are there and nobody else may read."""
        return [file for file in (self.folder / name for name in _FILES) if file.exists()]

    def find(self, settings: Settings) -> Settings:
        """Complete the settings with the token that `up` has made, and with what a running one announces."""
        found: dict[str, object] = {}
        if not settings.tokens and (token := self._token()):
            found["tokens"] = (token,)
        if not self._is_taken():  # an `up` that was killed has left what it announced
            return settings.model_copy(update=found)
        if settings.redis_url is None and (url := self._read("redis.url")):
            found["redis_url"] = url
        if settings.public_url is None and (url := self._read("public.url")):
            found["public_url"] = url
        if not settings.handlers and (modules := self._read("handlers")):
            found["handlers"] = tuple(modules.split(","))
        if (not settings.port or "port" not in settings.model_fields_set) and (port := self._read("port")):
            found["port"] = int(port)
        if "admin_port" not in settings.model_fields_set and (port := self._read("admin.port")):
            found["admin_port"] = int(port)
        return settings.model_copy(update=found)

    def simulator(self) -> str | None:
        """Return where the simulator of a running `up` is; None where none runs."""
        return self._read(_SIMULATOR_URL) if self._is_taken() else None

    def find_sending(self, sending: "SendingSettings") -> "SendingSettings":
        """Complete what is set for sending with the simulator of a running `up`, unless credentials are set."""
        url = None if sending.has_credentials else self.simulator()
        if url is None or self._read(_SIMULATED) is None:
            return sending
        there = {"mocean_url": f"{url}/rest/2", "mycoolsms_url": f"{url}/api-socket.php"}
        return sending.model_copy(update={**there, "credentials": self.folder / _SIMULATED})

    def _is_taken(self) -> bool:
        """Whether an `up` works in the folder: it alone keeps the lock."""
        try:
            lock = os.open(self.folder / "lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def _token(self) -> Token | None:
        secret = self._read("token")
        return Token(account=_OWN_ACCOUNT, secret=SecretStr(secret)) if secret else None

    def _make_private(self) -> None:
        private.own(self.folder)
        for file in self.files():
            if private.read(file) is not None and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                file.chmod(0o600)
        self._write_private(self.folder / ".gitignore", "*")

    def _read(self, name: str) -> str | None:
        text = private.read(self.folder / name)
        return text and text.strip()

    @staticmethod
    def _write_private(file: Path, text: str) -> None:
        private.write(file, text)


def redis_url(settings: Settings) -> str:
    """Give the Redis to use. Raises SettingsError where there is none."""
    if settings.redis_url is None:
        raise SettingsError(
            "RINGBACK_REDIS_URL: not set, and no `ringback up` runs in this folder; write redis://host:port/db"
        )
    return settings.redis_url
