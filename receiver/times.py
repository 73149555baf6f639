"""Times as the providers write them."""

from datetime import UTC, datetime
from typing import Final

from receiver.fields import Fields

UNREADABLE: Final = "time:unreadable"
_MILLISECONDS_FROM: Final = 100_000_000_000  # in seconds that would be the year 5138


def unix_time(fields: Fields, name: str) -> datetime | None:
    """Read UNIX seconds sent as number or string; milliseconds are recognised by their size.

    None where it is absent, or, flagged `time:unreadable`, where it is no time.
    """
    text = fields.word(name)
    if text is None:
        return None
    try:
        seconds = float(text)
        if seconds >= _MILLISECONDS_FROM:
            seconds /= 1000
        if seconds > 0:
            return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    fields.flag(UNREADABLE)
    return None


def local_time(fields: Fields, name: str) -> datetime | None:
    """Read `YYYY-MM-DD hh:mm:ss` without a zone (ISO 8601 also with one).

    None where it is absent, or, flagged `time:unreadable`, where it is no time.
    """
    text = fields.word(name)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.replace("+", " ", 1) if text[10:11] == "+" else text)
    except ValueError:
        fields.flag(UNREADABLE)
        return None
