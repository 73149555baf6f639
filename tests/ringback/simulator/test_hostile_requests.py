"""Whatever comes, My-Cool-SMS and the control answer in JSON, and an error has a code of the document."""

import json
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from ringback.simulator.control import SimulatorControl
from ringback.simulator.delivering import Deliveries
from ringback.simulator.mycoolsms.endpoint import MyCoolSmsEndpoint
from ringback.simulator.mycoolsms.functions import FUNCTIONS
from ringback.simulator.mycoolsms.refusals import CODES
from ringback.simulator.world import World
from tests.ringback.simulator.served import served

NAMES = [
    "number", "message", "unicode", "senderid", "scheduletime", "callbackurl", "limit", "thresholdid", "order", "ids",
    "thresholdoperator", "virtualnumber", "id", "groupkey", "uniqueid", "title", "str", "unreadsmstosyncids",
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=5), SCALARS, max_size=2)
REQUESTS = st.fixed_dictionaries(
    {"function": st.sampled_from(sorted(FUNCTIONS)), "username": st.just("a"), "password": st.just("b")},
    optional=dict.fromkeys(NAMES, VALUES),
)
KNOWN = {"function": "sendSms", "username": "a", "password": "b", "number": "491234567890"}


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    world = World(Deliveries(delay_s=0))
    mycoolsms = MyCoolSmsEndpoint(world)
    app = Starlette(routes=[*mycoolsms.routes, *SimulatorControl(world, mycoolsms).routes])
    with served(app) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client


def judged(response: httpx.Response) -> None:
    assert response.status_code == 200
    answer = response.json()
    assert answer["success"] is True or answer["errorcode"] in CODES


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(REQUESTS)
@example({**KNOWN, "message": "\ud83d"})
@example({**KNOWN, "message": "DC4DD83D", "unicode": True})
@example({**KNOWN, "function": "getOutboundSms", "limit": "9" * 5000})
@example({**KNOWN, "message": "x", "scheduletime": "9999-12-31T23:59:59-12:00"})
@example({**KNOWN, "message": "x", "senderid": "\u0661\u0662\u0663\u0664\u0665\u0666\u0667"})
def test_any_json(http: httpx.Client, request_: dict[str, object]) -> None:
    judged(http.post("/api-socket.php", content=json.dumps(request_).encode()))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]))
@example(b"[" * 100_000, "application/json")
@example(b"username=a&password=b&function=sendSms&number=%FF&message=%ED%A0%BD", "")
def test_any_bytes(http: httpx.Client, body: bytes, kind: str) -> None:
    judged(http.post("/api-socket.php", content=body, headers={"Content-Type": kind}))
    refused = http.post("/_sim/receive", content=body, headers={"Content-Type": kind})
    assert refused.status_code == 400
    assert refused.json()["error"]


def test_the_inbox_shows_half_a_pair(http: httpx.Client) -> None:
    http.post("/api-socket.php", content=json.dumps({**KNOWN, "message": "\ud83d"}).encode())
    assert http.get("/_sim/messages").json()["messages"]
