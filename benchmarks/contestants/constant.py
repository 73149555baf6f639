"""The ceiling of what stores: each request is read and answered, and an event that was made beforehand is committed.

Ringback's own committer and script, with a fresh id each; no door, no parsing of the body, no ASGI between. What
Ringback does more a request is what lies between its figure and this one.
"""

import asyncio
import os
import sys
from itertools import count
from typing import Final, cast

import httptools
import uvloop

from benchmarks.commits import REPORT, groups
from benchmarks.contestants.servers import KEYS
from ringback.receiver.commit.committer import Committer
from ringback.receiver.commit.script import Terms, commit_client
from ringback.receiver.commit.waiting import CommitOutcome, Waiting

_TTL_S: Final = 48 * 3600
_ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
_BROKEN: Final = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"


class Events:
    """One event again and again, with ids that no other has."""

    def __init__(self) -> None:
        ((self._made,),) = groups(REPORT, 1, 1)
        self._numbers = count()
        self._run = os.urandom(6).hex()

    def fresh(self) -> Waiting:
        """Return a copy with another id."""
        made = self._made
        new = f"{self._run}{next(self._numbers):0{len(made.id) - len(self._run)}}"
        status, message, at = made.report or ("", "", "")
        report = (status, message[: -len(new)] + new, at)
        json = made.json.replace(made.id, new)
        return Waiting(new, made.type, made.provider, made.account, json, made.size, report, made.flags)


class Reading(asyncio.Protocol):
    """A connection whose requests are read, and answered once the constant is on disk."""

    def __init__(self, committer: Committer, events: Events) -> None:
        self._committer = committer
        self._events = events
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Commit."""
        event = self._events.fresh()
        event.settle = self._answer
        self._committer.hand_over(event)

    def _answer(self, outcome: CommitOutcome | Exception) -> None:
        if not self._transport.is_closing():  # the load's time is up
            self._transport.write(_ANSWER if outcome is CommitOutcome.STORED else _BROKEN)


async def main() -> None:
    """Serve."""
    committer, events = Committer(commit_client(sys.argv[2]), Terms(KEYS, _TTL_S, _TTL_S)), Events()
    server = await asyncio.get_running_loop().create_server(
        lambda: Reading(committer, events), "127.0.0.1", int(sys.argv[1])
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
