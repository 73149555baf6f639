"""Pace: how often providers are asked, and how much at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PollPace:
    """In seconds, where nothing else is said.

    `first_report`, `last_report`: how long after a send its report is asked for first and last; in between each time
    is twice as long as the one before. `grace`: how long a pushed SMS may take until the listed one counts as lost.
    `slack`: how far a push may come before its SMS was first listed. `lock` is how long a poller that died keeps
    others waiting. After a `longest_gap` in which nobody has asked for inbound SMS, that begins again: they were pushed
    meanwhile, or are too old to be answered.
    """

    first_report: float = 600.0
    last_report: float = 36 * 3600.0
    reports_at_once: int = 100
    between_single_reports: float = 1.0
    look: float = 5.0
    inbox: float = 60.0
    rows_at_once: int = 100
    grace: float = 600.0
    slack: float = 60.0
    longest_gap: float = 7 * 86_400.0
    after_error: float = 30.0
    longest_after_error: float = 600.0
    lock: float = 30.0

    def next_report(self, accepted_ms: int, now_ms: int) -> int | None:
        """Return when to ask for a report next, in ms; None once it has been asked for the last time."""
        age, wait = (now_ms - accepted_ms) / 1000, self.first_report
        if age >= self.last_report:
            return None
        while wait <= age:
            wait *= 2
        return accepted_ms + round(min(wait, self.last_report) * 1000)


USUAL_PACE = PollPace()
