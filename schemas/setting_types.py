"""Types of settings: how a person or a program writes a duration, a switch, a host, networks, names, the fallback MC.

Each says of a wrong value what is wrong, and what to write.
"""

import json
import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from ringback.schemas.mc_actions import Action
from ringback.schemas.mc_wire import McError, parse_mc

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|)")
_UNITS: Final = {"ms": 0.001, "s": 1, "": 1, "m": 60, "h": 3600, "d": 86_400}
_HOST_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_LONGEST_HOST: Final = 253


def _duration(value: object) -> object:
    return _seconds(value) if isinstance(value, str) else value


def _seconds(text: str) -> timedelta:
    """Read `90`, `90s`, `1500ms`, `48h`, `7d`; a bare number is in seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'invalid duration "{text}"; write a number with ms, s, m, h or d, such as 48h')
    try:
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    except OverflowError:
        return timedelta.max


def within(least: str, most: str) -> tuple[BeforeValidator, AfterValidator]:
    """Return validators that read a duration, and refuse one that is shorter or longer than these."""

    def check(value: timedelta) -> timedelta:
        if value < shortest or value > longest:
            raise ValueError(f"too {'short' if value < shortest else 'long'}; write {least} to {most}")
        return value

    shortest, longest = _seconds(least), _seconds(most)

    return BeforeValidator(_duration), AfterValidator(check)


def _names(value: object) -> object:
    if isinstance(value, str):
        return tuple(filter(None, (name.strip() for name in value.split(","))))
    return value


def _networks(value: object) -> object:
    """Read addresses and CIDRs: `203.0.113.7, 198.51.100.0/24, 2001:db8::/32`."""
    if not isinstance(value, str):
        return value
    networks: list[IPv4Network | IPv6Network] = []
    for item in filter(None, (part.strip() for part in value.split(","))):
        try:
            network = ip_network(item)
        except ValueError as error:
            wrong = "has bits set beyond its prefix" if "host bits" in str(error) else "is no address and no CIDR"
            raise ValueError(f'"{item}" {wrong}; write such as 203.0.113.7, 198.51.100.0/24 or 2001:db8::/32') from None
        if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
            raise ValueError(f'"{item}" is an IPv4 address in IPv6 form; write it as IPv4')
        networks.append(network)
    return tuple(networks)


def _fallback(value: object) -> object:
    """Read the fallback MC: a JSON array of actions, or a text to say."""
    if not isinstance(value, str):
        return value
    try:
        commands = json.loads(value) if value.lstrip().startswith(("[", "{")) else [{"action": "say", "text": value}]
        return parse_mc(commands)
    except (ValueError, McError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"not a valid Mocean Command: {reason}; write a text to say, or a JSON array of actions such as "
            '[{"action": "say", "language": "en-GB", "text": "…"}]'
        ) from None


def _is_on(value: object) -> object:
    """Read on and off, also written as a person or a program would."""
    if not isinstance(value, str):
        return value
    if (word := value.strip().lower()) in ("1", "on", "true", "yes"):
        return True
    if word in ("0", "off", "false", "no"):
        return False
    raise ValueError(f'"{value}" is neither on nor off; write on or off')


def check_host(value: str) -> str:
    """Check an address to listen on, or the name of one. Raises ValueError."""
    try:
        ip_address(value)
    except ValueError:
        if len(value) > _LONGEST_HOST or not _HOST_NAME.fullmatch(value):
            raise ValueError(
                f'"{value}" is not an address of this machine; write one such as 127.0.0.1 or ::1, its name, or '
                "0.0.0.0 for every address"
            ) from None
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Switch = Annotated[bool, BeforeValidator(_is_on)]
Host = Annotated[str, AfterValidator(check_host)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]
Fallback = Annotated[tuple[Action, ...], NoDecode, BeforeValidator(_fallback)]
