"""The consumer group of our own handlers: of the events, and of the due runs that workers have taken."""

from redis import Redis
from redis.exceptions import ResponseError

from ringback.schemas.keys import HANDLERS_GROUP, Keys


def ensure_group(redis: Redis, keys: Keys) -> None:
    """Make the consumer groups, from the beginning of their streams, if they are not there. Raises RedisError."""
    for stream in (keys.events, keys.due_taken):
        try:
            redis.xgroup_create(stream, HANDLERS_GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise


def is_missing(error: ResponseError) -> bool:
    """Whether an error says that the group is not there: the server lost its data, or someone flushed it."""
    return "NOGROUP" in str(error)
