"""Accounts: what each request of an account carries (URL, credentials) and where its callbacks shall come back to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from ringback.clients.errors import NotConfiguredError
from ringback.clients.exchange import FORM, JSON, Request, form, json_body
from ringback.schemas.callback_urls import callback_url
from ringback.schemas.mc_actions import Language
from ringback.schemas.tokens import Token

MOCEAN_URL: Final = "https://rest.moceanapi.com/rest/2"
MYCOOLSMS_URL: Final = "https://www.my-cool-sms.com/api-socket.php"
"""*Assumed*: the document names no URL."""

MOCEAN_ZONE: Final = ZoneInfo("Asia/Kuala_Lumpur")


@dataclass(frozen=True, slots=True)
class CallbackBase:
    """Where providers reach us, and the token that lets this account's callbacks in.

    `extra` is context of our own beside the caller's; where both have a name, it is ours that counts.
    """

    url: str
    token: Token | None = field(default=None, repr=False)
    extra: Mapping[str, str] = field(default_factory=dict)

    def url_of(self, name: str, context: Mapping[str, str]) -> str:
        """Return the URL of a callback; `name` is the path below `/webhooks/`, `context` comes back with it."""
        return callback_url(self.url, name, self.token, {**context, **self.extra})


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Mocean's documented credentials: `mocean-api-key` and `mocean-api-secret` in each request."""

    key: str = field(repr=False)
    secret: SecretStr


@dataclass(frozen=True, slots=True)
class ApiToken:
    """Mocean's API token in an `Authorization` header (*assumed*: the document does not have it, the SDK does)."""

    token: SecretStr


@dataclass(frozen=True, slots=True)
class MoceanAccount:
    """An account at Mocean. `zone` is that of times without one; the document names it for scheduling."""

    credentials: ApiKey | ApiToken
    url: str = MOCEAN_URL
    callbacks: CallbackBase | None = None
    language: Language = Language.ENGLISH_GB
    zone: ZoneInfo = MOCEAN_ZONE

    def __post_init__(self) -> None:
        _check_url("mocean", self.url)

    def callback_url(self, name: str, context: Mapping[str, str] | None) -> str | None:
        """Return the URL to ask callbacks at; None without a public URL."""
        return self.callbacks.url_of(name, context or {}) if self.callbacks else None

    def post(self, operation: str, path: str, fields: Mapping[str, str], *, has_effect: bool = True) -> Request:
        """Return a form request that is answered in JSON; `path` begins with a slash."""
        return Request(
            provider="mocean",
            operation=operation,
            method="POST",
            url=self._at(path),
            body=form({**self._signature(), **fields, "mocean-resp-format": "json"}),
            headers={"Content-Type": FORM, **self._authorization()},
            has_effect=has_effect,
        )

    def get(self, operation: str, path: str, fields: Mapping[str, str], *, formatted: bool = True) -> Request:
        """Return a query; `formatted`: the request has a `mocean-resp-format`."""
        return Request(
            provider="mocean",
            operation=operation,
            method="GET",
            url=self._at(path),
            query={**self._signature(), **fields, **({"mocean-resp-format": "json"} if formatted else {})},
            headers=self._authorization(),
            has_effect=False,
        )

    def post_json(self, operation: str, path: str, fields: Mapping[str, object]) -> Request:
        """Return a JSON request; the credentials are fields of it (document, "WhatsApp Send Message")."""
        return Request(
            provider="mocean",
            operation=operation,
            method="POST",
            url=self._at(path),
            body=json_body({**self._signature(), **fields}),
            headers={"Content-Type": JSON, **self._authorization()},
        )

    def _at(self, path: str) -> str:
        return self.url.rstrip("/") + path

    def _signature(self) -> dict[str, str]:
        if isinstance(self.credentials, ApiToken):
            return {}
        return {
            "mocean-api-key": self.credentials.key,
            "mocean-api-secret": self.credentials.secret.get_secret_value(),
        }

    def _authorization(self) -> dict[str, str]:
        if isinstance(self.credentials, ApiKey):
            return {}
        return {"Authorization": f"Bearer {self.credentials.token.get_secret_value()}"}


@dataclass(frozen=True, slots=True)
class MyCoolSmsAccount:
    """An account at My-Cool-SMS."""

    username: str = field(repr=False)
    password: SecretStr
    url: str = MYCOOLSMS_URL
    callbacks: CallbackBase | None = None

    def __post_init__(self) -> None:
        _check_url("mycoolsms", self.url)

    def callback_url(self, name: str, context: Mapping[str, str] | None) -> str | None:
        """Return the URL to ask callbacks at; None without a public URL."""
        return self.callbacks.url_of(name, context or {}) if self.callbacks else None

    def call(self, function: str, fields: Mapping[str, object], *, has_effect: bool) -> Request:
        """Return the request of a function, as JSON: the one form that the document shows for every parameter."""
        return Request(
            provider="mycoolsms",
            operation=function,
            method="POST",
            url=self.url,
            body=json_body(
                {
                    "username": self.username,
                    "password": self.password.get_secret_value(),
                    "function": function,
                    **fields,
                }
            ),
            headers={"Content-Type": JSON},
            has_effect=has_effect,
        )


def _check_url(provider: str, url: str) -> None:
    """Raise NotConfiguredError unless this is a web address; it is not quoted, since it may hold a password."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment:
        raise NotConfiguredError(
            provider, "client", "the URL is not a web address; write one such as https://host/path"
        )


Account = MoceanAccount | MyCoolSmsAccount
