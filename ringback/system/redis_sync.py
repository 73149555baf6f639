"""Connect: a client for the primary, wherever RINGBACK_REDIS_URL says that it is."""

from typing import Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.exceptions import ReadOnlyError, ResponseError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelManagedConnection, SentinelManagedSSLConnection

from ringback.schemas.redis_refusal import READ_ONLY, refusal_of
from ringback.schemas.redis_url import sentinels_of

# Some Sentinels may have died with the primary's machine.
_ASK_S: Final = 0.5


class _Client(Redis):
    """A client that takes a script's word for it that the server is no primary any more, as it takes a command's."""

    def parse_response(self, connection: AbstractConnection, command_name: str | bytes, **options: object) -> object:
        """Read a reply."""
        try:
            return super().parse_response(connection, command_name, **options)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            if refusal_of(error.status_code, str(error)) == READ_ONLY and not isinstance(error, ReadOnlyError):
                raise ReadOnlyError(str(error)) from error
            raise


class _FoundAnew(SentinelManagedConnection):
    """A connection that asks the Sentinels each time that it is made; redis-py's goes back to the server that it had
    for as long as a command is tried again.
    """

    def send_packed_command(self, command: object, check_health: bool = True) -> None:
        """Send; where the connection is gone, first find out to whom."""
        if self._sock is None:
            self.connect()  # type: ignore[no-untyped-call]
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]


class _FoundAnewOverTls(_FoundAnew, SentinelManagedSSLConnection):
    """The same over TLS."""


def connect(url: str, *, retry: Retry, reply_s: float, connect_s: float) -> Redis:
    """Make a client; it connects at the first use. `reply_s`, `connect_s`: how long to wait for a reply, a connection.

    A server that says that it is no primary any more is hung up on: the next try asks anew where the primary is.
    """
    retry.update_supported_errors([ReadOnlyError])
    found = sentinels_of(url)
    if found is None:
        return _Client.from_url(url, socket_timeout=reply_s, socket_connect_timeout=connect_s, retry=retry, protocol=2)
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
    client: Redis = sentinel.master_for(  # type: ignore[no-untyped-call]
        found.service,
        redis_class=_Client,
        db=found.db,
        username=found.user,
        password=found.password,
        connection_class=_FoundAnewOverTls if found.tls else _FoundAnew,
        socket_timeout=reply_s,
        socket_connect_timeout=connect_s,
        retry=retry,
        protocol=2,
    )
    return client
