"""docs/api.md: it has every name that a user may import, and no page or example has users import another."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.pages import PARTS
from tests.support.service import ROOT

PUBLIC: Final = ("ringback", "ringback.clients", "ringback.events", "ringback.mc", "ringback.voice", "ringback.wa")
PAGE: Final = ROOT / "docs" / "api.md"
# CONTRIBUTING is for those who change Ringback.
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES: Final = sorted((ROOT / "examples").rglob("*.py"))


def blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


SOURCES: Final = [
    *((f"{page.relative_to(ROOT)}, {block.count(chr(10))} lines", block) for page in PAGES for block in blocks(page)),
    *((str(file.relative_to(ROOT)), file.read_text()) for file in EXAMPLES),
]

each_source = pytest.mark.parametrize("source", [text for _, text in SOURCES], ids=[name for name, _ in SOURCES])


def names(module: str) -> list[str]:
    """Return what a module says is public."""
    return list(importlib.import_module(module).__all__)


def listed() -> dict[str, list[tuple[str, str]]]:
    """Return what the page lists: by section, each name and its line."""
    sections = re.split(r"^## (.+)\n", PAGE.read_text(), flags=re.MULTILINE)[1:]
    rows = (re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE) for section in sections[1::2])
    return dict(zip(sections[::2], rows, strict=True))


def test_the_page_has_the_public_modules() -> None:
    assert tuple(listed()) == PUBLIC


@pytest.mark.parametrize("module", PUBLIC)
def test_the_page_has_every_name(module: str) -> None:
    on_the_page = [name for name, _ in listed()[module]]
    assert sorted(on_the_page) == sorted(names(module))
    assert all(line.strip() for _, line in listed()[module])


@pytest.mark.parametrize("module", PUBLIC)
def test_every_name_says_what_it_is(module: str) -> None:
    found = importlib.import_module(module)
    unsaid = [name for name in names(module) if name not in ("Event", "EVENTS") and not getattr(found, name).__doc__]
    assert (bool(found.__doc__), unsaid) == (True, [])


def imports(tree: ast.AST) -> Iterator[tuple[str, str | None]]:
    """Yield each module of ours that is imported, with the name that is taken from it."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                found: list[tuple[str, str | None]] = [(one.name, None) for one in node.names]
            case ast.ImportFrom():
                found = [(node.module or "", one.name) for one in node.names]
            case _:
                continue
        yield from ((module, name) for module, name in found if module.partition(".")[0] in PARTS)


def is_public(module: str, name: str | None) -> bool:
    return module in PUBLIC and (name is None or name in names(module) or f"{module}.{name}" in PUBLIC)


@each_source
def test_users_import_public_names_alone(source: str) -> None:
    assert [found for found in imports(ast.parse(source)) if not is_public(*found)] == []


@each_source
def test_users_use_public_names_of_modules_alone(source: str) -> None:
    tree = ast.parse(source)
    modules = {name: f"{module}.{name}" for module, name in imports(tree) if f"{module}.{name}" in PUBLIC}
    used = [
        (modules[node.value.id], node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
    ]
    assert [one for one in used if not is_public(*one)] == []


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_no_page_names_an_inner_module_to_import(page: Path) -> None:
    """In prose too: "from ringback.x", `import receiver.x`, and paths such as `workers.x`."""
    text = page.read_text()
    parts = "|".join(PARTS)
    named = re.findall(rf"\b(?:from|import) `?((?:{parts})(?:\.\w+)+)\b", text)
    named += re.findall(rf"`((?:{parts})(?:\.\w+)+)`", text)
    assert {one for one in named if one != "ringback.handlers" and one not in PUBLIC} == set()


def test_there_is_something_to_look_at() -> None:
    found = [one for _, source in SOURCES for one in imports(ast.parse(source))]
    assert ("ringback", "on") in found
    assert ("ringback.events", "Status") in found


def test_the_first_example_runs(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text(blocks(PAGE)[0])
    command = [sys.executable, "-m", "ringback", "voice", "check", "handlers"]
    environment = {"PYTHONPATH": f"{ROOT}:{tmp_path}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "We connect you." in done.stdout) == (0, True), done.stdout + done.stderr
