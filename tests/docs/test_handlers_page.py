"""docs/handlers.md: its code runs, what it quotes is what happens, and its numbers are those of the source."""

import importlib
import inspect
import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from ringback import on
from ringback.schemas.settings import Settings
from ringback.workers.decorators import DEFAULT_RETRY_S, DEFAULT_TIMEOUT_S
from ringback.workers.discovery import load_registry
from ringback.workers.failures.letters import DEAD_LETTER_TTL_S
from ringback.workers.handling import drain, lanes, ledger, notes, standing
from ringback.workers.running import lifespans, limits, runner
from tests.support.service import ROOT, wait_for
from tests.support.up import Up, up

PAGE: Final = (ROOT / "docs" / "handlers.md").read_text()
# Each begins with the name of its file.
MODULES: Final = {
    name: code for code, name in re.findall(r"```python\n(# (\w+)\.py\n.*?)```", PAGE, re.DOTALL) if name != "moved"
}
MOVED: Final = re.findall(r"```python\n(# moved\.py\n.*?)```", PAGE, re.DOTALL)[0]
PROSE: Final = " ".join(PAGE.split())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """Run all modules of the page in one service."""
    folder = tmp_path_factory.mktemp("page")
    for name, code in {**MODULES, "moved": MOVED}.items():
        (folder / f"{name}.py").write_text(code)
    with up(folder, RINGBACK_HANDLERS=",".join([*MODULES, "moved"]), RINGBACK_LOG_FORMAT="json") as started:
        yield started


def sms(service: Up, keyword: str) -> None:
    done = service.ringback("trigger", "mocean/inbound-sms", "--set", f"mocean-keyword={keyword}")
    assert done.returncode == 0, done.stderr


def lines(service: Up) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.output.splitlines() if line.startswith("{")]


def orders(service: Up) -> list[str]:
    with closing(sqlite3.connect(service.folder / "orders.db", timeout=10)) as db:
        return [one for (one,) in db.execute("select id from orders")]


def test_every_block_has_its_name() -> None:
    assert len(MODULES) + 1 == PAGE.count("```python\n")


def test_every_module_is_declared_rightly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    found = {**MODULES, "moved": MOVED}
    for name, code in found.items():
        (tmp_path / f"{name}.py").write_text(code)
    importlib.invalidate_caches()
    try:
        registry = load_registry(list(found))
    finally:
        for name in found:
            sys.modules.pop(name, None)
    assert registry.find("old.greetings.greet") is registry.handlers["greet"]
    assert registry.handlers["orders.order"].subscription.retry == (5, 60, 900)
    assert [one.__name__ for one in registry.lifespans] == ["orders", "clients"]


def test_the_first_example(running: Up) -> None:
    sms(running, "HELLO")
    (line,) = wait_for(lambda: [one for one in lines(running) if one["event"] == "sms"], "the line")
    assert (line["handler"], line["attempt"], line["words"] > 0) == ("handlers.greet", 1, True)


def test_connections(running: Up) -> None:
    """What is made at import raises, the three other ways work: one order each."""
    sms(running, "ORDER")
    wait_for(lambda: (running.folder / "orders.db").exists() and len(orders(running)) == 3, "three orders")
    assert len(set(orders(running))) == 1
    letters = wait_for(lambda: json.loads(running.ringback("dead", "ls", "--json").stdout), "the dead letter")
    assert [one["handler"] for one in letters] == ["sqlite_at_import.at_import"]
    shown = running.ringback("dead", "show", letters[0]["id"]).stdout
    quoted = re.findall(r"\$ ringback dead show \w+\n(.*?)```", PAGE, re.DOTALL)[0]
    assert re.sub(r"thread id \d+", "thread id 1", quoted) in re.sub(r"thread id \d+", "thread id 1", shown)


def test_both_lifespans_are_in_the_state(running: Up, tmp_path: Path) -> None:
    """The service that `call_back` asks is not there, so that it fails in the client that it was given."""
    sms(running, "CALLME")
    failed = wait_for(
        lambda: [one for one in lines(running) if one["event"] == "handler.failed" and "call_back" in one["handler"]],
        "the failure",
    )
    assert failed[0]["error"] in ("ConnectError", "ConnectTimeout")


