"""The server's settings: the embedded server, and the file for one's own, are the same ones that the promises need."""

import shlex
import subprocess
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from ringback.receiver.admin.check import Grade
from ringback.receiver.admin.health import version_check
from ringback.run.store import UnfitStoreError, await_store, command, said
from tests.support.service import RINGBACK, ROOT, TOKEN, clean_environment, free_port, process, store_program


def test_the_embedded_server_and_the_settings_file_agree() -> None:
    words = command(Path("/x"), Path("/x/s"))[1:]
    embedded = dict(zip((word.removeprefix("--") for word in words[::2]), words[1::2], strict=True))
    lines = [shlex.split(line, comments=True) for line in (ROOT / "deploy/valkey.conf").read_text().splitlines()]
    filed = {line[0]: line[1] for line in lines if line}
    own = {"port", "unixsocket", "unixsocketperm", "dir", "logfile", "daemonize"}
    assert {name: filed[name] for name in embedded if name not in own} == {
        name: value for name, value in embedded.items() if name not in own
    }


def test_the_server_is_the_one_that_was_chosen_and_its_version_is_promised(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        server = client.info("server")
    assert ("valkey_version" in server) is (Path(store_program()).name != "redis-server")
    assert version_check(server).grade is Grade.OK


@pytest.mark.parametrize(
    ("server", "grade", "detail"),
    [
        pytest.param({"redis_version": "7.0.15"}, Grade.OK, "Redis 7.0.15", id="Redis that was tested"),
        pytest.param({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, Grade.OK, "Valkey 9.1.2",
                     id="Valkey that was tested"),
        pytest.param({"redis_version": "7.4.1"}, Grade.WARNING, "Redis 7.4.1: not tested with this version",
                     id="newer Redis"),
        pytest.param({"redis_version": "9.1.0"}, Grade.WARNING, "Redis 9.1.0: not tested with this version",
                     id="Redis with a number of Valkey's"),
        pytest.param({"redis_version": "7.2.4", "valkey_version": "8.1.0"}, Grade.WARNING,
                     "Valkey 8.1.0: not tested with this version", id="older Valkey"),
        pytest.param({"redis_version": "7.2.4", "valkey_version": "10.0.0-rc1"}, Grade.WARNING,
                     "Valkey 10.0.0-rc1: not tested with this version", id="newer Valkey"),
        pytest.param({"redis_version": "6.2.14"}, Grade.BAD, "Redis 6.2.14", id="older Redis"),
        pytest.param({"redis_version": "unstable"}, Grade.BAD, "Redis unstable", id="no number"),
        pytest.param({}, Grade.BAD, "Redis unknown", id="no version"),
    ],
)  # fmt: skip
def test_versions(server: dict[str, str], grade: Grade, detail: str) -> None:
    check = version_check(server)
    assert (check.grade, check.detail) == (grade, detail)
    assert ("Redis 7.0 and Valkey 9.1 were tested" in check.mend) is (grade is not Grade.OK)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(("NONSENSE", "a text"), "unknown command 'NONSENSE'", id="unknown command"),
        pytest.param(("SET", "key", "a text", "XX", "NX"), "syntax error", id="wrong arguments"),
        pytest.param(("HSET", "text", "field", "a text"),
                     "WRONGTYPE Operation against a key holding the wrong kind of value", id="wrong type"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("in_pipeline", [False, True], ids=["alone", "in a pipeline"])
def test_an_error_of_redis_without_what_was_asked(
    redis_url: str, words: tuple[str, ...], expected: str, in_pipeline: bool
) -> None:
    with Redis.from_url(redis_url) as client:
        client.set("text", "no hash")
        pipeline = client.pipeline(transaction=False)
        pipeline.execute_command(*words)
        ask = pipeline.execute if in_pipeline else lambda: client.execute_command(*words)
        with pytest.raises(RedisError) as raised:
            ask()
        client.delete("text")
    assert said(raised.value) == expected


def test_a_cluster_is_refused(tmp_path: Path) -> None:
    port = free_port()
    command = [store_program(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    command += ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
    url = f"redis://127.0.0.1:{port}/0"
    with process([*command, "--logfile", str(tmp_path / "valkey.log")]):
        with pytest.raises(UnfitStoreError, match=f"127.0.0.1:{port}/0 is a cluster"):
            await_store(url)
        # Also a receiver that could keep events until Redis is there does not begin.
        settings = clean_environment(RINGBACK_REDIS_URL=url, RINGBACK_TOKENS=f"acme:{TOKEN}")
        served = subprocess.run(
            [*RINGBACK, "serve"], env=settings, cwd=tmp_path, capture_output=True, timeout=30, check=False
        )
    assert (served.returncode, b"is a cluster" in served.stderr) == (1, True)
