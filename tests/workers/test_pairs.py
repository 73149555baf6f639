"""Pairs: which handlers run on an entry or a run that was due, what each is given, and what is noted of it."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis

from ringback import Context, Drop, on
from ringback.reading.dead_letters import DeadLetters
from ringback.redelivery.deliveries import drop
from ringback.schemas.events import Event
from ringback.schemas.parts import to_json
from ringback.schemas.settings import Settings
from ringback.wire.samples import find
from ringback.workers.failures.stored_run import StoredRun
from ringback.workers.handling.handling import Handling
from ringback.workers.handling.ledger import Ledger
from ringback.workers.handling.standing import Standing
from ringback.workers.intake.entry import Entry
from ringback.workers.intake.group import ensure_group
from ringback.workers.registry import Registry
from ringback.workers.runtime import Runtime, Stop
from tests.support.sample_events import event_of
from tests.support.service import wait_for

SMS = event_of(find("mocean/inbound-sms"), {"mocean-text": "hello", "mocean-keyword": "-"})
BYTES = to_json(SMS).removesuffix(b"}") + b', "priority": 1}'  # which a newer version has added
ran: list[tuple[str, Any]] = []


@on("message.received", name="greet", aliases=["old.greet", "older.greet"])
def greet(event: Event) -> None:
    ran.append(("greet", None))


@on("*", name="log")
async def log(event: Event) -> None:
    ran.append(("log", None))


@on("message.status", name="reports")
def reports(event: Event) -> None:
    ran.append(("reports", None))


@on("message.received", keyword="HELP", name="help")
def help_(event: Event) -> None:
    ran.append(("help", None))


@on("message.received", name="chosen", when=lambda event: event.subject == "other")
def chosen(event: Event) -> None:
    ran.append(("chosen", None))


@on("message.received", name="changes", retry=[60])
def changes(event: Event, ctx: Context) -> None:
    ran.append(("changes", (dict(event.data.raw), dict(event.data.context))))
    event.data.raw["mocean-text"] = "forged"
    event.data.context["forged"] = "yes"
    raise ValueError("told to fail")


@on("message.received", name="reads")
def reads(event: Event, ctx: Context) -> None:
    ran.append(("reads", (dict(event.data.raw), dict(event.data.context))))


@on("message.received", name="knows")
def knows(event: Event, ctx: Context) -> None:
    ran.append(("knows", (ctx.attempt, ctx.replay, ctx.idempotency_key)))


@on("message.received", name="drops")
def drops(event: Event) -> None:
    raise Drop("not for me")


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    ran.clear()
    with Redis.from_url(redis_url) as client:
        yield client


class Drained:
    """A drain's hands, with some handlers."""

    def __init__(self, redis: Redis, folder: Path, *functions: Callable[..., object]) -> None:
        registry = Registry()
        for function in functions:
            registry.add(function)
        settings = Settings(prefix=f"t{secrets.token_hex(4)}", data_dir=folder)
        self.redis, self.keys = redis, settings.keys
        self.runtime = Runtime(settings, registry, redis, "worker", Stop())
        ensure_group(redis, self.keys)
        self.standing = Standing(redis, self.keys)

    def do(self, entry: Entry) -> list[str]:
        """Take an entry and do all of it; return which handlers ran."""
        ran.clear()
        self.standing.look()
        ledger = Ledger(self.runtime)
        handling = Handling(self.runtime, ledger, self.standing, lambda _: True, in_order=False)
        handling.take([entry])
        wait_for(lambda: handling.turn(0.01) is None or not handling.is_at_work, "the handlers")
        ledger.write()
        return sorted(name for name, _ in ran)

    def due(self, record: StoredRun) -> list[str]:
        return self.do(Entry("1-0", {b"record": record.dump()}, is_due=True))

    @property
    def waiting(self) -> list[StoredRun]:
        return [StoredRun.load(one) for one in cast("list[bytes]", self.redis.zrange(self.keys.due, 0, -1))]


def record(handler: str, **more: Any) -> StoredRun:
    return StoredRun(handler, SMS.id, "1-0", BYTES, **more)


