"""docs/whatsapp.md: its code runs and prints what it quotes, its table has every builder and its limits."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from ringback import wa
from ringback.schemas.wa_contents import MOST_BUTTONS
from ringback.schemas.wa_interactive import MOST_ROWS, MOST_SECTIONS
from tests.support.pages import section
from tests.support.service import ROOT
from tests.support.up import up

PAGE: Final = (ROOT / "docs" / "whatsapp.md").read_text()
MODULES: Final = {name: code for code, name in re.findall(r"```python\n(# (\w+)\.py\n.*?)```", PAGE, re.DOTALL)}


def test_every_block_has_its_name() -> None:
    assert len(MODULES) == PAGE.count("```python\n")


def test_the_first_example(tmp_path: Path) -> None:
    (tmp_path / "question.py").write_text(MODULES["question"])
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "question.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    (quoted,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert (done.returncode, done.stdout) == (0, quoted), done.stderr


@pytest.mark.parametrize(("module", "name"), [("contents", "CONTENTS"), ("templates", "TEMPLATES")])
def test_the_contents_can_be_written(module: str, name: str) -> None:
    found: dict[str, Any] = {}
    exec(MODULES[module], found)  # noqa: S102 - the page's own code
    assert all(json.dumps(content.wire()) for content in found[name])
    assert len(found[name]) == 5


def test_the_table_has_every_builder() -> None:
    built = set(re.findall(r"\bwa\.(\w+)\(", section(PAGE, "The contents")))
    assert built == set(wa.__all__) - {"Content", "WaError"}


def test_limits() -> None:
    table = section(PAGE, "The contents")
    assert (MOST_BUTTONS, MOST_SECTIONS, MOST_ROWS) == (3, 10, 10)
    assert f"1 to {MOST_BUTTONS} buttons" in table
    assert f"; {MOST_BUTTONS} buttons, all of one type" in table
    assert f"1 to {MOST_SECTIONS} sections of 1 to {MOST_ROWS} rows" in table


def test_the_message_that_is_quoted() -> None:
    rows = [wa.section("A", x="X", SAME="Y"), wa.section("B", SAME="Z")]
    with pytest.raises(wa.WaError) as caught:
        wa.list("?", button="Menu", sections=rows)
    assert f"`{caught.value}`" in PAGE


def test_the_handler_of_a_closed_window(tmp_path: Path) -> None:
    (tmp_path / "window.py").write_text(MODULES["window"])
    (trigger,) = re.findall(r"ringback (trigger .+)$", PAGE, re.MULTILINE)
    with up(tmp_path, RINGBACK_HANDLERS="window", RINGBACK_LOG_FORMAT="json") as service:
        done = service.ringback(*trigger.split())
        assert done.returncode == 0, done.stderr
        service.await_logged("only a template gets there now", 1, 20)
        (listed,) = service.events()
    assert listed["event"]["data"]["error"]["permanent"] is True
