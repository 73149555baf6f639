"""The server's settings: the embedded server, and the file for one's own, are the same ones that the promises need."""

import shlex
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from ringback.store import command, said
from tests.service import ROOT


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
