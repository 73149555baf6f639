"""Shown: strings of strangers, as they may go to a terminal. What would steer it is written out instead of sent.

An id, a status or a text from a callback may hold ESC sequences, newlines that forge a line, or marks that turn the
direction of writing. Everything that Ringback prints passes through here: results and messages of the command line
(`ringback.terminal.screen`), and log lines for people (`ringback.logs.lines`).
"""

import json
import re
from typing import Final

# Letters and marks in Unicode's eyes, so `isprintable` passes them; but nobody sees them.
_BLANK: Final = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\uffa0\U000e0100-\U000e01ef"
_SUSPECT: Final = re.compile(rf"[^ -~\w]|[{_BLANK}]")


def shown(text: str, *, lines: bool = False) -> str:
    r"""Return the text in one line, each character that cannot be seen as its escape: `\x1b`, `\n`, `\u202e`.

    `lines`: keep its line breaks. Only for text whose other lines nobody can take for ours.
    """
    return _SUSPECT.sub(_kept if lines else _escaped, text)


def as_json(document: object, *, indent: int | None = None) -> str:
    r"""Return a document in JSON, readable, with what cannot be seen as JSON's own escape: `\u001b`, `\u202e`."""
    return _SUSPECT.sub(_escaped_in_json, json.dumps(document, indent=indent, ensure_ascii=False))


def _is_seen(one: str) -> bool:
    return one.isprintable() and re.match(rf"[{_BLANK}]", one) is None


def _escaped(found: re.Match[str]) -> str:
    return found[0] if _is_seen(found[0]) else ascii(found[0])[1:-1]


def _kept(found: re.Match[str]) -> str:
    return "\n" if found[0] == "\n" else _escaped(found)


def _escaped_in_json(found: re.Match[str]) -> str:
    # A line break in JSON stands between its parts; one in a string is escaped already.
    return found[0] if found[0] == "\n" or _is_seen(found[0]) else json.dumps(found[0])[1:-1]
