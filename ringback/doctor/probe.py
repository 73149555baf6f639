"""Probe: who answers at an address. Is it Ringback, does it know our tokens?

A receiver answers 401 to a wrong secret and 200 to the right one, and makes no event of a GET without fields (contract,
section 1). The secret goes in a header, so that it is in no access log on the way, and only to who has refused a wrong
one as Ringback does. The wrong one is a line in the receiver's log.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

import httpx

from ringback.schemas.tokens import Token

TIMEOUT_S: Final = 5.0
_DOOR: Final = "/webhooks/mocean/inbound-sms"
_REALM: Final = 'realm="ringback"'


class Who(Enum):
    """Who answers."""

    OURS = auto()
    RINGBACK = auto()  # one that lets us in with none of our tokens, or not with all
    STRANGER = auto()
    NOBODY = auto()


@dataclass(frozen=True, slots=True)
class Met:
    """Who answers, and what was seen of it."""

    who: Who
    detail: str


def receiver_at(base: str, tokens: Sequence[Token], *, is_here: bool) -> Met:
    """Ask a receiver's public address. `is_here`: on this machine, so past any proxy."""
    with httpx.Client(timeout=TIMEOUT_S, trust_env=not is_here) as client:
        try:
            return _receiver(client, base, tokens)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Met(Who.NOBODY, f"no answer ({type(error).__name__}: {error})")


def admin_at(base: str) -> Met:
    """Ask a receiver's admin address, on this machine."""
    with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
        try:
            answered = client.get(f"{base}/readyz")
            is_ours = isinstance(answered.json().get("checks"), list)
        except httpx.HTTPError as error:
            return Met(Who.NOBODY, f"no answer ({type(error).__name__}: {error})")
        except (ValueError, AttributeError):
            is_ours = False
    if not is_ours:
        return Met(Who.STRANGER, f"something else answers ({answered.status_code} to /readyz)")
    ready = "ready" if answered.status_code == HTTPStatus.OK else "not ready"
    return Met(Who.OURS, f"a receiver answers, and says that it is {ready}")


def _receiver(client: httpx.Client, base: str, tokens: Sequence[Token]) -> Met:
    alive = client.get(f"{base}/livez")
    if alive.status_code != HTTPStatus.OK or alive.text != "ok\n":
        return Met(Who.STRANGER, f"something else answers ({alive.status_code} to /livez)")
    refused = client.get(f"{base}{_DOOR}", auth=("nobody", secrets.token_urlsafe()))
    match refused.status_code:
        case HTTPStatus.UNAUTHORIZED if _REALM in refused.headers.get("www-authenticate", ""):
            unknown = [token.account for token in tokens if not _lets_in(client, base, token)]
        case HTTPStatus.OK if not tokens and not refused.content:
            return Met(Who.OURS, "a receiver answers, which takes anything without a token")
        case HTTPStatus.FORBIDDEN:
            return Met(Who.RINGBACK, "a receiver answers, and does not let this machine in (403)")
        case HTTPStatus.TOO_MANY_REQUESTS:
            detail = "a receiver answers, and has had too many wrong tokens from here; ask again in some seconds"
            return Met(Who.RINGBACK, detail)
        case code:
            return Met(Who.STRANGER, f"something answers as Ringback would not ({code} to a wrong token)")
    if unknown:
        return Met(Who.RINGBACK, f"a receiver answers, which does not know our token of {', '.join(unknown)}")
    return Met(Who.OURS, "a receiver answers, and knows our tokens" if tokens else "a receiver answers")


def _lets_in(client: httpx.Client, base: str, token: Token) -> bool:
    answered = client.get(f"{base}{_DOOR}", auth=(token.account, token.secret.get_secret_value()))
    return answered.status_code == HTTPStatus.OK
