"""The supervisor: what keeps one child from being started again does not end the others."""

import sys
import threading

import pytest

from ringback.run.supervisor import Child, Supervisor
from tests.support.service import wait_for


def test_a_child_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = Supervisor()
    dies = Child("dies", [sys.executable, "-c", "pass"], stage=0, stop_s=5)
    lives = Child("lives", [sys.executable, "-c", "import time; time.sleep(60)"], stage=0, stop_s=5)
    for child in (dies, lives):
        supervisor.start(child)
    attempts: list[bool] = []
    start = dies.start

    def cannot() -> None:
        attempts.append(True)
        if len(attempts) < 3:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        start()

    monkeypatch.setattr(Child, "start", lambda child: cannot() if child is dies else None)
    monkeypatch.setattr("ringback.run.supervisor._FIRST_PAUSE_S", 0.1)
    dies._pause_s = 0.1
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        wait_for(lambda: len(attempts) >= 3, "the third attempt")
        assert thread.is_alive()
        assert lives.runs
    finally:
        supervisor._told.set()
        thread.join(10)
        supervisor.stop()
