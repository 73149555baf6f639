"""Ringing: calls that no worker has taken yet. They wait in a line an account, and come to the queue in turn."""

from importlib.resources import files
from typing import Final

from redis import Redis

from ringback.schemas.keys import VOICE_QUEUE, Keys

_MOVE: Final = files("ringback.schemas").joinpath("ringing.lua").read_text() + "calls.move(unpack(KEYS))"


def move(redis: Redis, keys: Keys) -> None:
    """Move the next calls to the queue, as many as it has room for: at once, or as part of a pipeline.

    Raises RedisError.
    """
    names = (
        keys.call_turns, keys.call_lines, keys.rq_job(""), keys.rq_queue(VOICE_QUEUE), keys.rq_workers(VOICE_QUEUE),
    )  # fmt: skip
    redis.eval(_MOVE, len(names), *names)
