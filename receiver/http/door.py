"""The door: who may come in. A token in the query (`?token=…`) or HTTP Basic (`https://account:token@host/…`)."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from typing import Final
from urllib.parse import unquote_to_bytes

from ringback.receiver.parsing.parse import parse_query
from ringback.schemas.callback_parameters import CONTEXT_PREFIX, INSECURE_ACCOUNT, TOKEN_PARAMETER
from ringback.schemas.censor import Censor
from ringback.schemas.tokens import Token

MAX_CONTEXT_BYTES: Final = 4096
_LONGEST_KNOWN: Final = 256
_MOST_KNOWN: Final = 1024


@dataclass(frozen=True, slots=True)
class Query:
    """A URL's parameters, sorted: the secret, the caller's own context, and what is the provider's.

    `flags` says what was odd about them; `count` is how many there are in all.
    """

    token: str | None
    context: dict[str, str]
    fields: list[tuple[str, str]]
    flags: list[str]
    count: int

    @property
    def context_bytes(self) -> int:
        """How many bytes the names and values of the context take in UTF-8."""
        return sum([len(name.encode()) + len(value.encode()) for name, value in self.context.items()])

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]], flags: list[str]) -> "Query":
        """Sort the parameters. Of a secret or a context sent again the first counts."""
        token: str | None = None
        context: dict[str, str] = {}
        fields: list[tuple[str, str]] = []
        for name, value in pairs:
            if name == TOKEN_PARAMETER:
                token = token if token is not None else value
            elif name.startswith(CONTEXT_PREFIX):
                context.setdefault(name.removeprefix(CONTEXT_PREFIX), value)
            else:
                fields.append((name, value))
        return cls(token, context, fields, flags, len(pairs))

    def censored(self, censor: Censor) -> "Query":
        """Return what is not the secret without our tokens."""
        text = censor.text
        context = {text(name): text(value) for name, value in self.context.items()}
        fields = [(text(name), text(value)) for name, value in self.fields]
        return Query(None, context, fields, self.flags, self.count)


_NOTHING: Final = Query(None, {}, [], [], 0)
_SPELLED: Final = b"".join(b"(?:%c|(?i:%%%02x))" % (one, one) for one in TOKEN_PARAMETER.encode())
_TOKEN: Final = re.compile(rb"(?:^|&)" + _SPELLED + rb"(?:=([^&]*))?(?=&|$)")


def _token_of(query: bytes) -> str | None:
    """Find the first token among a URL's parameters, without reading the others."""
    found = _TOKEN.search(query)
    if found is None:
        return None
    octets = unquote_to_bytes((found[1] or b"").replace(b"+", b" "))
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


class Door:
    """Knows the tokens: their digests, so that all that is compared is of one length."""

    def __init__(self, tokens: Sequence[Token], *, insecure: bool) -> None:
        self._tokens = [(token.account, _digest(token.secret.get_secret_value().encode())) for token in tokens]
        self._insecure = insecure and not tokens
        # A provider calls the same few URLs again and again. Only what had a right token is remembered, so that others
        # learn nothing from the time that an answer takes.
        self._known: dict[bytes, tuple[Query, str]] = {}

    def let_in(self, query: bytes, authorization: bytes | None) -> tuple[Query, str | None]:
        """Return a URL's parameters, and the account whose secret came with the request, None where no one's did."""
        known = self._known.get(query)
        if known is not None:
            return known
        # Who has no token has nothing read but where a token would stand: 16 KiB of parameters take their time.
        account = self.account(_token_of(query), authorization)
        if account is None:
            return _NOTHING, None
        read = Query.of(*parse_query(query))
        if read.token is not None and len(query) <= _LONGEST_KNOWN:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[query] = read, account
        return read, account

    def account(self, token: str | None, authorization: bytes | None) -> str | None:
        """Give the account that a secret belongs to, None where it is no one's. Takes the same time for any secret."""
        if self._insecure:
            return INSECURE_ACCOUNT
        claimed, secret = None, token.encode("utf-8", "surrogateescape") if token is not None else None
        if secret is None and authorization is not None:
            claimed, secret = _basic(authorization)
        given = _digest(secret or b"")
        found = None
        for account, known in self._tokens:
            if compare_digest(known, given) and claimed in (None, account):
                found = account
        return found


def _digest(secret: bytes) -> bytes:
    return blake2b(secret, digest_size=32).digest()


def _basic(authorization: bytes) -> tuple[str | None, bytes | None]:
    scheme, _, credentials = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return None, None
    try:
        account, colon, secret = base64.b64decode(credentials.strip(), validate=True).partition(b":")
        return (account.decode(), secret) if colon else (None, None)
    except (binascii.Error, UnicodeDecodeError):
        return None, None
