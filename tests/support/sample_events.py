"""Events of the sample callbacks, made as the receiver makes them, with the clock and the ids held still."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import count
from urllib.parse import urlsplit

import pytest

from ringback.receiver.parsing.normalise import Normaliser
from ringback.receiver.parsing.parse import parse
from ringback.receiver.providers import BY_NAME
from ringback.schemas.event_data import Channel, Error, SendStatus
from ringback.schemas.events import Event
from ringback.schemas.send_events import placed_event, sent_event
from ringback.wire.samples import MOCEAN_ZONE, SAMPLES, Sample
from ringback.wire.sending import Wire, build

NOW = datetime(2026, 3, 2, 8, 15, 30, tzinfo=UTC)
RECEIVED = NOW + timedelta(milliseconds=184)
ACCOUNT = "acme"
SENT = sent_event(
    provider="mocean",
    account=ACCOUNT,
    ref="j7q2m5xwpz3kd4ta",
    channel=Channel.SMS,
    status=SendStatus.ACCEPTED,
    at=RECEIVED,
    to="60123456789",
    from_="63001",
    message_id="cust9af2f319d625e49d93faef3cb128cf48",
    segments=2,
    handler="shop.greet",
    cause="7990558e11d9bc58be3284bcde334ed4",
    context={"order": "42"},
)
PLACED = placed_event(
    provider="mocean",
    account=ACCOUNT,
    ref="qk3vn6d2tz7rhb5m",
    status=SendStatus.REFUSED,
    at=RECEIVED,
    to="60123456789",
    from_="60312345678",
    error=Error(
        code=2,
        name="Insufficient balance.",
        description="Insufficient balance. Not enough credit in the account to call to any of the receivers.",
        permanent=True,
    ),
    handler="shop.call_back",
    cause="7990558e11d9bc58be3284bcde334ed4",
)


def event_of(sample: Sample, overrides: Mapping[str, str] | None = None) -> Event:
    """Send a sample callback through parser and normaliser."""
    ids = hexadecimal(sample.name)
    wire = build(sample, overrides or {}, now=NOW, new_id=lambda: next(ids))
    step = (overrides or {}).get("step", sample.step)
    callback = BY_NAME[f"{sample.name}/{{step}}" if step else sample.name]
    (parsed,) = parse(wire.headers["Content-Type"], wire.body, [])
    if step:
        parsed.fields.path = {"step": last_segment(wire)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ringback.receiver.parsing.normalise.secrets.token_hex", lambda _: next(ids))
        return Normaliser(MOCEAN_ZONE).event(callback, parsed.fields, ACCOUNT, {}, RECEIVED)


def samples() -> Iterator[tuple[str, Sample, dict[str, str]]]:
    """Give each sample, each of its variants, and each with all its optional fields, under a name."""
    for sample in SAMPLES.values():
        optional = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in sample.optional.items()
        }
        yield sample.name, sample, {}
        if optional:
            yield f"{sample.name} with more", sample, optional
        for variant in sample.variants:
            yield f"{sample.name} {variant}", sample, {sample.varies_by or "": variant}


def hexadecimal(seed: str) -> Iterator[str]:
    """Give ids that look like real ones: 32 hexadecimal digits."""
    return (blake2b(f"{seed} {number}".encode(), digest_size=16).hexdigest() for number in count(1))


def last_segment(wire: Wire) -> str:
    return urlsplit(wire.path).path.rpartition("/")[2]
