"""A stand-in for `valkey-cli`, for a machine that has none: `python -m tests.support.valkey_cli PORT [-e] COMMAND…`.

Like it, it prints the parts of a reply a line each, and with `-e` ends with 1 where the server says no.
"""

import sys

from redis import Redis
from redis.exceptions import RedisError


def main(port: str, *words: str) -> int:
    """Ask the server on this port."""
    with Redis(port=int(port), decode_responses=True, protocol=2) as redis:
        redis.response_callbacks.clear()
        try:
            reply = redis.execute_command(*(word for word in words if word != "-e"))
        except RedisError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    for part in reply if isinstance(reply, list) else [reply]:
        sys.stdout.write(f"{part}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
