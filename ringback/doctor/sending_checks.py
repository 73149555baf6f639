"""Sending: may each account that has credentials send, and do its reports come back. Only balances are asked for."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from ringback.clients.balance import UNITS, balance_of
from ringback.clients.configured import Configured
from ringback.clients.credentials import Access
from ringback.clients.errors import SendError, ThrottledError, UnauthorizedError, UnavailableError
from ringback.receiver.admin.check import Check, Grade
from ringback.run.simulation import configured_here, is_simulated
from ringback.schemas.local import is_loopback
from ringback.schemas.settings import PREFIX, Settings, SettingsError
from ringback.system.private import may_be_read

_NAME: Final = "sending"
_LONGEST: Final = timedelta(seconds=5)


def sending_checks(settings: Settings) -> Iterator[Check]:
    """Ask each account's balance, and whether callbacks can be asked for."""
    try:
        configured = configured_here(settings)
    except SettingsError as error:
        for line in str(error).split("\n"):
            detail, _, fix = line.rpartition("; ")
            yield Check(_NAME, Grade.BAD, detail or line, fix or "fix it in the environment or in .env")
        return
    if not configured.accesses:
        yield Check(_NAME, Grade.OK, "no credentials: nothing can be sent from here")
        return
    if is_simulated(configured):
        where = configured.sending.mocean_url.removesuffix("/rest/2")
        yield Check(_NAME, Grade.OK, f"no credentials: both providers are simulated at {where}")
    soon = min(configured.sending.send_timeout, _LONGEST)
    configured = replace(configured, sending=configured.sending.model_copy(update={"send_timeout": soon}))
    yield from _file_checks(configured)
    yield from _url_checks(configured)
    for access in configured.accesses:
        yield _balance_check(configured, access)
        if why := configured.no_callbacks(access):
            reason, _, fix = why.partition("; ")
            yield Check(f"reports to {access.account} by {access.provider}", Grade.WARNING, f"none: {reason}", fix)


def _file_checks(configured: Configured) -> Iterator[Check]:
    """Ask whether the file of credentials is this user's alone."""
    file = configured.sending.credentials
    if file is not None and (reason := may_be_read(file.expanduser())):
        yield Check(
            "credentials file", Grade.WARNING, f"{file} {reason}", f"chmod 600 {file}, and change what is in it"
        )


def _url_checks(configured: Configured) -> Iterator[Check]:
    """Ask whether credentials go over the network unencrypted."""
    for provider in configured.providers():
        parts = urlsplit(configured.url(provider))
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            setting = f"{PREFIX}{provider.upper()}_URL"
            yield Check(
                f"{provider} URL", Grade.WARNING, f"{setting} is http: all on the way can read the credentials",
                f"set {setting} to https://…",
            )  # fmt: skip


def _balance_check(configured: Configured, access: Access) -> Check:
    name = f"{access.provider} of {access.account}"
    where = f"{PREFIX}{access.provider.upper()}_…"
    try:
        left = f"balance {balance_of(configured, access)} {UNITS[access.provider]}"
        return Check(name, Grade.OK, left.rstrip())
    except UnauthorizedError as error:
        fix = f"look at {where} or the file of RINGBACK_CREDENTIALS, and whether this machine's address is let in"
        return Check(name, Grade.BAD, f"credentials not accepted: {error.reason}", fix)
    except (UnavailableError, ThrottledError) as error:
        fix = f"see that {urlsplit(configured.url(access.provider)).netloc} can be reached from here, and is up"
        return Check(name, Grade.BAD, error.reason, fix)
    except SendError as error:
        fix = f"see that {PREFIX}{access.provider.upper()}_URL is the provider's API"
        return Check(name, Grade.BAD, error.reason, fix)
