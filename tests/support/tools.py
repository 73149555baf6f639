"""Tools that check files of deploy/ where they are installed (.ci/run installs them), for tests."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.support.service import ROOT

DEPLOY: Final = ROOT / "deploy"


def tool(name: str, package: str) -> str:
    """Give a program's path, or skip the test with the word how to get it."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed: {package}")
    return found


def check(command: Sequence[str], folder: Path) -> str:
    """Run a tool, which must be content; give what it said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text()))


def rules() -> list[dict[str, Any]]:
    (group,) = documents(DEPLOY / "alerts.yml")[0]["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found
