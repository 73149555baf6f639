"""Settings: `RINGBACK_*` from the environment and `.env` (contract, section 6), checked once, at the start."""

import json
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

from schemas.keys import Keys
from schemas.mc import Action, Language, McError, Say, parse_mc, render_mc
from schemas.redis_url import sentinels_of

PREFIX: Final = "RINGBACK_"
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ACCOUNT_FORM: Final = 'use up to 64 letters, digits, "_", "." and "-"'
# Where a word ends and a number or another word begins: in random characters at every other place, in names seldom.
_TURN: Final = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
_RANDOM_FROM: Final = 16
_TURNS_OF_RANDOM: Final = 0.22
SHORTEST_TOKEN: Final = 16
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)")
_UNITS: Final = {"ms": 0.001, "s": 1, "": 1, "m": 60, "h": 3600, "d": 86_400}


class SettingsError(Exception):
    """A setting is wrong. One line an error: the setting, what is wrong, what to write."""


class LogFormat(StrEnum):
    """How log lines look: `auto` is `console` in a terminal and `json` otherwise."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on lines are logged; at `debug` there is one for each event."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Token(BaseModel):
    """A secret that lets an account's callbacks in. Several a account allow rotation."""

    model_config = ConfigDict(frozen=True)

    account: str
    secret: SecretStr

    @property
    def is_short(self) -> bool:
        """Whether it is soon guessed."""
        return len(self.secret.get_secret_value()) < SHORTEST_TOKEN

    @property
    def fingerprint(self) -> str:
        """What tells this token from others and gives nothing of it away, as long as it is random."""
        return blake2b(self.secret.get_secret_value().encode()).hexdigest()[:8]


def check_account(name: str) -> None:
    """Raise ValueError where this is no name of an account."""
    if _ACCOUNT.fullmatch(name) is None:
        raise ValueError(f'"{name}" is no account name; {_ACCOUNT_FORM}')


def without_login(url: str) -> str:
    """Return a URL as it may be shown: `https://***@host` for one with a user or a password."""
    scheme, separator, rest = url.partition("://")
    netloc = re.split(r"[/?#]", rest, maxsplit=1)[0]
    login, at, _ = netloc.rpartition("@")
    return f"{scheme}{separator}***{rest[len(login) :]}" if at else url


def _looks_random(text: str) -> bool:
    """Whether a text looks like a token, which no name does. Not all tokens do: some are words."""
    return len(text) >= _RANDOM_FROM and len(_TURN.findall(text)) > _TURNS_OF_RANDOM * len(text)


