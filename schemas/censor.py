"""The censor: finds our tokens by what they are, wherever they stand and however they are spelled, and blots them out.

A token has its place in a request: `?token=…` or HTTP Basic. But proxies repeat URLs in headers, providers repeat our
callback URLs in their callbacks, and people put tokens where they do not belong. What is kept, logged or shown goes
through here first.

Spellings: plain; with some or all characters percent-encoded, once or several times; with JSON's escapes; in base64, at
any place in what was encoded (`account:token` in HTTP Basic), in either alphabet; these in UTF-16 and UTF-32 too.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from ringback.schemas.tokens import Token

BLOT: Final = "***"
SHORTEST: Final = 8
"""A shorter token could be a part of any word, and is found only as the whole of a value (`=token&`, `"token"`)."""
SHORTEST_WHOLE: Final = 4
"""A token shorter than this, or one of digits only, could be any value, and is not found at all."""

_PLAIN_RUN: Final = re.compile(rb"[A-Za-z0-9._~-]+")
_BASE64_RUN: Final = re.compile(rb"[A-Za-z0-9]+")  # what both alphabets have, and nobody spells in another way
_SHORTEST_HINT: Final = 6
_PIECE: Final = 8
_FEW: Final = 24  # hints; a token has four or so
_BASE64: Final = rb"[A-Za-z0-9+/_-]"
# All repetitions are bounded: in a long row of the same, each place would look through the rest of it.
_BACKSLASHES: Final = rb"\\{1,8}"
_PERCENT: Final = rb"%(?:25){0,8}"
# Letters, digits and "-._~" percent-encoded; or anything that is so twice.
_ODDLY_ENCODED: Final = re.compile(
    rb"%(?:25[0-9A-Fa-f]{2}|2[DdEe]|3\d|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])"
)
_ODDLY_ESCAPED: Final = re.compile(rb"\\u00[2-7]")
# What stands around a value in a form, a URL or JSON, and not around a field's name: a field must not lose that.
_AROUND_WHOLE: Final = (rb"(?:^|(?<=[=\"'/:]))", rb"={0,2}(?=[&#'/,;]|\"(?!\s{0,8}:)|$)")
_NESTED: Final = re.compile(rb"%(?:25)+(?=[0-9A-Fa-f]{2})")
_ESCAPED: Final = re.compile(_BACKSLASHES + rb"u([0-9A-Fa-f]{4})")


class Censor:
    """Knows the tokens, and replaces them by `***`. Without tokens it changes nothing."""

    def __init__(self, tokens: Iterable[Token] = ()) -> None:
        accounts = {token.secret.get_secret_value(): token.account for token in tokens}
        # The longest first: a token may begin with another.
        self._needles = [
            needle
            for secret in sorted(accounts, key=len, reverse=True)
            for needle in _needles(secret, accounts[secret])
        ]
        hints = {needle.hint for needle in self._needles}
        self._has_short_hint = any(len(hint) < _SHORTEST_HINT for hint in hints)
        # To search for each hint of many tokens would take long. Instead pieces of what was sent are looked up, so far
        # apart that one at least lies within any hint.
        is_few = len(hints) <= _FEW
        self._searched = tuple(hint for hint in hints if is_few or len(hint) < _PIECE)
        # What may be a token, or one that is spelled in another way.
        self._suspect = re.compile(b"|".join([*map(re.escape, self._searched), b"%", rb"\\u00", b"\0"]))
        longer = hints.difference(self._searched)
        shortest = min(map(len, longer), default=_PIECE)
        self._step = shortest - _PIECE + 1
        self._pieces = frozenset(hint[at : at + _PIECE] for hint in longer for at in range(len(hint) - _PIECE + 1))
        self._runs = re.compile(rb"[A-Za-z0-9._~-]{%d,}" % shortest)

    def text(self, text: str) -> str:
        """Return a text without the tokens."""
        if not self._needles:
            return text
        data = text.encode("utf-8", "surrogatepass")
        censored = self.data(data)
        return text if censored is data else censored.decode("utf-8", "surrogatepass")

    def data(self, data: bytes) -> bytes:
        """Return bytes without the tokens: the same object where it has none, so that a caller can tell."""
        # Here a usual body ends. Each call that is not made counts: it is a part of every request.
        if not self._pieces and self._suspect.search(data) is None:
            return data
        if not any(hint in data for hint in self._searched) and not (
            self._needles and (self._has_piece(data) or self._is_oddly_spelled(data))
        ):
            return data
        decoded = _decoded(data)
        if self._has_hint(decoded):
            for needle in self._needles:
                if needle.decoded in decoded:
                    data = needle.spelled.sub(_blot, data)
        return data

    def _has_hint(self, data: bytes) -> bool:
        """Whether there is a part of a token. All that a usual request costs."""
        return any(hint in data for hint in self._searched) or self._has_piece(data)

    def _has_piece(self, data: bytes) -> bool:
        """Whether there is a part of one of many tokens."""
        if not self._pieces:
            return False
        for run in self._runs.findall(data):
            if not self._pieces.isdisjoint([run[at : at + _PIECE] for at in range(0, len(run), self._step)]):
                return True
        return False

    def _is_oddly_spelled(self, data: bytes) -> bool:
        """Whether there may be a token without a hint: nobody spells so who only wants to be understood."""
        return (
            b"\0" in data
            or (b"%" in data and (self._has_short_hint or _ODDLY_ENCODED.search(data) is not None))
            or (b"\\u00" in data and _ODDLY_ESCAPED.search(data) is not None)
        )


class _Needle(NamedTuple):
    """One form of a token.

    `decoded` is what it is once all spelling is undone, `spelled` a pattern of all its spellings, `hint` the longest
    part of it that has but one spelling, unless someone encodes what need not be encoded.
    """

    decoded: bytes
    spelled: re.Pattern[bytes]
    hint: bytes


def is_findable(secret: str) -> bool:
    """Whether a token is found wherever it stands. One that is short, or a number, could be part of something else."""
    return len(secret) >= SHORTEST and not secret.isdigit()


def _needles(secret: str, account: str) -> Iterator[_Needle]:
    plain = secret.encode()
    if is_findable(secret):
        yield _needle(secret, _PLAIN_RUN)
        for offset in range(3):
            # What base64 makes of it with so many bytes before it. Only the characters that are its alone are certain;
            # one at each edge may have bits of it.
            encoded = b64encode(b"\0" * offset + plain).decode()
            own = encoded[-(-offset * 4 // 3) : (offset + len(plain)) * 4 // 3]
            before = _BASE64 + b"?" if offset else b""
            after = _BASE64 + b"?" if (offset + len(plain)) % 3 else b""
            for one in {own, own.replace("+", "-").replace("/", "_")}:
                yield _needle(one, _BASE64_RUN, before, after + b"={0,2}")
    elif len(secret) >= SHORTEST_WHOLE and not secret.isdigit():
        for whole in (plain, b64encode(plain).rstrip(b"="), b64encode(f"{account}:".encode() + plain).rstrip(b"=")):
            yield _needle(whole.decode(), _PLAIN_RUN, *_AROUND_WHOLE)


def _needle(text: str, run: re.Pattern[bytes], before: bytes = b"", after: bytes = b"") -> _Needle:
    # UTF-16 and UTF-32 have zeros between what is ASCII.
    spelled = rb"\0{0,3}".join(_spellings(character) for character in text)
    hint = max(run.findall(text.encode()), key=len, default=b"")
    return _Needle(text.encode().replace(b"\\", b""), re.compile(before + spelled + after), hint)


def _spellings(character: str) -> bytes:
    """Return a pattern of all spellings of a character."""
    encoded = b"".join(_PERCENT + b"%02x" % byte for byte in character.encode())
    units = character.encode("utf-16-be")
    escaped = b"".join(_BACKSLASHES + b"u%02x%02x" % (units[at], units[at + 1]) for at in range(0, len(units), 2))
    plain = re.escape(character.encode())
    return rb"(?:\\{0,8}" + plain + b"|(?i:" + encoded + b"|" + escaped + b"))"


def _decoded(data: bytes) -> bytes:
    """Undo all spelling but base64, so that a plain search finds whether there is a token."""
    decoded = unquote_to_bytes(_NESTED.sub(b"%", data.replace(b"\0", b"")))
    return _ESCAPED.sub(_unescaped, decoded).replace(b"\\", b"")


def _unescaped(found: re.Match[bytes]) -> bytes:
    return chr(int(found[1], 16)).encode("utf-8", "surrogatepass")


def _blot(found: re.Match[bytes]) -> bytes:
    if b"\0" in found[0]:  # a blot of another length would shift all that follows
        return re.sub(rb"[^\0]", b"*", found[0])
    return BLOT.encode()
