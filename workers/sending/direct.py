"""Direct calls: `ctx.mocean` and its kin, with which a handler calls a provider at once and has its answer.

A process makes a client when a handler first asks for one, never before a fork, and closes it at its end. With a key,
`ctx.mocean(key="otp").sms(…)`, the call is made once for one event, handler and key (ringback.workers.sending.once).
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import wait
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Final, NoReturn, TypeVar, cast

import httpx

from ringback.clients.accounts import Account, MoceanAccount, MyCoolSmsAccount
from ringback.clients.configured import Configured
from ringback.clients.errors import InvalidRequestError, NotConfiguredError, SendError
from ringback.clients.exchange import Call, Request
from ringback.clients.mocean.client import AsyncMocean, Mocean
from ringback.clients.mycoolsms.client import AsyncMyCoolSms, MyCoolSms
from ringback.clients.operations import AsyncClient, BlockingClient, configured_account
from ringback.clients.transport import AsyncHttpTransport, HttpTransport, Progress
from ringback.schemas.provider_names import Provider
from ringback.schemas.send_events import SEND_IN_CONTEXT
from ringback.workers.running.context import Context
from ringback.workers.runtime import Runtime, runtime
from ringback.workers.sending.once import Once, muted, no_effect

T = TypeVar("T")
AccountT = TypeVar("AccountT", MoceanAccount, MyCoolSmsAccount)

_CLOSE_S: Final = 2.0
_MAKING: Final = threading.Lock()


class DirectClients:
    """What the clients of one process are made of: the accounts, and a transport of each kind for each of them."""

    def __init__(self, run: Runtime) -> None:
        self.run = run
        self.pid = os.getpid()
        self._configured: Configured | None = None
        self._blocking: dict[tuple[Provider, str | None], tuple[Account, HttpTransport]] = {}
        self._patient: dict[tuple[Provider, str | None], tuple[Account, AsyncHttpTransport]] = {}

    def blocking(self, provider: Provider, account: str | None) -> tuple[Account, HttpTransport]:
        """Return an account and what carries its calls. Raises NotConfiguredError."""
        with _MAKING:
            if (provider, account) not in self._blocking:
                found, timeout = self._account(provider, account)
                self._blocking[provider, account] = found, HttpTransport(timeout=timeout)
            return self._blocking[provider, account]

    def patient(self, provider: Provider, account: str | None) -> tuple[Account, AsyncHttpTransport]:
        """Return an account and what carries its calls from coroutines. Raises NotConfiguredError."""
        with _MAKING:
            if (provider, account) not in self._patient:
                found, timeout = self._account(provider, account)
                self._patient[provider, account] = found, AsyncHttpTransport(timeout=timeout)
            return self._patient[provider, account]

    def close(self) -> None:
        """Close all connections, those of an event loop on it. Nobody waits for long."""
        for _, transport in self._blocking.values():
            transport.close()
        closing = [
            asyncio.run_coroutine_threadsafe(patient.close(), loop)
            for _, patient in self._patient.values()
            for loop in patient.loops
            if loop.is_running()
        ]
        wait(closing, _CLOSE_S)

    def _account(self, provider: Provider, account: str | None) -> tuple[Account, float]:
        self._configured, found = configured_account(provider, account, self._configured or self.run.settings)
        return found, self._configured.timeout


class DirectCaller:
    """A handler's run that calls, in a process that has clients."""

    def __init__(self, clients: DirectClients, context: Context) -> None:
        self.clients = clients
        self.context = context

    def blocking(self, provider: Provider) -> tuple[Account, HttpTransport]:
        """Return the event's account and what carries its calls. Raises NotConfiguredError."""
        account, transport = self.clients.blocking(provider, self.context.account)
        return account, MutedTransport(transport) if self._is_muted else transport

    def patient(self, provider: Provider) -> tuple[Account, AsyncHttpTransport]:
        """Return the event's account and what carries its calls from coroutines. Raises NotConfiguredError."""
        account, transport = self.clients.patient(provider, self.context.account)
        return account, AsyncMutedTransport(transport) if self._is_muted else transport

    @property
    def _is_muted(self) -> bool:
        return self.context.outgoing is not None and self.context.outgoing.is_muted

    def once(self, provider: Provider, account: AccountT, key: str) -> tuple[AccountT, Once]:
        """Return what makes a call once, and the account with the call's ref in its callback URLs."""
        once = Once.of(self.clients.run, self.context, provider, self.context.account or "", key)
        if account.callbacks is None:
            return account, once
        callbacks = replace(account.callbacks, extra={**account.callbacks.extra, SEND_IN_CONTEXT: once.ref})
        return replace(account, callbacks=callbacks), once


