"""A test's spool: its bounds, and what waits for it."""

from ringback.receiver.commit.spool import SpoolBounds
from ringback.receiver.commit.waiting import Waiting, size_of


def bounds(size: int, *, is_shared: bool = False) -> SpoolBounds:
    return SpoolBounds(size, requests=10, request_bytes=size // 2, is_shared=is_shared)


def waiting(*texts: str, account: str = "acme") -> list[Waiting]:
    return [Waiting("1", "message.status", "mocean", account, text, size_of(text), None, ()) for text in texts]
