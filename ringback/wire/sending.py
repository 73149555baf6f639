"""Trigger: send a sample callback over HTTP in the provider's own wire format (`ringback trigger`).

    wire = build(find("mocean/delivery-report"), {"mocean-dlr-status": "2"})
    with httpx.Client() as client:
        send(client, "http://127.0.0.1:8000", token, wire)

Method, body format, headers and nesting are the provider's: what the receiver makes of it, it makes of the real one.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn
from urllib.parse import quote, urlencode

import httpx
from pydantic import JsonValue

from ringback.schemas.callback_parameters import CONTEXT_PREFIX, TOKEN_PARAMETER
from ringback.wire.samples import Occasion, Sample, SampleFields, TriggerError, hint

_CONTENT_TYPES: Final = {"form": "application/x-www-form-urlencoded", "json": "application/json"}


class UnknownFieldError(TriggerError):
    """The callback has no field of this name."""


class UnfitValueError(TriggerError):
    """A value that is not of its field's type."""


@dataclass(frozen=True, slots=True)
class Wire:
    """One HTTP request as the provider would make it, less the host and the secret.

    `query`: what else stands in the URL that was pasted at the provider.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)


def random_id() -> str:
    """Give 32 random hexadecimal digits."""
    return uuid.uuid4().hex


def build(
    sample: Sample,
    overrides: Mapping[str, str],
    *,
    raw: Mapping[str, str] | None = None,
    now: datetime | None = None,
    new_id: Callable[[], str] = random_id,
) -> Wire:
    """Write the callback with the caller's values in place of the sample's. `now`, if given, has a zone.

    A name that begins with `ctx.` is a parameter of the URL. `raw` are fields of any name and type: in JSON a value
    that can be read as JSON is sent as that.

    Raises `UnknownFieldError` for a name in `overrides` that the sample does not know, `UnfitValueError` for, say,
    letters in a JSON number.
    """
    raw = raw or {}
    settable = sample.settable
    query = {name: text for name, text in overrides.items() if name.startswith(CONTEXT_PREFIX)}
    fields = {name: text for name, text in overrides.items() if name not in query}
    for name in fields:
        if name not in settable:
            raise UnknownFieldError(
                f'{sample.name} has no field "{name}"; {hint(name, settable)} (--raw sends it anyway)'
            )
    values = {
        **sample.usual(fields),
        **new_values(sample, fields, Occasion(now or datetime.now(UTC), new_id)),
        **{name: typed(sample, name, text) for name, text in fields.items() if name != "step"},
        **{name: untyped(sample, text) for name, text in raw.items()},
    }
    return Wire(
        method=sample.method,
        path=_path(sample, fields),
        headers={"Content-Type": _CONTENT_TYPES[sample.format], **sample.headers},
        body=_form(values) if sample.format == "form" else _json(values),
        query=query,
    )


def series(
    sample: Sample,
    overrides: Mapping[str, str],
    count: int,
    *,
    raw: Mapping[str, str] | None = None,
    now: datetime | None = None,
    new_id: Callable[[], str] = random_id,
) -> Iterator[Wire]:
    """Write the callback `count` times, a second apart and the last one now.

    An inbound SMS has no message id: sent twice with one time it would be a repeat, and make one event only.
    """
    last = now or datetime.now(UTC)
    for before in reversed(range(count)):
        yield build(sample, overrides, raw=raw, now=last - timedelta(seconds=before), new_id=new_id)


def send(client: httpx.Client, base_url: str, token: str | None, wire: Wire) -> httpx.Response:
    """Send the callback to the receiver at `base_url`, with the secret in the query unless it runs without."""
    parameters = {**({} if token is None else {TOKEN_PARAMETER: token}), **wire.query}
    query = f"?{urlencode(parameters, errors='surrogateescape')}" if parameters else ""
    return client.request(
        wire.method,
        base_url.rstrip("/") + wire.path + query,
        headers=dict(wire.headers),
        content=wire.body,
    )


def new_values(sample: Sample, overrides: Mapping[str, str], occasion: Occasion) -> dict[str, JsonValue]:
    """Make ids and times anew: those that this callback has and the caller does not set."""
    usual = sample.usual(overrides)
    return {name: make(occasion) for name, make in sample.fresh.items() if name in usual and name not in overrides}


def typed(sample: Sample, name: str, text: str) -> JsonValue:
    """Read the caller's text in the type that the field has on the wire. Empty is an empty string in any type.

    A form has only strings. In JSON, a quoted value (`'"1690124844"'`) for a field that is no string sends a string
    all the same, as providers do at times.
    """
    example = sample.examples[name]
    if sample.format == "form" or not text:
        return text
    if text == "null" and name in sample.nullable:
        return None
    if isinstance(example, str):
        return text
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        value = None
    if type(value) in (type(example), str):  # exactly: True is no int here
        return value
    if isinstance(example, float) and type(value) is int:
        return float(value)
    raise UnfitValueError(f'{sample.name}: {name} is "{text}"; write it like {json.dumps(example)}')


def untyped(sample: Sample, text: str) -> JsonValue:
    """Read the caller's text of a field that no document describes: JSON as JSON where it can be read, else a string.

    A form has only strings.
    """
    if sample.format == "form":
        return text
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _path(sample: Sample, overrides: Mapping[str, str]) -> str:
    path = f"/webhooks/{sample.name}"
    step = overrides.get("step", sample.step) if sample.step is not None else None
    return f"{path}/{quote(step, safe='', errors='surrogateescape')}" if step else path


def _form(values: SampleFields) -> bytes:
    pairs = [(_bracketed(name), value) for name, value in values.items()]
    # A byte of the command line that is no UTF-8 goes out as it is: so Latin-1 from a careless gateway can be tried.
    return urlencode(pairs, errors="surrogateescape").encode("ascii")


def _bracketed(name: str) -> str:
    first, *rest = name.split(".")
    return first + "".join(f"[{step}]" for step in rest)


def _json(values: SampleFields) -> bytes:
    tree: dict[str, JsonValue] = {}
    for name, value in values.items():
        *parents, last = name.split(".")
        here = tree
        for parent in parents:
            below = here.setdefault(parent, {})
            if not isinstance(below, dict):
                raise UnfitValueError(f'{name}: "{parent}" has a value of its own, so there is nothing below it')
            here = below
        here[last] = value
    return json.dumps(tree).encode("ascii")
