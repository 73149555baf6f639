"""The spool: while Redis is away events are kept on this machine's disk, and committed in order when it is back."""

import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ringback.wire.samples import find
from ringback.wire.sending import Wire, build
from tests.support.service import RINGBACK, Service, await_answer, await_ready, free_port, process, valkey, wait_for

FORM = "application/x-www-form-urlencoded"


@contextmanager
def unlucky(tmp_path: Path, *, queues: str = "", **settings: str) -> Iterator["Unlucky"]:
    """Run a receiver, and workers, on a Redis that a test can take away."""
    with ExitStack() as stack:
        store = Store(tmp_path / "valkey")
        stack.callback(store.stop)
        store.start()
        service = Service(store.url, "spool", free_port())
        stack.callback(service.close)
        receiver = stack.enter_context(process([*RINGBACK, "serve"], **{**service.settings, **settings}))
        if queues:
            stack.enter_context(process([*RINGBACK, "work", "--queues", queues], **{**service.settings, **settings}))
        await_ready(service, queues.count(",") + 1 if queues else 0)
        yield Unlucky(service, store, receiver, stack, settings)


class Store:
    """A Valkey that goes away and comes back with what it had."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._port = free_port()
        self._running: AbstractContextManager[tuple[str, subprocess.Popen[bytes]]] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        self._running = valkey(self._folder, self._port)
        _, self.process = self._running.__enter__()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None


class Unlucky:
    """The service, and what a test does to it."""

    def __init__(
        self,
        service: Service,
        store: Store,
        receiver: "subprocess.Popen[bytes]",
        stack: ExitStack,
        settings: dict[str, str],
    ) -> None:
        self.service = service
        self.store = store
        self.receiver = receiver
        self._stack = stack
        self._settings = settings

    def restart_receiver(self) -> None:
        chosen = {**self.service.settings, **self._settings}
        self.receiver = self._stack.enter_context(process([*RINGBACK, "serve"], **chosen))
        await_answer(self.service.http)


def sms(number: int) -> Wire:
    return build(find("mocean/inbound-sms"), {"mocean-text": f"{number:06d}"})


def texts(service: Service) -> list[str]:
    return [event["data"]["text"] for event in service.events()]


def numbers(upto: int) -> list[str]:
    return [f"{number:06d}" for number in range(upto)]


def all_stored(service: Service, upto: int) -> None:
    wait_for(lambda: len(texts(service)) >= upto, "the events of the spool")
    assert texts(service) == numbers(upto)


def test_what_comes_while_redis_is_away_is_stored_in_order_when_it_is_back(tmp_path: Path) -> None:
    with unlucky(tmp_path, queues="events") as it:
        answers = [it.service.send(sms(number)).status_code for number in range(5)]
        # The handlers write to the same Redis: one that runs while it dies fails, and nobody works on retries here.
        wait_for(lambda: len(it.service.noted("everything")) == 5, "the handlers")
        it.store.kill()
        answers += [it.service.send(sms(number)).status_code for number in range(5, 300)]
        it.store.start()
        answers += [it.service.send(sms(number)).status_code for number in range(300, 400)]
        assert answers == [200] * 400
        all_stored(it.service, 400)
        wait_for(lambda: len(it.service.noted("everything")) >= 400, "the handlers")


def test_a_handler_that_is_at_work_when_redis_goes_away_ends_as_any_other(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    settings = {"RINGBACK_HANDLERS": "tests.support.handlers.calling_out", "NOTES": str(notes)}
    with unlucky(tmp_path, queues="events", **settings) as it:
        assert it.service.send(sms(0)).status_code == 200
        wait_for(lambda: "started" in notes.read_text(), "its start")
        it.store.kill()
        wait_for(lambda: "ended" in notes.read_text(), "its end")
        it.store.start()
        wait_for(lambda: not it.service.pending, "the ledger", seconds=30)
        assert (notes.read_text(), it.service.dead_letters()) == ("started 1\nended 1\n", [])


def test_a_repeat_while_redis_is_away_and_after_is_no_second_event(tmp_path: Path) -> None:
    with unlucky(tmp_path) as it:
        wires = [sms(number) for number in range(3)]
        assert it.service.send(wires[0]).status_code == 200
        it.store.kill()
        assert [it.service.send(wire).status_code for wire in (*wires, *wires)] == [200] * 6
        it.store.start()
        assert [it.service.send(wire).status_code for wire in wires] == [200] * 3
        assert it.service.trigger("mocean/inbound-sms", **{"mocean-text": "000003"}).status_code == 200
        all_stored(it.service, 4)


def test_what_a_killed_receiver_leaves_is_taken_up_by_the_next(tmp_path: Path) -> None:
    with unlucky(tmp_path) as it:
        it.store.kill()
        assert [it.service.send(sms(number)).status_code for number in range(40)] == [200] * 40
        it.receiver.kill()
        it.receiver.wait()
        it.restart_receiver()  # while Redis is still away
        assert [it.service.send(sms(number)).status_code for number in range(40, 50)] == [200] * 10
        it.store.start()
        all_stored(it.service, 50)


@pytest.mark.parametrize(
    ("command", "mend"),
    [
        pytest.param(["CONFIG", "SET", "maxmemory", "1mb"], ["CONFIG", "SET", "maxmemory", "0"], id="out of memory"),
        pytest.param(["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"], id="a replica now"),
    ],
)
def test_what_a_server_refuses_for_now_waits_in_the_spool(tmp_path: Path, command: list[str], mend: list[str]) -> None:
    with unlucky(tmp_path) as it:
        it.service.redis.execute_command(*command)  # type: ignore[no-untyped-call]
        assert [it.service.send(sms(number)).status_code for number in range(3)] == [200] * 3
        assert texts(it.service) == []
        it.service.redis.execute_command(*mend)  # type: ignore[no-untyped-call]
        all_stored(it.service, 3)


def test_an_event_that_redis_takes_in_no_way_does_not_hold_up_the_others(tmp_path: Path) -> None:
    with unlucky(tmp_path) as it:
        bad = build(find("mocean/delivery-report"), {"mocean-msgid": "bad"})
        it.service.redis.set(it.service.keys.message("mocean", "acme", "bad"), "no hash")
        assert it.service.send(bad).status_code == 200
        assert [it.service.send(sms(number)).status_code for number in range(3)] == [200] * 3
        all_stored(it.service, 3)
        (file,) = (it.service.data_dir / "spool" / "spool").glob("*.sqlite")
        with sqlite3.connect(file) as database:
            assert [reason.split()[0] for (reason,) in database.execute("SELECT reason FROM refused")] == ["WRONGTYPE"]


def test_an_event_of_another_version_does_not_hold_up_the_others(tmp_path: Path) -> None:
    with unlucky(tmp_path) as it:
        it.store.kill()
        assert [it.service.send(sms(number)).status_code for number in range(3)] == [200] * 3
        it.receiver.kill()
        it.receiver.wait()
        (file,) = (it.service.data_dir / "spool" / "spool").glob("*.sqlite")
        with sqlite3.connect(file) as database:
            database.execute("UPDATE spooled SET event = json_set(event, '$.specversion', '9.9') WHERE number = 2")
        it.restart_receiver()
        it.store.start()
        wait_for(lambda: len(texts(it.service)) == 2, "the others")
        with sqlite3.connect(file) as database:
            ((reason,),) = database.execute("SELECT reason FROM refused").fetchall()
        assert "specversion" in reason


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"RINGBACK_SPOOL": "off"}, id="no spool"),
        pytest.param({"RINGBACK_SPOOL_MAX": "100"}, id="a full one"),
    ],
)
def test_what_neither_takes_is_to_be_repeated(tmp_path: Path, settings: dict[str, str]) -> None:
    with unlucky(tmp_path, **settings) as it:
        it.store.kill()
        response = it.service.send(sms(0))
        assert response.status_code == 503
        assert response.headers["retry-after"] == "5"
        it.store.start()
        assert it.service.send(sms(0)).status_code == 200
        all_stored(it.service, 1)


def test_a_call_while_redis_is_away_gets_the_fallback_at_once(tmp_path: Path) -> None:
    with unlucky(tmp_path, RINGBACK_VOICE_DEADLINE="3s") as it:
        it.store.kill()
        answer = it.service.trigger("mocean/voice/answer")
        assert answer.json()[0]["action"] == "say"
        assert answer.elapsed.total_seconds() < 2
        it.store.start()
        wait_for(lambda: len(it.service.stored()) == 1, "the call's event")


def test_a_spool_that_cannot_be_written_is_an_error_at_the_start(tmp_path: Path, redis_url: str) -> None:
    (tmp_path / "spool").write_text("in the way")
    service = Service(redis_url, "unwritable", free_port())
    environment = {**service.settings, "RINGBACK_DATA_DIR": str(tmp_path)}
    with process([*RINGBACK, "serve"], **environment) as started:
        assert started.wait(20) == 2
    service.close()


def bad(number: int) -> Wire:
    """A delivery report that lacks its status."""
    return Wire(
        "PUT", "/webhooks/mocean/delivery-report", {"content-type": FORM}, f"mocean-msgid={number:06d}".encode()
    )


def bad_call(number: int) -> Wire:
    return Wire("POST", "/webhooks/mocean/voice/answer", {"content-type": FORM}, f"mocean-to={number:06d}".encode())


def quarantined(service: Service) -> list[str]:
    return [one["body"].partition("=")[2] for one in service.quarantined()]


def test_what_cannot_be_used_while_redis_is_away_is_quarantined_once_when_it_is_back(tmp_path: Path) -> None:
    with unlucky(tmp_path) as it:
        assert it.service.send(bad(0)).status_code == 422
        it.store.kill()
        answers, began = [], datetime.now(UTC)
        for number in range(20):  # as they come: events and others by turns, each of these three times
            answers.append(it.service.send(sms(number)).status_code)
            answers += [it.service.send(bad(number)).status_code for _ in range(3)]
        assert answers == [200, 422, 422, 422] * 20
        ended = datetime.now(UTC)
        spool = it.service.ringback("doctor").stdout
        assert "spool: 20 events and 20 unusable requests. " in spool
        it.store.start()
        all_stored(it.service, 20)
        wait_for(lambda: len(quarantined(it.service)) == 20, "the unusable requests")
        assert quarantined(it.service) == numbers(20)
        received = [datetime.fromisoformat(one["received"]) for one in it.service.quarantined()[1:]]
        assert began < received[0]
        assert received == sorted(received)
        assert received[-1] < ended
        wait_for(lambda: "spool: empty" in it.service.ringback("doctor").stdout, "the spool to be empty")
        assert it.service.send(bad(7)).status_code == 422
        assert len(quarantined(it.service)) == 20


@pytest.mark.parametrize(
    ("command", "mend"),
    [
        pytest.param(["CONFIG", "SET", "maxmemory", "1mb"], ["CONFIG", "SET", "maxmemory", "0"], id="out of memory"),
        pytest.param(["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"], id="a replica now"),
        pytest.param(
            ["ACL", "SETUSER", "default", "-xadd"], ["ACL", "SETUSER", "default", "+xadd"], id="not permitted now"
        ),
    ],
)
def test_what_a_server_refuses_for_now_is_quarantined_later(
    tmp_path: Path, command: list[str], mend: list[str]
) -> None:
    with unlucky(tmp_path) as it:
        it.service.redis.execute_command(*command)  # type: ignore[no-untyped-call]
        assert [it.service.send(bad(number)).status_code for number in range(3)] == [422] * 3
        assert it.service.send(sms(0)).status_code == 200
        assert quarantined(it.service) == []
        it.service.redis.execute_command(*mend)  # type: ignore[no-untyped-call]
        all_stored(it.service, 1)
        wait_for(lambda: quarantined(it.service) == numbers(3), "the unusable requests")


def test_an_unusable_request_that_a_killed_receiver_leaves_is_taken_up_by_the_next(tmp_path: Path) -> None:
    with unlucky(tmp_path) as it:
        it.store.kill()
        assert [it.service.send(bad(number)).status_code for number in range(5)] == [422] * 5
        it.receiver.kill()
        it.receiver.wait()
        assert "5 unusable requests of receivers that are dead, 0 of living" in it.service.ringback("doctor").stdout
        (folder,) = (it.service.data_dir / "spool").iterdir()
        for file in folder.glob("spool-0.sqlite*"):
            file.rename(file.with_name(file.name.replace("spool-0", "spool-of-another")))
        it.restart_receiver()
        assert it.service.send(bad(5)).status_code == 422
        it.store.start()
        wait_for(lambda: quarantined(it.service) == numbers(6), "the unusable requests")


@pytest.mark.parametrize("setting", [{"RINGBACK_SPOOL": "off"}, {"RINGBACK_SPOOL_MAX": "100"}], ids=["none", "full"])
def test_what_cannot_be_used_and_nobody_keeps_is_to_be_repeated(tmp_path: Path, setting: dict[str, str]) -> None:
    with unlucky(tmp_path, **setting) as it:
        it.store.kill()
        response = it.service.send(bad(0))
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        it.store.start()
        wait_for(lambda: it.service.send(bad(0)).status_code == 422, "Redis")
        assert quarantined(it.service) == numbers(1)


def test_unusable_requests_leave_room_for_events_in_the_spool(tmp_path: Path) -> None:
    with unlucky(tmp_path, RINGBACK_QUARANTINE_MAX="1000") as it:
        it.store.kill()
        answers = [it.service.send(bad(number)).status_code for number in range(10)]
        assert answers == sorted(answers)
        assert set(answers) == {422, 503}
        assert it.service.send(sms(0)).status_code == 200


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "hanging"])
def test_an_unusable_call_while_redis_is_away_gets_the_fallback_and_is_kept(
    tmp_path: Path, signal_number: signal.Signals
) -> None:
    with unlucky(tmp_path, RINGBACK_VOICE_DEADLINE="500ms") as it:
        it.store.process.send_signal(signal_number)
        for number in range(2):
            answer = it.service.send(bad_call(number))
            assert (answer.status_code, answer.json()[0]["action"]) == (200, "say")
            assert answer.elapsed.total_seconds() < 1
        if signal_number is signal.SIGSTOP:
            it.store.process.send_signal(signal.SIGCONT)
        else:
            it.store.process.wait()
            it.store.start()
        # A server that hung takes what had reached it in any order.
        wait_for(lambda: sorted(quarantined(it.service)) == numbers(2), "the unusable calls")


def test_while_redis_is_away_one_account_fills_no_other_s_room(tmp_path: Path) -> None:
    # An event takes some 900 bytes, an unusable request 400.
    with unlucky(tmp_path, RINGBACK_SPOOL_MAX="60000") as it:
        it.store.kill()
        own = [it.service.send(sms(number)).status_code for number in range(100)]
        assert own[:20] == [200] * 20
        assert set(own[60:]) == {503}
        other = [it.service.send(sms(number), token="another-secret").status_code for number in range(10)]
        assert other == [200] * 10
        unusable = [it.service.send(bad(number), token="another-secret").status_code for number in range(3)]
        assert unusable == [422] * 3
        it.store.start()
        wait_for(lambda: it.service.redis.xlen(it.service.keys.events) == own.count(200) + 10, "all that had a 200")
