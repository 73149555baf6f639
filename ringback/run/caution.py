"""Caution: what works and is not safe, said at each start in the log, and by `ringback doctor`."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog

from ringback.schemas.local import is_loopback
from ringback.schemas.sending_settings import SECRET_SENDING
from ringback.schemas.settings import PREFIX, Settings
from ringback.system.private import may_be_read

log = structlog.get_logger()

ENV_FILE: Final = Path(".env")
_SECRETS: Final = ("RINGBACK_TOKENS", "RINGBACK_REDIS_URL", *(PREFIX + name.upper() for name in SECRET_SENDING))


def warn(settings: Settings) -> None:
    """Log what `exposed_file` and `open_to` find."""
    if reason := exposed_file(ENV_FILE):
        log.warning("settings.exposed", file=str(ENV_FILE.absolute()), reason=reason, fix=f"chmod 600 {ENV_FILE}")
    if where := open_to(settings):
        log.warning("tokens.none", reason=f"anyone who reaches {where} can post events", fix="set RINGBACK_TOKENS")


def exposed_file(file: Path) -> str | None:
    """Return why a file of settings is not this user's alone; None where it is, or where reading it gives nothing away.

    One that others may write is named whatever is in it: RINGBACK_HANDLERS says which code is run.
    """
    reason = may_be_read(file)
    if reason is None:
        return None
    try:
        has_secrets = any(name in file.read_text("utf-8", "replace").upper() for name in _SECRETS)
    except OSError:
        return None  # it is not read as settings either
    return reason if has_secrets or "be read" not in reason else None


def open_to(settings: Settings) -> str | None:
    """Return an address, other than a loopback one, where everyone is let in without a token; None if there is none."""
    if settings.tokens or not settings.insecure:
        return None
    if settings.public_url and not is_loopback(urlsplit(settings.public_url).hostname or ""):
        return settings.public_url
    return None if is_loopback(settings.host) else f"{settings.host}:{settings.port}"
