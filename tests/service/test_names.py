"""Names of handlers: one is one handler's, and what failed under an earlier name is its present one's to do."""

import json
from pathlib import Path
from typing import cast

import pytest

from tests.support.commands import ringback
from tests.support.service import RINGBACK, ROOT, Service, process, running, wait_for

HEAD = "from ringback import on\nfrom tests.support.handlers.recording import note\n\n"
FACTORY = """
def forward_to(target):
    @on("message.received")
    def send(event):
        note(target, event)
    return send

crm = forward_to("crm")
billing = forward_to("billing")
"""
BEFORE = """
@on("message.received", keyword="GREET", retry=[1])
def greet(event, ctx):
    note("greet", event, ctx)
    raise ValueError("told to fail")

@on("message.received", keyword="GREET", retry=[1])
def alert(event, ctx):
    note("alert", event, ctx)
    raise ValueError("told to fail")

@on("message.received", keyword="GREET", retry=[])
def bury(event, ctx):
    note("bury", event, ctx)
    raise ValueError("told to fail")
"""
AFTER = """
@on("message.received", keyword="GREET", retry=[1], name="greeting", aliases=["before.greet"])
def hello(event, ctx):
    note("greet", event, ctx)

@on("message.status", retry=[1], aliases=["before.alert"])
def alert(event, ctx):
    note("alert", event, ctx)

@on("message.received", keyword="GREET", name="buried", aliases=["before.bury"])
def bury(event, ctx):
    note("bury", event, ctx)
"""
DECORATED = """
import asyncio

def plain(function):
    def wrapper(event):
        return function(event)
    return wrapper

@on("message.received", name="works")
@plain
async def works(event):
    await asyncio.sleep(0.05)
    note("works", event)

@on("message.received", name="hangs", retry=[], timeout=0.5)
@plain
async def hangs(event):
    note("hangs", event)
    await asyncio.sleep(30)
    note("hung", event)
"""


def write(folder: Path, **modules: str) -> dict[str, str]:
    """Write modules of handlers, and return the setting by which a process finds them."""
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(HEAD + source)
    return {"PYTHONPATH": f"{ROOT}:{folder}"}


def runs(service: Service, handler: str) -> list[tuple[int, str]]:
    """Return the attempts and the idempotency keys of a handler's runs."""
    listed = cast("list[bytes]", service.redis.lrange(f"{service.prefix}:noted:{handler}", 0, -1))
    return [(one["attempt"], one["key"]) for one in map(json.loads, listed)]


def test_two_handlers_of_one_factory_are_refused(redis_url: str, tmp_path: Path) -> None:
    write(tmp_path, forwarding=FACTORY)
    settings = {"RINGBACK_REDIS_URL": redis_url, "RINGBACK_PREFIX": "names", "RINGBACK_HANDLERS": "forwarding"}
    ended = ringback(tmp_path, "work", **settings)
    name = "forward_to.<locals>.send"
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        2,
        "",
        f"ringback: {name} (forwarding.py, line 6, from forwarding.py, line 12): its name forwarding.{name} is also the"
        f" name of {name} (forwarding.py, line 6, from forwarding.py, line 11); give each its own with name=…, such as"
        " name='send-2'\n",
    )


def test_what_failed_before_a_handler_was_renamed(
    redis_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, before=BEFORE, after=AFTER)
    with running(redis_url, queues="") as service:
        work = [*RINGBACK, "work", "--queues"]
        with process([*work, "events"], **{**service.settings, **path, "RINGBACK_HANDLERS": "before"}):
            service.sms("GREET")
            wait_for(lambda: all(runs(service, one) for one in ("greet", "alert", "bury")), "the first attempts")
            wait_for(lambda: not service.pending, "the ledger")
        now = {**service.settings, "RINGBACK_HANDLERS": "after"}
        with process([*work, "events,events"], **{**now, **path}):
            wait_for(lambda: len(runs(service, "greet")) == 2, "the retry, under the new name")
            (event,) = service.events()
            assert runs(service, "greet") == [(1, f"{event['id']}:before.greet"), (2, f"{event['id']}:before.greet")]
            wait_for(
                lambda: "handler.not_wanted" in capfd.readouterr().err, "the retry of what is for another type now"
            )
            (letter,) = service.dead_letters()
            assert letter["description"] == f"before.bury on {event['id']}"
            for typed in ("buried", "before.bury", "bury"):
                dry = ringback(tmp_path, "dead", "retry", "--handler", typed, "--dry-run", **now)
                assert (dry.returncode, dry.stderr) == (0, "1 to retry\n")
            done = ringback(tmp_path, "dead", "retry", "--handler", "buried", **now)
            assert (done.returncode, done.stderr) == (0, "1 to retry\nPut 1 back on the queue.\n")
            wait_for(lambda: len(runs(service, "bury")) == 2, "the dead letter's other try")
            again = ringback(tmp_path, "replay", "--handler", "before.greet", **now)
            assert (again.stdout, again.stderr) == ("greeting: 1\n", "1 to replay\nPut 1 on the queue.\n")
            wait_for(lambda: len(runs(service, "greet")) == 3, "the replay")
            assert runs(service, "greet")[2] == (1, f"{event['id']}:greeting")
        assert (len(runs(service, "alert")), service.dead_letters()) == (1, [])


def test_what_a_plain_decorator_returns_is_awaited(redis_url: str, tmp_path: Path) -> None:
    path = write(tmp_path, decorated=DECORATED)
    with running(redis_url, queues="events", RINGBACK_HANDLERS="decorated", **path) as service:
        text = service.sms("-")
        wait_for(lambda: service.noted_of("works", text), "the coroutine's end")
        (letter,) = wait_for(service.dead_letters, "the dead letter of what hangs")
        assert letter["description"].startswith("hangs on ")
        assert (len(service.noted_of("hangs", text)), service.noted_of("hung", text)) == (1, [])
