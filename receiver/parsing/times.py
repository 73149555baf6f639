"""Times as the providers write them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from ringback.receiver.parsing.fields import Fields
from ringback.receiver.parsing.numbers import decimal

UNREADABLE: Final = "time:unreadable"
IMPRECISE: Final = "time:imprecise"
_MILLISECONDS_FROM: Final = 100_000_000_000  # in seconds that would be the year 5138
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_END: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_USUAL: Final = 10  # digits
_LONGEST_SECONDS: Final = 16
_FIRST_YEAR: Final = 1990  # no message is older, but times that were never set are: 0001-01-01, 1970-01-01
_LAST_YEAR: Final = 9999  # nor sent then
_TIME_OF_DAY: Final = re.compile(r"[0-9W-]{7,10}[^0-9](?P<minute>[0-9]{2}:?[0-9]{2}(?P<second>:?[0-9]{2})?)?")


def unix_time(fields: Fields, name: str) -> datetime | None:
    """Read UNIX seconds sent as number or string; milliseconds are recognised by their size.

    None where it is absent, or, flagged `time:unreadable`, where it is no time.
    """
    text = (fields.text(name, UNREADABLE) or "").strip()
    if not text:
        return None
    if len(text) <= _USUAL and text.isascii() and text.isdigit() and (whole := int(text)):
        return datetime.fromtimestamp(whole, UTC)
    seconds = decimal(text)
    if seconds is not None and seconds > 0 and seconds.adjusted() < _LONGEST_SECONDS:
        microseconds = int(seconds * (1000 if seconds >= _MILLISECONDS_FROM else 1_000_000))
        if 0 < microseconds < _END:
            return _EPOCH + timedelta(microseconds=microseconds)
    fields.flag(UNREADABLE)
    return None


def local_time(fields: Fields, name: str) -> datetime | None:
    """Read `YYYY-MM-DD hh:mm:ss` without a zone (ISO 8601 also with one).

    None where it is absent; where it is no time, or one that was never set, flagged `time:unreadable`; and where it is
    a day alone, flagged `time:imprecise`. A time without seconds is flagged so too: see `to_the_second`.
    """
    text = fields.word(name, UNREADABLE)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text.replace("+", " ", 1) if text[10:11] == "+" else text)
    except ValueError:
        time = None
    if time is None or not _FIRST_YEAR <= time.year < _LAST_YEAR:
        fields.flag(UNREADABLE)
        return None
    if text[13:17:3] == "::":  # as documented
        return time
    written = _TIME_OF_DAY.match(text)
    if written is None or not written["second"]:
        fields.flag(IMPRECISE)
        return time if written is not None and written["minute"] else None
    return time


def to_the_second(fields: Fields) -> bool:
    """Whether the time that was read can tell one message from the next: two of a minute, or of a day, are two."""
    return IMPRECISE not in fields.flags
