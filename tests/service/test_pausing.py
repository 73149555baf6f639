"""A handler that is paused runs on nothing; what comes meanwhile is held, and is run when it is resumed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.service import Service, wait_for

EVERYTHING = "tests.support.handlers.recording.everything"


def run(service: Service, *words: str) -> str:
    """Run `ringback handlers …`; return what it says."""
    done = service.ringback("handlers", *words)
    assert done.returncode == 0, done.stderr
    return done.stderr


def state(service: Service, name: str = EVERYTHING) -> Any:
    """Return how a handler stands, as `handlers ls --json` has it."""
    done = service.ringback("handlers", "ls", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (found,) = [one for one in json.loads(done.stdout) if one["name"] == name]
    return found


def reports(service: Service, count: int) -> None:
    for _ in range(count):
        assert service.trigger("mocean/delivery-report").status_code == 200


@pytest.fixture(autouse=True)
def resumed(service: Service) -> Iterator[None]:
    """Let each test begin with handlers that run, and none that has run."""
    service.redis.delete(f"{service.prefix}:noted:everything")
    yield
    service.redis.delete(service.keys.paused, service.keys.timeouts)


def await_pause(service: Service) -> None:
    """Wait until workers have seen that it is paused: an event that is stored from then on is held."""

    def is_held() -> bool:
        reports(service, 1)
        return bool(state(service)["waiting"]["held"])

    wait_for(is_held, "a run that is held")


def test_what_comes_while_a_handler_is_paused_is_held_and_then_run(service: Service) -> None:
    reports(service, 1)
    wait_for(lambda: len(service.noted("everything")) == 1, "a run")
    assert run(service, "pause", "everything") == (
        f"1 to pause: {EVERYTHING}\nPaused it. What runs is finished; what comes is held.\n"
    )
    await_pause(service)
    before, advanced = len(service.noted("everything")), len(service.noted("advanced"))
    reports(service, 300)
    wait_for(lambda: len(service.noted("advanced")) == advanced + 300, "the others' runs")
    wait_for(lambda: not service.pending, "the ledger")
    assert len(service.noted("everything")) == before
    shown = state(service)
    assert (shown["state"], shown["waiting"]["held"] + before) == ("paused", len(service.stored()))
    assert shown["paused_since"].endswith("Z")
    assert (shown["ended"]["failed"], shown["ended"]["timeout"], service.dead_letters()) == (0, 0, [])
    assert run(service, "resume", "everything").endswith("It goes on.\n")
    wait_for(lambda: len(service.noted("everything")) == len(service.stored()), "what was held", 5)
    assert {one.attempt for one in service.noted("everything")} == {1}
    wait_for(lambda: sum(state(service)["waiting"].values()) == 0, "the ledger")
    assert state(service)["state"] == "runs"


def test_a_pause_is_asked_for_once(service: Service) -> None:
    assert run(service, "pause", EVERYTHING, "--dry-run") == f"1 to pause: {EVERYTHING}\n"
    assert state(service)["state"] == "runs"
    run(service, "pause", EVERYTHING)
    since = state(service)["paused_since"]
    assert run(service, "pause", EVERYTHING).endswith("\nIt was paused already.\n")
    assert state(service)["paused_since"] == since
    paused = f"1 to resume: {EVERYTHING}, paused since {since}\n"
    assert run(service, "resume", EVERYTHING, "--dry-run") == paused
    assert run(service, "resume", EVERYTHING) == f"{paused}It goes on.\n"
    assert run(service, "resume", EVERYTHING) == f"0 to resume: {EVERYTHING} is neither paused nor set aside\n"


def test_a_handler_that_is_set_aside_is_brought_back(service: Service) -> None:
    service.redis.hset(service.keys.timeouts, EVERYTHING, 3)
    assert state(service)["state"] == "set aside"
    assert run(service, "resume", "everything") == f"1 to resume: {EVERYTHING}, set aside\nIt goes on.\n"
    assert state(service)["state"] == "runs"


def test_the_list(service: Service) -> None:
    reports(service, 1)
    wait_for(lambda: state(service)["ended"]["ok"], "the count of a run")
    names = {
        one["name"].rpartition(".")[2]: one for one in json.loads(service.ringback("handlers", "ls", "--json").stdout)
    }
    assert (names["answer"]["types"], names["menu"]["types"]) == (["call"], ["call"])
    assert names["failing"] == {
        "name": EVERYTHING.replace("everything", "failing"), "types": ["message.received"], "state": "runs",
        "paused_since": None, "concurrency": 8, "waiting": {"due": 0, "in_hand": 0, "held": 0},
        "ended": {"ok": 0, "failed": 0, "timeout": 0, "dropped": 0}, "mean_seconds": None,
    }  # fmt: skip
    assert names["whatsapp"]["concurrency"] == 64
    assert 0 < names["everything"]["mean_seconds"] < 1
    table = service.ringback("handlers", "ls").stdout
    assert table.splitlines()[0].split()[:4] == ["name", "types", "state", "together"]
    assert EVERYTHING in table


@pytest.mark.parametrize("command", ["pause", "resume"])
@pytest.mark.parametrize(
    ("name", "handlers", "error"),
    [
        pytest.param("answer", None, 'handler "answer" answers calls: their callers do not wait, so it is neither '
                     "paused nor retried", id="a voice handler"),
        pytest.param("nobody", None, 'handler "nobody": there is no such handler; there are '
                     f"{EVERYTHING}, {EVERYTHING.replace('everything', 'whatsapp')}", id="unknown"),
        pytest.param("greet", "twice", 'handler "greet": write which of twice.a.greet, twice.b.greet', id="several"),
        pytest.param("nobody", "", 'handler "nobody": there is no such handler; there are ', id="known to Redis alone"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_changes_nothing(
    service: Service, tmp_path: Any, command: str, name: str, handlers: str | None, error: str
) -> None:
    from tests.support.commands import ringback

    (tmp_path / "twice.py").write_text(
        "from ringback import on\n"
        "@on('*', name='twice.a.greet')\ndef one(event): pass\n@on('*', name='twice.b.greet')\ndef two(event): pass\n"
    )
    settings = dict(service.settings) if handlers is None else {**service.settings, "RINGBACK_HANDLERS": handlers}
    done = ringback(tmp_path, "handlers", command, name, **settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"ringback: {error}")
    assert done.stderr.count("\n") == 1
    assert not service.redis.exists(service.keys.paused)


def test_without_the_modules_of_handlers_those_are_known_that_redis_knows(service: Service, tmp_path: Any) -> None:
    from tests.support.commands import ringback

    reports(service, 1)
    wait_for(lambda: state(service)["ended"]["ok"], "the count of a run")
    settings = {**service.settings, "RINGBACK_HANDLERS": ""}
    listed = json.loads(ringback(tmp_path, "handlers", "ls", "--json", **settings).stdout)
    assert [(one["types"], one["concurrency"]) for one in listed if one["name"] == EVERYTHING] == [([], None)]
    done = ringback(tmp_path, "handlers", "pause", "everything", **settings)
    assert done.returncode == 0, done.stderr
    assert state(service)["state"] == "paused"
