"""Parameters of a callback URL that are ours and not the provider's: the secret, and the context of its owner."""

from typing import Final
from urllib.parse import quote, unquote_to_bytes

INSECURE_ACCOUNT: Final = "default"
"""Whose callbacks are that need no secret."""
TOKEN_PARAMETER: Final = "token"  # noqa: S105
CONTEXT_PREFIX: Final = "ctx."
_PRINTABLE: Final = bytes(range(0x21, 0x7F))


def without_secret(query: bytes) -> str:
    """Return a URL's parameters as they were sent, but for the secret."""
    kept = (piece for piece in query.split(b"&") if piece and not _is_secret(piece))
    return quote(b"&".join(kept), safe=_PRINTABLE)


def _is_secret(parameter: bytes) -> bool:
    return unquote_to_bytes(parameter.partition(b"=")[0]) == TOKEN_PARAMETER.encode()
