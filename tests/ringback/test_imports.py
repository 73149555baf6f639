"""Imports: one package, ringback; what it loads, and what a user's own modules may be called."""

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import pytest

import ringback
from ringback.receiver.providers import PROVIDERS

ROOT = Path(ringback.__file__).parent.parent
HEAVY = ("httpx", "pydantic", "redis", "rich", "rq", "starlette", "structlog", "typer", "uvicorn")


def python(program: str, folder: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run a program in a process of its own, with a folder as Python has it: first of all places to import from."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={name: value for name, value in os.environ.items() if not name.startswith(("RINGBACK_", "RQ_"))},
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def loaded(program: str) -> set[str]:
    """Return the names of all modules that are there once a program has run."""
    ended = python(f"{program}\nimport json, sys\nprint(json.dumps(list(sys.modules)))")
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stdout))


def test_the_package_alone_loads_nothing() -> None:
    names = loaded("import ringback")
    assert names & set(HEAVY) == set()
    assert {name for name in names if name.startswith("ringback.")} == set()


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("from ringback import on, voice, mc", id="a module of handlers"),
        pytest.param("import ringback.receiver.serve", id="the receiver"),
        pytest.param("import ringback.cli.exits\nimport ringback.receiver.serve", id="the command serve"),
    ],
)
def test_what_never_sends_has_no_client(program: str) -> None:
    names = loaded(program)
    assert "httpx" not in names
    assert {name for name in names if name.startswith("ringback.clients")} == set()


def test_a_worker_loads_no_http_before_a_handler_calls_a_provider() -> None:
    names = loaded("import ringback.workers.sweep\nimport ringback.workers.rq.processes")
    assert {name for name in names if name.startswith(("httpx", "httpcore", "ringback.clients.mocean."))} == set()


def test_the_errors_of_clients_load_no_http() -> None:
    names = loaded("from ringback import SendError\nfrom ringback.clients import InDoubtError")
    assert {"httpx", "pydantic"} & names == set()


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("from ringback import on, voice, mc", id="a module of handlers"),
        pytest.param("import ringback.cli.exits", id="any command, before its settings are read"),
        pytest.param("import ringback.schemas.keys", id="the names in Redis"),
    ],
)
def test_rq_is_not_loaded_before_its_prefix_is_claimed(program: str) -> None:
    said = "import os\nassert 'RQ_KEY_PREFIX' not in os.environ"
    assert "rq" not in loaded(f"{program}\n{said}")


def test_names_for_plugin_authors() -> None:
    assert dir(ringback) == sorted(ringback.__all__)
    found = {name: getattr(ringback, name) for name in ringback.__all__}
    # What type checkers are told is what is there.
    tree = ast.parse(Path(ringback.__file__).read_text())
    (types,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    said = {}
    for node in types.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            assert node.module is not None
            module = import_module(node.module)
            said[alias.name] = getattr(module, alias.name)
    assert said == found
    namespace: dict[str, object] = {}
    exec("from ringback import *", namespace)  # noqa: S102 - there is no other way to try it
    assert {name: namespace[name] for name in ringback.__all__} == found
    with pytest.raises(AttributeError, match="module 'ringback' has no attribute 'off'"):
        _ = ringback.off  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["receiver", "schemas", "workers"])
@pytest.mark.parametrize("program", ["import {}", "from {}.{} import *"])
def test_the_short_names_are_refused(name: str, program: str) -> None:
    ended = python(program.format(name, {"receiver": "serve", "schemas": "events", "workers": "registry"}[name]))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        f"ImportError: this is Ringback's own folder, which is imported as ringback.{name} and not as {name}"
    )


def test_the_users_own_modules_of_these_names(tmp_path: Path) -> None:
    for name in ("receiver", "schemas", "workers"):
        (tmp_path / f"{name}.py").write_text(f"MINE = '{name}'\n")
    program = "import receiver, schemas, workers\nfrom ringback import on, voice\nprint(receiver.MINE, schemas.MINE)"
    ended = python(program, tmp_path)
    assert (ended.stdout, ended.stderr) == ("receiver schemas\n", "")


def test_files_beside_the_code() -> None:
    parts = ("receiver", "ringback", "schemas", "workers")
    there = [path for part in parts for path in (ROOT / part).rglob("*") if path.suffix in (".csv", ".lua")]
    for path in there:
        room = ".".join(path.relative_to(ROOT).parent.parts)
        assert files(f"ringback.{room}").joinpath(path.name).read_bytes() == path.read_bytes()
    assert there


def test_each_module_is_loaded_once() -> None:
    """Whatever imports it: a class that is there twice would not be equal to itself."""
    names = loaded("import ringback.cli.exits, ringback.receiver.serve, ringback.run.up, ringback.run.work")
    assert {name for name in names if name.partition(".")[0] in ("receiver", "schemas", "workers")} == set()
    assert {f"ringback.receiver.providers.{name}" for name in PROVIDERS} <= names


def test_each_room_is_on_the_map() -> None:
    parts = ("receiver", "workers", "schemas", "ringback")
    rooms = {f"{file.parent.relative_to(ROOT)}/" for part in parts for file in (ROOT / part).rglob("__init__.py")}
    rows = re.findall(r"^\| `([a-z/]+/)` \| (?=\w)", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert (len(rows), set(rows)) == (len(rooms), rooms)


def test_a_name_stands_once() -> None:
    """Two modules, or two classes, of one name would be taken for each other.

    What a provider has of a subject is named as the subject, and what is public as what it opens.
    """
    public = {ROOT / "ringback" / f"{name}.py" for name in ("events", "mc", "voice")}
    providers = {"providers", "mocean", "mycoolsms"}
    modules, classes = Counter[str](), Counter[str]()
    for part in ("receiver", "workers", "schemas", "ringback"):
        for file in (ROOT / part).rglob("*.py"):
            modules[file.stem] += not (file.stem.startswith("__") or file in public or providers & {*file.parts})
            classes.update(
                node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ClassDef)
            )
    assert [name for name, count in (modules + classes).items() if count > 1] == []
