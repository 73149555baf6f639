"""Addresses: who calls, and whether that one may (`RINGBACK_ALLOW_IPS`, `RINGBACK_TRUSTED_PROXIES`).

Anyone can send an X-Forwarded-For. It is believed from a trusted proxy alone, and of it the right end alone: what our
own proxies have appended. The `Forwarded` header is not read.
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple

from starlette.types import Scope

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

UNKNOWN: Final = "unknown"
_REMEMBERED: Final = 4096
_LONGEST_REMEMBERED: Final = 256


class Caller(NamedTuple):
    """Who calls, and whether that one may. `key`: the address; of IPv6 the /64, since one customer has that many."""

    key: str
    is_allowed: bool


class Addresses:
    """Knows which addresses may call, and which are our own proxies'. All may where none are named."""

    def __init__(self, allowed: Sequence[IpNetwork], trusted: Sequence[IpNetwork]) -> None:
        self._allowed = tuple(allowed)
        self._trusted = tuple(trusted)
        # The same few call again and again.
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self.judge)

    def caller(self, scope: Scope) -> Caller:
        """Tell who sent a request."""
        client = scope["client"]
        peer = client[0] if client else UNKNOWN
        if not self._trusted:
            return self._remembered(peer, b"")
        forwarded = b",".join([value for name, value in scope["headers"] if name == b"x-forwarded-for"])
        return (self._remembered if len(forwarded) <= _LONGEST_REMEMBERED else self.judge)(peer, forwarded)

    def judge(self, peer: str, forwarded: bytes) -> Caller:
        """Tell who stands behind a connection, by the values of its X-Forwarded-For headers, joined in their order.

        An entry that cannot be read on the way from the right makes the caller unknown, who is not allowed where it
        matters.
        """
        client = self._client(peer, forwarded)
        if client is None:
            return Caller(UNKNOWN, not self._allowed)
        return Caller(_key(client), not self._allowed or any(client in network for network in self._allowed))

    def _client(self, peer: str, forwarded: bytes) -> IpAddress | None:
        client = read_address(peer)
        for entry in reversed(forwarded.decode("latin-1").split(",")):
            if client is None or not any(client in network for network in self._trusted):
                break
            if entry := entry.strip(" \t"):
                client = read_address(entry)
        return client


def read_address(text: str) -> IpAddress | None:
    """Read `203.0.113.7`, `203.0.113.7:567`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:567`; None if it is none.

    An IPv4 address in IPv6 form (`::ffff:203.0.113.7`) is one of IPv4.
    """
    if text.startswith("["):
        text, closed, port = text[1:].partition("]")
        if not closed or (port and not _is_port(port)):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(f":{port}"):
            return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isascii() and text[1:].isdigit()


def _key(address: IpAddress) -> str:
    return str(ip_network((address, 64), strict=False) if isinstance(address, IPv6Address) else address)
