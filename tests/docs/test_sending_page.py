"""docs/sending.md: its program runs against the simulator and prints what the page says; no error is missing. And
docs/providers/mocean.md: its table of requests has each method of the client.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from ringback.clients import errors
from ringback.clients.mocean import codes
from ringback.clients.mocean.client import Mocean, VerifyMethods
from tests.support.service import ROOT
from tests.support.simulated import simulated

PAGE: Final = (ROOT / "docs" / "sending.md").read_text()
MOCEAN: Final = (ROOT / "docs" / "providers" / "mocean.md").read_text()
PROGRAM: Final = re.findall(r"```python\n(# first\.py\n.*?)```", PAGE, re.DOTALL)[0]
OUTPUT: Final = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0]
ID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f-]{20,30}")


def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    with simulated(tmp_path) as there:
        (tmp_path / "first.py").write_text(PROGRAM.replace("http://127.0.0.1:8010", there.url))
        done = subprocess.run(
            [sys.executable, "-P", "first.py"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )

    assert done.stderr == ""
    assert ID.sub("…", done.stdout) == ID.sub("…", OUTPUT)


def test_each_error_has_a_row() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    rows = set(re.findall(r"^\| `(\w+Error)`", PAGE, re.MULTILINE))
    assert rows == kinds - {"SendError"}


def test_each_method_of_mocean_has_a_row() -> None:
    section = MOCEAN.partition("## What we ask of it\n")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([\w.]+)`", row[1])}
    methods = {name for name in vars(Mocean) if not name.startswith("_")} - {"provider", "verify"}
    methods |= {f"verify.{name}" for name in vars(VerifyMethods) if not name.startswith("_")}
    assert named == methods
    tables = {name for name in vars(codes) if name.isupper() and not name.startswith("_")} - {"LOOKUP_ERRORS"}
    assert {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row[5])} == tables
