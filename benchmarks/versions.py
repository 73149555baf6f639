"""Versions of what was measured."""

import json
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
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
        # What is missing is not needed for the parts that were chosen.
        **{name: found for name in _PYTHON if (found := _version(name))},
        **{name: found for name in _NODE if (found := _node_version(name))},
    }
    if wrk := shutil.which("wrk"):
        # It says its version where it explains its use, and calls that a failure.
        said = subprocess.run([wrk, "--version"], capture_output=True, text=True, check=False).stdout.split()
        found["wrk"] = said[1] if len(said) > 1 else "unknown"
    return found


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _node_version(name: str) -> str | None:
    package = HERE / "node_modules" / name / "package.json"
    return cast("str", json.loads(package.read_text())["version"]) if package.exists() else None
