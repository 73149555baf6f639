"""Types of the fields that are sent to a provider. A check that fails says what to write, and quotes no value."""

import json
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator


def checked_url(value: str) -> str:
    """Return an HTTP URL as it is. Raises ValueError of anything else."""
    try:
        parts = urlsplit(value)
        # Reading the port checks it. urlsplit would drop some of the characters that isprintable refuses.
        complete = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        complete = False
    if not complete or not value.isprintable() or " " in value:
        raise ValueError("no URL; write http://… or https://…")
    return value


def not_blank(value: str) -> str:
    """Return a text as it is. Raises ValueError if it is blank or no Unicode."""
    if not value.strip():
        raise ValueError("is blank")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("has half of a surrogate pair, which is no text") from None
    return value


def copied_json(value: object, needed: str) -> object:
    """Return a copy of a dict that is JSON and has a text under the key `needed`. Raises ValueError of others."""
    if not isinstance(value, Mapping) or not isinstance(value.get(needed), str) or not value[needed]:
        raise ValueError(f'must be a dict with a text "{needed}"')
    try:
        written = json.dumps(dict(value), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise ValueError("must be made of what JSON has: texts, numbers, true, false, null, lists, dicts") from None
    # Read again it is nobody else's: a later change of the handler's dict does not reach it.
    return json.loads(written)


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


Url = Annotated[str, AfterValidator(checked_url)]
Words = Annotated[str, AfterValidator(not_blank)]
Count = Annotated[int, BeforeValidator(_no_bool)]
