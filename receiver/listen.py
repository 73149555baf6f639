"""Listen: take the address to serve on, before anything else is started."""

import socket

_BACKLOG = 2048


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
    except OSError as error:
        bound.close()
        reason = (error.strerror or str(error)).lower()
        raise BindError(f"cannot listen on {host}:{port}: {reason}; set {settings}") from None
    bound.set_inheritable(True)
    return bound
