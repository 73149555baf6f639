"""The one request that every contestant gets: Mocean's delivery report as its document shows it, with a fresh id."""

from typing import Final, cast
from urllib.parse import urlencode

from ringback.wire.samples import find

TOKEN: Final = "benchmark-token"  # noqa: S105 - of a receiver that lives for seconds
PATH: Final = "/webhooks/mocean/delivery-report"
TARGET: Final = f"{PATH}?token={TOKEN}"

_SAMPLE: Final = find("mocean/delivery-report")


def fields(msgid: str) -> dict[str, str]:
    """Give the report's fields, with this message id."""
    return {**cast("dict[str, str]", _SAMPLE.fields), "mocean-msgid": msgid}


def body(msgid: str) -> str:
    """Give the report as a form."""
    return urlencode(fields(msgid))
