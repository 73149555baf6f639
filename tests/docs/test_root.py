"""What an adopter expects at the root: the CI workflow, the hook before a commit, the security policy, the glossary."""

import re
import shutil
import tomllib
from typing import Any, Final

import yaml

from tests.support.service import ROOT

WORDS: Final = (
    "drain", "bell", "horse", "entry", "claim", "ledger", "lane", "due", "held back", "overdue", "abandoned",
    "set aside", "probe", "dead letter", "slot", "sweep", "spool", "tally", "tether",
)  # fmt: skip


def read(path: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((ROOT / path).read_text())
    return found


def test_ci_runs_on_each_python_that_is_promised() -> None:
    (job,) = read(".github/workflows/ci.yml")["jobs"].values()
    pythons = job["strategy"]["matrix"]["python"]
    assert pythons == ["3.11", "3.12", "3.13", "3.14"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == f">={pythons[0]}"
    assert "${{ matrix.python }}" in job["container"]["image"]


def test_ci_calls_the_one_script() -> None:
    (job,) = read(".github/workflows/ci.yml")["jobs"].values()
    runs = [step["run"] for step in job["steps"] if "run" in step]
    assert runs[-1] == ".ci/run"
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_hook_before_a_commit_is_make_check() -> None:
    (repository,) = read(".pre-commit-config.yaml")["repos"]
    (hook,) = repository["hooks"]
    assert (repository["repo"], hook["language"], hook["pass_filenames"]) == ("local", "system", False)
    assert hook["entry"] == "make check"
    assert all(re.search(hook["files"], file) for file in ("receiver/app.py", "pyproject.toml", "constraints.txt"))
    assert not re.search(hook["files"], "docs/api.md")
    assert shutil.which("make")


def test_the_security_policy_says_how_to_report() -> None:
    policy = (ROOT / "SECURITY.md").read_text()
    assert "private security advisory" in policy
    assert "](docs/security.md)" in policy
    assert "](../SECURITY.md)" in (ROOT / "docs" / "security.md").read_text()


def test_the_glossary_has_a_line_for_each_word() -> None:
    _, _, glossary = (ROOT / "CONTRIBUTING.md").read_text().partition("## Glossary\n")
    rows = re.findall(r"^\| ([a-z ]+) \| (.+) \|$", glossary.partition("\n## ")[0], re.MULTILINE)
    assert [word for word, _ in rows if word != "word"] == [*WORDS]
    assert all(meaning.strip() for _, meaning in rows)
