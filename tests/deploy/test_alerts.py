"""Alerts and dashboard: they ask for what a receiver shows, and count what receivers share once."""

import json
import re
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from ringback.polling.committing import PollOutcome
from ringback.receiver.app import make_app
from ringback.receiver.metrics import REFUSALS, CallOutcome
from ringback.schemas.settings import Settings
from ringback.schemas.tally_fields import Ran, SendOutcome
from tests.support.metrics import exposed as exposed
from tests.support.tools import DEPLOY, check, rules, tool


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DEPLOY / "dashboard.json").read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def queries() -> list[str]:
    shown = [target["expr"] for panel in panels() for target in panel["targets"]]
    tested = re.findall(r"series: '(.+?)'", (DEPLOY / "alerts_test.yml").read_text())
    return [*(rule["expr"] for rule in rules()), *shown, *tested]


def named(query: str) -> set[str]:
    return set(re.findall(r"\bringback_[a-z_]+", query))


def test_metrics_that_are_asked_for_exist(exposed: set[str]) -> None:
    assert {name for query in queries() for name in named(query)} - exposed == set()


def test_every_metric_is_on_the_dashboard(exposed: set[str]) -> None:
    shown = {name for panel in panels() for target in panel["targets"] for name in named(target["expr"])}
    stems = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed} == stems


def test_outcomes_that_are_asked_for_exist() -> None:
    known = {
        "ringback_events_total": {"stored", "duplicate", "spooled", "not_stored", "unusable", "broken"},
        "ringback_voice_answers_total": {one.value for one in CallOutcome},
        "ringback_refused_requests_total": {one.label for one in REFUSALS},
        "ringback_handler_runs_total": {one.value for one in Ran},
        "ringback_sends_total": {one.value for one in SendOutcome},
        "ringback_polled_total": {one.value for one in PollOutcome},
    }
    for query in queries():
        for name, _, values in re.findall(r'(ringback_\w+)\{[^}]*?outcome(=~|!=|=)"([^"]+)"', query):
            assert set(values.split("|")) <= known[name], query


def test_what_receivers_share_is_never_summed(exposed: set[str], tmp_path: Path) -> None:
    own = CollectorRegistry()
    make_app(Settings(data_dir=tmp_path, insecure=True), "redis://127.0.0.1:1/0", own)
    stems = tuple(family.name for family in own.collect())
    of_each = {"ringback_redis_up", "ringback_receivers", "ringback_receivers_missing"}
    shared_names = {name for name in exposed if not name.startswith(stems)} - of_each
    for query in [*(rule["expr"] for rule in rules()), *(t["expr"] for panel in panels() for t in panel["targets"])]:
        for name in named(query) & shared_names:
            assert re.search(rf"\bmax(?: by \([^)]*\) )?\((?:\w+\()?{name}", query), query


def test_every_alert_says_what_to_do() -> None:
    assert all(rule["annotations"]["summary"] and rule["annotations"]["description"] for rule in rules())
    assert {rule["labels"]["severity"] for rule in rules()} == {"critical", "warning"}


def test_alerts_by_promtool() -> None:
    program = tool("promtool", "apt-get install prometheus")
    check([program, "check", "rules", "alerts.yml"], DEPLOY)
    check([program, "check", "config", "prometheus.yml"], DEPLOY)
    check([program, "test", "rules", "alerts_test.yml"], DEPLOY)


def test_dashboard() -> None:
    board = json.loads((DEPLOY / "dashboard.json").read_text())
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    assert all(panel["title"] and panel["datasource"]["uid"] == "${datasource}" for panel in panels())
    taken = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(taken) == len(set(taken))
