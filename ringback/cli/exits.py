"""Exits: what can go wrong in a foreseeable way ends in one line and an exit code, not in a traceback."""

import sys

from redis.exceptions import RedisError

from ringback.cli.program import app
from ringback.receiver.http.listen import BindError
from ringback.run.home import BusyError
from ringback.run.store import StoreError, said
from ringback.run.supervisor import ChildError
from ringback.run.vendor import TunnelError
from ringback.schemas.settings import SettingsError
from ringback.terminal.shown import shown
from ringback.wire.samples import TriggerError
from ringback.workers.marks import HandlerError

FAILED = 1
WRONG_USE = 2


def run_command() -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 wrong settings or words, 3 it may have been done."""
    try:
        app()
    except (SettingsError, HandlerError, TriggerError) as error:
        _end(error, WRONG_USE)
    except (BindError, BusyError, ChildError, StoreError, TunnelError) as error:
        _end(error, FAILED)
    except RedisError as error:
        _end(f"Redis: {said(error)}", FAILED)
    except BrokenPipeError:
        # The reader of our output has left, as `head` does.
        sys.stdout = None


def _end(error: object, code: int) -> None:
    # Wrong settings are several lines, one each.
    sys.stderr.write(f"ringback: {shown(str(error), lines=True)}\n")
    sys.exit(code)
