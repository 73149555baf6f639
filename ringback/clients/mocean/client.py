"""Mocean's client, blocking and async: one method for each request of the document."""

import httpx
from pydantic import SecretStr

from ringback.clients.accounts import MOCEAN_URL, ApiKey, ApiToken, MoceanAccount
from ringback.clients.errors import NotConfiguredError
from ringback.clients.mocean import conversion, lookup, queries, rich_media, sms, verify, voice, whatsapp
from ringback.clients.operations import (
    AsyncClient,
    AsyncDownloadOperation,
    AsyncMethods,
    AsyncOperation,
    BlockingClient,
    BlockingMethods,
    DownloadOperation,
    Operation,
)
from ringback.clients.transport import DEFAULT_TIMEOUT_S, AsyncHttpTransport, HttpTransport


class VerifyMethods(BlockingMethods[MoceanAccount]):
    """Mocean's Verify API: `mocean.verify`."""

    request = Operation(verify.request)
    sms = Operation(verify.request_sms)
    telegram = Operation(verify.request_telegram)
    resend = Operation(verify.resend)
    check = Operation(verify.check)


class AsyncVerifyMethods(AsyncMethods[MoceanAccount]):
    """Mocean's Verify API from coroutines: `mocean.verify`."""

    request = AsyncOperation(verify.request)
    sms = AsyncOperation(verify.request_sms)
    telegram = AsyncOperation(verify.request_telegram)
    resend = AsyncOperation(verify.resend)
    check = AsyncOperation(verify.check)


class Mocean(BlockingClient[MoceanAccount]):
    """Mocean's API. `timeout`: seconds for a whole request."""

    provider = "mocean"

    def __init__(
        self,
        *,
        api_key: str | None = None,
        api_secret: str | None = None,
        api_token: str | None = None,
        url: str = MOCEAN_URL,
        timeout: float = DEFAULT_TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(
            MoceanAccount(_credentials(api_key, api_secret, api_token), url),
            HttpTransport(timeout=timeout, transport=transport),
        )

    flash = Operation(sms.flash)
    binary = Operation(sms.binary)
    sms_many = Operation(sms.send_many)
    sms = Operation(sms.send)  # last: from here on the name is the method
    conversion = Operation(conversion.report)
    balance = Operation(queries.balance)
    pricing = Operation(queries.pricing)
    message_status = Operation(queries.message_status)
    lookup_later = Operation(lookup.lookup_later)
    lookup = Operation(lookup.lookup)
    call = Operation(voice.dial)
    hangup = Operation(voice.hangup)
    recording = DownloadOperation(voice.recording)
    media = DownloadOperation(rich_media.media)
    whatsapp = Operation(whatsapp.send)

    @property
    def verify(self) -> VerifyMethods:
        """Verify: `request`, `sms`, `telegram`, `resend`, `check`."""
        return VerifyMethods(self.account, self.transport)


class AsyncMocean(AsyncClient[MoceanAccount]):
    """Mocean's API from coroutines. `timeout`: seconds for a whole request."""

    provider = "mocean"

    def __init__(
        self,
        *,
        api_key: str | None = None,
        api_secret: str | None = None,
        api_token: str | None = None,
        url: str = MOCEAN_URL,
        timeout: float = DEFAULT_TIMEOUT_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(
            MoceanAccount(_credentials(api_key, api_secret, api_token), url),
            AsyncHttpTransport(timeout=timeout, transport=transport),
        )

    flash = AsyncOperation(sms.flash)
    binary = AsyncOperation(sms.binary)
    sms_many = AsyncOperation(sms.send_many)
    sms = AsyncOperation(sms.send)  # last: from here on the name is the method
    conversion = AsyncOperation(conversion.report)
    balance = AsyncOperation(queries.balance)
    pricing = AsyncOperation(queries.pricing)
    message_status = AsyncOperation(queries.message_status)
    lookup_later = AsyncOperation(lookup.lookup_later)
    lookup = AsyncOperation(lookup.lookup)
    call = AsyncOperation(voice.dial)
    hangup = AsyncOperation(voice.hangup)
    recording = AsyncDownloadOperation(voice.recording)
    media = AsyncDownloadOperation(rich_media.media)
    whatsapp = AsyncOperation(whatsapp.send)

    @property
    def verify(self) -> AsyncVerifyMethods:
        """Verify: `request`, `sms`, `telegram`, `resend`, `check`."""
        return AsyncVerifyMethods(self.account, self.transport)


def _credentials(key: str | None, secret: str | None, token: str | None) -> ApiKey | ApiToken:
    """Return the documented credentials if both are there, else the token. Raises NotConfiguredError."""
    if key and secret:
        return ApiKey(key, SecretStr(secret))
    if token:
        return ApiToken(SecretStr(token))
    raise NotConfiguredError("mocean", "client", "no credentials; give api_key and api_secret, or api_token")
