"""Moments: times as lists print them, and times as a person types them. What is printed can be typed."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

from pydantic import TypeAdapter, ValidationError

from ringback.schemas.setting_types import Duration
from ringback.terminal.choose import ChoiceError

_DURATION: Final[TypeAdapter[timedelta]] = TypeAdapter(Duration)
_HOW: Final = "write a duration such as 2h, a date such as 2026-03-02, or a time such as 2026-03-02T08:00:00Z"


def written(moment: datetime) -> str:
    """Return a time as lists print it: UTC, in whole seconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"


def since(typed: str, now: datetime) -> datetime:
    """Return the moment that was typed, in UTC. Raises ChoiceError.

    A duration that ended now (`90s`, `2h`, `7d`; a bare number is in seconds); a date, or a date and time, in UTC
    unless it names another zone; or a time of day, in the local zone unless it names another, as log lines in a
    terminal have it: the last such time.
    """
    try:
        return now - _DURATION.validate_python(typed)
    except (ValidationError, OverflowError):
        pass
    try:
        return _time_of_day(typed, now) or _date(typed)
    except (ValueError, OverflowError):
        raise ChoiceError(f'--since "{typed}": {_HOW}') from None


def _date(typed: str) -> datetime:
    moment = datetime.fromisoformat(typed)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _time_of_day(typed: str, now: datetime) -> datetime | None:
    """Return the last time of the clock like this; None where it is not only a time of day."""
    try:
        clock = time.fromisoformat(typed)
    except ValueError:
        return None
    today = now.astimezone(clock.tzinfo).date()
    # Without a zone a combined time is a local one to astimezone.
    moments = (datetime.combine(today - timedelta(days), clock).astimezone(UTC) for days in (0, 1))
    return next((moment for moment in moments if moment <= now), None)
