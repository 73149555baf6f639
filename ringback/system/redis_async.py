"""Connect: a client for the primary, wherever RINGBACK_REDIS_URL says that it is. None tries again by itself: what has
to be tried again, and when, its user knows.
"""

from typing import Final

from redis.asyncio import Connection, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError, ResponseError

from ringback.schemas.redis_refusal import READ_ONLY, refusal_of
from ringback.schemas.redis_url import sentinels_of

# Several Sentinels must fit into the second that a commit has: the first may have died with the primary's machine.
_ASK_S: Final = 0.25


class _AsyncClient(Redis):
    """A client that takes a script's word for it that the server is no primary any more, as it takes a command's."""

    async def parse_response(self, connection: Connection, command_name: str | bytes, **options: object) -> object:
        """Read a reply."""
        try:
            return await super().parse_response(connection, command_name, **options)
        except ResponseError as error:
            if is_no_primary(error) and not isinstance(error, ReadOnlyError):
                raise ReadOnlyError(str(error)) from error
            raise


def is_no_primary(error: ResponseError) -> bool:
    """Whether a server says that it takes no writes since it is a replica."""
    return refusal_of(error.status_code, str(error)) == READ_ONLY


def connect(url: str, *, reply_s: float, connect_s: float) -> Redis:
    """Make a client; it connects at the first use. `reply_s`, `connect_s`: how long to wait for a reply, a connection.

    A server that says that it is no primary any more is hung up on: the next try asks anew where the primary is.
    """
    # Reading a command's failure as one of these is what makes redis-py hang up.
    lost = [ReadOnlyError]
    found = sentinels_of(url)
    if found is None:
        return _AsyncClient.from_url(
            url,
            socket_timeout=reply_s,
            socket_connect_timeout=connect_s,
            retry=Retry(NoBackoff(), 0),
            retry_on_error=lost,
            protocol=2,
        )
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        list(found.hosts),
        sentinel_kwargs={
            "username": found.sentinel_user,
            "password": found.sentinel_password,
            "ssl": found.tls,
            "socket_timeout": _ASK_S,
            "socket_connect_timeout": _ASK_S,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        },
    )
    client: Redis = sentinel.master_for(
        found.service,
        redis_class=_AsyncClient,
        db=found.db,
        username=found.user,
        password=found.password,
        ssl=found.tls,
        socket_timeout=reply_s,
        socket_connect_timeout=connect_s,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=lost,
        protocol=2,
    )
    return client


async def hang_up(client: Redis) -> None:
    """Close a client's connections, also those to the Sentinels."""
    pool = client.connection_pool
    await client.aclose()
    if isinstance(pool, SentinelConnectionPool):
        await pool.sentinel_manager.aclose()
