"""Several receivers on one socket: kept alive, replaced one after another on SIGHUP, stopped together.

They share the socket, and so the queue of those who wait in it: what one does not take, because it dies or is stopped,
another takes.
"""

import signal
import socket

from ringback.receiver.admin.several import Receivers
from ringback.receiver.http.acceptor import counts_file
from ringback.receiver.serve import admin_of
from ringback.run.children import receiver_children
from ringback.run.supervisor import Supervisor
from ringback.schemas.settings import Settings


def serve_several(settings: Settings, url: str, bound: socket.socket) -> None:
    """Serve with as many receivers as are set, until SIGINT or SIGTERM. Raises BindError, ChildError.

    The socket is closed here before they are stopped: so the last of them empties its queue, and nobody comes after.
    """
    receivers = Receivers(settings.receivers)
    supervisor = Supervisor()
    supervisor.catch_signals()
    supervisor.replace_on(signal.SIGHUP)
    with admin_of(settings, url, receivers), counts_file() as counts:
        try:
            for child in receiver_children(settings.receivers, bound.fileno(), counts, receivers):
                supervisor.start(child)
            supervisor.await_serving()
            supervisor.run()
        finally:
            bound.close()
            supervisor.stop()
