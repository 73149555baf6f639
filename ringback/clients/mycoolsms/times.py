"""Times: a moment as My-Cool-SMS writes it, `2011-08-10 00:08:37.488+08` or ATOM; without a zone it counts as none."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from ringback.clients.bodies import AnswerFields

DIFFERS: Final = "time:differs"
"""Flag of a row whose two times are more than a minute apart, as those of the document's own sample are."""
_MINUTE: Final = timedelta(minutes=1)
_LATEST: Final = 32_503_680_000
"""Seconds: the year 3000. What is beyond is no time."""


def zoned(fields: AnswerFields, name: str) -> datetime | None:
    """Return a time that has its zone; None where there is none, or none that can be read."""
    try:
        time = datetime.fromisoformat((fields.text(name) or "").strip())
    except ValueError:
        return None
    return time if time.tzinfo is not None else None


def received(fields: AnswerFields) -> tuple[datetime | None, tuple[str, ...]]:
    """Return when a row's SMS came, and flags: `timestamp` wins over `unixtimestamp` (SENDING 2, row 14)."""
    time, unix = zoned(fields, "timestamp"), _unix(fields.decimal("unixtimestamp"))
    if time is None or unix is None:
        return time or unix, ()
    return time, (DIFFERS,) if abs(time - unix) > _MINUTE else ()


def _unix(seconds: Decimal | None) -> datetime | None:
    if seconds is None or not 0 <= seconds < _LATEST:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(seconds))
