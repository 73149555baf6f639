"""Sends of handlers: each is put into the outbox if its run ended well, and once, whatever dies meanwhile."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chaos.house import children_of, stopped
from tests.support.killing import killing
from tests.support.outbox import await_got, await_sent, got, records_of, replying, states, told, write
from tests.support.service import RINGBACK, TOKEN, Service, kill, process, wait_for, worker_pids
from tests.support.simulated import Simulated

Both = tuple[Service, Simulated]

CLAIM_S = 3
MANY = 64


@pytest.fixture(scope="module")
def both(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("simulator")
    settings = {"RINGBACK_CLAIM_IDLE": f"{CLAIM_S}s", "RINGBACK_VOICE_DEADLINE": "1s"}
    with replying(redis_url, folder, queues="events,events,voice,sends", **settings) as started:
        yield started


@pytest.mark.each_store
def test_a_reply_is_sent_and_followed(both: Both) -> None:
    service, provider = both
    text = write(service, "REPLY")
    await_got(provider, text)
    [record] = [one for one in records_of(service.redis, service.keys) if one.context == {"order": text}]

    def reported() -> list[str]:
        found = [one for one in service.events() if one["data"].get("context", {}).get("send") == record.ref]
        return sorted(one["type"] for one in found)

    wait_for(lambda: reported() == ["message.sent", "message.status"], "both events")


@pytest.mark.parametrize("keyword", ["RAISES", "EXITS", "HANGS", "AWAITS", "DROPS", "LATER"])
def test_nothing_is_sent_where_the_run_does_not_end_well(both: Both, keyword: str) -> None:
    service, provider = both
    before = sum(states(service).values())
    text = write(service, keyword)
    wait_for(lambda: text.encode() in service.redis.lrange(f"{service.prefix}:replying", 0, -1), "its handler")
    wait_for(lambda: not service.pending, "its end")
    assert sum(states(service).values()) == before
    assert text not in got(provider)


@pytest.mark.parametrize(
    ("do", "is_sent"),
    [
        pytest.param("nothing", True, id="answered"),
        pytest.param("raise", False, id="raises"),
        pytest.param("hang", False, id="too late"),
        pytest.param("invalid", False, id="no MC"),
        pytest.param("one by one", True, id="a generator"),
        pytest.param("break off", False, id="a generator raises"),
    ],
)
def test_a_voice_handlers_sends_go_with_its_answer(both: Both, do: str, is_sent: bool) -> None:
    service, provider = both
    call = secrets.token_hex(8)
    before = sum(states(service).values())
    data = {"mocean-call-uuid": call, "mocean-session-uuid": call, "mocean-from": "60128123456"}
    answer = service.request("POST", "mocean/voice/answer", params={"ctx.do": do}, data=data).json()
    assert (answer[0]["text"] == "Hello.") is is_sent
    if is_sent:
        await_got(provider, call)
    else:
        reply = write(service, "REPLY")
        await_got(provider, reply)
        assert call not in got(provider)
    assert sum(states(service).values()) == before + 1


def test_each_of_many_async_runs_sends_its_own(both: Both) -> None:
    service, provider = both
    phones = {f"6012700{number:04d}": secrets.token_hex(8) for number in range(MANY)}
    for phone, text in phones.items():
        write(service, "TOGETHER", phone, text)
    await_got(provider, *phones.values())
    rows = provider.http.get("/_sim/messages").json()["messages"]
    assert {one["to"]: one["content"]["text"] for one in rows if one["to"] in phones} == phones


@pytest.mark.each_store
def test_scripts_are_forgotten_meanwhile(both: Both) -> None:
    service, provider = both
    over = threading.Event()

    def forget() -> None:
        while not over.wait(0.005):
            service.redis.script_flush()

    thread = threading.Thread(target=forget)
    thread.start()
    try:
        texts = [write(service, keyword) for _ in range(30) for keyword in ("REPLY", "FLAKY")]
        await_got(provider, *texts)
        await_sent(service)
    finally:
        over.set()
        thread.join()
    assert sorted(text for text in got(provider) if text in texts) == sorted(texts)


def test_a_claim_is_taken_over_while_the_first_worker_lives(both: Both) -> None:
    service, provider = both
    text = write(service, "SLOW")

    def runs() -> int:
        return service.redis.lrange(f"{service.prefix}:replying", 0, -1).count(text.encode())

    wait_for(lambda: runs() == 1, "its handler")
    busy = [pid for pid in worker_pids(service, "events") if children_of(pid)]
    with ExitStack() as held:
        for pid in busy:
            held.enter_context(stopped([pid, *children_of(pid)]))
        with process([*RINGBACK, "worker", "events"], **started_as(service)):
            wait_for(lambda: runs() == 2, "the other worker", 8 * CLAIM_S)
            service.redis.set(f"{service.prefix}:go", 1)
            await_got(provider, text)
    wait_for(lambda: not service.pending, "the first one's end")
    await_sent(service)
    assert got(provider).count(text) == 1


def started_as(service: Service) -> dict[str, str]:
    """Return the settings of one more worker with the handlers that reply."""
    return {
        **service.settings,
        "RINGBACK_TOKENS": f"acme:{TOKEN}",
        "RINGBACK_HANDLERS": "tests.support.handlers.replying",
        "RINGBACK_CLAIM_IDLE": f"{CLAIM_S}s",
    }


@pytest.mark.timeout(180)
@pytest.mark.parametrize("keyword", ["REPLY", "FLAKY"])
def test_a_drain_is_killed_between_any_two_of_its_commands(redis_url: str, tmp_path: Path, keyword: str) -> None:
    with replying(redis_url, tmp_path, queues="sends") as (service, provider):
        with killing(int(redis_url.rpartition(":")[2].partition("/")[0])) as proxy:
            settings = started_as(service) | {"RINGBACK_REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0"}
            with process([*RINGBACK, "worker", "events"], **settings):
                [worker] = wait_for(lambda: worker_pids(service, "events"), "the worker")

                def kill_horse() -> None:
                    for horse in children_of(worker):
                        kill(horse)

                texts: list[str] = []
                while True:
                    proxy.arm(len(texts) + 1, kill_horse)
                    texts.append(write(service, keyword))
                    await_got(provider, texts[-1])
                    if not proxy.fired.is_set():
                        break
        await_sent(service)
        assert sorted(got(provider)) == sorted(texts)
        assert len(texts) > 3
        assert set(told(service).values()) == {1}
