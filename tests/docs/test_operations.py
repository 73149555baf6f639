"""docs/operations.md: each alert has its section, and its procedures do what it says."""

import asyncio
import json
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
from redis import Redis

import tests.chaos.sender
from ringback.doctor.examination import spool_check
from ringback.receiver.admin.check import Check, Grade
from ringback.receiver.admin.health import redis_checks
from ringback.receiver.commit.script import commit_client
from ringback.run.store import await_store
from ringback.schemas.keys import Keys
from ringback.schemas.settings import Settings
from ringback.wire.samples import find
from ringback.wire.sending import Wire, build
from tests.chaos.house import House, end
from tests.chaos.plan import Kind, Plan
from tests.chaos.sender import Sender
from tests.chaos.trial import unfinished
from tests.chaos.verdict import judge
from tests.support.metrics import exposed as exposed
from tests.support.pages import anchors, section
from tests.support.service import (
    RINGBACK,
    ROOT,
    Service,
    await_answer,
    await_ready,
    clean_environment,
    free_port,
    process,
    store_program,
    valkey,
    wait_for,
)
from tests.support.tools import DEPLOY, check, rules, tool

PAGE: Final = ROOT / "docs" / "operations.md"
TEXT: Final = PAGE.read_text()


# What the page says


def procedure(title: str, places: Mapping[str, str]) -> str:
    """Give the shell commands below a heading, with other places put in for those that they name."""
    scripts: list[str] = re.findall(r"```sh\n(.*?)```", section(TEXT, title), re.DOTALL)
    (script,) = scripts
    for place, instead in places.items():
        assert place in script, place
        script = script.replace(place, instead)
    return script


def test_each_alert_has_its_section() -> None:
    alerts = [rule["alert"] for rule in rules()]
    assert re.findall(r"^### (Ringback\w+)$", TEXT, re.MULTILINE) == alerts
    for rule in rules():
        file, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (file, anchor) == ("docs/operations.md", rule["alert"].lower())
        assert anchor in anchors(ROOT / file)


def test_the_backup_script_by_shellcheck() -> None:
    check([tool("shellcheck", "apt-get install shellcheck"), str(DEPLOY / "backup.sh")], ROOT)


# Upgrade


@pytest.mark.timeout(120)
def test_an_upgrade_under_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The sender is what a proxy is: it goes to the other receiver where one cannot be reached. A 503 would be an error.
    monkeypatch.setattr(tests.chaos.sender, "_TRY_AGAIN", None)
    plan = Plan(events=1200, seed=3, special={Kind.SLOW: 1}, flaky_every=50)
    settings = {"RINGBACK_CLAIM_IDLE": "5s", "CHAOS_BUSY_S": "2"}
    house = House(tmp_path, receivers=2, queues="events,events", settings=settings)
    sender = Sender(plan, house.ports, 100, lambda _: None)
    sending = threading.Thread(target=lambda: asyncio.run(sender.run()))
    try:
        house.start()
        sending.start()
        wait_for(lambda: len(sender.taken) > 100, "the load")
        with Redis.from_url(house.url) as redis:
            assert house.work is not None
            end(house.work, signal.SIGTERM)
            house.start_work()
            for number in range(2):
                house.restart_receiver(number, signal.SIGTERM)
                await_live(house.ports[number])
            assert house.valkey is not None
            end(house.valkey, signal.SIGTERM)
            assert len(sender.taken) < plan.events, "the load was over before the upgrade"
            time.sleep(1)  # an upgrade takes a while: callbacks meanwhile are spooled
            house.start_valkey()
            sending.join(60)
            assert len(sender.taken) == plan.events
            await_quiet(redis, house.keys)
            verdict = judge(plan, house.notes, [], redis, house.keys)
        assert verdict.good, verdict
        assert not verdict.repeats
        assert not verdict.letters
    finally:
        sending.join(60)
        assert house.close() == []


def test_what_an_older_worker_does_with_an_event_that_it_cannot_read(service: Service) -> None:
    event = {"specversion": "1.0", "id": "of-the-future", "type": "call.recorded"}
    service.redis.xadd(service.keys.events, {"id": event["id"], "type": event["type"], "event": json.dumps(event)})
    assert service.trigger("mocean/inbound-sms").status_code == 200
    await_quiet(service.redis, service.keys)
    assert {one.event["type"] for one in service.noted("everything")} == {"message.received"}
    assert "of-the-future" in {one["id"] for one in service.stored()}


