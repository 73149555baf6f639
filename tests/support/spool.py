"""The bounds of a test's spool."""

from ringback.receiver.commit.spool import SpoolBounds


def bounds(size: int, *, is_shared: bool = False) -> SpoolBounds:
    return SpoolBounds(size, requests=10, request_bytes=size // 2, is_shared=is_shared)
