"""`ringback doctor` names what is wrong, says how to mend it, and shows no secret."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from redis import Redis

from ringback.doctor.examination import folder_check
from ringback.schemas.keys import EVENTS_QUEUE
from tests.support.doctor import Graded, doctor, graded
from tests.support.service import RINGBACK, TOKEN, Service, await_ready, free_port, kill, process, running, valkey
from tests.support.up import up


def wrong(found: Graded) -> dict[str, tuple[str, str]]:
    return {name: one for name, one in found.items() if one[0] != "ok"}


@pytest.fixture(scope="module")
def admin_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def well(redis_url: str, admin_port: int) -> Iterator[Service]:
    """Give a service whose admin port is known."""
    with running(redis_url, RINGBACK_ADMIN_PORT=str(admin_port)) as started:
        yield started


@contextmanager
def stranger(answers: int) -> Iterator[int]:
    """Serve what is no Ringback: the same to everyone."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answers)
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"ok\n")

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_all_is_well(tmp_path: Path, well: Service, admin_port: int) -> None:
    public = f"http://127.0.0.1:{well.port}"
    settings = {**well.settings, "RINGBACK_PUBLIC_URL": public, "RINGBACK_ADMIN_PORT": str(admin_port)}
    found = graded(tmp_path, **{**settings, "RINGBACK_TOKENS": f"acme:{TOKEN}"})
    fallback = (
        '[{"action": "say", "language": "en-GB", "text": "We cannot take your call right now. Please try again."}]'
    )
    assert {name: detail for name, (grade, detail) in found.items() if grade == "ok"} == {
        "settings": "every one is known and valid",
        "tokens": "1, of acme",
        "handlers": found["handlers"][1],
        "voice": f"an answer within 1 s, else the fallback {fallback}",
        "settings file": f"{tmp_path}/.env, there is none",
        "data folder": str(well.data_dir),
        "spool": "empty",
        "redis": found["redis"][1],
        "aof": "on, appendfsync always",
        "eviction": "noeviction",
        "clock": found["clock"][1],
        "workers:events": "2 seen in the last 90 s",
        "workers:voice": "1 seen in the last 90 s",
        "lag": "0 events not handled",
        "paused": "no handler is paused or set aside",
        "sender": "none is at work, and nothing waits",
        "sends in doubt": "0",
        "paused sends": "no account is paused",
        "dead letters": "0",
        "quarantine": "0",
        f"port {well.port}": "a receiver answers, and knows our tokens",
        f"admin port {admin_port}": "a receiver answers, and says that it is ready",
        "sending": "no credentials: nothing can be sent from here",
    }
    assert wrong(found) == {
        "public URL": (
            "warning", "a receiver answers, and knows our tokens; without TLS all on the way can read it",
        ),
    }  # fmt: skip
    assert found["handlers"][1].endswith("for events, 2 for calls (answer, menu)")


def test_lines_in_a_pipe(tmp_path: Path) -> None:
    ended = doctor(tmp_path, {"RINGBACK_HANDLERS": "misspelt", "RINGBACK_ADMIN_PORT": "0"})
    assert ended.returncode == 1
    lines = ended.stdout.splitlines()
    assert lines[0] == "ok: settings: every one is known and valid"
    assert lines[2] == (
        f'not ok: handlers: RINGBACK_HANDLERS: there is no module "misspelt" in {tmp_path} or among the packages.'
        " To mend it: workers do not start before that is mended"
    )
    assert [line.partition(":")[0] for line in lines] == [
        "ok", "not known", "not ok", "ok", "ok", "ok", "ok", "not known", "ok", "ok", "warning",
        "ok",
    ]  # fmt: skip


