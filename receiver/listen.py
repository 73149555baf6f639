"""Listen: take the address to serve on, before anything else is started; and give it up so that nobody is cut off."""

import ctypes
import select
import socket
import struct
import sys
from contextlib import suppress
from typing import Final

ADMIN_SETTINGS: Final = "RINGBACK_ADMIN_HOST or RINGBACK_ADMIN_PORT"
_BACKLOG: Final = 2048

# Linux's, for which Python has no name. A filter of four instructions for the packets that reach the socket: load the
# TCP flags, look for SYN; drop what has it, take what has not.
_SO_ATTACH_FILTER: Final = 26
_FILTER: Final = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 2**32 - 1))
_NO_SYN: Final = b"".join(struct.pack("=HBBI", *one) for one in _FILTER)


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


def let_no_more_in(bound: socket.socket) -> None:
    """Leave who asks for a connection from now on without an answer; whoever has one, or is getting it, may come.

    They ask again after a second, and are refused then. Without this, between a last look for who waits and the close
    of the socket somebody might get in whom the close would cut off. Elsewhere than on Linux that may happen still.
    """
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(_NO_SYN, len(_NO_SYN))
        with suppress(OSError):
            bound.setsockopt(
                socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(_FILTER), ctypes.addressof(program))
            )


def somebody_waits(bound: socket.socket) -> bool:
    """Tell whether a connection waits to be accepted."""
    poll = select.poll()
    poll.register(bound, select.POLLIN)
    return bool(poll.poll(0))
