"""Nesting: objects in the spellings that are not JSON: `a[b]=1`, `a.b=1`, `{b: 1}`, `{b=1}`."""

import re
from typing import Final

from pydantic import JsonValue

_BRACKETED: Final = re.compile(r"^[^\[\].]+(?:\[[^\[\]]*\])+$")
_DOTTED: Final = re.compile(r"^[^\[\].]+(?:\.[^\[\].]+)+$")
_MOST_STEPS: Final = 100
_LONGEST_UNQUOTED: Final = 1000
_NEXT_PAIR: Final = {mark: re.compile(rf",\s*(?=\w+\s*{mark})") for mark in ":="}
_PAIR: Final = re.compile(r"(\w+)\s*([:=])\s*(.*)", re.DOTALL)
_QUOTED: Final = re.compile(r'"([^"\\]*)"')


def fold(raw: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Fold `a[b]` and `a.b` into objects. A name that has a plain value already keeps it; the rest stays as it is.

    So does a name of very many steps: each would cost a hundred times the bytes that it was sent in.
    """
    names = "".join(raw)
    if "[" not in names and "." not in names:
        return raw
    nested = {name: value for name, value in raw.items() if "[" in name or "." in name}
    tree: dict[str, JsonValue] = {name: value for name, value in raw.items() if name not in nested}
    for name, value in nested.items():
        steps = _steps(name)
        if not steps:
            tree[name] = value
            continue
        here = tree
        for step in steps[:-1]:
            below = here.setdefault(step, _Branch())
            if not isinstance(below, _Branch):
                break
            here = below
        else:
            here.setdefault(steps[-1], value)
    return tree


def _steps(name: str) -> list[str]:
    if name.count("[") + name.count(".") > _MOST_STEPS:
        return []
    if _BRACKETED.match(name):
        return name[:-1].replace("][", "[").split("[")
    return name.split(".") if _DOTTED.match(name) else []


class _Branch(dict[str, JsonValue]):
    """An object that folding made, so that none of `raw`'s own is ever written to."""


def unquoted(text: str) -> dict[str, JsonValue] | None:
    """Read a flat object whose names have no quotes, `{country: "MY"}` or `{country=MY}`; None for anything else."""
    if len(text) > _LONGEST_UNQUOTED or not text.endswith("}"):
        return None
    inner = text[1:-1].strip().removesuffix(",")
    first = _PAIR.fullmatch(inner)
    if first is None:
        return None
    found: dict[str, JsonValue] = {}
    for piece in _NEXT_PAIR[first[2]].split(inner):
        pair = _PAIR.fullmatch(piece)
        if pair is None:
            return None
        name, value = pair[1], pair[3].strip()
        if value.startswith(('"', "{", "[")):
            quoted = _QUOTED.fullmatch(value)
            if quoted is None:
                return None
            value = quoted[1]
        elif value == "null":
            continue
        found[name] = value
    return found