@pytest.mark.parametrize(
    ("already", "handlers"),
    [
        pytest.param([], ["greet", "log"], id="nobody yet"),
        pytest.param(["log"], ["greet"], id="one of two"),
        pytest.param(["greet"], ["log"], id="the other"),
        pytest.param(["older.greet"], ["log"], id="the other, under an earlier name"),
        pytest.param(["old.log", "gone"], ["greet", "log"], id="others that are no more"),
        pytest.param(["greet", "log"], [], id="both"),
    ],
)
def test_who_is_not_done_with_an_entry(redis: Redis, tmp_path: Path, already: list[str], handlers: list[str]) -> None:
    drained = Drained(redis, tmp_path, greet, log, reports, help_, chosen)
    assert drained.do(Entry("1-0", {b"event": BYTES}, frozenset(already))) == handlers


@pytest.mark.parametrize(
    ("handler", "handlers"),
    [
        pytest.param("greet", ["greet"], id="its handler"),
        pytest.param("older.greet", ["greet"], id="its handler, under an earlier name"),
        pytest.param("reports", [], id="for another type now"),
        pytest.param("help", [], id="its filter does not want it any more"),
        pytest.param("chosen", [], id="nor does its when"),
        pytest.param("gone", [], id="its handler is no more"),
    ],
)
def test_a_run_that_was_due_looks_at_type_and_filters(
    redis: Redis, tmp_path: Path, handler: str, handlers: list[str]
) -> None:
    drained = Drained(redis, tmp_path, greet, log, reports, help_, chosen)
    assert drained.due(record(handler, attempts=1)) == handlers
    assert drained.waiting == []
    dead = DeadLetters(redis, drained.keys)
    buried = dead.latest(10, handler=handler)
    assert [(one.handler, one.errors) for one in buried] == ([("gone", ("HandlerError",))] if handler == "gone" else [])
    drop(dead, [one.letter_id for one in buried])


def test_each_handler_has_its_own_event(redis: Redis, tmp_path: Path) -> None:
    drained = Drained(redis, tmp_path, changes, reads)
    assert drained.do(Entry("1-0", {b"event": BYTES})) == ["changes", "reads"]
    received = (SMS.data.raw, SMS.data.context)
    assert [seen for _, seen in ran] == [received, received]
    (again,) = drained.waiting
    assert (again.handler, again.attempts, again.errors, again.event) == ("changes", 1, ("ValueError",), BYTES)
    assert drained.due(again) == ["changes"]
    assert ran == [("changes", received)]


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        pytest.param({}, (1, False, f"{SMS.id}:knows"), id="given another try"),
        pytest.param({"attempts": 2}, (3, False, f"{SMS.id}:knows"), id="a retry"),
        pytest.param({"replay": True}, (1, True, f"{SMS.id}:knows"), id="a replay"),
    ],
)
def test_what_a_handler_knows_of_its_run(
    redis: Redis, tmp_path: Path, more: dict[str, Any], seen: tuple[int, bool, str]
) -> None:
    assert Drained(redis, tmp_path, knows).due(record("knows", **more)) == ["knows"]
    assert ran == [("knows", seen)]


def test_what_is_dropped_waits_no_more(redis: Redis, tmp_path: Path) -> None:
    drained = Drained(redis, tmp_path, drops)
    drained.due(record("drops", attempts=1))
    assert drained.waiting == []


def test_of_a_paused_handler_nothing_runs_and_nothing_is_lost(redis: Redis, tmp_path: Path) -> None:
    drained = Drained(redis, tmp_path, greet, log)
    redis.hset(drained.keys.paused, "greet", "2026-03-02T08:00:00Z")
    assert drained.do(Entry("1-0", {b"event": BYTES})) == ["log"]
    assert drained.due(record("greet", attempts=1, errors=("ValueError",))) == []
    held = [StoredRun.load(one) for one in cast("list[bytes]", redis.zrange(drained.keys.held("greet"), 0, -1))]
    assert [(one.attempts, one.errors) for one in held] == [(0, ()), (1, ("ValueError",))]
