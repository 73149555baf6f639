"""What strangers send to steer a terminal, and whether any of it gets there."""

from typing import Final

from ringback.terminal.shown import shown

FORGED: Final = "2026-11-27 00:00:00Z  forged"
HOSTILE: Final = (
    f"\x1b]0;mine\x07\x1b[31mred\r\n{FORGED}\x9b2J\u202eleft\u200b\u2028\x7f\x00\u3164\U000e0041"
    r"[bold]m[/][/nope]\[x] :smile: 日本 é"
)


def is_seen(text: str) -> bool:
    return shown(text) == text
