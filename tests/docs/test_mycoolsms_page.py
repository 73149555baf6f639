"""docs/providers/mycoolsms.md: its table of requests has each method of the client, and each code of its function."""

import re
from typing import Final

import pytest

from ringback.clients.mycoolsms.client import MyCoolSms
from ringback.clients.mycoolsms.codes import BY_FUNCTION
from ringback.clients.operations import Operation
from tests.support.service import ROOT

PAGE: Final = (ROOT / "docs" / "providers" / "mycoolsms.md").read_text()
SECTION: Final = PAGE.partition("## What we ask of it\n")[2].partition("\n## ")[0]
REQUESTS: Final = SECTION.partition("| method | function |")[2].partition("\n\n")[0]
ROWS: Final = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in REQUESTS.splitlines() if line.startswith("| `")
]
GENERIC: Final = range(100, 200)


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def numbers(cell: str) -> set[int]:
    """Return the codes of a cell, `234 to 236, 242`."""
    found = {int(number) for number in re.findall(r"\d+", cell)}
    for first, last in re.findall(r"(\d+) to (\d+)", cell):
        found |= set(range(int(first), int(last) + 1))
    return found


def test_each_method_has_a_row() -> None:
    methods = {name for name, value in vars(MyCoolSms).items() if isinstance(value, Operation | staticmethod)}
    assert sorted(name for row in ROWS for name in names(row[0])) == sorted(methods)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_row_has_its_functions_codes(row: list[str]) -> None:
    functions = [name for name in names(row[1]) if name in BY_FUNCTION]
    assert functions
    assert numbers(row[4]) == {code for name in functions for code in BY_FUNCTION[name] if code not in GENERIC}


def test_each_generic_code_is_told() -> None:
    told = numbers(SECTION.partition("| code | error | permanent |")[2].partition("\n\n")[0])
    assert set(BY_FUNCTION["getBalance"]) <= told
