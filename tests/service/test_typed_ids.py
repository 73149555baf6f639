"""What listings print as an id can be typed."""

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests.support.service import Service, running


@pytest.fixture(scope="module")
def stored(redis_url: str) -> Iterator[Service]:
    """Return a service that has stored two events and a request that it cannot use."""
    with running(redis_url, queues="") as service:
        for _ in range(2):
            assert service.trigger("mocean/inbound-sms").status_code == 200
        assert service.request("PUT", "mocean/delivery-report", data={"mocean-msgid": "a"}).status_code == 422
        yield service


def shown(service: Service, *words: str) -> Any:
    ended = service.ringback(*words)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return json.loads(ended.stdout)


def test_what_events_ls_prints_can_be_typed(stored: Service) -> None:
    first, second = stored.ringback("events", "ls").stdout.splitlines()
    assert len(stored.stored()) == 2
    for line in (first, second):
        event_id = line.split()[2]
        assert shown(stored, "events", "show", event_id[:8])["event"]["id"] == event_id
        dry = stored.ringback("replay", event_id[:8], "--handler", "everything", "--dry-run")
        assert (dry.returncode, dry.stderr) == (0, "1 to replay\n")
    date, clock = first.split()[:2]
    assert clock.endswith("Z")
    for since in (f"{date} {clock}", f"{date} {clock[:-1]}", f"{date}T{clock}", date):
        dry = stored.ringback("replay", "--since", since, "--handler", "everything", "--dry-run")
        assert (dry.returncode, dry.stderr) == (0, "2 to replay\n"), since
    later = stored.ringback("replay", "--since", "2200-01-01", "--handler", "everything", "--dry-run")
    assert later.stderr == "0 to replay\n"


def test_what_quarantine_ls_prints_can_be_typed(stored: Service) -> None:
    (row,) = shown(stored, "quarantine", "ls", "--json")
    listed = stored.ringback("quarantine", "ls").stdout
    assert f"{row['time'][:19].replace('T', ' ')}Z" in listed
    for typed in (row["id"], row["id"].partition("-")[0], row["id"][:11]):
        assert shown(stored, "quarantine", "show", typed)["id"] == row["id"]
    dry = stored.ringback("quarantine", "drop", row["id"][:11], "--dry-run")
    assert (dry.returncode, dry.stderr) == (0, "1 to drop\n")
    again = cast("bytes", stored.redis.xadd(stored.keys.quarantine, dict(next(iter(quarantined(stored))))))
    both = stored.ringback("quarantine", "show", row["id"][:4])
    assert (both.returncode, both.stdout, both.stderr) == (
        1, "", f"ringback: 2 requests in quarantine have ids that begin with {row['id'][:4]}: {row['id']}, "
        f"{again.decode()}; write more of it\n",
    )  # fmt: skip


def quarantined(service: Service) -> list[dict[Any, Any]]:
    entries = cast("list[tuple[bytes, dict[Any, Any]]]", service.redis.xrange(service.keys.quarantine))
    return [fields for _, fields in entries]
