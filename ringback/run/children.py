"""The children: which processes `up` and `work` keep alive, and in which order they stop.

Receiver first, so that nothing new comes in; then those that work; then the simulator, which they send to; then the way
in; the store last.
"""

import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import partial
from typing import Final

from ringback.receiver.admin.several import Receivers
from ringback.run.supervisor import Child
from ringback.schemas.keys import EVENTS_QUEUE, VOICE_QUEUE
from ringback.schemas.sending_settings import NOT_FOR_RECEIVERS
from ringback.schemas.settings import Settings

# -P: nothing in the user's folder comes before what we import, such as a `queue.py` or a folder called `ringback`.
# Handlers are found there all the same (ringback.workers.discovery).
_PROGRAM: Final = (sys.executable, "-P", "-m", "ringback")
RECEIVER_STOP_S: Final = 15.0
WORKER_STOP_S: Final = 90.0
"""Seconds that they have to stop. Whoever stops `ringback work` must wait longer: the files under deploy/ do."""
_OF_SEVERAL_S: Final = 3.0  # their parent ends after them
_STORE_STOP_S: Final = 20.0
_TUNNEL_STOP_S: Final = 5.0
_SIMULATOR_STOP_S: Final = 5.0

SENDS_QUEUE: Final = "sends"
"""In place of a queue's name: the sender. It is no worker of RQ's, and of several one sends while the others wait."""
POLLS_QUEUE: Final = "polls"
"""Likewise the poller, which asks providers for what they did not call us with. Without a setting it is not started."""
_OF_NO_QUEUE: Final = {SENDS_QUEUE: "sender", POLLS_QUEUE: "poller"}
DEFAULT_QUEUES: Final = (EVENTS_QUEUE, EVENTS_QUEUE, VOICE_QUEUE, VOICE_QUEUE, SENDS_QUEUE)
"""A process each: two drains, so that one goes on while the other runs alone what a worker died with; two for calls;
one that sends.
"""


class Stage(IntEnum):
    """Started in this order, stopped in the reverse."""

    STORE = 0
    TUNNEL = 1
    SIMULATOR = 2
    WORKERS = 3
    RECEIVER = 4


def store_child(command: Sequence[str]) -> Child:
    """Give the embedded server."""
    return Child("store", command, Stage.STORE, _STORE_STOP_S, without=NOT_FOR_RECEIVERS, umask=0o077)


def tunnel_child(name: str, command: Sequence[str]) -> Child:
    """Give the program that leads here from a public address. It needs none of our secrets, so it gets none."""
    without = {"RINGBACK_TOKENS", "RINGBACK_REDIS_URL", *NOT_FOR_RECEIVERS}
    return Child(name, command, Stage.TUNNEL, _TUNNEL_STOP_S, without=without)


def simulator_child(descriptor: int, environment: Mapping[str, str]) -> Child:
    """Return the simulator of both providers, on a socket that the supervisor holds. It sends nothing by itself."""
    command = (*_PROGRAM, "simulate", "--fd", str(descriptor))
    return Child(
        "simulator", command, Stage.SIMULATOR, _SIMULATOR_STOP_S, environment, NOT_FOR_RECEIVERS, pass_fds=(descriptor,)
    )


def receiver_child(descriptor: int, environment: Mapping[str, str]) -> Child:
    """Return the receiver, on a socket that the supervisor holds: while it restarts, callers wait instead of failing.
    Where RINGBACK_RECEIVERS is more than 1 it is the parent of so many.

    It gets no credentials of providers: those are for processes that nobody reaches from outside.
    """
    command = (*_PROGRAM, "serve", "--fd", str(descriptor))
    stop_s = RECEIVER_STOP_S + _OF_SEVERAL_S
    return Child("receiver", command, Stage.RECEIVER, stop_s, environment, NOT_FOR_RECEIVERS, pass_fds=(descriptor,))


def receiver_children(count: int, descriptor: int, counts: int, receivers: Receivers) -> list[Child]:
    """Return several receivers on one socket that we hold, with a file for the counts of their connections.

    They have no admin port: we are told their figures.
    """
    environment = {"RINGBACK_RECEIVERS": str(count)}
    handed_on = (descriptor, counts)
    children = []
    for number in range(count):
        name = f"receiver-{number + 1}"
        command = (
            *_PROGRAM, "receiver", "--fd", str(descriptor), "--counts", str(counts), "--number", str(number),
        )  # fmt: skip
        child = Child(
            name, command, Stage.RECEIVER, RECEIVER_STOP_S, environment, NOT_FOR_RECEIVERS, pass_fds=handed_on
        )
        child.talk, child.serves = partial(receivers.hear, name), partial(receivers.serves, name)
        children.append(child)
    return children


def default_queues(settings: Settings) -> list[str]:
    """Return the queues that are worked on where none are named."""
    return without_idle((*DEFAULT_QUEUES, POLLS_QUEUE), settings)


def without_idle(queues: Sequence[str], settings: Settings) -> list[str]:
    """Return the queues that there is work on by these settings: `polls` only where something is asked for."""
    return [queue for queue in queues if queue != POLLS_QUEUE or settings.polls]


def worker_children(queues: Sequence[str], environment: Mapping[str, str]) -> list[Child]:
    """Return a worker for each queue named, as often as it is named; for `sends` and `polls` those programs."""
    counts: dict[str, int] = {}
    children = []
    for queue in queues:
        counts[queue] = counts.get(queue, 0) + 1
        program = _OF_NO_QUEUE.get(queue)
        command = (*_PROGRAM, *((program,) if program else ("worker", queue)))
        children.append(Child(f"{queue}-{counts[queue]}", command, Stage.WORKERS, WORKER_STOP_S, environment))
    return children
