"""docs/scaling.md: the settings and metrics that it names exist, and nginx sends each account to its group as shown."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from benchmarks.report import COMPUTED, tables
from benchmarks.results import Again, Results, Waits, WaitsRound
from ringback.schemas.sending_settings import SENDING
from ringback.schemas.settings import Settings
from ringback.wire.samples import find
from ringback.wire.sending import Wire, build
from tests.support.proxies import nginx_with
from tests.support.service import ROOT, TOKEN, await_answer, free_port, running

PAGE: Final = (ROOT / "docs" / "scaling.md").read_text()
MOVED: Final = "acme.callbacks.example.com"


def test_settings_that_are_named_exist() -> None:
    named = {one.removeprefix("RINGBACK_").lower() for one in re.findall(r"\bRINGBACK_[A-Z_]*[A-Z]\b", PAGE)}
    assert named - {*Settings.model_fields, *SENDING} == set()


def test_metrics_that_are_named_exist() -> None:
    # tests/service/test_metrics.py holds that page against the code.
    known = set(re.findall(r"`(ringback_[a-z_]+)`", (ROOT / "docs" / "observability.md").read_text()))
    named = set(re.findall(r"\bringback_[a-z_]+", PAGE))
    assert named
    assert named - known == set()


def test_links_lead_somewhere() -> None:
    assert [link for link in re.findall(r"\]\(([^)#:]+)\)", PAGE) if not (ROOT / "docs" / link).exists()] == []


def test_tables_are_those_of_the_last_run() -> None:
    results = Results.model_validate_json((ROOT / "benchmarks" / "results.json").read_text())
    computed = {name: table for name, table in tables(results).items() if name in COMPUTED}
    assert set(computed) == set(COMPUTED)
    assert [
        name for name, table in computed.items() if f"<!-- bench:{name} -->\n{table}\n<!-- /bench -->" not in PAGE
    ] == []


def test_each_table_has_its_place() -> None:
    results = Results.model_validate_json((ROOT / "benchmarks" / "results.json").read_text())
    results.again = Again(repeated=[], event_json=1, waiting_bytes=1, letter_bytes=1)
    results.waits = [Waits.of("a handler", [WaitsRound(events=1, events_per_second=1, worker_us=1, store_us=1)])]
    pages = PAGE + (ROOT / "docs" / "performance.md").read_text()
    assert [name for name in tables(results) if pages.count(f"<!-- bench:{name} -->") != 1] == []


# An account a group


def snippet() -> str:
    return PAGE.partition("```nginx\n")[2].partition("```")[0]


@contextmanager
def nginx(folder: Path, ports: dict[str, int]) -> Iterator[httpx.Client]:
    text, port = snippet(), free_port()
    for address, upstream in ports.items():
        assert address in text
        text = text.replace(address, f"127.0.0.1:{upstream}")
    http = (
        f"access_log off;\n{text}\nserver {{ listen 127.0.0.1:{port}; "
        "location /webhooks/ { proxy_pass http://$ringback; } location / { return 404; } }"
    )
    with nginx_with(folder, http), httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        await_answer(client, "/", 404, "nginx")
        yield client


@pytest.fixture
def report() -> Wire:
    return build(find("mocean/delivery-report"), {})


def test_an_account_that_moves_to_another_group(redis_url: str, tmp_path: Path, report: Wire) -> None:
    """No event is lost; a repeat that comes after the move is a second event, with the same id."""
    with running(redis_url, queues="") as old, running(redis_url, queues="") as new:
        ports = {"10.0.1.1:8000": old.port, "10.0.1.2:8000": old.port}
        ports |= {"10.0.2.1:8000": new.port, "10.0.2.2:8000": new.port}
        with nginx(tmp_path, ports) as proxy:
            for host in ("callbacks.example.com", "callbacks.example.com", MOVED, MOVED):
                headers = {**report.headers, "Host": host}
                answer = proxy.request(
                    report.method, report.path, params={"token": TOKEN}, headers=headers, content=report.body
                )
                assert answer.status_code == 200
        before, after = old.stored(), new.stored()
        assert (len(before), len(after)) == (1, 1)
        assert before[0]["id"] == after[0]["id"]