def await_live(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        await_answer(client)


def await_quiet(redis: Redis, keys: Keys, seconds: float = 40) -> None:
    """Wait until every event and every retry has come to its end."""
    wait_for(lambda: not unfinished(redis, keys), "the end of all work", seconds)


# Backup and restore


Backup = Callable[[Redis, int, Path, Path], None]
"""Backs up the server on this port, below the first folder; restores to the second."""


class Load(threading.Thread):
    """Inbound SMS, some hundred a second, until it is stopped; their texts are 0, 1, 2…"""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self._stop_it = threading.Event()
        self.taken = 0

    def run(self) -> None:
        while not self._stop_it.wait(0.005):
            assert self._service.send(sms(self.taken)).status_code == 200
            self.taken += 1

    def stop(self) -> None:
        self._stop_it.set()
        self.join()


def sms(number: int) -> Wire:
    return build(find("mocean/inbound-sms"), {"mocean-text": str(number)})


def valkey_cli(port: int) -> str:
    found = shutil.which("valkey-cli") or shutil.which("redis-cli")
    return f"{found} -p {port}" if found else f"{sys.executable} -m tests.support.valkey_cli {port}"


def files_backup(redis: Redis, port: int, tmp_path: Path, store: Path) -> None:
    """Restore as the page says what deploy/backup.sh has made."""
    environment = {**clean_environment(), "VALKEY_CLI": valkey_cli(port)}
    command = [str(DEPLOY / "backup.sh"), str(tmp_path / "backups")]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    made = Path(done.stdout.strip())
    assert made.parent == tmp_path / "backups"
    assert redis.config_get("auto-aof-rewrite-percentage") == {"auto-aof-rewrite-percentage": "100"}
    assert not list((tmp_path / "store").glob("backup-*"))
    script = procedure(
        "Restore the files",
        {"/var/backups/ringback/20261122T030448Z": str(made), "/var/lib/valkey": str(store), "chown": ": chown"},
    )
    run_as_said(script)


def snapshot_backup(redis: Redis, port: int, tmp_path: Path, store: Path) -> None:
    """Restore as the page says a snapshot."""
    redis.bgsave()
    wait_for(lambda: not redis.info("persistence")["rdb_bgsave_in_progress"], "the snapshot")
    shutil.copy(tmp_path / "store" / "dump.rdb", store)
    options = ["--port", str(port := free_port()), "--dir", str(store), "--save", "", "--appendonly", "no"]
    with process([store_program(), *options]), Redis(port=port) as restored:
        await_store(f"redis://127.0.0.1:{port}/0")
        restored.config_set("appendonly", "yes")
        wait_for(lambda: not restored.info("persistence")["aof_rewrite_in_progress"], "the append-only file")
        assert restored.info("persistence")["aof_last_bgrewrite_status"] == "ok"


def run_as_said(script: str, **environment: str) -> str:
    done = subprocess.run(
        ["bash", "-euc", script], env={**clean_environment(), **environment}, cwd=ROOT, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def serving(service: Service, queues: str, **settings: str) -> Iterator[None]:
    """Run a receiver and workers."""
    chosen = {**service.settings, "RINGBACK_CLAIM_IDLE": "3s", **settings}
    with process([*RINGBACK, "serve"], **chosen), process([*RINGBACK, "work", "--queues", queues], **chosen):
        await_ready(service, len(queues.split(",")))
        yield


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("backup", "settings"),
    [
        pytest.param(files_backup, {}, id="the files"),
        pytest.param(snapshot_backup, {"RINGBACK_PARTITIONS": "4"}, id="a snapshot, with partitions"),
    ],
)
def test_a_backup_under_load_and_its_restore(
    tmp_path: Path, backup: Callable[[Redis, int, Path, Path], None], settings: dict[str, str]
) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "restored").mkdir()
    port = free_port()
    with ExitStack() as stack:
        url, server = stack.enter_context(valkey(tmp_path / "store", port))
        old = Service(url, "backup", free_port())
        stack.callback(old.close)
        with serving(old, "events,events", **settings):
            # What is half done at the moment of the backup: a run, a retry, a call that nobody takes.
            load = Load(old)
            load.start()
            assert old.trigger("mocean/voice/answer").status_code == 200
            wait_for(lambda: load.taken > 200, "the load")
            recovering = old.sms("RECOVER")
            wait_for(lambda: old.noted_of("recovering", recovering), "a first attempt")
            slow = old.sms("SLOW")
            wait_for(lambda: old.noted_of("slow-started", slow), "the slow handler")
            before = load.taken
            backup(old.redis, port, tmp_path, tmp_path / "restored")
            after = load.taken
            wait_for(lambda: load.taken > after + 50, "events that the backup has not")
            load.stop()
            server.kill()
            server.wait()
        url, _ = stack.enter_context(valkey(tmp_path / "restored", free_port()))
        new = Service(url, "backup", free_port())
        stack.callback(new.close)
        with serving(new, "events,events,voice", **settings):
            new.redis.set(f"{new.prefix}:go", "1")
            wait_for(lambda: new.noted_of("slow", slow), "what was in hand at the backup")
            await_quiet(new.redis, new.keys)
            texts = Counter(event["data"].get("text") for event in new.events())
            assert max(texts.values()) == 1
            assert {str(number) for number in range(before)} <= set(texts)
            handled = {one.event["data"].get("text") for one in new.noted("everything")}
            assert handled == set(texts)
            assert {2} <= {one.attempt for one in new.noted_of("recovering", recovering)}
            still_works(new)
            found = new.ringback("doctor")
            assert found.returncode == 0, found.stdout


