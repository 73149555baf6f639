"""The catalogue: the committed files are the models', the schemas fit the events, the references lead somewhere."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import asdict
from typer.testing import CliRunner

from ringback.catalogue import documents
from ringback.cli.program import app
from ringback.schemas.events import DATA_OF_TYPE, Event, EventType, read_event
from ringback.schemas.parts import Part, to_json
from ringback.wire.samples import Sample, find
from tests.support.sample_events import PLACED, SENT, event_of, samples

FOLDER = Path(__file__).parent.parent.parent / "docs" / "schemas"
UPDATE = "run: ringback schema --write docs/schemas"

SCHEMAS: dict[str, Any] = documents.schemas()
ASYNCAPI: dict[str, Any] = documents.asyncapi()
KINDS = [kind.value for kind in EventType]

NAME = re.compile(r"[a-zA-Z0-9._-]+")  # AsyncAPI's rule for the keys of components


def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[kind])


def written(sample: Sample, overrides: dict[str, str]) -> Any:
    """Give an event as the stream has it."""
    return json.loads(to_json(event_of(sample, overrides)))


def with_nulls(value: Any) -> Any:
    """Return an event, or a value of one, as JSON with a null for each field that is left out."""
    if isinstance(value, Event):
        return {"type": value.type.value, **with_nulls(asdict(value))}
    if isinstance(value, Part):
        return with_nulls(asdict(value))
    if isinstance(value, dict):
        return {name: with_nulls(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [with_nulls(one) for one in value]
    return str(value) if isinstance(value, str) else json.loads(msgspec.json.encode(value))


def references(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        if isinstance(reference := document.get("$ref"), str):
            yield reference
        for one in document.values():
            yield from references(one)
    elif isinstance(document, list):
        for one in document:
            yield from references(one)


def resolve(document: Any, reference: str) -> Any:
    assert reference.startswith("#/"), f"{reference} is in another document"
    for step in reference.removeprefix("#/").split("/"):
        assert step in document, f"{reference} leads nowhere"
        document = document[step]
    return document


@pytest.mark.parametrize("name", documents.documents())
def test_the_committed_file_is_the_models_own(name: str) -> None:
    file = FOLDER / name
    committed = file.read_text(encoding="utf-8") if file.exists() else ""
    assert committed == documents.documents()[name], f"docs/schemas/{name} is out of date; {UPDATE}"


def test_no_other_file_is_committed() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(documents.documents()), f"remove the rest, and {UPDATE}"


def test_every_type_has_a_schema() -> None:
    assert list(SCHEMAS) == KINDS == [kind.value for kind in DATA_OF_TYPE]


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_valid_and_needs_no_other_document(kind: str) -> None:
    schema = SCHEMAS[kind]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == f"urn:ringback:schema:{kind}:1"
    assert schema["$id"] == schema["properties"]["dataschema"]["const"]
    assert schema["title"] == schema["properties"]["type"]["const"] == kind
    assert schema["description"]
    used = set(references(schema))
    for reference in used:
        resolve(schema, reference)
    assert used == {f"#/$defs/{name}" for name in schema["$defs"]}


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_may_be_null_may_be_left_out(kind: str) -> None:
    schema = SCHEMAS[kind]
    for part in (schema, *schema["$defs"].values()):
        nullable = {
            name for name, one in part.get("properties", {}).items() if {"type": "null"} in one.get("anyOf", ())
        }
        assert set(part.get("required", ())) == set(part.get("properties", ())) - nullable


@pytest.mark.parametrize(("sample", "overrides"), [pytest.param(*row, id=name) for name, *row in samples()])
@pytest.mark.parametrize("without_nulls", [True, False], ids=["nulls left out", "nulls written"])
def test_an_event_fits_its_schema(sample: Sample, overrides: dict[str, str], without_nulls: bool) -> None:
    event = event_of(sample, overrides)
    document = json.loads(to_json(event)) if without_nulls else with_nulls(event)
    validator(event.type.value).validate(document)
    assert [kind for kind in KINDS if validator(kind).is_valid(document)] == [event.type.value]


@pytest.mark.parametrize("event", [SENT, PLACED], ids=lambda event: event.type)
@pytest.mark.parametrize("without_nulls", [True, False], ids=["nulls left out", "nulls written"])
def test_an_event_of_a_send_fits_its_schema(event: Event, without_nulls: bool) -> None:
    document = json.loads(to_json(event)) if without_nulls else with_nulls(event)
    assert [kind for kind in KINDS if validator(kind).is_valid(document)] == [event.type.value]


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        pytest.param("mocean/delivery-report", {"mocean-error-code": "E1"}, id="error code that is no number"),
        pytest.param("mocean/delivery-report", {"mocean-dlr-status": "9"}, id="unknown status"),
        pytest.param("mocean/delivery-report", {"mocean-from": ""}, id="no recipient"),
        pytest.param("mocean/number-lookup", {"status": "24", "err_msg": "Unknown error"}, id="failed lookup"),
        pytest.param("mocean/voice/collect", {"mocean-digits": "", "step": ""}, id="no digits, no step"),
        pytest.param("mocean/whatsapp-inbound-message", {"event_data.content.type": "poll"}, id="unknown content"),
        pytest.param("mycoolsms/inbound-sms", {"body": "", "bodyucs2": "zz", "bodygsm7": "null"}, id="no text"),
    ],
)
def test_an_odd_event_fits_its_schema_too(name: str, overrides: dict[str, str]) -> None:
    document = written(find(name), overrides)
    validator(document["type"]).validate(document)
    read_event(json.dumps(document))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("specversion",), "0.3", id="another CloudEvents"),
        pytest.param(("partitionkey",), None, id="no partition key"),
        pytest.param(("data", "status"), "lost", id="status that is none"),
        pytest.param(("data", "final"), "yes", id="text for a truth value"),
        pytest.param(("data", "recipient", "kind"), None, id="address without a kind"),
        pytest.param(("data", "context"), {"order": 42}, id="number in context"),
    ],
)
def test_a_wrong_event_does_not_fit(path: tuple[str, ...], value: object) -> None:
    document = written(find("mocean/delivery-report"), {})
    *parents, last = path
    place = document
    for parent in parents:
        place = place[parent]
    if value is None:
        del place[last]
    else:
        place[last] = value
    assert not validator("message.status").is_valid(document)


def test_an_unknown_field_does_no_harm() -> None:
    document = written(find("mocean/delivery-report"), {})
    document["data"]["price"] = "0.02"
    validator("message.status").validate(document)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_says_what_it_means(kind: str) -> None:
    schema = SCHEMAS[kind]
    for part in (schema, *schema["$defs"].values()):
        assert [name for name, one in part.get("properties", {}).items() if not one.get("description")] == []


def test_the_asyncapi_document_leads_everywhere() -> None:
    used = set(references(ASYNCAPI))
    for reference in used:
        resolve(ASYNCAPI, reference)
    components = {f"#/components/{kind}/{name}" for kind, held in ASYNCAPI["components"].items() for name in held}
    assert components <= used
    assert all(NAME.fullmatch(reference.rpartition("/")[2]) for reference in used)


def test_the_asyncapi_document_has_the_stream_and_a_message_a_type() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(ASYNCAPI["info"])
    (channel,) = ASYNCAPI["channels"].values()
    assert channel["address"] == "ringback:events"
    assert list(channel["messages"]) == KINDS
    (operation,) = ASYNCAPI["operations"].values()
    assert operation["action"] == "receive"
    assert resolve(ASYNCAPI, operation["channel"]["$ref"]) is channel
    # An operation must point at the channel's messages, not past it at the components.
    read = [resolve(ASYNCAPI, one["$ref"]) for one in operation["messages"]]
    assert read == list(channel["messages"].values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_is_an_entry_of_the_stream(kind: str) -> None:
    payload = ASYNCAPI["components"]["messages"][kind]["payload"]
    fields = ["id", "type", "provider", "account", "event", *(["advanced"] if kind == "message.status" else [])]
    assert list(payload["properties"]) == payload["required"] == fields
    assert payload["properties"]["type"]["const"] == kind
    event = resolve(ASYNCAPI, payload["properties"]["event"]["contentSchema"]["$ref"])
    assert event["properties"]["type"]["const"] == kind


def test_both_documents_say_the_same() -> None:
    for kind in KINDS:
        schema = SCHEMAS[kind]
        for name, part in schema["$defs"].items():
            moved = json.loads(json.dumps(part).replace("#/$defs/", "#/components/schemas/"))
            assert moved == ASYNCAPI["components"]["schemas"][name]


def test_it_is_the_same_each_time() -> None:
    assert documents.documents() == documents.documents()


def ringback(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["schema", *words])
    return result.exit_code, result.stdout


def test_the_command_prints_all() -> None:
    code, text = ringback()
    assert (code, json.loads(text)) == (0, SCHEMAS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_prints_one(kind: str) -> None:
    assert ringback(kind) == (0, documents.documents()[f"{kind}.json"])


def test_the_command_prints_asyncapi() -> None:
    assert ringback("--asyncapi") == (0, documents.documents()["asyncapi.json"])


def test_the_command_writes_files(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "schemas"
    assert ringback("--write", str(folder)) == (0, "")
    assert {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()} == documents.documents()


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("call.missed",), id="no such type"),
        pytest.param(("call.input", "--asyncapi"), id="type and asyncapi"),
        pytest.param(("call.input", "--write", "x"), id="type and write"),
        pytest.param(("--asyncapi", "--write", "x"), id="asyncapi and write"),
    ],
)
def test_the_command_refuses(words: tuple[str, ...]) -> None:
    assert ringback(*words) == (2, "")
