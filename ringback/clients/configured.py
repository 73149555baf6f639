"""What is configured for sending: `RINGBACK_MOCEAN_…`, `RINGBACK_MYCOOLSMS_…`, and the file `RINGBACK_CREDENTIALS`.

A class of its own, apart from `Settings`: a receiver never reads this. No error quotes a value.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ringback.clients.accounts import (
    MOCEAN_URL,
    MYCOOLSMS_URL,
    Account,
    CallbackBase,
    MoceanAccount,
    MyCoolSmsAccount,
)
from ringback.clients.credentials import (
    KEYS,
    NEEDED,
    Access,
    Login,
    is_account,
    made_of,
    missing_key,
    read_file,
    table,
    unfit,
)
from ringback.clients.errors import NotConfiguredError
from ringback.schemas.callback_parameters import INSECURE_ACCOUNT
from ringback.schemas.local import EVERY_ADDRESS, is_loopback
from ringback.schemas.provider_names import PROVIDERS, Provider
from ringback.schemas.sending_settings import SECRET_SENDING
from ringback.schemas.setting_types import within
from ringback.schemas.settings import PREFIX, Settings, SettingsError, wrong_values


def _url(value: str) -> str:
    """Check the URL of a provider's API. It may have a password in it, so it is not quoted."""
    try:
        parts = urlsplit(value)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment or "@" in parts.netloc or re.search(r"[\x00-\x20\x7f]", value):
        raise ValueError("not the URL of an API; write https://host/path, without a user, a password, a ? or a #")
    return value


def _secret(value: SecretStr | None) -> SecretStr | None:
    text = value.get_secret_value() if value else ""
    if text and (reason := unfit(text)):
        raise ValueError(reason)
    return value if text else None


def _rates(value: object) -> object:
    """Read `mocean:10/s,mycoolsms:2/s`."""
    if not isinstance(value, str):
        return value
    rates: dict[str, float] = {}
    for part in filter(None, (one.strip() for one in value.split(","))):
        found = _RATE.fullmatch(part)
        if found is None or not float(found[2]):
            raise ValueError(f'"{part}" is no rate; write such as mocean:10/s, with one of {", ".join(PROVIDERS)}')
        rates[found[1]] = float(found[2]) / _SECONDS_OF[found[3]]
    return rates


_RATE: Final = re.compile(rf"({'|'.join(PROVIDERS)}):(\d{{1,6}}(?:\.\d{{1,3}})?)/(s|m|h)")
_SECONDS_OF: Final = {"s": 1, "m": 60, "h": 3600}

Rates = Annotated[Mapping[Provider, float], NoDecode, BeforeValidator(_rates)]
Secret = Annotated[SecretStr | None, AfterValidator(_secret)]
ApiUrl = Annotated[str, AfterValidator(_url)]


