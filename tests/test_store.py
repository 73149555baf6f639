"""The server's settings: the embedded server, and the file for one's own, are the same ones that the promises need."""

import shlex
import subprocess
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from ringback.store import UnfitStoreError, await_store, binary, command, said
from tests.service import RINGBACK, ROOT, TOKEN, clean_environment, free_port, process


def test_the_embedded_server_and_the_settings_file_agree() -> None:
    words = command(Path("/x"), Path("/x/s"))[1:]
    embedded = dict(zip((word.removeprefix("--") for word in words[::2]), words[1::2], strict=True))
    lines = [shlex.split(line, comments=True) for line in (ROOT / "deploy/valkey.conf").read_text().splitlines()]
    filed = {line[0]: line[1] for line in lines if line}
    kept = {"appendonly", "appendfsync", "no-appendfsync-on-rewrite", "save", "maxmemory-policy"}
    assert {name: filed[name] for name in kept} == {name: embedded[name] for name in kept}


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
    command = [binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path), "--cluster-enabled", "yes"]
    command += ["--cluster-port", str(free_port())]
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
