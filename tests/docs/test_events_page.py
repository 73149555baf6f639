"""docs/events.md: its examples are what the normaliser makes of the samples, its tables what the models say."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from ringback.catalogue import documents, meanings
from ringback.polling.polled_callbacks import POLLED
from ringback.schemas import address, event_data
from ringback.schemas.event_data import STATUS_RANK
from ringback.schemas.events import Envelope, Event, EventType, read_event
from ringback.schemas.parts import Part, to_json
from ringback.wire.samples import find
from tests.support.pages import section
from tests.support.sample_events import PLACED, SENT, event_of
from tests.support.service import ROOT

PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
WIDTH = 110

EXAMPLE = re.compile(r"```sh\n(ringback trigger [^\n]+)\n```\n\n```json\n(.*?)\n```", re.DOTALL)
EXAMPLES = EXAMPLE.findall(PAGE)
SENDS = (SENT, PLACED)

COMPONENTS: dict[str, Any] = json.loads(documents.documents()["asyncapi.json"])["components"]["schemas"]
IN_MANY = {
    Envelope: "CallStatusEvent",
    event_data.Data: "CallStatus",
    event_data.CallData: "CallStatus",
    event_data.SendData: "MessageSent",
}
VARYING = ("type", "dataschema")  # constant in each type, not in the envelope


def declared(model: type[Part]) -> list[str]:
    """Name the fields that a model declares, and does not have of another."""
    if model is Envelope:
        return list(COMPONENTS[IN_MANY[model]]["properties"])
    inherited = {name for base in model.__bases__ if issubclass(base, Part) for name in base.__struct_fields__}
    return [name for name in model.__struct_fields__ if name not in inherited]


MODELS = [
    model
    for model in (Envelope, *vars(event_data).values())
    if isinstance(model, type) and issubclass(model, Part) and declared(model)
]


def triggered(command: str) -> Event:
    """Make the event of a `ringback trigger` command."""
    _, _, name, *options = shlex.split(command)
    settings = [value for flag, value in zip(options[::2], options[1::2], strict=True) if flag == "--set"]
    return event_of(find(name), dict(setting.split("=", 1) for setting in settings))


def example(command: str) -> str:
    """Write a command and its event as the page has them."""
    document = json.loads(to_json(triggered(command)))
    return f"```sh\n{command}\n```\n\n```json\n{pretty(document)}\n```"


def example_of_send(event: Event) -> str:
    """Write an event that no command makes."""
    return f"```json\n{pretty(json.loads(to_json(event)))}\n```"


def pretty(value: object, depth: int = 0, before: int = 0) -> str:
    """Write JSON so that what fits into a line is in one. `before`: how much of the line is taken."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or (depth and before + len(flat) < WIDTH):
        return flat
    start, end = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    if isinstance(value, list):
        return f"[{start}{f',{start}'.join(pretty(one, depth + 1, len(start)) for one in value)}{end}]"
    named = ((f"{json.dumps(name)}: ", one) for name, one in value.items())
    lines = [name + pretty(one, depth + 1, len(start) + len(name)) for name, one in named]
    return f"{{{start}{f',{start}'.join(lines)}{end}}}"


def table(model: type[Part]) -> str:
    """Write the fields that a model declares as the page has them."""
    component = COMPONENTS[IN_MANY.get(model, model.__name__)]
    rows = ["| field | type | always | meaning |", "| --- | --- | --- | --- |"]
    for name in declared(model):
        field = component["properties"][name]
        kind = "string" if model is Envelope and name in VARYING else type_of(field)
        always = "yes" if name in component["required"] else ""
        rows.append(f"| `{name}` | {kind} | {always} | {field['description']} |")
    return "\n".join(rows)


def type_of(schema: dict[str, Any]) -> str:
    """Say in words of which type a field is."""
    if "anyOf" in schema:
        (given,) = (one for one in schema["anyOf"] if one != {"type": "null"})
        return type_of(given)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        words = COMPONENTS[name].get("enum")
        if words:
            return ", ".join(f"`{word}`" for word in words)
        is_data = issubclass(getattr(event_data, name, Part), event_data.Data)
        return "object" if is_data else f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema["type"] == "array":
        return f"list of {type_of(schema['items'])}"
    return "time" if schema.get("format") == "date-time" else str(schema["type"])


