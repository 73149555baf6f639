"""Lua: the scripts that Redis runs for the workers."""

from importlib.resources import files
from typing import Final

_FOLDER: Final = files("ringback.workers.scripts")
_SHARED: Final = "stream.lua"


def script(name: str) -> str:
    """Return a script of this folder, with what they all share before it."""
    return f"{_FOLDER.joinpath(_SHARED).read_text()}\n{_FOLDER.joinpath(name).read_text()}"
