"""The children: which processes `up` and `work` keep alive, and in which order they stop.

Receiver first, so that nothing new comes in; then those that work; then the way in; the store last.
"""

import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Final

from ringback.run.supervisor import Child
from ringback.schemas.keys import EVENTS_QUEUE, VOICE_QUEUE
from ringback.schemas.sending_settings import NOT_FOR_RECEIVERS

# -P: nothing in the user's folder comes before what we import, such as a `queue.py` or a folder called `ringback`.
# Handlers are found there all the same (ringback.workers.discovery).
_PROGRAM: Final = (sys.executable, "-P", "-m", "ringback")
RECEIVER_STOP_S: Final = 15.0
WORKER_STOP_S: Final = 90.0
"""Seconds that they have to stop. Whoever stops `ringback work` must wait longer: the files under deploy/ do."""
_STORE_STOP_S: Final = 20.0
_TUNNEL_STOP_S: Final = 5.0

DEFAULT_QUEUES: Final = (EVENTS_QUEUE, EVENTS_QUEUE, VOICE_QUEUE, VOICE_QUEUE)
"""A process each: two drains, so that one goes on while the other runs alone what a worker died with; two for calls."""


class Stage(IntEnum):
    """Started in this order, stopped in the reverse."""

    STORE = 0
    TUNNEL = 1
    WORKERS = 2
    RECEIVER = 3


def store_child(command: Sequence[str]) -> Child:
    """Give the embedded server."""
    return Child("store", command, Stage.STORE, _STORE_STOP_S, without=NOT_FOR_RECEIVERS, umask=0o077)


def tunnel_child(name: str, command: Sequence[str]) -> Child:
    """Give the program that leads here from a public address. It needs none of our secrets, so it gets none."""
    without = {"RINGBACK_TOKENS", "RINGBACK_REDIS_URL", *NOT_FOR_RECEIVERS}
    return Child(name, command, Stage.TUNNEL, _TUNNEL_STOP_S, without=without)


def receiver_child(descriptor: int, environment: Mapping[str, str]) -> Child:
    """Return the receiver, on a socket that the supervisor holds: while it restarts, callers wait instead of failing.

    It gets no credentials of providers: those are for processes that nobody reaches from outside.
    """
    command = (*_PROGRAM, "serve", "--fd", str(descriptor))
    return Child(
        "receiver", command, Stage.RECEIVER, RECEIVER_STOP_S, environment, NOT_FOR_RECEIVERS, pass_fds=(descriptor,)
    )


def worker_children(queues: Sequence[str], environment: Mapping[str, str]) -> list[Child]:
    """Return a worker for each queue named, as often as it is named."""
    counts: dict[str, int] = {}
    children = []
    for queue in queues:
        counts[queue] = counts.get(queue, 0) + 1
        command = (*_PROGRAM, "worker", queue)
        children.append(Child(f"{queue}-{counts[queue]}", command, Stage.WORKERS, WORKER_STOP_S, environment))
    return children
