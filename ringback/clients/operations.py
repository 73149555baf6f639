"""Operations: a provider's pure pair as a method of its client, blocking or async, with one signature and docstring.

    class Mocean(BlockingClient[MoceanAccount]):
        sms = Operation(sms.send)           # Mocean(...).sms(to=…, from_=…, text=…) -> Sent

    class AsyncMocean(AsyncClient[MoceanAccount]):
        sms = AsyncOperation(sms.send)      # await AsyncMocean(...).sms(to=…, from_=…, text=…) -> Sent

The pair's first parameter is the account; the method's are the others. What is downloaded has a pair that returns a
`Fetch`; its method returns a handle at once, and only the handle's methods ask the provider.

`of` makes a client of a configured account, whatever its constructor takes.
"""

from collections.abc import Awaitable, Callable
from functools import update_wrapper
from inspect import Signature, signature
from types import TracebackType
from typing import ClassVar, Concatenate, Generic, ParamSpec, Self, TypeVar, cast, overload

from ringback.clients.accounts import Account
from ringback.clients.configured import Configured
from ringback.clients.download import AsyncDownload, Download, Fetch
from ringback.clients.errors import NotConfiguredError
from ringback.clients.exchange import Call
from ringback.clients.transport import AsyncHttpTransport, HttpTransport
from ringback.schemas.provider_names import Provider
from ringback.schemas.settings import Settings, SettingsError

AccountT = TypeVar("AccountT")
P = ParamSpec("P")
T = TypeVar("T")


def configured_account(
    provider: Provider, account: str | None, settings: Settings | Configured | None
) -> tuple[Configured, Account]:
    """Return what is configured, and an account of it. Raises NotConfiguredError, also where a setting is wrong."""
    try:
        configured = settings if isinstance(settings, Configured) else Configured.load(settings)
    except SettingsError as error:
        reason = str(error)
    else:
        return configured, configured.account(provider, account)
    raise NotConfiguredError(provider, "client", reason)


def _without_account(pair: Callable[..., object]) -> Signature:
    """Return the signature of a pair's method, which lacks the account."""
    whole = signature(pair)
    return whole.replace(parameters=list(whole.parameters.values())[1:])


MethodT = TypeVar("MethodT", bound=Callable[..., object])


def _named_after(method: MethodT, pair: Callable[..., object], its: Signature) -> MethodT:
    """Return a method with its pair's name and docstring, and the signature that it has itself."""
    update_wrapper(method, pair)
    del method.__wrapped__  # type: ignore[attr-defined] # else `help` would show the account
    method.__signature__ = its  # type: ignore[attr-defined]
    return method


class BlockingMethods(Generic[AccountT]):
    """Methods of an account that block until the answer is there."""

    def __init__(self, account: AccountT, transport: HttpTransport) -> None:
        self.account = account
        self.transport = transport


class AsyncMethods(Generic[AccountT]):
    """Methods of an account that are coroutines."""

    def __init__(self, account: AccountT, transport: AsyncHttpTransport) -> None:
        self.account = account
        self.transport = transport


class BlockingClient(BlockingMethods[AccountT]):
    """A client whose methods block until the answer is there. Use it as a context manager, or `close` it."""

    provider: ClassVar[Provider]

    @classmethod
    def of(cls, account: str | None = None, settings: Settings | Configured | None = None) -> Self:
        """Return a client of an account that is configured: its credentials, URL and callback URLs are filled in.

        Without a name, of the only account that has credentials. `settings` are those of the environment and `.env`
        unless given. Raises NotConfiguredError, which says what to set.
        """
        configured, found = configured_account(cls.provider, account, settings)
        client = cls.__new__(cls)
        BlockingClient.__init__(client, cast("AccountT", found), HttpTransport(timeout=configured.timeout))
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()


class AsyncClient(AsyncMethods[AccountT]):
    """A client whose methods are coroutines. Use it as an async context manager, or `close` it."""

    provider: ClassVar[Provider]

    @classmethod
    def of(cls, account: str | None = None, settings: Settings | Configured | None = None) -> Self:
        """Return a client of an account that is configured: its credentials, URL and callback URLs are filled in.

        Without a name, of the only account that has credentials. `settings` are those of the environment and `.env`
        unless given. Raises NotConfiguredError, which says what to set.
        """
        configured, found = configured_account(cls.provider, account, settings)
        client = cls.__new__(cls)
        AsyncClient.__init__(client, cast("AccountT", found), AsyncHttpTransport(timeout=configured.timeout))
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close this event loop's connections."""
        await self.transport.close()


class Operation(Generic[AccountT, P, T]):
    """One request as a method that blocks."""

    def __init__(self, pair: Callable[Concatenate[AccountT, P], Call[T]]) -> None:
        self._pair = pair
        self._signature = _without_account(pair)
        self.__doc__ = pair.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: BlockingMethods[AccountT], owner: type) -> Callable[P, T]: ...
    def __get__(self, client: BlockingMethods[AccountT] | None, owner: type) -> Self | Callable[P, T]:
        if client is None:
            return self

        def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return client.transport.exchange(self._pair(client.account, *args, **kwargs))

        return _named_after(method, self._pair, self._signature)


class AsyncOperation(Generic[AccountT, P, T]):
    """One request as a coroutine method."""

    def __init__(self, pair: Callable[Concatenate[AccountT, P], Call[T]]) -> None:
        self._pair = pair
        self._signature = _without_account(pair)
        self.__doc__ = pair.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: AsyncMethods[AccountT], owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, client: AsyncMethods[AccountT] | None, owner: type) -> Self | Callable[P, Awaitable[T]]:
        if client is None:
            return self

        async def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return await client.transport.exchange(self._pair(client.account, *args, **kwargs))

        return _named_after(method, self._pair, self._signature)


class DownloadOperation(Generic[AccountT, P]):
    """One request for a file as a method that returns its handle. Nothing goes out before that is read."""

    def __init__(self, pair: Callable[Concatenate[AccountT, P], Fetch]) -> None:
        self._pair = pair
        self._signature = _without_account(pair)
        self.__doc__ = pair.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: BlockingMethods[AccountT], owner: type) -> Callable[P, Download]: ...
    def __get__(self, client: BlockingMethods[AccountT] | None, owner: type) -> Self | Callable[P, Download]:
        if client is None:
            return self

        def method(*args: P.args, **kwargs: P.kwargs) -> Download:
            return Download(client.transport, self._pair(client.account, *args, **kwargs))

        return _named_after(method, self._pair, self._signature)


class AsyncDownloadOperation(Generic[AccountT, P]):
    """One request for a file as a plain method that returns its handle, whose methods are coroutines."""

    def __init__(self, pair: Callable[Concatenate[AccountT, P], Fetch]) -> None:
        self._pair = pair
        self._signature = _without_account(pair)
        self.__doc__ = pair.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: AsyncMethods[AccountT], owner: type) -> Callable[P, AsyncDownload]: ...
    def __get__(self, client: AsyncMethods[AccountT] | None, owner: type) -> Self | Callable[P, AsyncDownload]:
        if client is None:
            return self

        def method(*args: P.args, **kwargs: P.kwargs) -> AsyncDownload:
            return AsyncDownload(client.transport, self._pair(client.account, *args, **kwargs))

        return _named_after(method, self._pair, self._signature)