class DirectMocean(Mocean):
    """Mocean's API for the handler that runs; `ctx.mocean(key="…")` makes the next call once."""

    def __init__(self, account: MoceanAccount, transport: HttpTransport, caller: DirectCaller) -> None:
        BlockingClient.__init__(self, account, transport)
        self._caller = caller

    def __call__(self, *, key: str) -> Mocean:
        """Return a client whose call is made once for this event, handler and key, however often the handler is run.

        An attempt that finds it done returns the same result without a call. One that finds it begun and not ended
        raises InDoubtError. `key`: one for each call.
        """
        account, once = self._caller.once("mocean", self.account, key)
        return DirectMocean(account, OnceTransport(self.transport, once), self._caller)


class DirectMyCoolSms(MyCoolSms):
    """My-Cool-SMS's API for the handler that runs; `ctx.mycoolsms(key="…")` makes the next call once."""

    def __init__(self, account: MyCoolSmsAccount, transport: HttpTransport, caller: DirectCaller) -> None:
        BlockingClient.__init__(self, account, transport)
        self._caller = caller

    def __call__(self, *, key: str) -> MyCoolSms:
        """Return a client whose call is made once for this event, handler and key, however often the handler is run.

        An attempt that finds it done returns the same result without a call. One that finds it begun and not ended
        raises InDoubtError. `key`: one for each call.
        """
        account, once = self._caller.once("mycoolsms", self.account, key)
        return DirectMyCoolSms(account, OnceTransport(self.transport, once), self._caller)


class AsyncDirectMocean(AsyncMocean):
    """Mocean's API for the async handler that runs; `ctx.async_mocean(key="…")` makes the next call once."""

    def __init__(self, account: MoceanAccount, transport: AsyncHttpTransport, caller: DirectCaller) -> None:
        AsyncClient.__init__(self, account, transport)
        self._caller = caller

    def __call__(self, *, key: str) -> AsyncMocean:
        """Return a client whose call is made once for this event, handler and key, however often the handler is run.

        An attempt that finds it done returns the same result without a call. One that finds it begun and not ended
        raises InDoubtError. `key`: one for each call.
        """
        account, once = self._caller.once("mocean", self.account, key)
        return AsyncDirectMocean(account, AsyncOnceTransport(self.transport, once), self._caller)


class AsyncDirectMyCoolSms(AsyncMyCoolSms):
    """My-Cool-SMS's API for the async handler that runs; `ctx.async_mycoolsms(key="…")` makes the next call once."""

    def __init__(self, account: MyCoolSmsAccount, transport: AsyncHttpTransport, caller: DirectCaller) -> None:
        AsyncClient.__init__(self, account, transport)
        self._caller = caller

    def __call__(self, *, key: str) -> AsyncMyCoolSms:
        """Return a client whose call is made once for this event, handler and key, however often the handler is run.

        An attempt that finds it done returns the same result without a call. One that finds it begun and not ended
        raises InDoubtError. `key`: one for each call.
        """
        account, once = self._caller.once("mycoolsms", self.account, key)
        return AsyncDirectMyCoolSms(account, AsyncOnceTransport(self.transport, once), self._caller)


class MutedTransport(HttpTransport):
    """Carries what changes nothing, over the connections of another transport: in a replay without `--resend`."""

    def __init__(self, carrier: HttpTransport) -> None:
        super().__init__(timeout=carrier.timeout)
        self._carrier = carrier

    def exchange(self, call: Call[T]) -> T:
        """Carry a call. Raises SendError, RefusedError where it would change something."""
        if call.request.has_effect:
            raise muted(call.request)
        return self._carrier.exchange(call)

    @contextmanager
    def stream(self, request: Request, progress: Progress) -> Iterator[httpx.Response]:
        """Yield the answer of a download, which changes nothing."""
        with self._carrier.stream(request, progress) as response:
            yield response


class AsyncMutedTransport(AsyncHttpTransport):
    """Carries what changes nothing from a coroutine: in a replay without `--resend`."""

    def __init__(self, carrier: AsyncHttpTransport) -> None:
        super().__init__(timeout=carrier.timeout)
        self._carrier = carrier

    async def exchange(self, call: Call[T]) -> T:
        """Carry a call. Raises SendError, RefusedError where it would change something."""
        if call.request.has_effect:
            raise muted(call.request)
        return await self._carrier.exchange(call)

    @asynccontextmanager
    async def stream(self, request: Request, progress: Progress) -> AsyncIterator[httpx.Response]:
        """Yield the answer of a download, which changes nothing."""
        async with self._carrier.stream(request, progress) as response:
            yield response


