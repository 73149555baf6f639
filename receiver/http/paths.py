"""Paths: which callback lives where under `/webhooks/`, also when its URL was pasted or joined a little wrong."""

import re
from difflib import get_close_matches
from typing import Final

from starlette.routing import compile_path

from ringback.receiver.parsing.callbacks import Callback
from ringback.receiver.providers import CALLBACKS

ROOT: Final = "/webhooks/"
_SLASHES: Final = re.compile(r"/{2,}")
_LONGEST_LIKENESS: Final = 100  # characters; finding what is like a path takes more than its length in time


def callback_at(path: str) -> tuple[Callback, dict[str, str]] | None:
    """Find the callback that lives at a URL's path, and the path's parameters; None where none does."""
    path = canonical_path(path)
    for callback in CALLBACKS:
        pattern, _, _ = compile_path(ROOT + callback.name)
        if found := pattern.fullmatch(path):
            return callback, found.groupdict()
    return None


def canonical_path(path: str) -> str:
    """Return the path without a slash at its end and without doubled ones: people paste and proxies join them so."""
    return _SLASHES.sub("/", path).removesuffix("/") or "/"


def nearest_path(path: str) -> str | None:
    """Return the callback's path that is most like another; None where none is much like it."""
    known = [ROOT + callback.name for callback in CALLBACKS]
    return next(iter(get_close_matches(path[:_LONGEST_LIKENESS], known, n=1)), None)
