"""The pages: what those at the root and in docs/ name exists: files, settings, commands, metrics, log lines."""

import importlib
import re
from pathlib import Path
from typing import Any, Final

import pytest
import typer.main

from ringback.cli.program import app
from ringback.schemas.events import Envelope
from ringback.schemas.keys import Keys
from ringback.schemas.sending_settings import SENDING
from ringback.schemas.settings import PREFIX, Settings
from tests.support.metrics import exposed as exposed
from tests.support.pages import PARTS, anchors, code
from tests.support.service import ROOT
from tests.support.up import up

ROOT_PAGES: Final = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")]
PAGES: Final = [*ROOT_PAGES, *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES: Final = [file for part in PARTS for file in sorted((ROOT / part).rglob("*.py"))]
FOLDERS: Final = (*PARTS, "tests", "examples", "benchmarks", "docs", "deploy", ".ci", ".github")

each_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


@each_page
def test_links(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@each_page
def test_paths(page: Path) -> None:
    found = re.findall(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./<>-]*\w", "\n".join(code(page)))
    # The folder of a test may be left out.
    tests = {file.name for file in (ROOT / "tests").rglob("test_*.py")}
    found += sorted({*re.findall(r"(?<![\w./-])test_\w+\.py", "\n".join(code(page)))} - tests)
    assert {path for path in found if "<" not in path and not (ROOT / path).exists()} == set()


@each_page
def test_settings(page: Path) -> None:
    named, known = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", page.read_text())), {*Settings.model_fields, *SENDING}
    assert {one for one in named if one.removeprefix(PREFIX).lower() not in known} == set()


@each_page
def test_metrics(page: Path, exposed: set[str]) -> None:
    known = exposed | {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed}
    assert set(re.findall(r"\bringback_[a-z_]+", page.read_text())) - known == set()


@each_page
def test_keys(page: Path) -> None:
    keys = Keys("ringback")
    known = {getattr(keys, name) for name, value in vars(Keys).items() if isinstance(value, property)}
    known = {key.rstrip(":") for key in known} | {"ringback:schema"}  # in the ids of JSON Schemas
    assert set(re.findall(r"\bringback:\w+", page.read_text())) - known == set()


@each_page
def test_log_lines(page: Path) -> None:
    logged = {name for file in SOURCES for name in re.findall(r'(?:log|lines)\.\w+\(\s*"([\w.]+)"', file.read_text())}
    fields = {f"event.{name}" for name in Envelope.__struct_fields__}
    named = {one for one in code(page) if one.partition(".")[0] in {name.partition(".")[0] for name in logged}}
    named = {one for one in named if re.fullmatch(r"\w+\.[a-z_]+", one) and not one.endswith((".yaml", ".py"))}
    assert named - logged - fields == set()


@each_page
def test_modules(page: Path) -> None:
    for name in re.findall(rf"`((?:{'|'.join(PARTS)})(?:\.\w+)+)`", page.read_text()):
        if name != "ringback.handlers":  # the group of entry points
            importlib.import_module(name)


@each_page
def test_make(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {one for line in code(page) for one in re.findall(r"(?:^|&& )make ([a-z]+)", line)} - targets == set()


COMMANDS: Final = sorted(
    {(str(page.relative_to(ROOT)), line) for page in PAGES for line in code(page)
     if re.search(r"(?:^|[ $=/])ringback [a-z]", line.partition("#")[0]) and "ACL SETUSER" not in line}
)  # fmt: skip


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_commands(page: str, line: str) -> None:
    words = line.partition("#")[0].partition("ringback ")[2].split(" | ")[0].replace("…", "").split()
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        name = words.pop(0)
        assert set(name.split("|")) <= command.commands.keys(), line
        command = command.commands[name.partition("|")[0]]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options, line


def test_the_data_folder(tmp_path: Path) -> None:
    named = {
        path
        for page in PAGES
        for path in re.findall(rf"(?:\.ringback|{PREFIX}DATA_DIR|/var/lib/ringback)/([\w./-]*\w)", page.read_text())
        if not path.startswith("spool/ringback/")  # a receiver's files, named by its process
    }
    assert named
    folder = tmp_path / ".ringback"
    with up(tmp_path):
        assert {path for path in named if not (folder / path).exists()} == set()
