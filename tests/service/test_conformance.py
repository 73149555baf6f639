"""Conformance: what every callback of every provider must have and do. It walks the registry, so a new adapter is
held to it without a word here.
"""

import json
import re
import secrets
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from ringback.receiver.parsing.callbacks import Callback, Callbacks, Normalised
from ringback.receiver.parsing.fields import Fields
from ringback.receiver.providers import BY_NAME, CALLBACKS
from ringback.wire.sending import Wire
from tests.support.service import ROOT, TOKEN, Service

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
STEP = "a%20step"


def fixture_of(callback: Callback) -> Wire | None:
    """Give a good request with new ids, from `wire` of the provider's test module; None where it has none."""
    try:
        module = import_module(f"tests.receiver.providers.test_{module_of(callback)}")
        wire: Wire = module.wire(callback.name.partition("/{")[0])  # with a step or without, it is the same callback
    except (ModuleNotFoundError, AttributeError, LookupError, ValueError):
        return None
    return wire


def module_of(callback: Callback) -> str:
    """Name what all files of the callback's provider are named after."""
    return callback.provider.replace("-", "_")


def url_of(callback: Callback) -> str:
    """Give a URL of the callback, below /webhooks/."""
    return re.sub(r"\{\w+\}", STEP, callback.name)


def lacks(callback: Callback, root: Path = ROOT) -> list[str]:
    """Name what an adapter lacks."""
    found = []
    module = module_of(callback)
    if fixture_of(callback) is None:
        found.append(f"no request for {callback.name} from wire(…) in tests/receiver/providers/test_{module}.py")
    page = f"docs/providers/{module}.md"
    adapter = f"receiver/providers/{module}"
    if not any((root / file).is_file() for file in (f"{adapter}.py", f"{adapter}/__init__.py")):
        found.append(f"no {adapter}.py")
    found += [
        f"no {file}" for file in (f"tests/receiver/providers/test_{module}.py", page) if not (root / file).is_file()
    ]
    # A step is written in capitals there: /webhooks/mocean/voice/collect/STEP
    url = re.escape(re.sub(r"\{(\w+)\}", lambda name: name[1].upper(), f"/webhooks/{callback.name}"))
    if (root / page).is_file() and not re.search(rf"{url}(?![\w-])", (root / page).read_text()):
        found.append(f"{page} does not name /webhooks/{callback.name}")
    if not callback.needs:
        found.append("no mandatory field: whatever is sent there would be an event")
    return found


every_callback = pytest.mark.parametrize("callback", CALLBACKS, ids=[callback.name for callback in CALLBACKS])


@every_callback
def test_it_is_complete(callback: Callback) -> None:
    assert lacks(callback) == []


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(CALLBACKS)


def test_an_incomplete_adapter_is_found_out(tmp_path: Path) -> None:
    declared = Callbacks("made-up")

    @declared.at("/report/{part}", method="POST", needs=())
    def report(fields: Fields) -> Normalised:
        raise NotImplementedError

    (callback,) = declared
    everything = [
        "no request for made-up/report/{part} from wire(…) in tests/receiver/providers/test_made_up.py",
        "no receiver/providers/made_up.py",
        "no tests/receiver/providers/test_made_up.py",
        "no docs/providers/made_up.md",
        "no mandatory field: whatever is sent there would be an event",
    ]
    assert lacks(callback, tmp_path) == everything
    for file in (
        "receiver/providers/made_up.py",
        "tests/receiver/providers/test_made_up.py",
        "docs/providers/made_up.md",
    ):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text("/webhooks/made-up/report/PARTIAL")
    assert lacks(callback, tmp_path) == [
        everything[0], "docs/providers/made_up.md does not name /webhooks/made-up/report/{part}", everything[-1]
    ]  # fmt: skip


# The shared cases, over HTTP


def wire_of(callback: Callback) -> Wire:
    wire = fixture_of(callback)
    assert wire is not None
    return wire


def counts(service: Service) -> tuple[int, int]:
    """Count the events and the requests in quarantine."""
    return service.redis.xlen(service.keys.events), service.redis.xlen(service.keys.quarantine)


def newest_refused(service: Service) -> tuple[str, str]:
    """Give path and reason of the newest request in quarantine."""
    newest = cast("list[tuple[bytes, dict[bytes, bytes]]]", service.redis.xrevrange(service.keys.quarantine, count=1))
    return newest[0][1][b"path"].decode(), newest[0][1][b"reason"].decode()


def answered(callback: Callback, status: int) -> int:
    """Give the status code to expect: a call is always answered with 200."""
    return 200 if callback.wants_answer else status


