"""Where a simulator listens: on this machine only, and where nothing else is said on this port."""

from typing import Final

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8010
