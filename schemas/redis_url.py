"""Where Redis is: the URL of one server, or of the Sentinels that know which of several is the primary now.

What a URL may say is checked here, since redis-py ignores some of it (a database that is not a number is database 0)
and fails on the rest at the first connection. No error shows a value: it may be a piece of a password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

_ONE: Final = ("redis", "rediss", "unix")
_SENTINEL: Final = ("redis+sentinel", "rediss+sentinel")
_SENTINEL_PORT: Final = 26_379

_LARGEST_DB: Final = 2**31 - 1
_ANY: Final = re.compile(r".+", re.DOTALL)
_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_SWITCH: Final = re.compile(r"true|false|yes|no|on|off|[01]", re.IGNORECASE)
_NUMBER_FORM: Final = "a number"
_SWITCH_FORM: Final = "true or false"
_COMMON: Final = {
    "db": (_NUMBER, _NUMBER_FORM),
    "username": (_ANY, "a name"),
    "password": (_ANY, "a password"),
    "client_name": (re.compile(r"[!-~]+"), "a name without spaces"),
    "health_check_interval": (_NUMBER, "a number of seconds"),
}
_TCP: Final = {**_COMMON, "socket_keepalive": (_SWITCH, _SWITCH_FORM)}
_TLS: Final = {
    **_TCP,
    "ssl_cert_reqs": (re.compile(r"none|optional|required"), "none, optional or required"),
    "ssl_check_hostname": (_SWITCH, _SWITCH_FORM),
    **dict.fromkeys(("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"), (_ANY, "a file")),
    "ssl_ca_path": (_ANY, "a folder"),
    "ssl_keyfile_password": (_ANY, "a password"),
}
_OPTIONS: Final[Mapping[str, Mapping[str, tuple[re.Pattern[str], str]]]] = MappingProxyType(
    {"redis": _TCP, "rediss": _TLS, "unix": _COMMON}
)
"""What may stand behind the ? of each scheme. Timeouts, retries, decoding and the protocol are for Ringback to set."""

FORMS: Final = (
    "write redis://host:port/db, rediss://…, unix:///path or redis+sentinel://host:port,host:port/service/db; "
    "in a password / is %2F, # is %23"
)


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Sentinels, each a host and a port, and the name under which they know the primary.

    User and password are the server's; those of the Sentinels themselves, where they have any, are apart. `tls` holds
    for both.
    """

    hosts: tuple[tuple[str, int], ...]
    service: str
    db: int = 0
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_user: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)


def sentinels_of(url: str) -> Sentinels | None:
    """Read `redis+sentinel://user:password@host:port,host:port/service/db`; None for the URL of one server.

    `rediss+sentinel` is the same over TLS. `?sentinel_user=…&sentinel_password=…` are for Sentinels that ask for them.
    Raises ValueError where it is no URL that we know.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in (*_ONE, *_SENTINEL):
        raise ValueError(f"no Redis URL; {FORMS}")
    if scheme in _ONE:
        _check_one(url)
        return None
    rest, _, query = rest.partition("?")
    where, _, path = rest.partition("/")
    login, at, hosts = where.rpartition("@")
    user, _, password = login.partition(":")
    service, _, db = path.partition("/")
    if not service:
        raise ValueError("names no service; write redis+sentinel://host:port,host:port/service/db")
    if db and not _is_db(db):
        raise ValueError("has no number as its database; write redis+sentinel://host:port,host:port/service/db")
    asked = dict(_option(item) for item in query.split("&") if item)
    return Sentinels(
        hosts=tuple(_host(item) for item in hosts.split(",")),
        service=unquote(service),
        db=int(db or 0),
        tls=scheme.startswith("rediss"),
        user=unquote(user) or None if at else None,
        password=unquote(password) or None if at else None,
        sentinel_user=asked.get("sentinel_user"),
        sentinel_password=asked.get("sentinel_password"),
    )


def without_password(url: str) -> str:
    """Give a URL as it may be shown."""
    scheme, _, rest = url.partition("://")
    rest, _, query = rest.partition("?")
    shown = f"{scheme}://***@{rest.rpartition('@')[2]}" if "@" in rest else f"{scheme}://{rest}"
    return f"{shown}?***" if query else shown


def _check_one(url: str) -> None:
    try:
        parts = urlsplit(url)
        # A password with a "/" in it ends up as the port, which is then not quoted.
        known = parts.port is None or parts.port > 0
    except ValueError:
        known = False
    if not known or parts.fragment or re.search(r"[\x00-\x20\x7f]", url):
        raise ValueError(f"no Redis URL; {FORMS}")
    if parts.scheme == "unix":
        if parts.path in ("", "/"):
            raise ValueError("names no socket; write unix:///path?db=0")
    elif parts.path not in ("", "/") and not _is_db(parts.path[1:]):
        raise ValueError(f"has no number as its database; write {parts.scheme}://host:port/db, such as …/0")
    elif parts.path not in ("", "/") and "db" in dict(parse_qsl(parts.query)):
        raise ValueError(f"names two databases; write {parts.scheme}://host:port/db, without ?db=")
    _check_options(parts.scheme, parts.query)


def _is_db(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text)) and int(text) <= _LARGEST_DB


def _check_options(scheme: str, query: str) -> None:
    known = _OPTIONS[scheme]
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            if name in _TLS and scheme == "redis":
                raise ValueError(f"has {name}, which is for TLS; write rediss://…, or leave it out")
            # Not the name: it may be a piece of a password with a ? in it.
            raise ValueError(f"has an option that is not one of {scheme}://; behind the ? write {', '.join(known)}")
        form, wanted = known[name]
        if not form.fullmatch(value) or (name == "db" and not _is_db(value)):
            raise ValueError(f"has a wrong value for {name}; write {wanted}")


def _host(item: str) -> tuple[str, int]:
    parts = urlsplit(f"//{item.strip()}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        # What is not a host may be a piece of a password, so it is not shown.
        raise ValueError(f"has a Sentinel that is no host:port; {FORMS}")
    return host, port or _SENTINEL_PORT


def _option(item: str) -> tuple[str, str]:
    name, _, value = item.partition("=")
    if name not in ("sentinel_user", "sentinel_password"):
        raise ValueError("may have sentinel_user and sentinel_password behind its ?, and nothing else")
    return name, unquote(value)
