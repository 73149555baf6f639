"""Direct calls: where no worker runs a handler there are none, and a client is never used on both sides of a fork."""

import os
from contextvars import copy_context
from typing import cast

import pytest
from redis import Redis

from ringback.clients.errors import NotConfiguredError
from ringback.schemas.settings import Settings
from ringback.workers.registry import Registry
from ringback.workers.running.context import Context
from ringback.workers.runtime import Runtime, Stop, runtime

CONTEXT = Context("handlers.greet", "e" * 32, 1, None, account="acme")


def test_without_a_worker_there_are_no_direct_calls() -> None:
    with pytest.raises(NotConfiguredError, match="no worker runs a handler here"):
        _ = CONTEXT.mocean


def test_without_credentials_the_words_say_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotConfiguredError, match="RINGBACK_MOCEAN_API_KEY and RINGBACK_MOCEAN_API_SECRET"):
        copy_context().run(_in_a_worker, monkeypatch, {})


def test_a_client_is_kept_and_is_another_after_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    login = {"RINGBACK_MOCEAN_API_KEY": "key", "RINGBACK_MOCEAN_API_SECRET": "secret"}
    first, second = copy_context().run(_in_a_worker, monkeypatch, login)
    assert first is second

    def forked() -> None:
        run = _worker(monkeypatch, login)
        before = CONTEXT.mocean.transport
        child = os.fork()
        if child == 0:
            is_another = CONTEXT.mocean.transport is not before and run.direct is not None
            os._exit(0 if is_another else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    copy_context().run(forked)


def _in_a_worker(monkeypatch: pytest.MonkeyPatch, login: dict[str, str]) -> tuple[object, object]:
    run = _worker(monkeypatch, login)
    assert run.direct is None
    found = CONTEXT.mocean.transport, CONTEXT.mocean.transport
    run.close_direct()
    return found


def _worker(monkeypatch: pytest.MonkeyPatch, login: dict[str, str]) -> Runtime:
    for name, value in {"RINGBACK_TOKENS": "acme:0123456789abcdef", **login}.items():
        monkeypatch.setenv(name, value)
    run = Runtime(Settings.load(), cast("Registry", None), cast("Redis", None), "worker", Stop())
    runtime.set(run)
    return run
