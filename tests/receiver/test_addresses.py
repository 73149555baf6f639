"""Addresses: who calls, whatever the headers say; and who may."""

from ipaddress import ip_address, ip_network

import pytest

from ringback.receiver.http.addresses import Addresses, Caller, read_address
from ringback.schemas.settings import Settings, SettingsError

HOME, PROXY, INNER_PROXY, FRIEND, STRANGER = "10.0.0.9", "10.0.0.1", "10.0.0.2", "203.0.113.7", "198.51.100.1"
FRIEND_6, STRANGER_6 = "2001:db8:1:2::7", "2001:db8:ffff::1"
ALLOWED = tuple(ip_network(each) for each in ("203.0.113.0/24", "2001:db8:1::/48"))
TRUSTED = tuple(ip_network(each) for each in ("10.0.0.0/29", "fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "key", "is_allowed"),
    [
        pytest.param(FRIEND, "", FRIEND, True, id="directly"),
        pytest.param(STRANGER, "", STRANGER, False, id="directly, not allowed"),
        pytest.param(STRANGER, FRIEND, STRANGER, False, id="spoofed"),
        pytest.param(HOME, FRIEND, HOME, False, id="spoofed by a neighbour of our proxies"),
        pytest.param(STRANGER, f"{FRIEND}, {PROXY}", STRANGER, False, id="spoofed with our proxy's address"),
        pytest.param(FRIEND, STRANGER, FRIEND, True, id="spoofed to nobody's good"),
        pytest.param(PROXY, FRIEND, FRIEND, True, id="through a proxy"),
        pytest.param(PROXY, STRANGER, STRANGER, False, id="through a proxy, not allowed"),
        pytest.param(PROXY, f"{FRIEND}, {STRANGER}", STRANGER, False, id="spoofed through a proxy"),
        pytest.param(PROXY, f"{FRIEND},{PROXY},{STRANGER}", STRANGER, False, id="spoofed through a proxy as a chain"),
        pytest.param(PROXY, f"{STRANGER}, {FRIEND}, {INNER_PROXY}", FRIEND, True, id="through two proxies"),
        pytest.param(PROXY, f"{FRIEND}, {STRANGER}, {INNER_PROXY}", STRANGER, False, id="spoofed through two proxies"),
        pytest.param(PROXY, f"{INNER_PROXY}, 10.0.0.3", INNER_PROXY, False, id="only proxies: the leftmost"),
        pytest.param(PROXY, "", PROXY, False, id="the proxy itself"),
        pytest.param(PROXY, " , ,", PROXY, False, id="nothing but commas"),
        pytest.param(PROXY, f"garbage, {FRIEND}", FRIEND, True, id="garbage where nobody looks"),
        pytest.param(PROXY, f"{FRIEND}, garbage", "unknown", False, id="garbage on the way"),
        pytest.param(PROXY, f"{FRIEND}, unknown, {INNER_PROXY}", "unknown", False, id="unknown on the way"),
        pytest.param(PROXY, f"{FRIEND}, \xff", "unknown", False, id="beyond ASCII"),
        pytest.param(PROXY, f"{FRIEND}, ,", FRIEND, True, id="empty entries"),
        pytest.param(PROXY, f"{FRIEND}:4711", FRIEND, True, id="with a port"),
        pytest.param(PROXY, FRIEND_6, "2001:db8:1:2::/64", True, id="IPv6"),
        pytest.param(PROXY, f"[{FRIEND_6}]:80", "2001:db8:1:2::/64", True, id="IPv6 with a port"),
        pytest.param(PROXY, STRANGER_6, "2001:db8:ffff::/64", False, id="IPv6, not allowed"),
        pytest.param("fd00::1", FRIEND, FRIEND, True, id="through a proxy by IPv6"),
        pytest.param(f"::ffff:{PROXY}", f"::ffff:{FRIEND}", FRIEND, True, id="IPv4 in IPv6 form"),
        pytest.param(f"::ffff:{STRANGER}", FRIEND, STRANGER, False, id="spoofed, IPv4 in IPv6 form"),
        pytest.param("fe80::1%eth0", FRIEND, "fe80::/64", False, id="with a zone"),
        pytest.param("unknown", FRIEND, "unknown", False, id="no peer"),
    ],
)
def test_who_calls(peer: str, forwarded: str, key: str, is_allowed: bool) -> None:
    value = forwarded.encode("latin-1")
    assert Addresses(ALLOWED, TRUSTED).judge(peer, value) == Caller(key, is_allowed)
    assert Addresses((), TRUSTED).judge(peer, value) == Caller(key, True)


def test_headers_are_joined_in_their_order() -> None:
    headers = [(b"x-forwarded-for", FRIEND.encode()), (b"host", b"x"), (b"x-forwarded-for", STRANGER.encode())]
    addresses = Addresses(ALLOWED, TRUSTED)
    assert addresses.caller({"client": (PROXY, 1), "headers": headers}) == Caller(STRANGER, False)
    assert addresses.caller({"client": (PROXY, 1), "headers": headers[::-1]}) == Caller(FRIEND, True)
    assert addresses.caller({"client": None, "headers": headers}) == Caller("unknown", False)
    long = [(b"x-forwarded-for", f"{STRANGER}, ".encode() * 500 + FRIEND.encode())]
    assert addresses.caller({"client": (PROXY, 1), "headers": long}) == Caller(FRIEND, True)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        pytest.param("1.2.3.4", "1.2.3.4", id="IPv4"),
        pytest.param("1.2.3.4:567", "1.2.3.4", id="IPv4 with a port"),
        pytest.param("::1", "::1", id="IPv6"),
        pytest.param("[::1]", "::1", id="IPv6 in brackets"),
        pytest.param("[::1]:80", "::1", id="IPv6 with a port"),
        pytest.param("::ffff:1.2.3.4", "1.2.3.4", id="IPv4 in IPv6 form"),
        pytest.param("[::ffff:102:304]:80", "1.2.3.4", id="IPv4 in IPv6 form, with a port"),
        *(
            pytest.param(text, None, id=f"none: {text}")
            for text in ("", "unknown", "_hidden", "1.2.3", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:٣", "01.2.3.4", "[::1",
                         "[::1]80", "::1]", "1.2.3.4/8", "16909060", "1.2.3.4 5.6.7.8", '"1.2.3.4"', "localhost")
        ),
    ],
)  # fmt: skip
def test_an_address(text: str, address: str | None) -> None:
    assert read_address(text) == (ip_address(address) if address else None)


