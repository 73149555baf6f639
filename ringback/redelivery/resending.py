"""Resending: sends that a person lets go out again, or not at all.

Imports RQ, so the command line imports it only once RQ's prefix is claimed.
"""

from collections.abc import Callable, Iterable, Iterator

from redis import Redis

from ringback.outbox import queue
from ringback.outbox.queue import SendStateError
from ringback.outbox.record import SendRecord
from ringback.schemas.keys import Keys
from ringback.workers.failures.letters import Letters, send_letter_id


def send_again(redis: Redis, keys: Keys, refs: Iterable[str]) -> Iterator[SendStateError | None]:
    """Let sends go out again; of each yield why it could not. It is no dead letter any more."""
    return _each(redis, keys, refs, queue.again)


def drop_sends(redis: Redis, keys: Keys, refs: Iterable[str]) -> Iterator[SendStateError | None]:
    """Let sends not go out; of each yield why it could not. It is no dead letter any more."""
    return _each(redis, keys, refs, queue.drop)


def _each(
    redis: Redis, keys: Keys, refs: Iterable[str], change: Callable[[Redis, Keys, str], SendRecord]
) -> Iterator[SendStateError | None]:
    letters = Letters(redis, keys)
    for ref in refs:
        try:
            change(redis, keys, ref)
        except SendStateError as error:
            yield error
        else:
            letters.drop([send_letter_id(ref)])
            yield None