REFUSED: Final = """
import asyncio
import signal
import sys

from ringback import on


@on("message.received", keyword="SIGNAL", retry=[])
def a_signal(event):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


@on("message.received", keyword="LOOP", retry=[])
def a_loop(event):
    asyncio.get_event_loop()


@on("message.received", keyword="EXIT", retry=[])
def an_exit(event):
    sys.exit()


@on("message.received", keyword="ALARM", retry=[])
def an_alarm(event):
    signal.alarm(1)
    signal.pause()
"""


def test_what_threads_refuse(tmp_path: Path) -> None:
    (tmp_path / "refused.py").write_text(REFUSED)
    with up(tmp_path, RINGBACK_HANDLERS="refused") as service:

        def letters() -> dict[str, tuple[str, str]]:
            found = json.loads(service.ringback("dead", "ls", "--json").stdout)
            return {
                one["handler"].partition(".")[2]: (one["error"], service.ringback("dead", "show", one["id"]).stdout)
                for one in found
            }

        for keyword in ("SIGNAL", "LOOP", "EXIT", "ALARM"):
            sms(service, keyword)
        died = wait_for(lambda: found if len(found := letters()) == 4 else None, "the dead letters", 40)
    assert {name: error for name, (error, _) in died.items()} == {
        "a_signal": "ValueError", "a_loop": "RuntimeError", "an_exit": "SystemExit", "an_alarm": "WorkerDied",
    }  # fmt: skip
    for name in ("a_signal", "a_loop"):
        error, text = died[name]
        (said,) = re.findall(rf"`({error}: [^`]+)`", PAGE)
        assert f"{said}\n    Sync handlers run in threads" in text


def seconds(value: float) -> str:
    return f"{value:g} s"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(f"by default {', '.join(map(str, DEFAULT_RETRY_S[:-1]))} and {DEFAULT_RETRY_S[-1]}", id="retry="),
        pytest.param(f"one run may take, {DEFAULT_TIMEOUT_S:g} by default", id="timeout="),
        pytest.param(f"kept for {DEAD_LETTER_TTL_S // 86_400} days", id="dead letters"),
        pytest.param(f"longer than {limits.LONG_S * 1000:g} ms is **overdue**", id="overdue"),
        pytest.param(f"with {lanes.MOST_OVERDUE} overdue runs starts no more", id="overdue runs of a handler"),
        pytest.param(f"takes its place, up to {runner.MOST_THREADS} in all", id="threads"),
        pytest.param(f"process with {runner.MOST_GIVEN_UP} abandoned runs", id="abandoned"),
        pytest.param(f"is ended {seconds(limits.GRACE_S)} after the limit", id="grace"),
        pytest.param(f"{seconds(limits.ASYNC_GRACE_S)} later `TimeIsUp`", id="grace on the loop"),
        pytest.param(f"`RINGBACK_THREADS` of them ({Settings.model_fields['threads'].default})", id="RINGBACK_THREADS"),
        pytest.param(f"| {lanes.ASYNC_TOGETHER}; `concurrency=500`", id="async runs together"),
        pytest.param(f"loop for longer than {seconds(runner._BLOCKED_S)} is found out", id="blocks the loop"),
        pytest.param(f"Every {seconds(standing._PROBE_EVERY_MS / 1000)} one run is tried", id="probe"),
        pytest.param(f"every {ledger._MAX_AGE_S * 1000:g} ms, {ledger._MAX_UNWRITTEN} entries", id="ledger"),
        pytest.param(f"stays for another {seconds(drain._LINGER_FOR_LIFESPAN_S)}", id="linger"),
        pytest.param(f"closing {seconds(lifespans._CLOSE_S)}", id="closing"),
    ],
)
def test_numbers(said: str) -> None:
    assert said in PROSE


def test_numbers_in_words() -> None:
    assert (standing.TIMEOUTS_IN_A_ROW, "times out three times in a row" in PROSE) == (3, True)
    assert (notes.MAX_DEATHS, "takes its process along, three times" in PROSE) == (3, True)
    assert (lifespans._OPEN_S, "Opening may take a minute" in PROSE) == (60, True)


def test_the_parameters_of_on_are_on_the_page() -> None:
    keywords = [one.name for one in inspect.signature(on).parameters.values() if one.kind is one.KEYWORD_ONLY]
    missing = [name for name in keywords if f"{name}=" not in PAGE]
    assert missing == []
