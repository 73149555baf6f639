"""The admin port: /readyz says check by check what is well, /metrics counts right across processes."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ringback.wire.samples import find
from ringback.wire.sending import build
from tests.support.service import RINGBACK, Service, await_ready, free_port, process, running, valkey, wait_for


@pytest.fixture(scope="module")
def admin_port() -> int:
    """Give a port for the admin app."""
    return free_port()


@pytest.fixture(scope="module")
def watched(redis_url: str, admin_port: int) -> Iterator[Service]:
    """Give a service with an admin port and all kinds of workers."""
    with running(redis_url, RINGBACK_ADMIN_PORT=str(admin_port)) as started:
        yield started


def checks(port: int) -> dict[str, bool]:
    listed = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10).json()["checks"]
    return {one["name"]: one["ok"] for one in listed}


def metrics(port: int) -> dict[tuple[str, ...], float]:
    """Give the samples by their name and the values of their labels, in the order of the labels' names."""
    response = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
    assert response.status_code == 200
    found = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            found[sample.name, *sample.labels.values()] = sample.value
    return found


def test_all_is_well(watched: Service, admin_port: int) -> None:
    assert watched.trigger("mocean/voice/answer").status_code == 200
    wait_for(lambda: watched.noted("everything"), "the event")
    response = httpx.get(f"http://127.0.0.1:{admin_port}/readyz")
    answer = response.json()
    assert [one["name"] for one in answer["checks"]] == [
        "redis", "aof", "eviction", "clock", "workers:events", "workers:voice", "lag", "spool",
    ]  # fmt: skip
    assert (response.status_code, answer["ready"]) == (200, True)


def test_the_admin_app_is_not_on_the_public_port(watched: Service, admin_port: int) -> None:
    assert [watched.http.get(path).status_code for path in ("/livez", "/readyz", "/metrics")] == [200, 404, 404]
    paths = ("/livez", "/readyz", "/metrics", "/webhooks/mocean/delivery-report")
    answers = [httpx.get(f"http://127.0.0.1:{admin_port}{path}").status_code for path in paths]
    assert answers == [200, 200, 200, 404]


def test_the_admin_app_answers_on_every_address_that_it_listens_on(redis_url: str) -> None:
    port = free_port()
    with running(redis_url, queues="", RINGBACK_ADMIN_PORT=str(port), RINGBACK_ADMIN_HOST="0.0.0.0"):  # noqa: S104
        assert [httpx.get(f"http://{host}:{port}/metrics").status_code for host in ("127.0.0.1", "127.0.0.2")] == [
            200,
            200,
        ]
        # Others may ask, and by what name is theirs to know.
        named = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"Host": "ringback-admin.monitoring.svc"})
        assert named.status_code == 200


@pytest.mark.parametrize(
    ("host", "code"),
    [
        pytest.param("localhost", 200, id="localhost"),
        pytest.param("LOCALHOST.:8001", 200, id="localhost, written otherwise"),
        pytest.param("box.localhost:8001", 200, id="a name below localhost"),
        pytest.param("127.0.0.1", 200, id="an address"),
        pytest.param("[::1]:8001", 200, id="an address of IPv6"),
        pytest.param("203.0.113.7", 200, id="another address"),
        pytest.param("", 421, id="empty"),
        pytest.param("evil.example", 421, id="a name"),
        pytest.param("evil.example:8001", 421, id="a name with a port"),
        pytest.param("localhost.evil.example", 421, id="a name that begins well"),
        pytest.param("evillocalhost", 421, id="a name that ends well"),
        pytest.param("127.0.0.1.evil.example", 421, id="a name that begins with an address"),
        pytest.param("localhost:evil.example", 421, id="no port"),
        pytest.param("[::1].evil.example", 421, id="a name behind an address"),
        pytest.param("[localhost.evil]", 421, id="a name in brackets"),
    ],
)
def test_on_a_loopback_address_only_this_machine_is_answered(
    watched: Service, admin_port: int, host: str, code: int
) -> None:
    for path in ("/metrics", "/readyz", "/livez"):
        answer = httpx.get(f"http://127.0.0.1:{admin_port}{path}", headers={"Host": host})
        assert answer.status_code == code
        if code == 421:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json() == {"title": "Unknown host; ask by an address or as localhost", "status": 421}


