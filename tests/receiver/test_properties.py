"""Properties: what holds for any request whatever, found out by Hypothesis."""

import ast
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ringback.receiver.http.door import Query
from ringback.receiver.parsing.callbacks import Callback
from ringback.receiver.parsing.charsets import charset_of
from ringback.receiver.parsing.normalise import Normaliser, UnusableError
from ringback.receiver.parsing.parse import parse_query
from ringback.receiver.parsing.request import CallbackRequest
from ringback.receiver.providers import BY_NAME, CALLBACKS
from ringback.schemas.callback_parameters import without_secret
from ringback.schemas.events import Event, read_event
from ringback.schemas.parts import to_json
from ringback.wire.samples import SAMPLES, Sample
from ringback.wire.sending import build
from tests.support.service import ROOT

RECEIVED = datetime(2024, 2, 29, 12, tzinfo=UTC)
NORMALISER = Normaliser(ZoneInfo("Asia/Kuala_Lumpur"))
CONTENT_TYPES = [
    "",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-16be",
    "application/json",
    "application/json; charset=shift_jis",
    "text/plain; charset=latin-1",
    "multipart/form-data; boundary=x",
]

# Every field that any callback reads: noise under these names goes further than noise alone.
NAMES = sorted(
    {name for sample in SAMPLES.values() for name in sample.examples}
    | {name.partition(".")[0] for sample in SAMPLES.values() for name in sample.examples}
)
PIECES = [b"--x", b"\r\n", b'Content-Disposition: form-data; name="to"', b"\r\n\r\n", b"1", b"--", b": ", b"\xe9"]
names = st.sampled_from(NAMES) | st.text(max_size=8)
words = st.sampled_from(
    [
        "0",
        "1",
        "000",
        "-1",
        "60123456789",
        "+",
        " ",
        "{",
        "[{}]",
        '{"id": "1"}',
        '{"a": "\\ud800"}',
        "1e999",
        "nan",
        "text",
    ]
)
texts = st.text(st.characters(), max_size=20)  # halves of surrogate pairs among them
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts | words
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)
objects = st.dictionaries(names, values, max_size=12)
pairs = st.lists(st.tuples(names, words | st.text(max_size=20)), max_size=12)
queries = pairs.map(lambda fields: urlencode(fields, errors="replace").encode())
bodies = (
    st.binary(max_size=200)
    | objects.map(lambda fields: json.dumps(fields).encode())
    | st.lists(objects, max_size=3).map(lambda several: json.dumps(several).encode())
    | objects.map(lambda fields: json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    | queries
    | pairs.map(lambda fields: urlencode(fields, encoding="latin-1", errors="replace").encode())
    | objects.map(lambda fields: json.dumps(fields).encode("utf-16"))
    | st.lists(st.sampled_from(PIECES) | st.binary(max_size=5), max_size=20).map(b"".join)
)

# Flags are counted by name, for ever: each is on the page, or `unreadable:` and a word that stands in our code, or
# `encoding:` and a charset that is read.
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
FLAGS = set(re.findall(r"^\| `([a-z0-9:-]+)` \|", PAGE, re.MULTILINE)) | {
    f"unreadable:{node.value}"
    for file in (ROOT / "receiver" / "providers").rglob("*.py")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
}


def are_known(flags: Sequence[str]) -> bool:
    return all(flag in FLAGS or charset_of(flag.removeprefix("encoding:")) is not None for flag in flags)


every_callback = pytest.mark.parametrize("callback", CALLBACKS, ids=[callback.name for callback in CALLBACKS])
every_sample = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
thorough = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def incoming(callback: Callback, content_type: str, body: bytes, query: bytes) -> CallbackRequest:
    path = {"step": "menu"} if callback.path.endswith("{step}") else {}
    return CallbackRequest(callback, path, Query.of(*parse_query(query)), "acme", RECEIVED, content_type, "", body, 0)


def events(callback: Callback, content_type: str, body: bytes, query: bytes = b"") -> list[Event | str]:
    """Give the events of a request, and the reasons where there is none. Nothing else may be raised."""
    request = incoming(callback, content_type, body, query)
    try:
        parsed = request.callbacks()
    except UnusableError as error:
        return [error.reason]
    made: list[Event | str] = []
    for one in parsed:
        try:
            made.append(request.event(one.fields, NORMALISER))
        except UnusableError as error:
            made.append(error.reason)
    return made


def fields_of(callback: Callback, content_type: str, body: bytes, query: bytes = b"") -> list[dict[str, Any]]:
    return [one.fields.raw for one in incoming(callback, content_type, body, query).callbacks()]


def whole(sample: Sample, **overrides: str) -> tuple[str, dict[str, Any]]:
    """Give a sample's content type and nested fields."""
    wire = build(sample, {**overrides})
    content_type = wire.headers["Content-Type"].lower()
    (one,) = incoming(BY_NAME[sample.name], content_type, wire.body, b"").callbacks()
    return content_type, one.fields.tree


@every_callback
@thorough
@given(content_type=st.sampled_from(CONTENT_TYPES), body=bodies, query=st.binary(max_size=40) | queries)
def test_no_bytes_are_too_much(callback: Callback, content_type: str, body: bytes, query: bytes) -> None:
    for made in events(callback, content_type, body, query):
        if not isinstance(made, str):
            text = to_json(made).decode()
            assert read_event(text) == made
            assert are_known(made.data.flags)


@every_sample
@thorough
@given(extra=objects, data=st.data())
def test_noise_beside_and_inside_a_callback(sample: Sample, extra: dict[str, Any], data: st.DataObject) -> None:
    """Fields of a good callback, some of them replaced: it becomes an event, or it is said what is missing."""
    callback = BY_NAME[sample.name]
    _, fields = whole(sample)
    noisy = {**fields, **extra}
    inner = noisy.get("event_data")
    if isinstance(inner, dict):
        noisy["event_data"] = {**inner, **data.draw(objects)}
    body = json.dumps(noisy).encode()
    (made,) = events(callback, "application/json", body)
    if isinstance(made, str):
        assert made.endswith((" is missing", " holds no text")) or made.startswith("this is a callback for /webhooks/")
        return
    again = read_event(to_json(made).decode())
    assert again == made
    assert again.data.raw == fields_of(callback, "application/json", body)[0]
    assert are_known(again.data.flags)


@every_callback
@thorough
@given(content_type=st.sampled_from(CONTENT_TYPES), body=bodies, query=queries)
def test_normalising_is_deterministic(callback: Callback, content_type: str, body: bytes, query: bytes) -> None:
    first, second = events(callback, content_type, body, query), events(callback, content_type, body, query)
    assert [without_random_id(one) for one in first] == [without_random_id(one) for one in second]


@every_sample
def test_a_good_callback_is_deterministic(sample: Sample) -> None:
    wire = build(sample, {})
    callback = BY_NAME[sample.name]
    content_type = wire.headers["Content-Type"].lower()
    first, second = events(callback, content_type, wire.body), events(callback, content_type, wire.body)
    assert not isinstance(first[0], str)
    assert [without_random_id(one) for one in first] == [without_random_id(one) for one in second]


def without_random_id(made: Event | str) -> Event | str:
    """Give an event without its id and what stands in for one, where its callback has no identity."""
    if isinstance(made, str) or has_identity(made):
        return made
    key = "" if made.partitionkey == made.id else made.partitionkey
    return replace(made, id="", partitionkey=key)


def has_identity(event: Event) -> bool:
    """Tell by the contract's table whether a repeat of the callback has the same id."""
    raw, data = event.data.raw, event.data
    match event.type.value:
        case "call.incoming" | "call.input":
            return False
        case "message.received":
            # An inbound SMS has one where its time was readable.
            return getattr(data, "channel", None) == "whatsapp" or (
                event.provider == "mocean" and event.time != RECEIVED and "time:imprecise" not in event.data.flags
            )
        case "lookup.completed":
            return getattr(data, "lookup_id", None) is not None
        case "call.status":
            return getattr(data, "status", None) is not None
    return bool(raw)


@every_sample
@thorough
@given(extra=st.dictionaries(st.text(min_size=1, max_size=10).map(lambda name: f"x-{name}"), values, max_size=5))
def test_an_extra_field_survives(sample: Sample, extra: dict[str, Any]) -> None:
    _, fields = whole(sample)
    body = json.dumps({**fields, **extra}, ensure_ascii=False).encode("utf-8", "replace")
    (sent,) = fields_of(BY_NAME[sample.name], "application/json", body)
    (plain,) = events(BY_NAME[sample.name], "application/json", json.dumps(fields).encode())
    (made,) = events(BY_NAME[sample.name], "application/json", body)
    assert not isinstance(plain, str)
    assert not isinstance(made, str)
    assert read_event(to_json(made).decode()).data.raw == sent
    assert made.data.raw.keys() >= fields.keys()
    assert replace(made.data, raw=plain.data.raw) == plain.data


UNKNOWN = {
    "mocean/delivery-report": ("mocean-dlr-status", "status", "unknown:status"),
    "mocean/inbound-sms": ("mocean-coding", "encoding", "unknown:encoding"),
    "mocean/number-lookup": ("ported", "ported", "unknown:ported"),
    "mocean/whatsapp-inbound-message": ("event_data.content.type", "content.type", "unknown:content-type"),
    "mocean/whatsapp-delivery-status": ("event_data.meta_delivery_status", "status", "unknown:status"),
    "mycoolsms/delivery-report": ("status", "status", "unknown:status"),
}
new_words = st.text(min_size=1, max_size=20).filter(str.strip).map(lambda text: f"NEW {text}")


@pytest.mark.parametrize("name", UNKNOWN)
@thorough
@given(word=new_words)
def test_an_unknown_value_is_unknown_and_kept(name: str, word: str) -> None:
    field, ours, flag = UNKNOWN[name]
    _, fields = whole(SAMPLES[name])
    here = fields
    *parents, last = field.split(".")
    for parent in parents:
        here = here[parent]
    here[last] = word
    (made,) = events(BY_NAME[name], "application/json", json.dumps(fields).encode())
    assert not isinstance(made, str)
    data: Any = made.data
    for step in ours.split("."):
        data = getattr(data, step)
    kept: Any = made.data.raw
    for step in field.split("."):
        kept = kept[step]
    assert (data.value, made.data.flags, kept) == ("unknown", (flag,), word)


@thorough
@given(word=new_words)
def test_an_unknown_call_status_is_taken_as_it_is(word: str) -> None:
    _, fields = whole(SAMPLES["mocean/voice/status"])
    body = json.dumps({**fields, "mocean-status": word}).encode()
    (made,) = events(BY_NAME["mocean/voice/status"], "application/json", body)
    assert not isinstance(made, str)
    data: Any = made.data
    assert (data.status, made.data.flags) == (word.strip().lower(), ())


@thorough
@given(fields=st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=8))
def test_a_form_and_a_query_are_the_same(fields: dict[str, str]) -> None:
    sent = urlencode(fields, quote_via=quote).encode()
    callback = BY_NAME["mocean/delivery-report"]
    own = {name: value for name, value in fields.items() if name != "token" and not name.startswith("ctx.")}
    assert fields_of(callback, "", sent) == [fields]
    assert fields_of(callback, "", b"", sent) == [own]


@thorough
@given(before=pairs, secret=st.text(max_size=20), after=pairs)
def test_the_secret_is_taken_out_of_a_query_and_nothing_else(
    before: list[tuple[str, str]], secret: str, after: list[tuple[str, str]]
) -> None:
    whole_query = urlencode([*before, ("token", secret), *after], errors="replace").encode()
    kept = Query.of(*parse_query(without_secret(whole_query).encode()))
    query = Query.of(*parse_query(whole_query))
    assert (kept.token, kept.context, kept.fields) == (None, query.context, query.fields)
