"""`ringback doctor`, and what it found."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.commands import ringback
from tests.support.service import TOKEN

Graded = dict[str, tuple[str, str]]


def doctor(folder: Path, settings: Mapping[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return ringback(folder, "doctor", *words, **{"RINGBACK_PORT": "0", **settings})


def graded(folder: Path, **settings: str) -> Graded:
    """Return name -> grade and detail; check that the exit code fits, that each says what to do, and no secret."""
    ended = doctor(folder, settings, "--json")
    answer: dict[str, Any] = json.loads(ended.stdout)
    assert ended.returncode == (0 if answer["ok"] else 1)
    assert answer["ok"] is all(one["grade"] != "not ok" for one in answer["checks"])
    assert all(bool(one["mend"]) is (one["grade"] != "ok") for one in answer["checks"])
    assert TOKEN not in ended.stdout + ended.stderr
    return {one["name"]: (one["grade"], one["detail"]) for one in answer["checks"]}
