"""Fixtures: one Valkey a run, one service a module that wants no more than that."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service import Service, free_port, running, valkey


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a Valkey of this run's own."""
    folder: Path = tmp_path_factory.mktemp("valkey")
    with valkey(folder, free_port()) as (url, _):
        yield url


@pytest.fixture(scope="module")
def service(redis_url: str) -> Iterator[Service]:
    """Give a running service, shared by the tests of a module."""
    with running(redis_url) as started:
        # An address that came with a right secret is not slowed down for wrong ones, of which tests send many.
        assert started.request("HEAD", "mocean/delivery-report").status_code == 200
        yield started
