"""Wanted: a handler that is done with an entry is not run on it again, also if it has been renamed meanwhile."""

from typing import cast

import pytest

from ringback import on
from ringback.schemas.events import Event
from ringback.wire.samples import find
from ringback.workers.handling.aside import Aside
from ringback.workers.handling.notes import Notes
from ringback.workers.handling.wanted import wanted
from ringback.workers.intake.entry import Entry
from ringback.workers.registry import Registry
from tests.support.sample_events import event_of


class NobodyAside:
    """In place of the count of timeouts: no handler is set aside."""

    def has(self, handler: str) -> bool:
        return handler == ""


@on("message.received", name="greet", aliases=["old.greet", "older.greet"])
def greet(event: Event) -> None:
    """Do nothing."""


@on("*", name="log")
def log(event: Event) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("already", "handlers"),
    [
        pytest.param([], ["greet", "log"], id="nobody yet"),
        pytest.param(["log"], ["greet"], id="one of two"),
        pytest.param(["greet"], ["log"], id="the other"),
        pytest.param(["older.greet"], ["log"], id="the other, under an earlier name"),
        pytest.param(["old.log", "gone"], ["greet", "log"], id="others that are no more"),
    ],
)
def test_who_is_not_done_with_an_entry(already: list[str], handlers: list[str]) -> None:
    registry = Registry()
    registry.add(greet)
    registry.add(log)
    event = event_of(find("mocean/inbound-sms")).model_dump_json(exclude_none=True)
    entry = Entry("1-0", {b"event": event.encode()}, frozenset(already))
    found = wanted(entry, registry, cast("Aside", NobodyAside()), cast("Notes", None))
    assert [one.handler.name for one in found] == handlers
