"""Settings: `RINGBACK_*` from the environment and `.env` (contract, section 6), checked once, at the start."""

import json
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
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
from schemas.local import local_url, url_of
from schemas.mc import Action, Language, McError, Say, parse_mc, render_mc
from schemas.redis_url import sentinels_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

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
_HOST_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_LONGEST_HOST: Final = 253
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f]")


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
    return _seconds(value) if isinstance(value, str) else value


def _seconds(text: str) -> timedelta:
    """Read `90`, `90s`, `1500ms`, `48h`, `7d`; a bare number is in seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'invalid duration "{text}"; write a number with ms, s, m, h or d, such as 48h')
    try:
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    except OverflowError:
        return timedelta.max


def _within(least: str, most: str) -> tuple[BeforeValidator, AfterValidator]:
    """Read a duration, and refuse one that is shorter or longer than these."""

    def check(value: timedelta) -> timedelta:
        if value < shortest or value > longest:
            raise ValueError(f"too {'short' if value < shortest else 'long'}; write {least} to {most}")
        return value

    shortest, longest = _seconds(least), _seconds(most)

    return BeforeValidator(_duration), AfterValidator(check)


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
        if _UNPRINTABLE.search(secret):
            raise ValueError(
                f"the token of item {number} has a space or a control character in it; write one without, such as "
                "`ringback token new` makes"
            )
        for earlier, other in enumerate(tokens, 1):
            if other.account != account and other.secret.get_secret_value() == secret:
                raise ValueError(
                    f"items {earlier} and {number} have the same token, so that nobody can tell whose a callback is; "
                    "write another for one of them"
                )
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
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"not a valid Mocean Command: {reason}; write a text to say, or a JSON array of actions such as "
            '[{"action": "say", "language": "en-GB", "text": "…"}]'
        ) from None


def _is_on(value: object) -> object:
    """Read on and off, also written as a person or a program would."""
    if not isinstance(value, str):
        return value
    if (word := value.strip().lower()) in ("1", "on", "true", "yes"):
        return True
    if word in ("0", "off", "false", "no"):
        return False
    raise ValueError(f'"{value}" is neither on nor off; write on or off')


def _host(value: str) -> str:
    """Check an address to listen on, or the name of one."""
    try:
        ip_address(value)
    except ValueError:
        if len(value) > _LONGEST_HOST or not _HOST_NAME.fullmatch(value):
            raise ValueError(
                f'"{value}" is not an address of this machine; write one such as 127.0.0.1 or ::1, its name, or '
                "0.0.0.0 for every address"
            ) from None
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Switch = Annotated[bool, BeforeValidator(_is_on)]
Host = Annotated[str, AfterValidator(_host)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]


class Settings(BaseSettings):
    """Everything that can be set, by its name without `RINGBACK_`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    redis_url: str | None = None
    data_dir: Path = Path(".ringback")
    host: Host = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    admin_host: Host = "127.0.0.1"
    admin_port: int = Field(default=8001, ge=0, le=65_535)
    public_url: str | None = None
    tokens: Annotated[tuple[Token, ...], NoDecode, BeforeValidator(_tokens)] = ()
    insecure: Switch = False
    handlers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    prefix: str = Field(default="ringback", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    mocean_tz: str = "Asia/Kuala_Lumpur"
    allow_ips: Networks = ()
    trusted_proxies: Networks = ()
    max_body: int = Field(default=256 * 1024, ge=1, le=1024**2)
    max_concurrent: int = Field(default=1000, ge=1, le=100_000)
    request_timeout: Annotated[timedelta, *_within("1s", "1h")] = timedelta(seconds=20)
    # Longer than the longest that a caller stays in silence for, and so longer than any provider waits.
    voice_deadline: Annotated[timedelta, *_within("1ms", "30s")] = timedelta(seconds=3)
    voice_fallback: Annotated[tuple[Action, ...], NoDecode, BeforeValidator(_fallback)] = Field(
        default=(Say(language=Language.ENGLISH_GB, text="We cannot take your call right now. Please try again."),),
        min_length=1,
    )
    voice_language: Language = Language.ENGLISH_GB
    ready_lag: int = Field(default=10_000, ge=0)
    retention: Annotated[timedelta, *_within("1s", "3650d")] = timedelta(days=7)
    dedup_ttl: Annotated[timedelta, *_within("1s", "3650d")] = timedelta(hours=48)
    spool: Switch = True
    spool_max: int = Field(default=1024**3, ge=1, le=1024**4)
    quarantine_max: int = Field(default=64 * 1024**2, ge=1, le=1024**4)
    wait_replicas: int = Field(default=0, ge=0, le=16)
    claim_idle: Annotated[timedelta, *_within("3s", "1h")] = timedelta(seconds=30)
    partitions: int = Field(default=0, ge=0, le=256)
    log_format: LogFormat = LogFormat.AUTO
    log_level: LogLevel = LogLevel.INFO

    @field_validator("data_dir", mode="before")
    @classmethod
    def _named_folder(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if not value.strip() or "\0" in value:
            raise ValueError("names no folder; write one such as .ringback or /var/lib/ringback")
        try:
            return Path(value).expanduser()
        except RuntimeError:
            raise ValueError(f'"{value}" is the home of an unknown user; write the whole path of a folder') from None

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
        # It may have a password, which may be what is wrong with it: then it is not quoted.
        try:
            parts = urlsplit(value)
            known = parts.scheme in ("http", "https") and parts.port != 0 and bool(_host(parts.hostname or ""))
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

    @field_validator("mocean_tz")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f'"{value}" is not a time zone; write a name such as Asia/Kuala_Lumpur')
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
        return self.public_url or url_of(self.host, self.port)

    @property
    def local_url(self) -> str:
        """Where this machine reaches its own receiver, whatever the providers call."""
        return local_url(self.host, self.port)

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
                problems.append(f"{name}: {_reason(problem)}")
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


def _reason(problem: "ErrorDetails") -> str:
    """Return what is wrong with a value, and what to write: pydantic says the first alone."""
    match problem["type"]:
        case "int_parsing" | "int_from_float" | "int_parsing_size":
            return "not a whole number; write digits alone"
        case "greater_than_equal":
            return f"too small; write {problem['ctx']['ge']} or more"
        case "less_than_equal":
            return f"too large; write {problem['ctx']['le']} or less"
        case "enum":
            return f"not one of its values; write {problem['ctx']['expected']}"
        case "string_pattern_mismatch":
            return 'has a character that may not be in it; write up to 64 letters, digits, "_", "." and "-"'
        case "too_short":
            return "empty; write one or more, or leave it unset"
    reason = problem["msg"].removeprefix("Value error, ")
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in reason)


def _unknown(name: str) -> str:
    near = get_close_matches(name, Settings.model_fields, n=1)
    hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
    return f"{PREFIX}{name.upper()}: no such setting{hint}"
