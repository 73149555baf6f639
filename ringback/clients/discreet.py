"""Discretion: httpx and httpcore log URLs, headers and bodies' fate; of our requests they log nothing.

Their loggers stay as they are for whoever else uses them in this process: the filter goes by a context variable that
is set while a request of ours is under way.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_UNDER_WAY: Final[ContextVar[bool]] = ContextVar("ringback_request_under_way", default=False)
_LOGGERS: Final = (
    "httpx",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)


def _not_ours(_: logging.LogRecord) -> bool:
    return not _UNDER_WAY.get()


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_not_ours)


@contextmanager
def unlogged() -> Iterator[None]:
    """Keep what httpx and httpcore would log of the requests made within out of all logs."""
    token = _UNDER_WAY.set(True)
    try:
        yield
    finally:
        _UNDER_WAY.reset(token)
