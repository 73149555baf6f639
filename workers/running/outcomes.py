"""Outcomes: what a handler may raise, beside an error, to say how its event goes on."""

from typing import Final

LONGEST_PAUSE_S: Final = 30 * 24 * 3600


class RetryLater(Exception):  # noqa: N818 - read in a handler: raise RetryLater(60)
    """Run me again after so many seconds, in place of the pause that `retry=` has next.

    It counts as an attempt: where none is left, the event becomes a dead letter. Raises ValueError where `seconds` is
    negative or more than 30 days.
    """

    def __init__(self, seconds: float) -> None:
        if not 0 <= seconds <= LONGEST_PAUSE_S:
            raise ValueError(f"RetryLater({seconds}): write seconds from 0 to {LONGEST_PAUSE_S}")
        super().__init__(f"in {seconds:g} s")
        self.seconds = seconds


class Drop(Exception):  # noqa: N818 - read in a handler: raise Drop("…")
    """I am done with this event for good, though I did not do my work: no retry, no dead letter, a line in the log.

    Of the reason the log has 200 characters at most, without the texts, names and numbers of the event.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
