"""Reading: one parse of the group's progress for all who ask, and readers that write nothing to Redis."""

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from ringback.reading.dead_letters import DeadLetters
from ringback.reading.progress import backlog
from ringback.reading.quarantined import QuarantinedRequests
from ringback.reading.stream import Stream
from ringback.schemas.backlog import Backlog
from ringback.workers.failures.letters import NO_HANDLER, Letters
from ringback.workers.failures.stored_run import StoredRun
from tests.support.service import Service, wait_for

OTHER = {"name": b"billing", "pending": 9, "last-delivered-id": b"9-9", "entries-read": 9, "lag": 9}


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        pytest.param([], None, id="no group"),
        pytest.param([OTHER], None, id="others' groups"),
        pytest.param(
            [OTHER, {**OTHER, "name": b"handlers", "pending": 2, "lag": 3}], Backlog(3, 2, "9-9", 9), id="ours"
        ),
        pytest.param(
            [{**OTHER, "name": b"handlers", "entries-read": None, "lag": None}], Backlog(None, 9, "9-9"),
            id="entries were deleted, so Redis has lost count",
        ),
        pytest.param(
            [{"name": b"handlers", "pending": 2, "last-delivered-id": b"0-0"}], Backlog(None, 2),
            id="a server before Redis 7, which counts neither",
        ),
    ],
)  # fmt: skip
def test_the_progress_of_our_group(groups: list[dict[str, Any]], found: Backlog | None) -> None:
    assert Backlog.of(groups) == found
    assert found is None or found.unhandled == found.pending + (found.lag or 0)


@pytest.fixture
def reader(service: Service) -> Iterator[Redis]:
    """Return a client that Redis lets read and not write."""
    rights = ["on", ">secret", "~*", "-@all", "+@read", "+@connection", "+@transaction", "+time"]
    service.redis.execute_command("ACL", "SETUSER", service.prefix, *rights)  # type: ignore[no-untyped-call]
    with Redis.from_url(service.redis_url, username=service.prefix, password="secret") as client:
        yield client
    service.redis.acl_deluser(service.prefix)


def test_readers_only_read(service: Service, reader: Redis) -> None:
    text = service.sms("-")
    assert service.request("PUT", "mocean/delivery-report", data={"mocean-msgid": "a"}).status_code == 422
    wait_for(lambda: service.noted_of("everything", text) and not service.pending, "the event to be handled")
    with service.redis.pipeline() as pipeline:
        Letters(service.redis, service.keys).bury(pipeline, StoredRun(NO_HANDLER, "an-event", "1-0", b"{}"), "why")
        pipeline.execute()

    stream, letters = Stream(reader, service.keys), DeadLetters(reader, service.keys)
    requests = QuarantinedRequests(reader, service.keys)
    (event,) = stream.latest(10)
    assert (event.handled, stream.find(event.event.id[:8])) == (True, event)
    assert [one.entry_id for one in stream.since(None, None, stream.newest())] == [event.entry_id]
    assert stream.oddities() == {}
    assert backlog(reader, service.keys) == Backlog(0, 0, event.entry_id, 1)
    (request,) = requests.latest(10)
    assert (requests.count(), list(requests.all()), requests.named([request.entry_id[:6]])) == (1, [request], [request])
    (letter,) = letters.latest(10, handler="-")
    assert (letters.count(), letters.named([letter.letter_id[:8]])) == (1, [letter.letter_id])
    assert (letters.find(letter.letter_id), letters.traceback(letter.letter_id)) == (letter, "why")
