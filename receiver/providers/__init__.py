"""The providers. A new one is one module here, one test module and one page in `docs/providers/`, all of its name."""

from typing import Final

from receiver.callbacks import Callback
from receiver.providers import mocean, mycoolsms

CALLBACKS: Final[tuple[Callback, ...]] = (*mocean.callbacks, *mycoolsms.callbacks)
"""All callbacks, in the order of the providers' documents."""

BY_NAME: Final[dict[str, Callback]] = {callback.name: callback for callback in CALLBACKS}
"""Callbacks by name: `mocean/delivery-report`."""