@pytest.mark.parametrize("name", ["ALLOW_IPS", "TRUSTED_PROXIES"])
@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        pytest.param("10.0.0.1, nowhere", '"nowhere" is no address and no CIDR', id="a name"),
        pytest.param("10.0.0.0/33", '"10.0.0.0/33" is no address and no CIDR', id="too long a prefix"),
        pytest.param("10.0.0.1/8", '"10.0.0.1/8" has bits set beyond its prefix', id="an address with a prefix"),
        pytest.param("[::1]", '"[::1]" is no address and no CIDR', id="brackets"),
    ],
)
def test_an_error_names_the_entry(name: str, value: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"RINGBACK_{name}", value)
    with pytest.raises(SettingsError) as raised:
        Settings.load()
    write = "write such as 203.0.113.7, 198.51.100.0/24 or 2001:db8::/32"
    assert str(raised.value) == f"RINGBACK_{name}: {wrong}; {write}"


def test_settings_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_ALLOW_IPS", " 203.0.113.7, 2001:db8::/32,")
    settings = Settings.load()
    assert settings.allow_ips == (ip_network("203.0.113.7/32"), ip_network("2001:db8::/32"))
    assert settings.trusted_proxies == ()
    monkeypatch.setenv("RINGBACK_ALLOW_IPS", "::ffff:203.0.113.7")
    with pytest.raises(SettingsError, match="is an IPv4 address in IPv6 form; write it as IPv4"):
        Settings.load()
