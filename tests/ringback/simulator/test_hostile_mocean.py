"""Whatever comes, Mocean answers in JSON or XML that can be read, and an error has a code of the endpoint's table."""

import json
from collections.abc import Iterator
from xml.etree.ElementTree import fromstring

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ringback.simulator.delivering import Deliveries
from ringback.simulator.mocean.endpoints import BASE, ENDPOINTS, MoceanEndpoint
from ringback.simulator.simulated import create_app
from ringback.simulator.world import World
from tests.ringback.simulator.served import served

LOGIN = {"mocean-api-key": "key", "mocean-api-secret": "secret"}
NAMES = [
    "from", "to", "text", "udh", "coding", "charset", "schedule", "mclass", "validity", "msgid", "delivered", "command",
    "call-uuid", "brand", "code-length", "pin-validity", "next-event-wait", "reqid", "code", "content", "mcc", "mnc",
    "delimiter", "type", "resp-format",
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
KEYS = st.sampled_from(["type", "text", "wa_template", "wa_interactive", "action", "sections", "wa_buttons", "header"])
VALUES = st.recursive(
    SCALARS | st.sampled_from(["60123456789", "json", "template", "interactive", "list", "button"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
REQUESTS = st.dictionaries(st.sampled_from(NAMES).map("mocean-{}".format), VALUES, max_size=6)
SENT = {"mocean-from": "60312345678", "mocean-to": "60123456789"}


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    world = World(Deliveries(delay_s=0))
    with (
        served(create_app(world)) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}{BASE}", trust_env=False) as client,
    ):
        yield client


def judged(endpoint: MoceanEndpoint, response: httpx.Response) -> None:
    assert response.status_code in (200, 202)
    if response.headers["Content-Type"] == "application/json":
        answer = response.json()
        rows = answer[endpoint.listed] if endpoint.listed else [answer]
        codes = [int(one.get("status", 0)) for one in rows]
    else:
        codes = [int(one.text or "") for one in fromstring(response.content).iter("status")]  # noqa: S314 - our own
    assert set(codes) <= {0, *endpoint.words}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ENDPOINTS), REQUESTS)
@example(ENDPOINTS[0], {**SENT, "mocean-text": "\ud83d", "mocean-resp-format": "json"})
@example(ENDPOINTS[2], {"mocean-to": "\u0661\u0662\u0663\u0664\u0665\u0666\u0667", "mocean-command": "[{}]"})
@example(ENDPOINTS[11], {**SENT, "mocean-content": {"type": "text", "text": "\ud83d"}})
def test_any_fields(http: httpx.Client, endpoint: MoceanEndpoint, fields: dict[str, object]) -> None:
    content = json.dumps({**LOGIN, **fields}).encode()
    judged(endpoint, http.request(endpoint.method, endpoint.path, content=content))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ENDPOINTS), st.binary(max_size=60))
@example(ENDPOINTS[0], b"mocean-from=a&mocean-to=60123456789&mocean-text=%ED%A0%BD")
@example(ENDPOINTS[11], b"{" * 100_000)
def test_any_bytes_for_mocean(http: httpx.Client, endpoint: MoceanEndpoint, body: bytes) -> None:
    judged(endpoint, http.request(endpoint.method, endpoint.path, params=LOGIN, content=body))
