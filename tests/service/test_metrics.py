"""/metrics of a service that has seen something is what Prometheus wants.

Where `promtool` is installed (Debian: the package prometheus), `promtool check metrics` has the last word. The rules of
it that matter here are checked in any case, so that its absence hides nothing.
"""

import re
import shutil
import subprocess
from typing import Final

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ringback.wire.samples import SAMPLES
from tests.support.service import ROOT, free_port, running, wait_for

NAME: Final = re.compile(r"ringback_[a-z]+(_[a-z]+)*")
LABEL: Final = re.compile(r"[a-z]+(_[a-z]+)*")
RESERVED: Final = {"instance", "job"}
EXPECTED: Final = {
    "ringback_commit_group_events": "histogram", "ringback_commits_unreplicated": "counter",
    "ringback_commit_seconds": "histogram",
    "ringback_dead_letters": "gauge", "ringback_events": "counter", "ringback_faults": "counter",
    "ringback_quarantine_evicted": "counter", "ringback_spool_refused_events": "gauge",
    "ringback_spool_requests": "gauge", "ringback_handler_runs": "counter",
    "ringback_handler_seconds": "histogram", "ringback_oddities": "counter",
    "ringback_oldest_unhandled_seconds": "gauge", "ringback_quarantined_requests": "gauge",
    "ringback_polled": "counter",
    "ringback_outbox_oldest_seconds": "gauge", "ringback_outbox_open_sends": "gauge", "ringback_outbox_sends": "gauge",
    "ringback_send_wait_seconds": "histogram", "ringback_sender_up": "gauge", "ringback_sends": "counter",
    "ringback_sends_in_doubt": "gauge", "ringback_sends_paused_seconds": "gauge",
    "ringback_receivers": "gauge", "ringback_receivers_missing": "gauge",
    "ringback_redis_up": "gauge", "ringback_refused_requests": "counter", "ringback_retries": "gauge",
    "ringback_spool_age_seconds": "gauge", "ringback_spool_bytes": "gauge", "ringback_spool_events": "gauge",
    "ringback_stream_events": "gauge", "ringback_stream_lag_events": "gauge", "ringback_stream_pending_events": "gauge",
    "ringback_voice_answer_seconds": "histogram", "ringback_voice_answers": "counter",
    "ringback_voice_late_answers": "counter", "ringback_workers": "gauge",
}  # fmt: skip


@pytest.fixture(scope="module")
def metrics(redis_url: str) -> str:
    """Give what a service says that has had each callback, handlers that failed, and requests that it refused."""
    port = free_port()
    with running(redis_url, RINGBACK_ADMIN_PORT=str(port)) as service:
        for name in SAMPLES:
            assert service.trigger(name).status_code == 200
        assert service.trigger("mocean/whatsapp-delivery-status", **{"event_data.meta_delivery_status": "new"})
        service.sms("FINAL")
        service.sms("DROP")
        assert service.request("POST", "mocean/inbound-sms", token="wrong").status_code == 401
        assert service.request("POST", "mocean/inbound-sms", data={"a": "1"}).status_code == 422
        wait_for(service.dead_letters, "the dead letter")
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text


def test_every_metric_is_documented_and_well_formed(metrics: str) -> None:
    families = {
        family.name: family
        for family in text_string_to_metric_families(metrics)
        if not family.name.endswith("_created")  # the library's own: when a counter began
    }
    assert {name: family.type for name, family in families.items()} == EXPECTED
    for name, family in families.items():
        assert NAME.fullmatch(name)
        assert family.documentation.endswith((".", ")."))
        samples = [(sample.name, *sorted(sample.labels.items())) for sample in family.samples]
        assert len(samples) == len(set(samples)), "a sample twice"
        assert all(LABEL.fullmatch(label) and label not in RESERVED for one in family.samples for label in one.labels)
    types = [line for line in metrics.splitlines() if line.startswith("# TYPE ")]
    assert len(types) == len(set(types)), "a metric twice"
    assert all(line.split()[2].endswith("_total") for line in types if line.endswith(" counter"))


def test_promtool_finds_nothing(metrics: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; the test above has checked its rules")
    ended = subprocess.run([promtool, "check", "metrics"], input=metrics, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_page_names_every_metric() -> None:
    page = (ROOT / "docs" / "observability.md").read_text()
    named = set(re.findall(r"`(ringback_[a-z_]+?)(?:_total)?`", page))
    assert named == set(EXPECTED)
