"""How this machine reaches what listens on an address, whatever providers call."""

import pytest

from ringback.schemas.local import local_url
from ringback.schemas.settings import Settings


@pytest.mark.parametrize(
    ("host", "url"),
    [
        pytest.param("127.0.0.1", "http://127.0.0.1:8123", id="loopback"),
        pytest.param("192.0.2.7", "http://192.0.2.7:8123", id="one address"),
        pytest.param("0.0.0.0", "http://127.0.0.1:8123", id="every address"),  # noqa: S104
        pytest.param("::1", "http://[::1]:8123", id="IPv6"),
        pytest.param("::", "http://[::1]:8123", id="every address, IPv6"),
        pytest.param("localhost", "http://localhost:8123", id="a name"),
    ],
)
def test_local_url(host: str, url: str) -> None:
    assert local_url(host, 8123) == url
    assert Settings(host=host, port=8123, public_url="https://ringback.example").local_url == url


def test_providers_are_given_what_was_set() -> None:
    assert Settings(host="0.0.0.0", port=8123).base_url == "http://0.0.0.0:8123"  # noqa: S104
    assert (
        Settings(host="::", port=8123, public_url="https://ringback.example/x").base_url == "https://ringback.example/x"
    )
