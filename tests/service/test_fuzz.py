"""Fuzz: hostile requests to each endpoint of the running service, for a bounded time."""

import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from ringback.receiver.parsing.callbacks import Callback
from ringback.receiver.providers import CALLBACKS
from tests.hostile import Caller, requests_to, send
from tests.support.service import Service, running

SECONDS = 3.0  # an endpoint
THREADS = 4
EXPECTED = {200, 413, 415, 422}


@pytest.fixture(scope="module")
def service(redis_url: str) -> Iterator[Service]:
    """Give a service that answers calls; its events are left in the stream."""
    with running(redis_url, queues="voice,voice", RINGBACK_VOICE_DEADLINE="200ms") as started:
        yield started


@pytest.mark.parametrize("callback", CALLBACKS, ids=[callback.name for callback in CALLBACKS])
def test_no_request_is_too_much(service: Service, callback: Callback) -> None:
    seed = secrets.randbits(32)
    answers: Counter[int] = Counter()
    wrong: list[str] = []
    deadline = time.monotonic() + SECONDS

    def attack(number: int) -> None:
        requests = requests_to(callback, random.Random(seed + number))  # noqa: S311
        with closing(Caller(service.port)) as caller:
            while time.monotonic() < deadline and not wrong:
                request = next(requests)
                try:
                    status = send(caller, request)
                except OSError as error:
                    wrong.append(f"{error!r} after {request}")
                    return
                answers[status] += 1
                if status not in EXPECTED:
                    wrong.append(f"{status} after {request}")

    threads = [threading.Thread(target=attack, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [], f"seed {seed}"
    # It got to the callback itself, and not only to the door.
    assert answers[200] > 0
    assert service.http.get("/livez").status_code == 200
