"""What the sender keeps to: STOP, an account's rate, and that what a later version has asked for is left to it."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ringback.outbox import drafting, queue
from ringback.outbox.draft import ref_of
from ringback.outbox.queue import Intent
from ringback.wire.samples import MOCEAN_ZONE, find
from ringback.wire.sending import build
from tests.support.outbox import await_got, got, replying, write
from tests.support.service import Service, wait_for

PHONE, OTHERS = "60128111111", "60128222222"


def say(service: Service, text: str, to: str = "63001", phone: str = PHONE) -> str:
    """Write an SMS to one of our numbers; return its event's id."""
    known = {one["id"] for one in service.events()}
    message = {
        "mocean-from": phone,
        "mocean-to": to,
        "mocean-time": f"{datetime.now(MOCEAN_ZONE):%Y-%m-%d %H:%M:%S}",
        "mocean-text": text,
        "mocean-keyword": "REPLY",
    }
    assert service.send(build(find("mocean/inbound-sms"), message)).status_code == 200
    (new,) = {one["id"] for one in service.events() if one["type"] == "message.received"} - known
    return str(new)


def fate(service: Service, cause: str) -> tuple[str, str | None]:
    """Wait for what became of the reply to an event; return its status, and the name of its error."""

    def found() -> list[dict[str, Any]]:
        return [one["data"] for one in service.events() if one["data"].get("cause") == cause]

    (data,) = wait_for(found, "what became of it")
    return data["status"], (data.get("error") or {}).get("name")


def test_who_writes_stop_is_texted_no_more(redis_url: str, tmp_path: Path) -> None:
    with replying(redis_url, tmp_path) as (service, provider):
        assert fate(service, say(service, "Hello 1")) == ("accepted", None)
        # The answer to STOP itself too.
        assert fate(service, say(service, " stop ")) == ("refused", "opted_out")
        assert fate(service, say(service, "Hello 2")) == ("refused", "opted_out")
        assert fate(service, say(service, "Hello 3", to="63002")) == ("accepted", None)
        assert fate(service, say(service, "Hello 4", phone=OTHERS)) == ("accepted", None)
        assert fate(service, say(service, "START")) == ("accepted", None)
        assert fate(service, say(service, "Hello 5")) == ("accepted", None)
        assert sorted(got(provider)) == ["Hello 1", "Hello 3", "Hello 4", "Hello 5", "START"]
        assert service.ringback("dead", "ls", "--json").stdout.strip() == "[]"


def test_a_rate_holds_from_the_first_send_on(redis_url: str, tmp_path: Path) -> None:
    with replying(redis_url, tmp_path, RINGBACK_SEND_RATE="mocean:5/s") as (service, provider):
        began = time.monotonic()
        texts = [write(service, "REPLY") for _ in range(15)]
        await_got(provider, *texts)
        # Five at once, then one each 200 ms.
        assert time.monotonic() - began > 1.9


def test_what_a_later_version_asks_for_is_left_to_it(redis_url: str, tmp_path: Path) -> None:
    with replying(redis_url, tmp_path) as (service, provider):
        known = drafting.sms("mocean", "acme", to="+60128333333", from_="ACME", text="On its way.")
        later = json.dumps(json.loads(known.dump()) | {"kind": "fax", "to": "60128444444"})
        refs = [ref_of(service.prefix, name) for name in ("later", "known")]
        line = "mocean:acme:60128444444"
        with service.redis.pipeline() as pipeline:
            queue.add(pipeline, service.keys, [[Intent(refs[0], line, later)], [Intent.of(refs[1], known)]])
            pipeline.execute()
        await_got(provider, "On its way.")

        def waits() -> bool:
            state, at = service.redis.hmget(service.keys.send(refs[0]), "state", "at")
            return (state, bool(at)) == (b"queued", True)

        wait_for(waits, "it is left")
        due = service.redis.zscore(f"{service.keys.outbox_lines}mocean:acme", line)
        assert due is not None
        assert due / 1000 > datetime.now(UTC).timestamp() + 30
        assert got(provider) == ["On its way."]
