"""Pages: what they set as code, and the anchors of their headings."""

import re
from functools import cache
from pathlib import Path
from typing import Final

PARTS: Final = ("receiver", "workers", "ringback", "schemas")


@cache
def code(page: Path) -> list[str]:
    """Return everything that a page sets as code, a line each."""
    text = page.read_text()
    blocks = re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [*re.findall(r"`([^`\n]+)`", prose), *(line for block in blocks for line in block.splitlines())]


def section(text: str, title: str) -> str:
    """Return what stands below a page's heading of this title, down to the next one."""
    (found,) = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
    return str(found)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