class OnceTransport(HttpTransport):
    """Carries one call once, over the connections of another transport."""

    def __init__(self, carrier: HttpTransport, once: Once) -> None:
        super().__init__(timeout=carrier.timeout)
        self._carrier = carrier
        self._once = once

    def exchange(self, call: Call[T]) -> T:
        """Carry a call, unless that was done before. Raises SendError."""
        attempt = self._once.begin(call, self.timeout)
        if attempt.found is not None:
            return attempt.result()
        outcome: T | SendError
        try:
            outcome = self._carrier.exchange(attempt.call)
        except SendError as error:
            outcome = error
        return attempt.ended(outcome)

    def stream(self, request: Request, progress: Progress) -> NoReturn:  # noqa: ARG002
        """Raise InvalidRequestError: a download may be repeated."""
        raise no_effect(request)


class AsyncOnceTransport(AsyncHttpTransport):
    """Carries one call once from a coroutine, over the connections of another transport."""

    def __init__(self, carrier: AsyncHttpTransport, once: Once) -> None:
        super().__init__(timeout=carrier.timeout)
        self._carrier = carrier
        self._once = once

    async def exchange(self, call: Call[T]) -> T:
        """Carry a call, unless that was done before. Raises SendError."""
        attempt = await asyncio.to_thread(self._once.begin, call, self.timeout)
        if attempt.found is not None:
            return attempt.result()
        outcome: T | SendError
        try:
            outcome = await self._carrier.exchange(attempt.call)
        except SendError as error:
            outcome = error
        # Shielded: what the provider has answered is to be kept, though the run is cancelled meanwhile.
        return await asyncio.shield(asyncio.to_thread(attempt.ended, outcome))

    def stream(self, request: Request, progress: Progress) -> NoReturn:  # noqa: ARG002
        """Raise InvalidRequestError: a download may be repeated."""
        raise no_effect(request)


def mocean(context: Context) -> DirectMocean:
    """Return Mocean's client of the event's account. Raises SendError."""
    _check_blocking("mocean")
    caller = DirectCaller(_clients("mocean"), context)
    account, transport = caller.blocking("mocean")
    return DirectMocean(cast("MoceanAccount", account), transport, caller)


def mycoolsms(context: Context) -> DirectMyCoolSms:
    """Return My-Cool-SMS's client of the event's account. Raises SendError."""
    _check_blocking("mycoolsms")
    caller = DirectCaller(_clients("mycoolsms"), context)
    account, transport = caller.blocking("mycoolsms")
    return DirectMyCoolSms(cast("MyCoolSmsAccount", account), transport, caller)


def async_mocean(context: Context) -> AsyncDirectMocean:
    """Return Mocean's client of the event's account, for coroutines. Raises SendError."""
    _check_async("mocean")
    caller = DirectCaller(_clients("mocean"), context)
    account, transport = caller.patient("mocean")
    return AsyncDirectMocean(cast("MoceanAccount", account), transport, caller)


def async_mycoolsms(context: Context) -> AsyncDirectMyCoolSms:
    """Return My-Cool-SMS's client of the event's account, for coroutines. Raises SendError."""
    _check_async("mycoolsms")
    caller = DirectCaller(_clients("mycoolsms"), context)
    account, transport = caller.patient("mycoolsms")
    return AsyncDirectMyCoolSms(cast("MyCoolSmsAccount", account), transport, caller)


def _clients(provider: Provider) -> DirectClients:
    """Return this process's clients; they are made when they are first asked for. Raises NotConfiguredError."""
    run = runtime.get(None)
    if run is None:
        raise NotConfiguredError(
            provider, "client",
            "no worker runs a handler here; elsewhere make a client yourself, such as Mocean.of(account)",
        )  # fmt: skip
    with _MAKING:
        if run.direct is None or run.direct.pid != os.getpid():
            run.direct = DirectClients(run)
        return run.direct


def _check_blocking(provider: Provider) -> None:
    """Raise InvalidRequestError on an event loop: a call that blocks would keep it from turning."""
    if _is_on_loop():
        raise InvalidRequestError(
            provider, "client",
            f"ctx.{provider} blocks, and this handler is async; write await ctx.async_{provider}.…(…)",
        )  # fmt: skip


def _check_async(provider: Provider) -> None:
    """Raise InvalidRequestError where no event loop turns that could await the call."""
    if not _is_on_loop():
        raise InvalidRequestError(
            provider, "client",
            f"ctx.async_{provider} is for async handlers, and this one is not; write ctx.{provider}.…(…)",
        )  # fmt: skip


def _is_on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
