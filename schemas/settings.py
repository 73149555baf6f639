"""Settings: `RINGBACK_*` from the environment and `.env` (contract, section 6), checked once, at the start."""

import os
from collections.abc import Collection, Mapping
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from ringback.schemas.callback_urls import PublicUrl, callback_url, without_login
from ringback.schemas.keys import Keys
from ringback.schemas.local import local_url, url_of
from ringback.schemas.mc_actions import Language, Say
from ringback.schemas.mc_wire import render_mc
from ringback.schemas.redis_url import sentinels_of
from ringback.schemas.sending_settings import SENDING
from ringback.schemas.setting_types import Fallback, Host, Names, Networks, Switch, within
from ringback.schemas.tokens import Token, Tokens, first_tokens

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

PREFIX: Final = "RINGBACK_"
MOST_RECEIVERS: Final = 64


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


class InboundBy(StrEnum):
    """How My-Cool-SMS's inbound SMS reach us: the provider pushes them, we ask for them, or both."""

    PUSH = "push"
    POLL = "poll"
    BOTH = "both"


class Settings(BaseSettings):
    """Everything that can be set, by its name without `RINGBACK_`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    redis_url: str | None = None
    data_dir: Path = Path(".ringback")
    host: Host = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    receivers: int = Field(default=1, ge=1, le=MOST_RECEIVERS)
    admin_host: Host = "127.0.0.1"
    admin_port: int = Field(default=8001, ge=0, le=65_535)
    public_url: PublicUrl = None
    tokens: Tokens = ()
    insecure: Switch = False
    handlers: Names = ()
    prefix: str = Field(default="ringback", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    mocean_tz: str = "Asia/Kuala_Lumpur"
    allow_ips: Networks = ()
    trusted_proxies: Networks = ()
    max_body: int = Field(default=256 * 1024, ge=1, le=1024**2)
    max_concurrent: int = Field(default=1000, ge=1, le=100_000)
    request_timeout: Annotated[timedelta, *within("1s", "1h")] = timedelta(seconds=20)
    # Longer than the longest that a caller stays in silence for, and so longer than any provider waits.
    voice_deadline: Annotated[timedelta, *within("1ms", "30s")] = timedelta(seconds=3)
    voice_fallback: Fallback = Field(
        default=(Say(language=Language.ENGLISH_GB, text="We cannot take your call right now. Please try again."),),
        min_length=1,
    )
    voice_language: Language = Language.ENGLISH_GB
    ready_lag: int = Field(default=10_000, ge=0)
    retention: Annotated[timedelta, *within("1s", "3650d")] = timedelta(days=7)
    dedup_ttl: Annotated[timedelta, *within("1s", "3650d")] = timedelta(hours=48)
    spool: Switch = True
    spool_max: int = Field(default=1024**3, ge=1, le=1024**4)
    quarantine_max: int = Field(default=64 * 1024**2, ge=1, le=1024**4)
    wait_replicas: int = Field(default=0, ge=0, le=16)
    claim_idle: Annotated[timedelta, *within("3s", "1h")] = timedelta(seconds=30)
    partitions: int = Field(default=0, ge=0, le=256)
    threads: int = Field(default=8, ge=1, le=32)
    send_ttl: Annotated[timedelta, *within("1s", "30d")] = timedelta(hours=1)
    send_loop_limit: int = Field(default=20, ge=0, le=1_000_000)
    opt_out_words: Names = ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT")
    poll: Switch = False
    mycoolsms_inbound: InboundBy = InboundBy.PUSH
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
    def polls(self) -> bool:
        """Whether providers are asked for what they did not call us with."""
        return self.poll or self.mycoolsms_inbound is not InboundBy.PUSH

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
        """Return the URL to paste at the provider: `name` is the path below `/webhooks/`, `context` becomes `ctx.…`."""
        return callback_url(self.base_url, name, token, context)

    @property
    def first_tokens(self) -> tuple[Token, ...]:
        """Each account's first token, which is the one for new URLs."""
        return first_tokens(self.tokens)

    def token_of(self, account: str) -> Token | None:
        """Return an account's first token, which is the one for new URLs; None where it has none."""
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
        known = {*cls.model_fields, *SENDING}
        problems = [_unknown(name, known) for name in sorted(_given() - known)]
        try:
            settings = cls(**overrides)  # type: ignore[arg-type]
        except ValidationError as error:
            raise SettingsError("\n".join([*problems, *wrong_values(error)])) from None
        if problems:
            raise SettingsError("\n".join(problems))
        return settings


def wrong_values(error: ValidationError) -> list[str]:
    """Return one line for each setting that is wrong."""
    return [
        f"{PREFIX}{'_'.join(str(step) for step in problem['loc'][:1]).upper()}: {_reason(problem)}"
        for problem in error.errors()
    ]


def _given() -> set[str]:
    """Return the names of the settings that are given anywhere, in lower case without the prefix."""
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


def _unknown(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, sorted(known), n=1)
    hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
    return f"{PREFIX}{name.upper()}: no such setting{hint}"
