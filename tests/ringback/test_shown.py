"""What strangers send as it is shown, and that nothing is printed another way."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Final

import pytest

from ringback.terminal.shown import as_json, shown
from tests.support.forged import FORGED, HOSTILE, is_seen
from tests.support.service import ROOT

SHOWN: Final = (
    rf"\x1b]0;mine\x07\x1b[31mred\r\n{FORGED}\x9b2J\u202eleft\u200b\u2028\x7f\x00\u3164\U000e0041"
    r"[bold]m[/][/nope]\[x] :smile: 日本 é"
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("Grüße, 日本 +60 12 😀 ❤️", "Grüße, 日本 +60 12 😀 ❤️", id="what can be seen"),
        pytest.param("a\nb\tc\rd", r"a\nb\tc\rd", id="white space that moves the cursor"),
        pytest.param("\x1b[31m\x9b31m\x07\x08\x00\x7f", r"\x1b[31m\x9b31m\x07\x08\x00\x7f", id="control characters"),
        pytest.param("a\u202eb\u2066c\u200f", r"a\u202eb\u2066c\u200f", id="another direction"),
        pytest.param("a\u200bb\u200dc\ufeffd\u2060", r"a\u200bb\u200dc\ufeffd\u2060", id="no width"),
        pytest.param("a\u3164\u034f\u115f", r"a\u3164\u034f\u115f", id="blank letters"),
        pytest.param("\u2028\u2029\x85", r"\u2028\u2029\x85", id="other line breaks"),
        pytest.param("\U000e0041\U000e0100", r"\U000e0041\U000e0100", id="tags"),
        pytest.param("\ud83d", r"\ud83d", id="half a pair"),
        pytest.param(HOSTILE, SHOWN, id="all of it"),
    ],
)
def test_a_string_is_shown(text: str, line: str) -> None:
    assert shown(text) == line
    assert shown(text, lines=True) == line.replace(r"\n", "\n")
    assert shown(line) == line
    in_json = as_json({text: [text]}, indent=2)
    assert json.loads(in_json) == {text: [text]}
    assert is_seen(in_json.replace("\n", ""))


WAYS: Final = {
    "ringback/cli/options.py",
    "ringback/cli/exits.py",
    "ringback/terminal/screen.py",
    "ringback/logs/lines.py",
}


def prints(tree: ast.AST) -> Iterator[str]:
    """Find what can bring a string to a terminal by itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            is_stream = re.fullmatch(r"sys\.(__)?std(out|err)(__)?\.write(lines)?", called)
            if is_stream or called in ("print", "Console", "rich.print", "typer.echo", "typer.secho", "click.echo"):
                yield called


def test_nothing_is_printed_another_way() -> None:
    found = {}
    for part in ("ringback", "receiver", "workers", "schemas"):
        for file in sorted((ROOT / part).rglob("*.py")):
            if names := list(prints(ast.parse(file.read_text()))):
                found[str(file.relative_to(ROOT))] = names
    assert found.keys() <= WAYS