def _duration(value: object) -> object:
    """Read `90`, `90s`, `1500ms`, `48h`, `7d`; a bare number is in seconds."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(f'"{value}" is no duration; write a number with ms, s, m, h or d, such as 48h')
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    return value


def _tokens(value: object) -> object:
    if not isinstance(value, str):
        return value
    tokens: list[Token] = []
    for item in filter(None, (part.strip() for part in value.split(","))):
        account, colon, secret = item.partition(":")
        # What was taken for an account may be a secret: an item is named by its number.
        number = len(tokens) + 1
        if not colon or not secret:
            raise ValueError(f"item {number} has no token; write account:token")
        if _ACCOUNT.fullmatch(account) is None:
            raise ValueError(f"item {number} begins with no account name; write account:token, and {_ACCOUNT_FORM}")
        if _looks_random(account) and not _looks_random(secret):
            raise ValueError(f"item {number} looks like token:account; write account:token")
        tokens.append(Token(account=account, secret=SecretStr(secret)))
    return tuple(tokens)


def _names(value: object) -> object:
    if isinstance(value, str):
        return tuple(filter(None, (name.strip() for name in value.split(","))))
    return value


def _networks(value: object) -> object:
    """Read addresses and CIDRs: `203.0.113.7, 198.51.100.0/24, 2001:db8::/32`."""
    if not isinstance(value, str):
        return value
    networks: list[IPv4Network | IPv6Network] = []
    for item in filter(None, (part.strip() for part in value.split(","))):
        try:
            network = ip_network(item)
        except ValueError as error:
            wrong = "has bits set beyond its prefix" if "host bits" in str(error) else "is no address and no CIDR"
            raise ValueError(f'"{item}" {wrong}; write such as 203.0.113.7, 198.51.100.0/24 or 2001:db8::/32') from None
        if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
            raise ValueError(f'"{item}" is an IPv4 address in IPv6 form; write it as IPv4')
        networks.append(network)
    return tuple(networks)


def _fallback(value: object) -> object:
    """Read the fallback MC: a JSON array of actions, or a text to say."""
    if not isinstance(value, str):
        return value
    try:
        commands = json.loads(value) if value.lstrip().startswith(("[", "{")) else [{"action": "say", "text": value}]
        return parse_mc(commands)
    except (ValueError, McError) as error:
        raise ValueError(f"no valid Mocean Command: {error}") from None


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]


class Settings(BaseSettings):
    """Everything that can be set, by its name without `RINGBACK_`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    redis_url: str | None = None
    data_dir: Path = Path(".ringback")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    admin_host: str = "127.0.0.1"
    admin_port: int = Field(default=8001, ge=0, le=65_535)
    public_url: str | None = None
    tokens: Annotated[tuple[Token, ...], NoDecode, BeforeValidator(_tokens)] = ()
    insecure: bool = False
    handlers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    prefix: str = Field(default="ringback", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    mocean_tz: str = "Asia/Kuala_Lumpur"
    allow_ips: Networks = ()
    trusted_proxies: Networks = ()
    max_body: int = Field(default=256 * 1024, gt=0)
    max_concurrent: int = Field(default=1000, gt=0)
    request_timeout: Duration = Field(default=timedelta(seconds=20), ge=timedelta(seconds=1))
    voice_deadline: Duration = timedelta(seconds=3)
    voice_fallback: Annotated[tuple[Action, ...], NoDecode, BeforeValidator(_fallback)] = Field(
        default=(Say(language=Language.ENGLISH_GB, text="We cannot take your call right now. Please try again."),),
        min_length=1,
    )
    voice_language: Language = Language.ENGLISH_GB
    ready_lag: int = Field(default=10_000, ge=0)
    retention: Duration = timedelta(days=7)
    dedup_ttl: Duration = timedelta(hours=48)
    spool: bool = True
    spool_max: int = Field(default=1024**3, gt=0)
    quarantine_max: int = Field(default=64 * 1024**2, gt=0)
    wait_replicas: int = Field(default=0, ge=0, le=16)
    claim_idle: Duration = Field(default=timedelta(seconds=30), ge=timedelta(seconds=3))
    partitions: int = Field(default=0, ge=0, le=256)
    log_format: LogFormat = LogFormat.AUTO
    log_level: LogLevel = LogLevel.INFO

    @field_validator("redis_url")
    @classmethod
    def _known_scheme(cls, value: str | None) -> str | None:
        if not value:
            return None
        sentinels_of(value)
        return value

    @field_validator("admin_port")
    @classmethod
    def _another_port(cls, value: int, others: ValidationInfo) -> int:
        if value and value == others.data.get("port"):
            raise ValueError("is RINGBACK_PORT too; what an operator asks needs a port of its own (0 for none)")
        return value

    @field_validator("public_url")
    @classmethod
    def _http_url(cls, value: str | None) -> str | None:
        if not value:
            return None
        try:
            parts = urlsplit(value)
            is_known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_known = False
        if not is_known:
            # It may have a password, which may be what is wrong with it: it is not quoted.
            raise ValueError("is no address; write https://host (in a user or a password / is %2F, # is %23, @ is %40)")
        return value.rstrip("/")

    @field_validator("mocean_tz")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f'"{value}" is no time zone; write a name such as Asia/Kuala_Lumpur')
        return value

    @field_validator("voice_deadline", "retention", "dedup_ttl")
    @classmethod
    def _positive(cls, value: timedelta) -> timedelta:
        if value <= timedelta():
            raise ValueError("must be longer than zero")
        return value

    @property
    def keys(self) -> Keys:
        """The Redis names under this prefix."""
        return Keys(self.prefix)

    @property
    def spool_folder(self) -> Path:
        """Where this machine's receivers keep events while Redis is away."""
        return self.data_dir / "spool" / self.prefix

    @property
    def mocean_zone(self) -> ZoneInfo:
        """The zone of Mocean's times without one."""
        return ZoneInfo(self.mocean_tz)

    @property
    def base_url(self) -> str:
        """Where providers reach us, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def shown_base_url(self) -> str:
        """The same, as it may be shown."""
        return without_login(self.base_url)

    def callback_url(self, name: str, token: Token | None, context: Mapping[str, str] | None = None) -> str:
        """Give the URL to paste at the provider: `name` is the path below `/webhooks/`, `context` becomes `ctx.…`."""
        parameters = {"token": token.secret.get_secret_value()} if token else {}
        parameters |= {f"ctx.{key}": value for key, value in (context or {}).items()}
        return f"{self.base_url}/webhooks/{name}" + (f"?{urlencode(parameters, safe='*')}" if parameters else "")

    @property
    def first_tokens(self) -> tuple[Token, ...]:
        """Each account's first token, which is the one for new URLs."""
        firsts: dict[str, Token] = {}
        for token in self.tokens:
            firsts.setdefault(token.account, token)
        return tuple(firsts.values())

    def token_of(self, account: str) -> Token | None:
        """Give an account's first token, which is the one for new URLs; None where it has none."""
        return next((token for token in self.tokens if token.account == account), None)

    def fallback_of(self, account: str) -> list[dict[str, object]]:
        """Return what an account's calls hear where no handler answers, as the wire has it, with its own token."""
        token = self.token_of(account)
        return render_mc(
            self.voice_fallback,
            step_url=lambda step: self.callback_url(f"mocean/voice/collect/{step}", token),
            language=self.voice_language,
        )

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Read the settings from the environment and `.env`.

        Raises SettingsError with one line for each setting that is wrong, also for names that are none of ours: a
        mistyped RINGBACK_TOKENS would otherwise be no protection at all.
        """
        problems = [_unknown(name) for name in sorted(_given()) if name not in cls.model_fields]
        try:
            settings = cls(**overrides)  # type: ignore[arg-type]
        except ValidationError as error:
            for problem in error.errors():
                name = PREFIX + "_".join(str(step) for step in problem["loc"][:1]).upper()
                problems.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}")
            raise SettingsError("\n".join(problems)) from None
        if problems:
            raise SettingsError("\n".join(problems))
        return settings


def _given() -> set[str]:
    """Name the settings that are given anywhere, in lower case without the prefix."""
    file: Mapping[str, str | None] = DotEnvSettingsSource(Settings, env_file=".env").env_vars
    return {
        name.lower().removeprefix(PREFIX.lower())
        for name in (*os.environ, *file)
        if name.lower().startswith(PREFIX.lower())
    }


def _unknown(name: str) -> str:
    near = get_close_matches(name, Settings.model_fields, n=1)
    hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
    return f"{PREFIX}{name.upper()}: no such setting{hint}"