class SendingSettings(BaseSettings):
    """What can be set for sending, by its name without `RINGBACK_`."""

    # An empty variable, as a template leaves it, is one that is not set.
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True,
        hide_input_in_errors=True,
    )  # fmt: skip

    mocean_api_key: Secret = None
    mocean_api_secret: Secret = None
    mocean_api_token: Secret = None
    mycoolsms_username: Secret = None
    mycoolsms_password: Secret = None
    credentials: Path | None = None
    mocean_url: ApiUrl = MOCEAN_URL
    mycoolsms_url: ApiUrl = MYCOOLSMS_URL
    send_timeout: Annotated[timedelta, *within("1s", "10m")] = timedelta(seconds=20)
    send_rate: Rates = Field(default_factory=dict)

    @property
    def has_credentials(self) -> bool:
        """Whether credentials of any provider are set, right or wrong."""
        return any(getattr(self, name) for name in (*SECRET_SENDING, "credentials"))

    @classmethod
    def load(cls) -> Self:
        """Read them from the environment and `.env`. Raises SettingsError, with one line for each that is wrong."""
        try:
            return cls()
        except ValidationError as error:
            problems = wrong_values(error)
        raise SettingsError("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Configured:
    """All that is configured for sending: `accesses` in the order of accounts, then of providers."""

    settings: Settings
    sending: SendingSettings
    accesses: tuple[Access, ...]

    @classmethod
    def load(cls, settings: Settings | None = None, sending: SendingSettings | None = None) -> Self:
        """Read it, or what of it is not given. Raises SettingsError with a line for each thing that is wrong."""
        settings, sending = settings or Settings.load(), sending or SendingSettings.load()
        found = (*_of_environment(sending, settings), *read_file(sending.credentials))
        problems = [one for one in found if isinstance(one, str)]
        accesses: dict[tuple[str, Provider], Access] = {}
        for one in found:
            if isinstance(one, Access) and accesses.setdefault((one.account, one.provider), one) is not one:
                where = f"{sending.credentials}: {table(one.account, one.provider)}"
                variables = f"{PREFIX}{one.provider.upper()}_…"
                problems.append(f"RINGBACK_CREDENTIALS: {where}: {variables} is set too; write one of them")
        if problems:
            raise SettingsError("\n".join(problems))
        order = sorted(accesses, key=lambda name: (name[0], PROVIDERS.index(name[1])))
        return cls(settings, sending, tuple(accesses[name] for name in order))

    @property
    def timeout(self) -> float:
        """Seconds for a whole request."""
        return self.sending.send_timeout.total_seconds()

    def providers(self, account: str | None = None) -> tuple[Provider, ...]:
        """Return the providers that an account, or without a name any account, has credentials of."""
        there = {access.provider for access in self.accesses if account in (None, access.account)}
        return tuple(provider for provider in PROVIDERS if provider in there)

    def access(self, provider: Provider, account: str | None = None) -> Access:
        """Return what an account has at a provider; of no account in particular, the only one's.

        Raises NotConfiguredError, which says what to set.
        """
        there = [access for access in self.accesses if access.provider == provider]
        found = [access for access in there if account in (None, access.account)]
        if len(found) == 1:
            return found[0]
        raise NotConfiguredError(provider, "client", self._missing(provider, account, there))

    def account(self, provider: Provider, account: str | None = None) -> Account:
        """Return an account with all that its requests carry. Raises NotConfiguredError."""
        access = self.access(provider, account)
        callbacks = self.callbacks(access)
        if isinstance(access.credentials, Login):
            return MyCoolSmsAccount(
                access.credentials.username, access.credentials.password, self.sending.mycoolsms_url, callbacks
            )
        return MoceanAccount(
            access.credentials, self.sending.mocean_url, callbacks,
            self.settings.voice_language, self.settings.mocean_zone,
        )  # fmt: skip

    def callbacks(self, access: Access) -> CallbackBase | None:
        """Return where an account's callbacks come to; None where `no_callbacks` says why."""
        if self.no_callbacks(access):
            return None
        settings = self.settings
        here = settings.public_url is None and settings.host in EVERY_ADDRESS
        return CallbackBase(settings.local_url if here else settings.base_url, settings.token_of(access.account))

    def no_callbacks(self, access: Access) -> str | None:
        """Return why callbacks cannot be asked for, and what to set; None where they are."""
        settings = self.settings
        if settings.token_of(access.account) is None and (settings.tokens or not settings.insecure):
            return f"the account {access.account} has no token; write it in RINGBACK_TOKENS"
        if settings.public_url is None and not settings.port:
            return "the port is chosen at the start; set RINGBACK_PUBLIC_URL to what the provider calls, https://…"
        if _is_here(settings.base_url) and not _is_here(self.url(access.provider)):
            return (
                f"{settings.shown_base_url} reaches this machine only; set RINGBACK_PUBLIC_URL to what the provider "
                "calls, https://…"
            )
        return None

    def url(self, provider: Provider) -> str:
        """Return where a provider's API is."""
        return self.sending.mocean_url if provider == "mocean" else self.sending.mycoolsms_url

    def _missing(self, provider: Provider, account: str | None, there: list[Access]) -> str:
        """Return why there is no one access, and what to set."""
        names = ", ".join(access.account for access in there)
        if account is None and there:
            return f"several accounts have credentials ({names}); name one of them"
        if account is not None and not is_account(account):
            return "the account's name is none that RINGBACK_TOKENS could have"
        only = account or _only_account(self.settings) or "ACCOUNT"
        names_of = ("api_key", "api_secret") if provider == "mocean" else KEYS[provider]
        variables = " and ".join(f"{PREFIX}{provider.upper()}_{key.upper()}" for key in names_of)
        if provider == "mocean":
            variables += f" (or {PREFIX}MOCEAN_API_TOKEN alone)"
        there_too = f"{table(only, provider)} with {NEEDED[provider]} in the file that RINGBACK_CREDENTIALS names"
        whose = f"the account {account} has no credentials" if account else "no account has credentials"
        known = f" (only {names})" if names else ""
        if account in (None, _only_account(self.settings)):
            return f"{whose}{known}; set {variables}, or write {there_too}"
        return f"{whose}{known}; write {there_too}"


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return is_loopback(host) or host in EVERY_ADDRESS


def _only_account(settings: Settings) -> str | None:
    """Return the account that credentials in the environment are for; None where there are several."""
    accounts = {token.account for token in settings.tokens} or {INSECURE_ACCOUNT}
    return accounts.pop() if len(accounts) == 1 else None


def _of_environment(sending: SendingSettings, settings: Settings) -> Iterator[Access | str]:
    """Yield what single variables configure, and a line for each thing that is wrong with them."""
    for provider, keys in KEYS.items():
        given = {key: value for key in keys if (value := getattr(sending, f"{provider}_{key}"))}
        if not given:
            continue
        account = _only_account(settings)
        if account is None:
            names = ", ".join(dict.fromkeys(token.account for token in settings.tokens))
            yield (
                f"{PREFIX}{provider.upper()}_{next(iter(given)).upper()}: RINGBACK_TOKENS has several accounts "
                f"({names}), so nobody can tell whose it is; write [ACCOUNT.{provider}] in a file, and name that in "
                "RINGBACK_CREDENTIALS"
            )
        elif missing := missing_key(provider, given):
            name = f"{PREFIX}{provider.upper()}_{missing.upper()}"
            yield f"{name}: not set, and others of it are; write {NEEDED[provider]}"
        else:
            yield Access(account, provider, made_of(provider, given))
