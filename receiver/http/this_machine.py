"""This machine alone: what listens on a loopback address and has no secret.

Any page can lead a browser on this machine to such an address, by what its own name resolves to (DNS rebinding), and
would read the answer. Such a request has the page's name in its Host; who asks from here has `localhost` or an address.
Browsers always send a Host.
"""

import re
from ipaddress import ip_address
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.receiver.http.answers import Answer, answer

_HOST: Final = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<name>[^:\[\]]+))(?::\d*)?")


class ForThisMachine:
    """An app that answers only who asks for it as `localhost`, a name below that, or an address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if all(_is_local(host) for host in hosts):
            await self._app(scope, receive, send)
        else:
            await answer(send, Answer.MISDIRECTED)


def _is_local(host: str) -> bool:
    """Whether a Host header has an address or a name of this machine, with a port or without."""
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    try:
        ip_address(found["six"] or found["name"])
    except ValueError:
        return f".{found['name']}".lower().removesuffix(".").endswith(".localhost")
    return True