@pytest.mark.parametrize(("command", "text"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_an_example_is_the_event_of_its_command(command: str, text: str) -> None:
    right = f"docs/events.md should have:\n\n{example(command)}\n"
    document = json.loads(text)
    assert document == json.loads(to_json(triggered(command))), right
    assert read_event(json.dumps(document)) == triggered(command), right


@pytest.mark.parametrize("event", SENDS, ids=lambda event: event.type)
def test_an_example_of_a_send_is_its_event(event: Event) -> None:
    right = example_of_send(event)
    assert right in PAGE, f"docs/events.md should have:\n\n{right}\n"


def test_every_event_on_the_page_is_that_of_a_command_or_of_a_send() -> None:
    assert len(EXAMPLES) + len(SENDS) == len(re.findall(r'^  "specversion"', PAGE, re.MULTILINE))


def test_every_type_has_an_example() -> None:
    assert {json.loads(text)["type"] for _, text in EXAMPLES} | {event.type for event in SENDS} == set(EventType)


def test_the_statuses_of_a_send_are_on_the_page() -> None:
    listed = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", section(PAGE, "Sends"), re.MULTILINE)
    assert listed == list(event_data.SendStatus)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_the_fields_of_a_model_are_on_the_page(model: type[Part]) -> None:
    assert table(model) in PAGE, f"docs/events.md should have:\n\n{table(model)}\n"


def test_the_fields_of_an_entry_are_on_the_page() -> None:
    right = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in meanings.ENTRY.items())
    assert right in PAGE, f"docs/events.md should have:\n\n{right}\n"


def test_the_order_of_statuses_is_on_the_page() -> None:
    assert " < ".join(f"`{status}`" for status in sorted(STATUS_RANK, key=STATUS_RANK.__getitem__)) in PAGE


def test_the_kinds_of_addresses_are_on_the_page() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", section(PAGE, "Address"), re.MULTILINE)) >= set(address.AddressKind)


def test_every_flag_is_on_the_page() -> None:
    listed = re.findall(r"^\| `([a-z0-9:-]+)` \|", section(PAGE, "Flags"), re.MULTILINE)
    assert set(listed) == set(flags_in_the_source())
    assert len(listed) == len(set(listed))


def flags_in_the_source() -> Iterator[str]:
    """Find the flags that receiver and poller may give: texts that look like one, and what `choice` does not know."""
    yield POLLED
    for file in [*sorted((ROOT / "receiver").rglob("*.py")), ROOT / "ringback" / "polling" / "polled_callbacks.py"]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Constant(value=str(text)) if re.fullmatch(r"[a-z]+:[a-z0-9-]+|duplicate-field", text):
                    yield text
                case ast.Call(func=ast.Name(id="choice"), args=[_, ast.Constant(value=str(name)), _, _]):
                    yield f"unknown:{name}"
                case ast.Call(func=ast.Name(id="choice"), args=[_, _, _, _, ast.Constant(value=str(called))]):
                    yield f"unknown:{called}"
                case ast.Call(func=ast.Name(id="limited"), args=[_, ast.Constant(value=str(name)), _]):
                    yield f"unknown:{name.replace('_', '-')}"


def test_the_python_example_reads_the_stream(redis_url: str, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    program = tmp_path / "reader.py"
    program.write_text(code, encoding="utf-8")
    key = documents.KEYS.events
    event = event_of(find("mocean/delivery-report"))
    environment = {**os.environ, "RINGBACK_REDIS_URL": redis_url}
    with Redis.from_url(redis_url) as redis:
        redis.xgroup_create(key, "billing", id="0", mkstream=True)
        entry = redis.xadd(key, {"id": event.id, "event": to_json(event).decode()})
        redis.xreadgroup("billing", "billing-1", {key: ">"})  # an earlier run was given it, and died
        with subprocess.Popen([sys.executable, program], env=environment, stdout=subprocess.PIPE, text=True) as reader:
            try:
                assert reader.stdout is not None
                assert reader.stdout.readline().split() == ["message.status", event.subject]
                redis.xadd(key, {"id": event.id, "event": to_json(event).decode()})
                assert reader.stdout.readline().split() == ["message.status", event.subject]
                assert redis.xpending_range(key, "billing", entry, entry, 1) == []
            finally:
                reader.terminate()
                redis.delete(key)