def test_wrong_settings_are_all_that_is_said(tmp_path: Path) -> None:
    settings = {"RINGBACK_TOKENS": TOKEN, "RINGBACK_REDIS_URL": f"redis://:{TOKEN}/x@127.0.0.1", "RINGBACK_PORTS": "1"}
    ended = doctor(tmp_path, settings)
    assert (ended.returncode, TOKEN in ended.stdout) == (1, False)
    assert ended.stdout.splitlines() == [
        f"not ok: settings: {line}. To mend it: mend it in the environment or in .env"
        for line in (
            "RINGBACK_PORTS: no such setting; did you mean RINGBACK_PORT?",
            "RINGBACK_REDIS_URL: no Redis URL; write redis://host:port/db, rediss://…, unix:///path or "
            "redis+sentinel://host:port,host:port/service/db; in a password / is %2F, # is %23",
            "RINGBACK_TOKENS: item 1 has no token; write account:token",
        )
    ]


@pytest.mark.parametrize(
    ("config", "check", "expected"),
    [
        pytest.param({}, "aof", ("ok", "on, appendfsync always"), id="as it should be"),
        pytest.param({"appendfsync": "everysec"}, "aof",
                     ("warning", "on, appendfsync everysec: a 200 may be lost within a second of a power failure"),
                     id="everysec"),
        pytest.param({"appendfsync": "no"}, "aof",
                     ("not ok", "on, appendfsync no: a 200 may be lost in a power failure"), id="no fsync"),
        pytest.param({"no-appendfsync-on-rewrite": "yes"}, "aof",
                     ("not ok", "on, appendfsync always, but not during a rewrite: a 200 then means nothing"),
                     id="no fsync during a rewrite"),
        pytest.param({"appendonly": "no"}, "aof", ("not ok", "off: a 200 does not outlive Redis"), id="no AOF"),
        pytest.param({"maxmemory-policy": "allkeys-lru"}, "eviction", ("not ok", "allkeys-lru"), id="eviction"),
    ],
)  # fmt: skip
def test_how_redis_keeps_things(
    tmp_path: Path, own_redis: str, config: dict[str, str], check: str, expected: tuple[str, str]
) -> None:
    with Redis.from_url(own_redis) as client:
        before = {name: client.config_get(name)[name] for name in config}
        for name, value in config.items():
            client.config_set(name, value)
        try:
            assert graded(tmp_path, RINGBACK_REDIS_URL=own_redis, **WELL)[check] == expected
        finally:
            for name, value in before.items():
                client.config_set(name, value)


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a Valkey that a test may set up wrongly."""
    with valkey(tmp_path_factory.mktemp("valkey"), free_port()) as (url, _):
        yield url


EVERYWHERE = "0.0.0.0"  # noqa: S104 - what a user writes
WELL = {"RINGBACK_TOKENS": f"acme:{TOKEN}", "RINGBACK_ADMIN_PORT": "0"}


@pytest.mark.parametrize(
    ("settings", "check", "expected"),
    [
        pytest.param({"RINGBACK_TOKENS": "acme:short"}, "tokens",
                     ("warning", "shorter than 16 characters: of acme"), id="short token"),
        pytest.param({"RINGBACK_TOKENS": ""}, "tokens", ("not ok", "none: `ringback serve` does not start"),
                     id="no tokens"),
        pytest.param({"RINGBACK_TOKENS": "", "RINGBACK_INSECURE": "1"}, "tokens",
                     ("warning", "none: RINGBACK_INSECURE lets anyone post events"), id="insecure"),
        pytest.param({"RINGBACK_TOKENS": "", "RINGBACK_INSECURE": "1", "RINGBACK_HOST": EVERYWHERE}, "tokens",
                     ("not ok", "none: RINGBACK_INSECURE lets anyone post events who reaches 0.0.0.0:0"),
                     id="insecure, and not for this machine alone"),
        pytest.param({"RINGBACK_DATA_DIR": "{folder}/readable"}, "data folder",
                     ("warning", "other local users may read {folder}/readable, and 2 more"), id="a readable folder"),
        pytest.param({"RINGBACK_DATA_DIR": "{folder}/writable"}, "data folder",
                     ("not ok", "others may write to {folder}/writable, so what is there may not be yours"),
                     id="a writable folder"),
        pytest.param({"RINGBACK_DATA_DIR": "{folder}/broken.py"}, "data folder",
                     ("not ok", "{folder}/broken.py is not a folder"), id="data folder that is a file"),
        pytest.param({}, "settings file", ("warning", "{folder}/.env can be read by other local users"),
                     id="a settings file that others may read"),
        pytest.param({"RINGBACK_HANDLERS": "broken"}, "handlers",
                     ("not ok", "RINGBACK_HANDLERS: broken cannot be imported: ZeroDivisionError: division by zero "
                      "({folder}/broken.py, line 1)"), id="handlers that cannot be imported"),
        pytest.param({}, "handlers", ("warning", "none: events are stored, and nothing is done with them"),
                     id="no handlers"),
        pytest.param({}, "workers:events", ("not ok", "0 seen in the last 90 s"), id="no workers"),
        pytest.param({}, "workers:voice", ("ok", "0 seen in the last 90 s, and no handler for calls"),
                     id="no workers for calls, and no calls"),
        pytest.param({"RINGBACK_SPOOL": "0"}, "spool", ("warning", "off: while Redis is away callbacks get 503"),
                     id="no spool"),
        pytest.param({"RINGBACK_DATA_DIR": "{folder}/broken.py/below"}, "data folder",
                     ("not ok", "{folder}/broken.py cannot be written"), id="data folder below a file"),
        pytest.param({"RINGBACK_REDIS_URL": "redis://:the-secret-of-acme@127.0.0.1:{port}"}, "redis",
                     ("not ok", "RINGBACK_REDIS_URL: no Redis answers at 127.0.0.1:{port} (Error 111 connecting to "
                      "127.0.0.1:{port}. Connection refused.)"), id="no Redis"),
        pytest.param({"RINGBACK_PUBLIC_URL": "http://127.0.0.1:{port}"}, "public URL",
                     ("not ok", "no answer (ConnectError: [Errno 111] Connection refused)"), id="nobody there"),
        pytest.param({"RINGBACK_VOICE_FALLBACK":
                      '[{"action": "collect", "max": 1, "event-url": "https://a.example/?token=the-secret-of-acme"}]'},
                     "voice", ("ok", 'an answer within 3 s, else the fallback [{"action": "collect", "event-url": '
                               '"https://a.example/?token=***", "max": 1, "min": 1, "timeout": 5000}]'),
                     id="a secret in the fallback"),
    ],
)  # fmt: skip
def test_what_is_wrong_here(
    tmp_path: Path, own_redis: str, settings: dict[str, str], check: str, expected: tuple[str, str]
) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / ".env").write_text(f"RINGBACK_TOKENS=acme:{TOKEN}\n")
    (tmp_path / ".env").chmod(0o644)
    for name, mode in (("readable", 0o755), ("writable", 0o777)):
        (tmp_path / name / "valkey").mkdir(parents=True)
        (tmp_path / name / "valkey" / "valkey.log").write_text("")
        (tmp_path / name).chmod(mode)
    port = str(free_port())

    def filled(text: str) -> str:
        return text.replace("{folder}", str(tmp_path)).replace("{port}", port)

    chosen = {"RINGBACK_REDIS_URL": own_redis, **WELL, **{name: filled(value) for name, value in settings.items()}}
    assert graded(tmp_path, **chosen)[check] == (expected[0], filled(expected[1]))


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        pytest.param(200, "something answers as Ringback would not (200 to a wrong token)", id="ok to all"),
        pytest.param(404, "something else answers (404 to /livez)", id="404 to all"),
    ],
)
def test_a_stranger_on_our_ports(tmp_path: Path, own_redis: str, code: int, seen: str) -> None:
    with stranger(code) as port:
        settings = {"RINGBACK_PORT": str(port), "RINGBACK_PUBLIC_URL": f"http://127.0.0.1:{port}"}
        found = graded(tmp_path, RINGBACK_REDIS_URL=own_redis, **WELL, **settings)
        assert found[f"port {port}"] == ("not ok", seen)
        assert found["public URL"] == ("not ok", seen)
        found = graded(tmp_path, RINGBACK_REDIS_URL=own_redis, **{**WELL, "RINGBACK_ADMIN_PORT": str(port)})
        assert found[f"admin port {port}"] == ("not ok", f"something else answers ({code} to /readyz)")


def test_a_receiver_that_does_not_know_a_new_token(tmp_path: Path, well: Service) -> None:
    settings = {**well.settings, "RINGBACK_TOKENS": f"acme:{TOKEN},new:an-unknown-new-token"}
    found = graded(tmp_path, **settings, RINGBACK_PUBLIC_URL=f"http://127.0.0.1:{well.port}")
    seen = "a receiver answers, which does not know our token of new"
    assert found[f"port {well.port}"] == ("not ok", seen)
    assert found["public URL"] == ("not ok", seen)


def test_the_probe_makes_no_event(tmp_path: Path, well: Service) -> None:
    graded(tmp_path, **well.settings, RINGBACK_PUBLIC_URL=f"http://127.0.0.1:{well.port}")
    assert (well.stored(), well.quarantined()) == ([], [])


def test_what_a_dead_receiver_has_left(tmp_path: Path) -> None:
    port = free_port()
    with valkey(tmp_path, free_port()) as (url, store):
        service = Service(url, "left", port)
        with process([*RINGBACK, "serve"], **service.settings) as receiver:
            await_ready(service, 0)
            store.kill()
            store.wait()
            for _ in range(3):
                assert service.trigger("mocean/delivery-report").status_code == 200
            found = graded(tmp_path, **service.settings)
            assert found["spool"] == ("warning", "3 events")
            assert found["redis"][0] == "not ok"
            kill(receiver.pid)
            receiver.wait()
        found = graded(tmp_path, **service.settings)
        assert found["spool"] == ("not ok", "3 events of receivers that are dead, 0 of living ones")
        assert found[f"port {port}"] == ("ok", "free: no receiver runs here")
        service.close()


def test_under_up_the_embedded_server_is_found(tmp_path: Path) -> None:
    with up(tmp_path, RINGBACK_ADMIN_PORT=str(free_port())) as started:
        found = graded(tmp_path, **started.settings)
        assert wrong(found).keys() == {"public URL"}
        assert found["handlers"] == ("ok", "1 for events")
        assert found["tokens"] == ("ok", "1, of default")
        assert found["aof"] == ("ok", "on, appendfsync always")
        assert (tmp_path / ".ringback" / "token").read_text().strip() not in str(found)


def test_what_waits_for_a_person(tmp_path: Path, redis_url: str) -> None:
    with running(redis_url, queues="") as service:
        assert service.request("POST", "mocean/inbound-sms", data={"mocean-from": "60123456789"}).status_code == 422
        service.redis.zadd(service.keys.rq_registry("failed", EVENTS_QUEUE), {"a": 9e12, "b": 9e12})
        found = graded(tmp_path, **service.settings)
        assert found["dead letters"] == ("warning", "2")
        service.redis.hset(service.keys.paused, "greet", "2026-11-28T08:00:00Z")
        service.redis.hset(service.keys.timeouts, mapping={"alert": 3, "note": 2})
        held = {"slow": 1000, "greet": 1, "quick": 999}
        service.redis.sadd(service.keys.held_handlers, *held)
        for name, count in held.items():
            service.redis.zadd(service.keys.held(name), {f"{name} {number}": number for number in range(count)})
        detail = graded(tmp_path, **service.settings)["paused"][1]
        assert sorted(detail.split("; ")) == [
            "alert set aside, 0 held", "greet paused since 2026-11-28T08:00:00Z, 1 held", "slow runs, 1000 held",
        ]  # fmt: skip
        assert found["quarantine"] == ("warning", "1")


def test_the_folder_of_another_user(tmp_path: Path) -> None:
    """Root may look after the service of another user; who is not root cannot use another's folder at all."""
    folder, expected = Path("/"), ("not ok", "/ cannot be written")
    if os.geteuid() == 0:
        folder = tmp_path / "theirs"
        folder.mkdir(mode=0o700)
        os.chown(folder, 54_321, -1)
        expected = ("warning", f"{folder} belongs to user 54321, and this runs as root")
    found = folder_check(folder)
    assert (found.grade, found.detail) == expected
