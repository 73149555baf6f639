"""Queues as many jobs as asked, as `flask_rq` would. A program of its own: RQ names a function by where it lives."""

import sys
from typing import Final

from redis import Redis
from rq import Queue

from benchmarks.contestants.rq_jobs import QUEUE, handle
from benchmarks.dlr import fields

_AT_ONCE: Final = 500
_ORDER: Final = ("mocean-to", "mocean-from", "mocean-dlr-status", "mocean-msgid", "mocean-error-code")


def fill(url: str, count: int) -> None:
    """Queue a job for each of `count` reports."""
    queue = Queue(QUEUE, connection=Redis.from_url(url))
    for start in range(0, count, _AT_ONCE):
        reports = (fields(f"fill{number:010}") for number in range(start, min(start + _AT_ONCE, count)))
        queue.enqueue_many([Queue.prepare_data(handle, args=[one[name] for name in _ORDER]) for one in reports])


if __name__ == "__main__":
    fill(sys.argv[1], int(sys.argv[2]))
