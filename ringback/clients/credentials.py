"""Credentials of accounts at providers, and the TOML file that has those of several.

    [acme.mocean]                          # an account of RINGBACK_TOKENS; with a "." in its name: ["acme.eu".mocean]
    api_key = "…"                          # or api_token alone
    api_secret = "…"
    sms_from = "ACME"                      # who sends where nothing else is said; whatsapp_from likewise

    [acme.mycoolsms]
    username = "…"
    password = "…"

No error quotes a value, and none of a file that is no TOML quotes a word of it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from ringback.clients.accounts import ApiKey, ApiToken
from ringback.schemas.provider_names import PROVIDERS, Provider
from ringback.schemas.tokens import check_account

_IN_TABLE: Final[Mapping[Provider, tuple[str, ...]]] = {
    "mocean": ("api_key", "api_secret", "api_token", "sms_from", "whatsapp_from"),
    "mycoolsms": ("username", "password", "sms_from"),
}
_SENDERS: Final = ("sms_from", "whatsapp_from")
KEYS: Final[Mapping[Provider, tuple[str, ...]]] = {
    provider: tuple(key for key in keys if key not in _SENDERS) for provider, keys in _IN_TABLE.items()
}
NEEDED: Final[Mapping[Provider, str]] = {
    "mocean": "api_key and api_secret, or api_token alone",
    "mycoolsms": "username and password",
}
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,23}")
_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)$")


@dataclass(frozen=True, slots=True)
class Login:
    """My-Cool-SMS's credentials, which go with each request."""

    username: str = field(repr=False)
    password: SecretStr


@dataclass(frozen=True, slots=True)
class Access:
    """What one account has at one provider: its credentials, and who sends where nothing else is said."""

    account: str
    provider: Provider
    credentials: ApiKey | ApiToken | Login
    sms_from: str | None = field(default=None, repr=False)
    whatsapp_from: str | None = field(default=None, repr=False)


def missing_key(provider: Provider, given: Mapping[str, object]) -> str | None:
    """Return what is missing beside what is given."""
    wanted = ("api_key", "api_secret") if provider == "mocean" else ("username", "password")
    if provider == "mocean" and "api_token" in given and not {*wanted} & given.keys():
        return None
    return next((key for key in wanted if key not in given), None)


def made_of(provider: Provider, given: Mapping[str, SecretStr]) -> ApiKey | ApiToken | Login:
    """Return credentials that are whole: of Mocean's the documented ones, if both are there, else the token."""
    if provider == "mycoolsms":
        return Login(given["username"].get_secret_value(), given["password"])
    if "api_key" in given:
        return ApiKey(given["api_key"].get_secret_value(), given["api_secret"])
    return ApiToken(given["api_token"])


def read_file(file: Path | None) -> Iterator[Access | str]:
    """Yield what the file configures, and a line for each thing that is wrong in it."""
    if file is None:
        return
    where = f"RINGBACK_CREDENTIALS: {file}"
    document = _document(file)
    if isinstance(document, str):
        yield f"{where}{document}"
        return
    for account, providers in document.items():
        if not isinstance(providers, dict):
            yield f"{where}: {_shown(account)}: stands in no table; write it below [ACCOUNT.mocean]"
        elif not is_account(account):
            yield f"{where}: a table has the name of no account; write [ACCOUNT.mocean], as RINGBACK_TOKENS names it"
        else:
            for provider, keys in providers.items():
                for one in _read_table(account, provider, keys):
                    yield f"{where}: {one}" if isinstance(one, str) else one


def _document(file: Path) -> dict[str, object] | str:
    """Read a file; of one that cannot be read return what is wrong, without a word of what is in it."""
    try:
        return tomllib.loads(file.expanduser().read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        line = _LINE.search(str(error))
        place = f", line {line[1]}" if line else ", at its end"
        return f'{place}: not TOML; write tables such as [ACCOUNT.mocean], and values in quotes: api_key = "…"'
    except UnicodeDecodeError:
        return ": not a text in UTF-8; save it as UTF-8"
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        return f": cannot be read: {reason}; name a file that this user may read"
    except (RuntimeError, ValueError):
        return ": names no file; write its whole path"


def _read_table(account: str, provider: str, keys: object) -> Iterator[Access | str]:
    """Yield what the table of an account at a provider configures, or what is wrong with it."""
    known = next((one for one in PROVIDERS if one == provider), None)
    if known is None:
        hint = _near(provider, PROVIDERS, f"; write {' or '.join(table(account, one) for one in PROVIDERS)}")
        if isinstance(keys, dict) and any(isinstance(value, dict) for value in keys.values()):
            hint = f'; an account with a "." in its name needs quotes: ["{account}.{provider}".mocean]'
        yield f"[{_quoted(account)}] {_shown(provider)}: no such provider{hint}"
        return
    head = table(account, known)
    if not isinstance(keys, dict):
        yield f"[{_quoted(account)}] {known}: not a table; write {head}, and below it {NEEDED[known]}"
        return
    wrong = list(_wrong_keys(known, keys))
    given = {key: SecretStr(value) for key, value in keys.items() if isinstance(value, str) and value}
    if not wrong and (missing := missing_key(known, given)):
        wrong = [f"{missing}: not there; write {NEEDED[known]}"]
    for problem in wrong:
        yield f"{head} {problem}"
    if not wrong:
        senders = {name: given[name].get_secret_value() for name in _SENDERS if name in given}
        yield Access(account, known, made_of(known, given), **senders)


def _wrong_keys(provider: Provider, keys: Mapping[str, object]) -> Iterator[str]:
    known = _IN_TABLE[provider]
    for key, value in keys.items():
        if key not in known:
            yield f"{_shown(key)}: no such key{_near(key, known, '; write ' + ', '.join(known))}"
        elif not isinstance(value, str):
            yield f'{key}: not a text; write it in quotes: {key} = "…"'
        elif reason := unfit(value):
            yield f"{key}: {reason}"


def _near(name: str, known: tuple[str, ...], otherwise: str) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else otherwise


def table(account: str, provider: str) -> str:
    """Return the head of an account's table, as TOML has it."""
    return f"[{_quoted(account)}.{provider}]"


def _quoted(account: str) -> str:
    return f'"{account}"' if "." in account else account


def _shown(name: str) -> str:
    """Return a key as it may be shown: what does not look like one may be a secret in the wrong place."""
    return name if _NAME.fullmatch(name) else "a key"


def is_account(name: str) -> bool:
    """Whether an account may have this name."""
    try:
        check_account(name)
    except ValueError:
        return False
    return True


def unfit(text: str) -> str | None:
    """Return why a text is none of a provider's, in words that do not quote it."""
    if text != text.strip():
        return "begins or ends with a space; write it without"
    return "has a control character in it; write it without" if _UNPRINTABLE.search(text) else None
