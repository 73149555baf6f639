"""The head of a request: what RFC 9112 asks of it where uvicorn does not, and how it reads without an upgrade."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ringback.receiver.http.answers import Answer, Headers

_HOST: Final = re.compile(rb"[\w.~%!$&'()*+,;=:\[\]-]*")  # RFC 3986, section 3.2, without userinfo
_OF_AN_UPGRADE: Final = frozenset({b"connection", b"upgrade", b"http2-settings"})


def fault_of(version: str, hosts: Sequence[bytes], transfer_codings: Sequence[bytes]) -> Answer | None:
    """Return how to refuse a head that servers and proxies may read in different ways; None for one that is clear."""
    codings = [coding.strip().lower() for coding in b",".join(transfer_codings).split(b",")]
    is_bad = (
        version not in ("1.0", "1.1")
        or len(hosts) > 1
        or (version == "1.1" and not hosts)
        or not all(_HOST.fullmatch(host) for host in hosts)
        or (version == "1.0" and bool(transfer_codings))
        or len(transfer_codings) > 1
    )
    if is_bad:
        return Answer.BAD_REQUEST
    return Answer.UNKNOWN_TRANSFER_CODING if transfer_codings and codings != [b"chunked"] else None


def without_upgrade(
    method: bytes, url: bytes, version: str, headers: Iterable[tuple[bytes, bytes]], *, close: bool
) -> bytes:
    """Write a head again as if it had not asked for an upgrade."""
    kept: Headers = [(name, value) for name, value in headers if name not in _OF_AN_UPGRADE]
    if close:
        kept.append((b"connection", b"close"))
    lines = [b"%s %s HTTP/%s" % (method, url, version.encode())]
    lines += [name + b": " + value for name, value in kept]
    return b"\r\n".join((*lines, b"", b""))
