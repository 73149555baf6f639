"""URLs of this machine: how a process here reaches what listens on an address, and which reach no further."""

from ipaddress import ip_address
from typing import Final

# Not addresses that anything can be reached at: whoever listens there listens on all that this machine has.
EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound to


def url_of(host: str, port: int) -> str:
    """Return the URL of an address, without a slash at the end."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def local_url(host: str, port: int) -> str:
    """Return the URL by which this machine reaches what listens on an address, on every address too."""
    return url_of(EVERY_ADDRESS.get(host, host), port)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"
