"""Balance: what is left in an account at its provider, whichever that is. The one question that costs nothing."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from ringback.clients.configured import Configured
from ringback.clients.credentials import Access
from ringback.clients.mocean.client import Mocean
from ringback.clients.mycoolsms.client import MyCoolSms
from ringback.schemas.provider_names import Provider

UNITS: Final[Mapping[Provider, str]] = {"mocean": "", "mycoolsms": "EUR"}
"""Of a balance; Mocean's document names none."""


def balance_of(configured: Configured, access: Access) -> Decimal:
    """Ask what is left, in UNITS. Raises SendError."""
    if access.provider == "mocean":
        with Mocean.of(access.account, configured) as mocean:
            return mocean.balance().value
    with MyCoolSms.of(access.account, configured) as mycoolsms:
        return mycoolsms.balance().value
