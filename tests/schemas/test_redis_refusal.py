"""The word by which a server refuses is found wherever it stands, and a client acts on it."""

import pytest
from redis.exceptions import ReadOnlyError, ResponseError
from rq.exceptions import StopRequested

from ringback.receiver.commit.hotline import Hotline
from ringback.receiver.commit.recommit import is_passing
from ringback.receiver.commit.script import commit_client
from ringback.schemas.redis_refusal import refusal_of
from ringback.workers.runtime import Stop, worker_client

WRAPPED = (
    "Error running script (call to f_6cdc41bb3c1f0dd5d1f3d86d4cb4b0c9f0a4a0a1): @user_script:33: @user_script: 33: "
)
OOM = "OOM command not allowed when used memory > 'maxmemory'."
READONLY = "READONLY You can't write against a read only replica."
MISCONF = "MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk."


@pytest.mark.parametrize(
    ("code", "message", "word", "passing"),
    [
        pytest.param("OOM", "command not allowed when used memory > 'maxmemory'.", "OOM", True, id="a known word"),
        pytest.param(None, "NOREPLICAS Not enough good replicas to write.", "NOREPLICAS", True, id="an unknown word"),
        pytest.param(None, f"{MISCONF} script: on @user_script:1.", "MISCONF", True, id="a script's, Redis 7"),
        pytest.param("ERR", f"{WRAPPED}-{OOM}", "OOM", True, id="out of memory, Redis 6.2"),
        pytest.param("ERR", f"{WRAPPED}-{READONLY}", "READONLY", True, id="a replica, Redis 6.2"),
        pytest.param("ERR", f"{WRAPPED}-{MISCONF}", "MISCONF", True, id="cannot persist, Redis 6.2"),
        pytest.param(None, f"ERR {WRAPPED}-{OOM}", "OOM", True, id="with its first word"),
        pytest.param("ERR", f"{WRAPPED}-WRONGTYPE Operation against", "WRONGTYPE", False, id="a wrong type, Redis 6.2"),
        pytest.param("ERR", f"{WRAPPED}attempt to index a nil value: -OOM ", "Error", False, id="a script's fault"),
        pytest.param(
            "ERR", f"{WRAPPED}The user executing the script can't run this command or subcommand", "NOPERM", True,
            id="not permitted, Redis 6.2",
        ),
        pytest.param(
            "ERR", "The user executing the script can't run this command or subcommand script: 2e, on @user_script:1.",
            "NOPERM", True, id="not permitted, Redis 7",
        ),
        pytest.param(
            "ERR", "ACL failure in script: User bob has no permissions to run the 'xadd' command script: on …",
            "NOPERM", True, id="not permitted, Valkey",
        ),
        pytest.param(None, "WRONGTYPE Operation against a key holding", "WRONGTYPE", False, id="wrong type"),
        pytest.param("ERR", "unknown command 'X', with args beginning with: 'a -OOM b'", "unknown", False, id="quoted"),
    ],
)  # fmt: skip
def test_the_word(code: str | None, message: str, word: str, passing: bool) -> None:
    assert refusal_of(code, message) == word
    assert is_passing(ResponseError(message, status_code=code)) is passing


# What a server of 6.2 says, said by one of today.
SAYS = f'return redis.error_reply("ERR {WRAPPED}-{READONLY}")'


async def test_a_receiver_hangs_up_on_a_replica_that_says_so_in_a_script(redis_url: str) -> None:
    client = commit_client(redis_url)
    hotline = Hotline(client)
    try:
        (before,) = await hotline.call(("CLIENT", "ID"))
        with pytest.raises(ResponseError):
            await hotline.call(("EVAL", SAYS, 0))
        assert await hotline.call(("CLIENT", "ID")) != [before]
        first = await client.client_id()
        with pytest.raises(ReadOnlyError):
            await client.eval(SAYS, 0)
        assert await client.client_id() != first
        second = await client.client_id()
        with pytest.raises(ResponseError):
            await client.eval("return redis.error_reply('ERR no')", 0)
        assert await client.client_id() == second
    finally:
        await hotline.close()
        await client.aclose()


def test_a_worker_hangs_up_on_a_replica_that_says_so_in_a_script(redis_url: str) -> None:
    stop = Stop()
    with worker_client(redis_url, stop) as client:
        first = client.client_id()
        stop.requested = True  # so that it is not tried again, which it would be over another connection
        with pytest.raises(StopRequested):
            client.eval(SAYS, 0)
        assert client.client_id() != first
