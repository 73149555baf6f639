"""RQ's key prefix, which this process claims for itself: the one thing of Ringback's that changes the environment."""

import os
import sys
from typing import Final

from ringback.schemas.keys import Keys

_VARIABLE: Final = "RQ_KEY_PREFIX"


def claim_rq_prefix(keys: Keys) -> None:
    """Make RQ keep its keys under ours. RQ reads its prefix once, at its import, so this comes first.

    Raises RuntimeError when RQ is already imported with another prefix.
    """
    if os.environ.get(_VARIABLE) != keys.rq_prefix and "rq" in sys.modules:
        raise RuntimeError(f"rq was imported before its key prefix {keys.rq_prefix!r} was set")
    os.environ[_VARIABLE] = keys.rq_prefix