def test_who_sends_no_host_is_no_browser(watched: Service, admin_port: int) -> None:
    with socket.create_connection(("127.0.0.1", admin_port), timeout=10) as connection:
        connection.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_what_is_not_well_is_named(tmp_path: Path) -> None:
    port = free_port()
    with (
        valkey(tmp_path, free_port()) as (url, _),
        running(url, queues="", RINGBACK_ADMIN_PORT=str(port), RINGBACK_READY_LAG="2") as service,
    ):
        assert [name for name, ok in checks(port).items() if not ok] == ["workers:events", "workers:voice"]
        service.redis.config_set("appendonly", "no")
        service.redis.config_set("maxmemory-policy", "allkeys-lru")
        for _ in range(3):
            service.sms("-")
        bad = [name for name, ok in checks(port).items() if not ok]
        assert bad == ["aof", "eviction", "workers:events", "workers:voice", "lag"]


def test_without_redis_the_rest_is_still_said(tmp_path: Path) -> None:
    port = free_port()
    with (
        valkey(tmp_path, free_port()) as (url, store),
        running(url, queues="", RINGBACK_ADMIN_PORT=str(port)) as service,
    ):
        store.kill()
        store.wait()
        assert service.trigger("mocean/delivery-report").status_code == 200
        assert checks(port) == {"redis": False, "spool": False}
        found = metrics(port)
        assert found["ringback_redis_up",] == 0
        assert found["ringback_spool_events",] == 1
        assert found["ringback_events_total", "acme", "spooled", "mocean", "message.status"] == 1


def test_counts_are_right_across_processes(redis_url: str) -> None:
    ports = [free_port(), free_port()]
    with running(redis_url, queues="events,events", RINGBACK_ADMIN_PORT=str(ports[0])) as one:
        other = Service(one.redis_url, one.prefix, free_port())
        with process([*RINGBACK, "serve"], **{**other.settings, "RINGBACK_ADMIN_PORT": str(ports[1])}):
            await_ready(other, 0)
            for number in range(20):
                wire = build(find("mocean/inbound-sms"), {"mocean-keyword": "FAIL" if number < 3 else "-"})
                for receiver in (one, other):  # the second is a repeat
                    assert receiver.send(wire).status_code == 200
            assert one.request("POST", "mocean/inbound-sms", data={"mocean-from": "60123456789"}).status_code == 422
            wait_for(lambda: len(one.dead_letters()) == 3, "the dead letters", seconds=40)
            name = "tests.support.handlers.recording."
            wait_for(
                lambda: metrics(ports[0]).get(("ringback_handler_runs_total", f"{name}failing", "failed")) == 6,
                "the counts of both attempts",
            )
            first, second = metrics(ports[0]), metrics(ports[1])
        other.close()
    assert {key[2:]: count for key, count in first.items() if count and key[0] == "ringback_events_total"} == {
        ("stored", "mocean", "message.received"): 20,
        ("unusable", "mocean", ""): 1,
    }
    assert {key[2:]: count for key, count in second.items() if count and key[0] == "ringback_events_total"} == {
        ("duplicate", "mocean", "message.received"): 20,
    }
    for found in (first, second):
        assert found["ringback_handler_runs_total", f"{name}everything", "ok"] == 20
        assert found["ringback_handler_seconds_count", f"{name}everything"] == 20
        assert found["ringback_handler_seconds_bucket", f"{name}everything", "+Inf"] == 20
        assert found["ringback_dead_letters",] == 3
        assert found["ringback_quarantined_requests",] == 1
        assert found["ringback_stream_events",] == 20
        assert found["ringback_stream_pending_events",] == 0
        assert found["ringback_oldest_unhandled_seconds",] == 0
        assert found["ringback_workers", "events"] >= 2
        assert found["ringback_redis_up",] == 1
    assert first["ringback_commit_group_events_sum",] == 20


def test_an_event_grows_old_before_the_first_worker_has_come(redis_url: str) -> None:
    port = free_port()
    with running(redis_url, queues="", RINGBACK_ADMIN_PORT=str(port)) as service:
        assert metrics(port)["ringback_oldest_unhandled_seconds",] == 0
        assert service.trigger("mocean/inbound-sms").status_code == 200
        wait_for(lambda: metrics(port)["ringback_oldest_unhandled_seconds",] > 0, "its age")
