"""A service whose handlers send, beside a simulator; what is in its outbox, and what phones got."""

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, cast

from redis import Redis
from redis.exceptions import ResponseError

from ringback.outbox.record import SendRecord, SendState, read_record
from ringback.schemas.keys import Keys
from ringback.wire.samples import MOCEAN_ZONE, find
from ringback.wire.sending import build
from tests.support.service import TOKEN, Service, running, wait_for
from tests.support.simulated import Simulated, simulated

PAGE = 2_000
HANDLERS = "tests.support.handlers.replying"
_phones = count(60128000000)


def sending_settings(provider_url: str) -> dict[str, str]:
    """Return what an account needs to send by a simulator."""
    return {
        "RINGBACK_TOKENS": f"acme:{TOKEN}",
        "RINGBACK_MOCEAN_API_KEY": "key",
        "RINGBACK_MOCEAN_API_SECRET": "secret",
        "RINGBACK_MOCEAN_URL": f"{provider_url}/rest/2",
    }


@contextmanager
def replying(
    redis_url: str, folder: Path, *, queues: str = "events,sends", **settings: str
) -> Iterator[tuple[Service, Simulated]]:
    """Run a receiver, workers with the handlers that reply, a sender and a simulator."""
    with simulated(folder) as provider:
        chosen = {"RINGBACK_HANDLERS": HANDLERS, **sending_settings(provider.url), **settings}
        with running(redis_url, queues=queues, **chosen) as service:
            yield service, provider


def write(service: Service, keyword: str, phone: str | None = None, text: str | None = None) -> str:
    """Write an SMS to the service now, from a phone that nobody else has or from this one. Return its text."""
    text = text or secrets.token_hex(8)
    message = {
        "mocean-from": phone or str(next(_phones)),
        "mocean-time": f"{datetime.now(MOCEAN_ZONE):%Y-%m-%d %H:%M:%S}",
        "mocean-text": text,
        "mocean-keyword": keyword,
    }
    assert service.send(build(find("mocean/inbound-sms"), message)).status_code == 200
    return text


def got(provider: Simulated) -> list[str]:
    """Return the texts that phones got, in order."""
    rows = provider.http.get("/_sim/messages").json()["messages"]
    return [one["content"]["text"] for one in rows]


def await_got(provider: Simulated, *texts: str) -> list[str]:
    """Wait until phones got these texts, and return all that they got, in order."""

    def found() -> list[str] | None:
        rows = got(provider)
        return rows if set(texts) <= set(rows) else None

    return wait_for(found, f"{len(texts)} answers", 40)


def await_sent(service: Service) -> None:
    """Wait until every send is decided and told."""
    deadline = time.monotonic() + 40
    while left := {
        where: count for where, count in unsent(service.redis, service.keys, "mocean", "acme").items() if count
    }:
        assert time.monotonic() < deadline, (left, states(service))
        time.sleep(0.01)


def records_of(redis: Redis, keys: Keys) -> Iterator[SendRecord]:
    """Yield the records of all sends."""
    prefix = keys.sends
    names = [name.decode() for name in cast("Iterator[bytes]", redis.scan_iter(f"{prefix}*", count=PAGE))]
    for start in range(0, len(names), PAGE):
        page = names[start : start + PAGE]
        with redis.pipeline(transaction=False) as pipeline:
            for name in page:
                pipeline.hgetall(name)
            for name, found in zip(page, pipeline.execute(), strict=True):
                yield read_record(name.removeprefix(prefix), found)


def states(service: Service) -> Counter[SendState]:
    """Count the sends by where they are."""
    return Counter(record.state for record in records_of(service.redis, service.keys))


def told(service: Service) -> Counter[tuple[str, str]]:
    """Count the events that tell what became of a send, by its ref and status."""
    data = [one["data"] for one in service.events() if one["type"] in ("message.sent", "call.placed")]
    return Counter((one["ref"], one["status"]) for one in data)


def unsent(redis: Redis, keys: Keys, provider: str, account: str) -> dict[str, int]:
    """Count the sends that wait or are on their way, by where they are."""
    try:
        groups: list[dict[str, Any]] = redis.xinfo_groups(keys.outbox)
    except ResponseError:  # nothing was ever to be sent
        return {}
    return {
        "not taken by the sender": sum((group["lag"] or 0) + group["pending"] for group in groups),
        "waiting for their line": redis.zcard(f"{keys.outbox_lines}{provider}:{account}"),
        "claimed or not told": redis.zcard(keys.outbox_open),
    }
