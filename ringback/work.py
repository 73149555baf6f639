"""Work: the worker processes and the sweep, without the rest of the service."""

from collections.abc import Sequence

from ringback.children import worker_children
from ringback.store import check_store
from ringback.supervisor import Supervisor
from schemas.settings import Settings, SettingsError
from workers.discovery import load_registry
from workers.processes import QUEUES
from workers.runtime import worker_client
from workers.sweep import Sweep


def work(settings: Settings, url: str, queues: Sequence[str]) -> None:
    """Keep a worker alive for each queue named, until SIGINT or SIGTERM.

    Raises SettingsError, StoreError, HandlerError.
    """
    unknown = [queue for queue in queues if queue not in QUEUES]
    if unknown or not queues:
        raise SettingsError(f'--queues: "{",".join(unknown)}" is no queue; name some of {", ".join(QUEUES)}')
    check_store(url)
    load_registry(settings.handlers)
    supervisor = Supervisor()
    supervisor.catch_signals()
    sweep = Sweep(worker_client(url), settings)
    sweep.start()
    try:
        for child in worker_children(queues, {}):
            supervisor.start(child)
        supervisor.run()
    finally:
        sweep.stop()
        supervisor.stop()
