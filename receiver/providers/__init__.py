"""The providers. A new one is a line here, a module or a folder, a test module and a page in `docs/providers/`, all of
its name.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Final

from ringback.receiver.parsing.callbacks import Callback

PROVIDERS: Final = (
    "mocean",
    "mycoolsms",
)


def _callbacks(provider: str) -> Iterable[Callback]:
    declared: Iterable[Callback] = import_module(f"ringback.receiver.providers.{provider}").callbacks
    return declared


CALLBACKS: Final[tuple[Callback, ...]] = tuple(one for provider in PROVIDERS for one in _callbacks(provider))
"""All callbacks, in the order of the providers' documents."""

BY_NAME: Final[dict[str, Callback]] = {callback.name: callback for callback in CALLBACKS}
"""Callbacks by name: `mocean/delivery-report`."""
