"""The outbox: does somebody send what waits there, and what waits for a person."""

from collections.abc import Iterator

from redis import Redis

from ringback.reading.stored_sends import StoredSends
from ringback.receiver.admin.check import Check, Grade
from ringback.schemas.settings import Settings


def outbox_checks(redis: Redis, settings: Settings) -> Iterator[Check]:
    """Ask whether a sender and, if wanted, a poller are at work; what is in doubt; which accounts are paused."""
    sends = StoredSends(redis, settings.keys)
    yield _sender_check(sends)
    if settings.polls:
        is_polling = bool(redis.exists(settings.keys.poller))
        yield Check(
            "poller", Grade.OK if is_polling else Grade.WARNING, "one is at work" if is_polling else "none is at work",
            "start `ringback work` with `polls` among its --queues; its log says what keeps the poller from starting",
        )  # fmt: skip
    doubtful = sends.in_doubt()
    yield Check(
        "sends in doubt", Grade.WARNING if doubtful else Grade.OK, str(doubtful),
        "`ringback sends ls --in-doubt` lists those of which nobody knows whether they went out; ask the provider, "
        "then `ringback sends settle REF accepted`, or `ringback sends again REF`",
    )  # fmt: skip
    paused = ", ".join(f"{account} since {since}" for account, since in sends.paused().items())
    yield Check(
        "paused sends", Grade.WARNING if paused else Grade.OK, paused or "no account is paused",
        "`ringback sends resume ACCOUNT` lets it go on; what waits may expire",
    )  # fmt: skip


def _sender_check(sends: StoredSends) -> Check:
    if sends.is_sending():
        return Check("sender", Grade.OK, "one is at work")
    if waiting := sends.waiting():
        return Check(
            "sender", Grade.BAD, f"none is at work, and something waits for {waiting} recipients at most",
            "start `ringback work` with `sends` among its --queues; its log says what keeps the sender from starting",
        )  # fmt: skip
    return Check("sender", Grade.OK, "none is at work, and nothing waits")
