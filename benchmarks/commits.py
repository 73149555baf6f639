"""Commits: a client that commits events as receivers do, by their own script, and says what it cost the store.

Each connection is one receiver's: it has one commit on its way at a time. The events are made beforehand, since here
the store is what is measured.
"""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import uvloop
from msgspec.structs import replace
from redis import Redis

from benchmarks.meter import Reading
from benchmarks.results import StoreCost
from ringback.receiver.commit.script import CommitScript, Terms, commit_client
from ringback.receiver.commit.waiting import Waiting
from ringback.receiver.parsing.normalise import Normaliser
from ringback.receiver.parsing.parse import parse
from ringback.receiver.providers import BY_NAME
from ringback.schemas.event_data import MessageStatus
from ringback.schemas.events import Event
from ringback.schemas.keys import Keys
from ringback.schemas.parts import to_json
from ringback.wire.samples import MOCEAN_ZONE, find
from ringback.wire.sending import build

REPORT: Final = "mocean/delivery-report"
INBOUND: Final = "mocean/inbound-sms"
KEYS: Final = Keys("ringback")
_ID: Final = "0123456789abcdef" * 2
_TTL_S: Final = 48 * 3600

Group = list[Waiting]


def groups(sample: str, events: int, size: int) -> list[Group]:
    """Make groups of events as a receiver does, with ids that no other has."""
    event = _event(sample)
    text = to_json(event).decode()
    made = [_fresh(event, text) for _ in range(events)]
    return [made[start : start + size] for start in range(0, events, size)]


def _event(name: str) -> Event:
    sample, now = find(name), datetime.now(UTC)
    wire = build(sample, {}, now=now, new_id=lambda: _ID)
    (parsed,) = parse(wire.headers["Content-Type"], wire.body, [])
    return Normaliser(MOCEAN_ZONE).event(BY_NAME[name], parsed.fields, "benchmark", {}, now)


def _fresh(event: Event, text: str) -> Waiting:
    """Give a copy with other ids, quicker than to make an event anew."""
    new_id, new = secrets.token_hex(len(event.id) // 2), secrets.token_hex(len(_ID) // 2)
    data = event.data
    if isinstance(data, MessageStatus):
        data = replace(data, message_id=data.message_id.replace(_ID, new))
    copied = replace(event, id=new_id, data=data)
    return Waiting.of(copied, json=text.replace(event.id, new_id).replace(_ID, new))


async def commit(url: str, made: list[Group], connections: int, ttl_s: int, *, repeated: bool) -> StoreCost:
    """Commit groups over so many connections; with `repeated` those that are stored already."""
    clients = [commit_client(url) for _ in range(connections)]
    scripts = [CommitScript(client, Terms(KEYS, ttl_s, ttl_s)) for client in clients]
    watch = Redis.from_url(url, protocol=2)
    for script in scripts:  # it loads itself at the first run
        await script.store([])
    try:
        if repeated:
            await _all(scripts, made)
        before, began = Reading.of(watch), time.perf_counter()
        stored = await _all(scripts, made)
        seconds, after = time.perf_counter() - began, Reading.of(watch)
    finally:
        for script, client in zip(scripts, clients, strict=True):
            await script.close()
            await client.aclose()
        watch.close()
    events = sum(len(group) for group in made)
    if stored != (0 if repeated else events):
        raise SystemExit(f"{events} events, of which {stored} were new")
    return after.cost(before, events, seconds, replies=len(made) + 1)  # one is that to the first reading


async def _all(scripts: list[CommitScript], made: list[Group]) -> int:
    """Commit all groups: whose commit is done takes the next. Gives how many events were new."""
    waiting = iter(made)
    return sum(await asyncio.gather(*(_some(script, waiting) for script in scripts)))


async def _some(script: CommitScript, waiting: Iterable[Group]) -> int:
    return sum([sum(await script.store(group)) for group in waiting])


def main() -> None:
    """Commit events to a store that is otherwise idle, and print what it cost as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("url")
    parser.add_argument("sample", choices=(REPORT, INBOUND))
    parser.add_argument("events", type=int)
    parser.add_argument("--group", type=int, default=64, help="events in one commit")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--repeated", action="store_true", help="events that are stored already")
    parser.add_argument("--ttl", type=int, default=_TTL_S, help="seconds that repeats and messages are known")
    chosen = parser.parse_args()
    made = groups(chosen.sample, chosen.events, chosen.group)
    cost = uvloop.run(commit(chosen.url, made, chosen.connections, chosen.ttl, repeated=chosen.repeated))
    sys.stdout.write(cost.model_dump_json() + "\n")


if __name__ == "__main__":
    main()
