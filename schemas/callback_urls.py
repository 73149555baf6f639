"""Callback URLs: where providers reach us, and what is pasted at them."""

import re
from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import urlencode, urlsplit

from pydantic import AfterValidator

from ringback.schemas.setting_types import check_host
from ringback.schemas.tokens import Token

_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f]")


def without_login(url: str) -> str:
    """Return a URL as it may be shown: `https://***@host` for one with a user or a password."""
    scheme, separator, rest = url.partition("://")
    netloc = re.split(r"[/?#]", rest, maxsplit=1)[0]
    login, at, _ = netloc.rpartition("@")
    return f"{scheme}{separator}***{rest[len(login) :]}" if at else url


def callback_url(base_url: str, name: str, token: Token | None, context: Mapping[str, str] | None = None) -> str:
    """Return the URL to paste at the provider: `name` is the path below `/webhooks/`, `context` becomes `ctx.…`."""
    parameters = {"token": token.secret.get_secret_value()} if token else {}
    parameters |= {f"ctx.{key}": value for key, value in (context or {}).items()}
    return f"{base_url}/webhooks/{name}" + (f"?{urlencode(parameters, safe='*')}" if parameters else "")


def _public_url(value: str | None) -> str | None:
    if not value:
        return None
    # It may have a password, which may be what is wrong with it: then it is not quoted.
    try:
        parts = urlsplit(value)
        known = parts.scheme in ("http", "https") and parts.port != 0 and bool(check_host(parts.hostname or ""))
    except ValueError:
        known = False
    if not known and ("@" in value or "://" not in value):
        raise ValueError("is no address; write https://host (in a user or a password / is %2F, # is %23, @ is %40)")
    if "?" in value or "#" in value:
        raise ValueError("has a ? or a # in it; write https://host, Ringback adds path and token itself")
    if not known or _UNPRINTABLE.search(value):
        raise ValueError(f"{value!a} is not a web address; write https://host")
    if "/webhooks" in parts.path:
        raise ValueError("names a callback; write https://host, Ringback adds /webhooks/… itself")
    return value.rstrip("/")


PublicUrl = Annotated[str | None, AfterValidator(_public_url)]
"""Where providers reach us, as it is set: without a path of ours and without a slash at the end."""