def still_works(service: Service) -> None:
    """See that a new event, a retry, a dead letter and a call come to their end."""
    text, failing = service.sms("RECOVER"), service.sms("FAIL")
    wait_for(lambda: len(service.noted_of("recovering", text)) == 2, "a retry")
    wait_for(lambda: len(service.noted_of("failing", failing)) == 2 and service.dead_letters(), "a dead letter")
    assert [one["action"] for one in service.trigger("mocean/voice/answer").json()] == ["say", "collect"]
    await_quiet(service.redis, service.keys)


# Disasters


def test_the_spool_of_a_dead_machine_is_taken_up_by_another(tmp_path: Path, redis_url: str) -> None:
    dead, living = Service(f"redis://127.0.0.1:{free_port()}/0", "spools", free_port()), None
    settings = {**dead.settings, "RINGBACK_DATA_DIR": str(tmp_path / "dead")}
    with process([*RINGBACK, "serve"], **settings) as receiver:
        await_live(dead.port)
        assert [dead.send(sms(number)).status_code for number in range(20)] == [200] * 20
        receiver.kill()
        receiver.wait()
    dead.close()
    living = Service(redis_url, "spools", free_port())
    settings = {**living.settings, "RINGBACK_DATA_DIR": str(tmp_path / "living"), "RINGBACK_CLAIM_IDLE": "3s"}
    with process([*RINGBACK, "serve"], **settings):
        await_live(living.port)
        assert living.send(sms(20)).status_code == 200
        places = {"/var/lib/ringback/spool/ringback": str(tmp_path / "living" / "spool" / "spools")}
        script = procedure("Another machine's spool", {**places, "rescued": str(tmp_path / "dead/spool/spools")})
        copy, _, take_up = script.partition("ringback doctor")
        run_as_said(copy)
        found = spool_check(Settings(data_dir=tmp_path / "living", prefix="spools"))
        assert (found.grade, found.detail) == (Grade.BAD, "20 events of receivers that are dead, 0 of living ones")
        assert "RINGBACK_PORT=0 RINGBACK_ADMIN_PORT=0 ringback serve" in take_up
        with process([*RINGBACK, "serve"], **{**settings, "RINGBACK_PORT": "0", "RINGBACK_ADMIN_PORT": "0"}):
            wait_for(lambda: len(living.stored()) == 21, "the events of the dead machine")
        texts = [event["data"]["text"] for event in living.events()]
        assert texts == ["20", *map(str, range(20))]
    assert not list((tmp_path / "living" / "spool").glob("*/spool-web2*.sqlite"))
    living.close()


def test_a_receiver_whose_disk_is_full(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "store").mkdir()
    service = Service(f"redis://127.0.0.1:{port}/0", "full", free_port())
    with process([*RINGBACK, "serve"], **service.settings) as receiver:
        await_live(service.port)
        assert [service.send(sms(number)).status_code for number in range(10)] == [200] * 10
        (log,) = service.data_dir.glob("spool/full/*-wal")
        resource.prlimit(receiver.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, resource.RLIM_INFINITY))
        assert [service.send(sms(10)).status_code for _ in range(3)] == [503] * 3
        with valkey(tmp_path / "store", port):
            wait_for(lambda: len(service.stored()) == 10, "the events of the spool")
            wait_for(lambda: service.send(sms(11)).status_code == 200, "a 200 again, the disk full or not")
            texts = [event["data"]["text"] for event in service.events()]
            assert texts == [*map(str, range(10)), "11"]
    service.close()


def test_the_memory_is_full(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with valkey(tmp_path / "store", free_port()) as (url, _):
        service = Service(url, "memory", free_port())
        with process([*RINGBACK, "serve"], **{**service.settings, "RINGBACK_SPOOL_MAX": "2000"}):
            await_live(service.port)
            service.redis.config_set("maxmemory", "1mb")
            answers = [service.send(sms(number)).status_code for number in range(6)]
            assert answers == sorted(answers)
            assert set(answers) == {200, 503}
            (found,) = [one for one in asyncio.run(redis_checks_at(url)) if one.name == "eviction"]
            assert found.grade is Grade.BAD
            assert found.detail.startswith("noeviction, and the memory is full: ")
            service.redis.config_set("maxmemory", "0")
            wait_for(lambda: len(service.stored()) == answers.count(200), "the events of the spool")
        service.close()


async def redis_checks_at(url: str) -> list[Check]:
    async with commit_client(url) as client:
        return await redis_checks(client)
