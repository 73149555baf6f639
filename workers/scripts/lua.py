"""Lua: the scripts that Redis runs for the workers."""

from importlib.resources import files
from typing import Final

_FOLDER: Final = files("ringback.workers.scripts")
_SHARED: Final = "stream.lua"

NOW: Final = """local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
"""
"""What scripts begin with that go by the server's time: `now` in ms. Machines' own clocks part."""


def script(name: str) -> str:
    """Return a script of this folder, with what they all share before it."""
    return f"{_FOLDER.joinpath(_SHARED).read_text()}\n{_FOLDER.joinpath(name).read_text()}"