@every_callback
@pytest.mark.parametrize(
    ("token", "authorization"),
    [
        pytest.param(None, None, id="no secret"),
        pytest.param("wrong", None, id="wrong token"),
        pytest.param("", None, id="empty token"),
        pytest.param(TOKEN[:-1], None, id="shorter token"),
        pytest.param(None, "Basic b3RoZXI6dGhlLXNlY3JldC1vZi1hY21l", id="another account's secret"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "POST", "GET", "HEAD"])
def test_nobody_comes_in_without_the_secret(
    service: Service, callback: Callback, method: str, token: str | None, authorization: str | None
) -> None:
    before = counts(service)
    wire = wire_of(callback)
    response = service.request(
        method, url_of(callback), token=token, content=wire.body,
        headers={**wire.headers, "X-Forwarded-For": f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1",
                 **({"Authorization": authorization} if authorization else {})},
    )  # fmt: skip
    assert response.status_code == 401
    assert response.text == ("" if method == "HEAD" else '{"title": "No valid token", "status": 401}')
    assert counts(service) == before


@every_callback
@pytest.mark.parametrize(
    ("method", "form"),
    [
        *product(("PUT", "POST", "GET"), ("as documented", "form", "JSON", "JSON as a form", "JSON as nothing")),
        ("GET", "query"),
        ("POST", "query"),
    ],
)
def test_each_method_with_each_form_of_body(service: Service, callback: Callback, method: str, form: str) -> None:
    wire = wire_of(callback)
    (parsed,) = fields_of(wire)
    flat = urlencode(flattened(parsed))
    params, headers, body = {
        "as documented": ({}, dict(wire.headers), wire.body),
        "form": ({}, FORM, flat.encode()),
        "JSON": ({}, JSON, json.dumps(parsed).encode()),
        "JSON as a form": ({}, FORM, json.dumps(parsed).encode()),
        "JSON as nothing": ({}, {}, json.dumps(parsed).encode()),
        "query": (flattened(parsed), {}, b""),
    }[form]
    events, refused = counts(service)
    response = service.request(method, url_of(callback), params=params, headers=headers, content=body)
    assert response.status_code == 200
    if callback.wants_answer:
        assert isinstance(response.json(), list)
    else:
        assert response.content == b""
    assert counts(service) == (events + 1, refused)


@every_callback
def test_other_methods_are_refused(service: Service, callback: Callback) -> None:
    for method in ("DELETE", "PATCH", "OPTIONS"):
        response = service.request(method, url_of(callback))
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST, PUT")


@every_callback
def test_another_paths_callback_is_refused(service: Service, callback: Callback) -> None:
    others = [one for one in CALLBACKS if "/voice/" not in one.path and one.name != callback.name]
    for other in others:
        events, _ = counts(service)
        wire = wire_of(other)
        response = service.request(other.method, url_of(callback), headers=dict(wire.headers), content=wire.body)
        assert response.status_code == answered(callback, 422)
        if callback.wants_answer:
            assert response.json()[0]["action"] == "say"
        else:
            path = f"/webhooks/{other.name}"
            problem = {"title": "Unusable callback", "status": 422, "detail": f"this is a callback for {path}"}
            assert response.json() == {**problem, "field": response.json()["field"], "path": path}
        assert counts(service)[0] == events
        reason = f"this is a callback for /webhooks/{other.name}"
        assert newest_refused(service) == (f"/webhooks/{url_of(callback)}", reason)


@every_callback
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(JSON, b"{", id="broken JSON"),
        pytest.param(JSON, b"[]", id="an empty array"),
        pytest.param(JSON, b"null", id="null"),
        pytest.param(JSON, b"\xff\xfe\x00", id="no text"),
        pytest.param(JSON, b"[" * 50_000, id="deep"),
        pytest.param(JSON, b"{}", id="no field in JSON"),
        pytest.param(FORM, b"&&=&", id="no field in a form"),
        pytest.param(FORM, b"\x00\x80\xff=%", id="noise in a form"),
        pytest.param(FORM, b"a=1&" * 1001, id="too many fields"),
        pytest.param({}, b"", id="nothing"),
        pytest.param({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", id="multipart"),
    ],
)
def test_what_cannot_be_read_is_quarantined_once(
    service: Service, callback: Callback, headers: dict[str, str], body: bytes
) -> None:
    events, refused = counts(service)
    for _ in range(2):
        response = service.request("POST", url_of(callback), headers=headers, content=body)
        assert response.status_code == answered(callback, 422)
        if not callback.wants_answer:
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["title"] == "Unusable callback"
    assert counts(service) == (events, refused + 1)
    assert newest_refused(service)[0] == f"/webhooks/{url_of(callback)}"


@every_callback
def test_a_body_over_the_limit_is_refused(service: Service, callback: Callback) -> None:
    before = counts(service)
    response = service.request("POST", url_of(callback), content=b"a=" + b"x" * 256 * 1024)
    assert response.status_code == answered(callback, 413)
    assert counts(service) == before


@every_callback
def test_the_secret_is_kept_nowhere(service: Service, callback: Callback) -> None:
    wire = wire_of(callback)
    headers = {"Referer": f"https://example.com/?token={TOKEN}", "Cookie": f"x={TOKEN}"}
    for body, content in ((wire.body, dict(wire.headers)), (b"unusable", FORM)):
        service.request("POST", url_of(callback), content=body, headers={**content, **headers})
        service.request(
            "POST", url_of(callback), token=None, content=body + b" ", headers=content, auth=("acme", TOKEN)
        )
    kept = [service.redis.xrevrange(key, count=2) for key in (service.keys.events, service.keys.quarantine)]
    assert all(len(cast("list[object]", each)) == 2 for each in kept)
    assert TOKEN not in str(kept)


def fields_of(wire: Wire) -> list[dict[str, Any]]:
    """Give the nested fields of a sample."""
    from ringback.receiver.parsing.parse import parse

    return [one.fields.tree for one in parse(wire.headers["Content-Type"].lower(), wire.body, [])]


def flattened(fields: Any, within: str = "") -> dict[str, str]:
    """Write nested fields as a form has them: `a[b]=…`; an array with its indices."""
    items = fields.items() if isinstance(fields, dict) else enumerate(fields)
    written: dict[str, str] = {}
    for name, value in items:
        full = f"{within}[{name}]" if within else str(name)
        if isinstance(value, dict | list):
            written |= flattened(value, full)
        elif value is not None:
            written[full] = value if isinstance(value, str) else json.dumps(value)
    return written
