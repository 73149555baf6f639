"""Tether: a process that ends when its parent does, however the parent ends. Linux knows how; elsewhere it is a no-op.

As a script it ties itself to its parent and becomes the command that it is given: `tether.py SIGNAL PARENT COMMAND…`.
It imports nothing but the standard library, so that it is quick.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(number: int, parent: int) -> None:
    """Ask the kernel to send this process a signal when its parent ends; leave at once if it has ended already."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(128 + number)


def main() -> None:
    """Become the command."""
    number, parent, *command = sys.argv[1:]
    end_with_parent(int(number), int(parent))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - it is our own command


if __name__ == "__main__":
    main()
