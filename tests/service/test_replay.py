"""Replay: stored events reach handlers once more, marked, each with all its attempts."""

import json
import subprocess
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from ringback.workers.handling.notes import MAX_DEATHS
from ringback.workers.intake.group import ensure_group
from tests.support.commands import ringback
from tests.support.service import RINGBACK, ROOT, Service, process, running, wait_for

HANDLERS = "tests.support.handlers.recording"


def replay(service: Service, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run `ringback replay …` against the service's Redis."""
    return ringback(ROOT, "replay", *words, **{**service.settings, **settings})


def runs(service: Service, handler: str, event_id: str) -> list[tuple[int, bool]]:
    """Give the attempts that a handler has made on an event, and whether they were replays."""
    noted = cast("list[bytes]", service.redis.lrange(f"{service.prefix}:noted:{handler}", 0, -1))
    found: list[dict[str, Any]] = [json.loads(one) for one in noted]
    return [(one["attempt"], one["replay"]) for one in found if json.loads(one["event"])["id"] == event_id]


def send(service: Service, keyword: str = "-") -> str:
    """Send an inbound SMS, wait until it is handled, and give its event's id."""
    text = service.sms(keyword)
    (noted,) = wait_for(lambda: service.noted_of("everything", text), "the event")
    wait_for(lambda: not service.pending, "the ledger")
    return cast("str", noted.event["id"])


def entry_of(service: Service, event_id: str) -> str:
    """Give the id of an event's entry."""
    return cast("bytes", service.redis.get(service.keys.seen(event_id))).decode()


def queued(service: Service) -> int:
    return service.redis.zcard(service.keys.due)


def test_by_id_to_every_handler_that_wants_it(service: Service) -> None:
    chosen, other = send(service, "RECOVER"), send(service)
    wait_for(lambda: len(runs(service, "recovering", chosen)) == 2, "the first delivery")
    dry = replay(service, chosen, "--dry-run")
    counts = f"{HANDLERS}.everything: 1\n{HANDLERS}.recovering: 1\n"
    assert (dry.returncode, dry.stdout, dry.stderr) == (0, counts, "2 to replay\n")
    done = replay(service, chosen, entry_of(service, chosen))
    assert (done.returncode, done.stdout, done.stderr) == (0, counts, "2 to replay\nPut 2 on the queue.\n")
    wait_for(lambda: len(runs(service, "recovering", chosen)) == 4, "the replay, with a retry of its own")
    assert runs(service, "recovering", chosen) == [(1, False), (2, False), (1, True), (2, True)]
    wait_for(lambda: len(runs(service, "everything", chosen)) == 2, "the other handler")
    assert runs(service, "everything", chosen) == [(1, False), (1, True)]
    assert runs(service, "everything", other) == [(1, False)]


def test_an_id_that_is_no_longer_known_is_looked_for(service: Service) -> None:
    event_id = send(service)
    service.redis.delete(service.keys.seen(event_id))
    assert replay(service, event_id, "--dry-run").stderr == "1 to replay\n"


def test_what_fails_is_a_dead_letter_that_says_it_was_a_replay(service: Service) -> None:
    event_id = send(service, "BROKEN")
    wait_for(lambda: len(service.dead_letters()) == 1, "the first delivery's dead letter")
    assert replay(service, event_id, "--handler", "broken").stderr == "1 to replay\nPut 1 on the queue.\n"
    wait_for(lambda: len(service.dead_letters()) == 2, "the replay's dead letter")
    assert runs(service, "broken", event_id) == [(1, False), (1, True)]
    shown = service.ringback("dead", "ls", "--json")
    # RQ orders them by whole seconds.
    assert sorted((row["event_id"], row["replay"]) for row in json.loads(shown.stdout)) == [
        (event_id, False),
        (event_id, True),
    ]


@pytest.fixture
def unhandled(redis_url: str) -> Any:
    """Give a service that stores and handles nothing."""
    with running(redis_url, queues="") as started:
        yield started


def test_filters(unhandled: Service) -> None:
    service = unhandled
    texts = [service.sms("-") for _ in range(2)]
    body = {"smsid": "filtered", "status": "SMS_STATUS_DELIVERED"}
    for _ in range(2):
        assert service.request("POST", "mycoolsms/delivery-report", json=body).status_code == 200
    late = {"smsid": "filtered", "status": "SMS_STATUS_AT_CARRIER"}
    assert service.request("POST", "mycoolsms/delivery-report", json=late).status_code == 200
    assert len(texts) + 2 == len(service.stored())
    everything, advanced = f"{HANDLERS}.everything", f"{HANDLERS}.advanced"
    third = entry_of(service, service.stored()[2]["id"]).partition("-")[0]
    moment = datetime.fromtimestamp(int(third) / 1000, UTC).isoformat()
    table = [
        (["--all"], {everything: 4, advanced: 1}),
        (["--type", "message.received"], {everything: 2}),
        (["--type", "message.status"], {everything: 2, advanced: 1}),
        (["--type", "call.input"], {}),
        (["--since", "1h"], {everything: 4, advanced: 1}),
        (["--since", "2200-01-01T00:00:00Z"], {}),
        (["--since", moment], {everything: 2, advanced: 1}),
        (["--since", moment, "--type", "message.received"], {}),
        (["--handler", "advanced"], {advanced: 1}),
        (["--handler", advanced, "--type", "message.received"], {}),
    ]
    for words, counts in table:
        done = replay(service, *words, "--dry-run")
        assert (done.returncode, done.stderr) == (0, f"{sum(counts.values())} to replay\n"), words
        assert dict(line.split(": ") for line in done.stdout.splitlines()) == {
            name: str(count) for name, count in counts.items()
        }
    assert queued(service) == 0
    assert replay(service, "--all").stderr == "5 to replay\nPut 5 on the queue.\n"
    assert queued(service) == 5


WHICH = "name events by their ids, or choose them with --type, --since and --handler, or all with --all"


@pytest.mark.parametrize(
    ("words", "settings", "code", "stderr"),
    [
        pytest.param([], {}, 2, WHICH, id="none"),
        pytest.param(["--dry-run"], {}, 2, WHICH, id="still none"),
        pytest.param(["x", "--type", "call.input"], {}, 2, WHICH, id="ids and a filter"),
        pytest.param(["--all", "--since", "1h"], {}, 2, WHICH, id="all and a filter"),
        pytest.param(["xxxx"], {}, 1, "no event xxxx in the stream; it may have been trimmed", id="no such event"),
        pytest.param(["1-"], {}, 1, "no event 1- in the stream; it may have been trimmed; a beginning needs 4 "
                     "characters at least", id="too short"),
        pytest.param(["1234-"], {}, 1, "no event 1234- in the stream; it may have been trimmed", id="no such entry"),
        pytest.param(["--since", "soon"], {}, 2, '--since "soon": write a duration such as 2h, a date such as '
                     "2026-03-02, or a time such as 2026-03-02T08:00:00Z", id="no time"),
        pytest.param(["--all"], {"RINGBACK_HANDLERS": ""}, 2, "RINGBACK_HANDLERS: not set, and no `ringback up` runs "
                     "in this folder, so no handler is known here; write what the workers have", id="no handlers"),
        pytest.param(["--all"], {"RINGBACK_HANDLERS": "nowhere"}, 2, None, id="handlers that are not there"),
        pytest.param(["--handler", "nobody"], {}, 2, None, id="no such handler"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_changes_nothing(
    service: Service, words: list[str], settings: dict[str, str], code: int, stderr: str | None
) -> None:
    result = replay(service, *words, **settings)
    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.count("\n") == 1
    if stderr is not None:
        assert result.stderr == f"ringback: {stderr}\n"


def test_a_replay_that_kills_its_worker_ends_as_a_dead_letter(redis_url: str) -> None:
    with running(redis_url, queues="") as service:
        service.sms("CRASH")
        innocent = [service.sms("-") for _ in range(20)]
        event_ids = [one["id"] for one in service.stored()]
        ensure_group(service.redis, service.keys)
        service.redis.xgroup_setid(service.keys.events, "handlers", "$")  # as if all had been delivered long ago
        assert replay(service, event_ids[0], "--handler", "crashing").returncode == 0
        assert replay(service, *event_ids[1:]).returncode == 0
        with process([*RINGBACK, "work", "--queues", "events,events"], **service.settings):
            wait_for(service.dead_letters, "the dead letter", seconds=60)
            wait_for(lambda: len(service.noted("everything")) >= len(innocent), "the others")
        shown = service.ringback("dead", "ls", "--json")
        (row,) = json.loads(shown.stdout)
        assert (row["event_id"], row["error"], row["replay"]) == (event_ids[0], "WorkerDied", True)
        assert runs(service, "crashing", event_ids[0]) == [(1, True)] * (1 + MAX_DEATHS)
        assert service.redis.exists(service.keys.suspects) == 0
