"""Versions of what was measured."""

import json
import platform
import shutil
import subprocess
from importlib.metadata import version
from typing import Final, cast

from redis import Redis

from benchmarks.machine import HERE

_PYTHON: Final = ("ringback", "starlette", "uvicorn", "pydantic", "redis", "rq", "flask", "gunicorn")
_NODE: Final = ("express", "bullmq", "ioredis")


def versions(redis: Redis) -> dict[str, str]:
    """Give the version of each program and library that matters for the figures."""
    server = redis.info("server")
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    found = {
        "python": platform.python_version(),
        "valkey": str(server.get("valkey_version", server["redis_version"])),
        "node": node.removeprefix("v"),
        **{name: version(name) for name in _PYTHON},
        **{name: _node_version(name) for name in _NODE},
    }
    if wrk := shutil.which("wrk"):
        # It says its version where it explains its use, and calls that a failure.
        said = subprocess.run([wrk, "--version"], capture_output=True, text=True, check=False).stdout.split()
        found["wrk"] = said[1] if len(said) > 1 else "unknown"
    return found


def _node_version(name: str) -> str:
    package = json.loads((HERE / "node_modules" / name / "package.json").read_text())
    return cast("str", package["version"])
