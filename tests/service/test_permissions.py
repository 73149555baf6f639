"""A Redis user with an ACL: the rule of docs/security.md is enough for everything; with less the start says so."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from ringback.run.permissions import RULE
from ringback.run.store import UnfitStoreError, check_store
from ringback.schemas.keys import Keys
from tests.support.commands import ringback
from tests.support.doctor import graded
from tests.support.service import RINGBACK, ROOT, TOKEN, Service, await_ready, free_port, process, valkey, wait_for

PREFIX = "calls"
STOPPED_S = 20.0
"""A worker that does not hear of its stop is killed after 90 s."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with valkey(tmp_path_factory.mktemp("valkey"), free_port()) as (url, _):
        yield url


def user(server: str, rule: str) -> str:
    """Make the user, with this rule alone; give the URL with it."""
    with Redis.from_url(server) as client:
        client.execute_command("ACL", "SETUSER", "app", "reset", "on", ">hidden", *rule.split())
        client.execute_command("ACL", "LOG", "RESET")
    return server.replace("redis://", "redis://app:hidden@")


def denied(server: str) -> set[str]:
    """Return what was refused to the user: commands, keys, channels."""
    with Redis.from_url(server, decode_responses=True) as client:
        rows = client.execute_command("ACL", "LOG", "128")
        return {str(row["object"]) for row in rows}


def documented() -> str:
    """Return the rule of docs/security.md, for our prefix."""
    found = re.search(r"ACL SETUSER ringback on '>…' (.+)", (ROOT / "docs/security.md").read_text())
    assert found is not None
    return found[1].strip("'").replace("' '", " ").replace("'", "").replace("ringback:", f"{PREFIX}:")


def test_the_page_has_the_rule_of_the_code() -> None:
    assert documented().split() == RULE.format(prefix=PREFIX).split()


@pytest.mark.parametrize("more", ["", "+info +config|get"], ids=["the rule", "with what doctor asks"])
def test_the_service_as_that_user(server: str, tmp_path: Path, more: str) -> None:
    url = user(server, f"{documented()} {more}")
    service = Service(url, PREFIX, free_port())
    settings = {**service.settings, "RINGBACK_ADMIN_PORT": str(free_port())}
    service.redis = Redis.from_url(server)
    try:
        with process([*RINGBACK, "serve"], **settings), process([*RINGBACK, "work"], **settings) as workers:
            await_ready(service, 4)
            text, failing = service.sms("RECOVER"), service.sms("FAIL")
            wait_for(lambda: len(service.noted_of("recovering", text)) == 2, "a retry")
            wait_for(lambda: len(service.noted_of("failing", failing)) == 2 and service.dead_letters(), "a dead letter")
            assert [one["action"] for one in service.trigger("mocean/voice/answer").json()] == ["say", "collect"]
            assert service.request("POST", "mocean/inbound-sms", data={"mocean-from": "60123456789"}).status_code == 422
            for words in (["events", "ls"], ["events", "odd"], ["dead", "ls"], ["dead", "retry", "--all"],
                          ["quarantine", "ls"], ["quarantine", "drop", "--all"], ["replay", "--all", "--dry-run"],
                          ["replay", "--all"]):  # fmt: skip
                ended = ringback(ROOT, *words, **settings)
                assert ended.returncode == 0, (words, ended.stderr)
            found = graded(tmp_path, **settings)
            info = "it answers; its user may not ask INFO, so whether it keeps things is not known"
            assert found["redis"] == ("not known", info) if not more else found["redis"][0] == "ok"
            assert [name for name, one in found.items() if one[0] == "not ok"] == []
            assert service.http.get("/livez").status_code == 200
            workers.send_signal(signal.SIGTERM)
            assert workers.wait(STOPPED_S) == 0
    finally:
        with Redis.from_url(server) as client:
            client.flushall()
        service.close()
    # RQ asks for the server's version, and goes on without.
    assert denied(server) == (set() if more else {"info"})


@pytest.mark.parametrize(
    ("less", "lacks"),
    [
        pytest.param("-xadd", "run XADD", id="a command"),
        pytest.param("-eval -script|load", "run EVAL, SCRIPT LOAD", id="scripts"),
        pytest.param("-blpop -subscribe", "run BLPOP, SUBSCRIBE", id="what only workers run"),
        pytest.param("-multi", "run MULTI, DISCARD", id="transactions"),
        pytest.param("-@all +ping", "run MULTI, DISCARD", id="nearly all"),
        pytest.param("-ping", "run PING", id="a sign of life"),
        pytest.param("resetkeys ~other:*", f"use the keys {PREFIX}:*", id="keys of another prefix"),
        pytest.param("resetkeys %R~*", f"use the keys {PREFIX}:*", id="keys to read alone"),
        pytest.param("resetchannels", f"use the channels {PREFIX}:*", id="no channels"),
        pytest.param("resetchannels resetkeys -xdel", f"run XDEL, use the keys {PREFIX}:*, use the channels {PREFIX}:*",
                     id="of each one"),
    ],
)  # fmt: skip
def test_what_the_user_lacks(server: str, less: str, lacks: str) -> None:
    url = user(server, f"{documented()} {less}")
    with pytest.raises(UnfitStoreError) as raised:
        check_store(url, Keys(PREFIX))
    rule = RULE.format(prefix=PREFIX)
    where = url.partition("@")[2]
    assert str(raised.value) == (
        f"RINGBACK_REDIS_URL: {where}: this Redis user may not {lacks}; write ACL SETUSER <user> {rule} "
        "(docs/security.md)"
    )
    assert Redis.from_url(server).keys("*") == []  # it was asked, and nothing was run


@pytest.mark.parametrize("command", ["up", "serve", "work", "doctor"])
def test_the_start_names_it(server: str, tmp_path: Path, command: str) -> None:
    url = user(server, f"{documented()} -xreadgroup")
    settings = {"RINGBACK_REDIS_URL": url, "RINGBACK_PREFIX": PREFIX, "RINGBACK_TOKENS": f"acme:{TOKEN}"}
    ended = ringback(tmp_path, command, RINGBACK_PORT="0", **settings)
    assert ended.returncode == 1
    assert "this Redis user may not run XREADGROUP" in (ended.stdout if command == "doctor" else ended.stderr)
    assert "hidden" not in ended.stdout + ended.stderr
    if command != "doctor":
        assert ended.stderr.count("\n") == 1
