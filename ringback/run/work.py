"""Work: the worker processes, the sender and the sweep, without the rest of the service."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from ringback.clients.configured import Configured
from ringback.run import caution
from ringback.run.children import POLLS_QUEUE, SENDS_QUEUE, without_idle, worker_children
from ringback.run.store import check_store
from ringback.run.supervisor import Supervisor
from ringback.schemas.settings import Settings, SettingsError
from ringback.system.private import own
from ringback.workers.discovery import load_registry
from ringback.workers.rq.processes import QUEUES
from ringback.workers.runtime import worker_client
from ringback.workers.sweep import Sweep

log = structlog.get_logger()

_NAME_THEM: Final = "RINGBACK_HANDLERS=module,…"


def _keep_private(folder: Path) -> None:
    """Set the data folder right where it is ours. Workers keep nothing there, so another's is not their matter."""
    if folder.is_dir() and folder.stat().st_uid == os.geteuid():
        own(folder)


def work(settings: Settings, url: str, queues: Sequence[str]) -> None:
    """Keep a worker alive for each queue named, and the sender for `sends`, until SIGINT or SIGTERM.

    Raises SettingsError, StoreError, HandlerError.
    """
    known = (*QUEUES, SENDS_QUEUE, POLLS_QUEUE)
    unknown = [queue for queue in queues if queue not in known]
    if unknown or not queues:
        raise SettingsError(f'--queues: "{",".join(unknown)}" is no queue; name some of {", ".join(known)}')
    caution.warn(settings)
    _keep_private(settings.data_dir)
    check_store(url, settings.keys)
    if SENDS_QUEUE in queues:
        Configured.load(settings)  # what is wrong with it is said now, and not by a sender that dies again and again
    registry = load_registry(settings.handlers)
    if not registry.handlers and not registry.calls:
        log.warning("handlers.none", reason="events are stored, and nothing is done with them", fix=_NAME_THEM)
    supervisor = Supervisor()
    supervisor.catch_signals()
    sweep = Sweep(worker_client(url), settings)
    sweep.start()
    try:
        for child in worker_children(without_idle(queues, settings), {}):
            supervisor.start(child)
        supervisor.run()
    finally:
        sweep.stop()
        supervisor.stop()
