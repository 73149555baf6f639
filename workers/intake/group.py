"""The consumer group of our own handlers."""

from redis import Redis
from redis.exceptions import ResponseError

from ringback.schemas.keys import HANDLERS_GROUP, Keys


def ensure_group(redis: Redis, keys: Keys) -> None:
    """Make the consumer group, from the beginning of the stream, if it is not there. Raises RedisError."""
    try:
        redis.xgroup_create(keys.events, HANDLERS_GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def is_missing(error: ResponseError) -> bool:
    """Tell whether an error says that the group is not there: the server lost its data, or someone flushed it."""
    return "NOGROUP" in str(error)
