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
from ringback.schemas.events import Event
from ringback.wire.samples import MOCEAN_ZONE, SAMPLES, Sample
from ringback.wire.sending import Wire, build

NOW = datetime(2026, 3, 2, 8, 15, 30, tzinfo=UTC)
RECEIVED = NOW + timedelta(milliseconds=184)
ACCOUNT = "acme"


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
