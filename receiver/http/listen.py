"""Listen: take the address to serve on, before anything else is started."""

import select
import socket
from typing import Final

ADMIN_SETTINGS: Final = "RINGBACK_ADMIN_HOST or RINGBACK_ADMIN_PORT"
_BACKLOG: Final = 2048


class BindError(Exception):
    """The address is not to be had; the message is for people."""


def bind(host: str, port: int, settings: str = "RINGBACK_HOST or RINGBACK_PORT") -> socket.socket:
    """Take the address, so that a port in use is known before anything is started, and early callers wait.

    Raises BindError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(_BACKLOG)
    except (OSError, UnicodeError) as error:
        bound.close()
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise BindError(f"cannot listen on {host}:{port}: {reason}; set {settings}") from None
    bound.set_inheritable(True)
    return bound


def inherit(descriptor: int) -> socket.socket:
    """Take a listening socket that whoever started this process holds. Raises BindError."""
    try:
        inherited = socket.socket(fileno=descriptor)
        if not inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError("nobody listens on it")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BindError(f"--fd {descriptor}: {reason}; name the listening socket that this process inherits") from None
    return inherited


def somebody_waits(bound: socket.socket) -> bool:
    """Whether a connection waits to be accepted."""
    poll = select.poll()
    poll.register(bound, select.POLLIN)
    return bool(poll.poll(0))
