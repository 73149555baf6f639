"""Tokens: the secrets that let an account's callbacks in, as `RINGBACK_TOKENS` lists them (`account:token,…`)."""

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr
from pydantic_settings import NoDecode

SHORTEST_TOKEN: Final = 16
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ACCOUNT_FORM: Final = 'use up to 64 letters, digits, "_", "." and "-"'
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f]")
# Where a word ends and a number or another word begins: in random characters at every other place, in names seldom.
_TURN: Final = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
_RANDOM_FROM: Final = 16
_TURNS_OF_RANDOM: Final = 0.22


class Token(BaseModel):
    """A secret that lets an account's callbacks in. Several for one account allow rotation."""

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
    """Check the name of an account. Raises ValueError."""
    if _ACCOUNT.fullmatch(name) is None:
        raise ValueError(f'"{name}" is no account name; {_ACCOUNT_FORM}')


def _read_tokens(value: object) -> object:
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


def _looks_random(text: str) -> bool:
    """Whether a text looks like a token, which no name does. Not all tokens do: some are words."""
    return len(text) >= _RANDOM_FROM and len(_TURN.findall(text)) > _TURNS_OF_RANDOM * len(text)


Tokens = Annotated[tuple[Token, ...], NoDecode, BeforeValidator(_read_tokens)]


def first_tokens(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """Return each account's first token, which is the one for new URLs."""
    firsts: dict[str, Token] = {}
    for token in tokens:
        firsts.setdefault(token.account, token)
    return tuple(firsts.values())
