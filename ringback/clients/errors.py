"""Errors of the clients (contract, section 7): what went wrong, whether anything may have been sent, what to do.

`str()` holds no secret, no message text and no phone number, so that an error may be logged as it is. What the
provider wrote itself stays in `description` and `raw`.
"""

from collections.abc import Mapping
from typing import Final, Literal

Sent = Literal["no", "unknown"]
"""Whether the provider may have acted: `no` is certain, `unknown` means that a repeat may send twice."""

_WORDS: Final = {"no": "nothing was sent", "unknown": "it may have been sent"}


class SendError(Exception):
    """A request that brought no result.

    `code` and `name` are the provider's code and our table's words for it, `description` the provider's own words.
    `permanent`: True where the same request fails again until somebody changes something, False where time alone may
    cure it, None where that is not known. `retry_after`: seconds that the provider asks for.
    """

    permanent_by_default: bool | None = None
    sent_by_default: Sent = "no"

    def __init__(
        self,
        provider: str,
        operation: str,
        reason: str,
        *,
        sent: Sent | None = None,
        code: int | None = None,
        name: str | None = None,
        description: str | None = None,
        http_status: int | None = None,
        permanent: bool | None = None,
        retry_after: float | None = None,
        raw: object = None,
    ) -> None:
        super().__init__(provider, operation, reason)
        self.provider = provider
        self.operation = operation
        self.reason = reason
        self.sent: Sent = sent or self.sent_by_default
        self.code = code
        self.name = name
        self.description = description
        self.http_status = http_status
        self.permanent = self.permanent_by_default if permanent is None else permanent
        self.retry_after = retry_after
        self.raw = raw

    def __str__(self) -> str:
        code = "" if self.code is None else f"code {self.code}: "
        return f"{self.provider} {self.operation}: {code}{self.reason} ({_WORDS[self.sent]})"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.args, {key: value for key, value in vars(self).items() if key != "args"})


class InvalidRequestError(SendError, ValueError):
    """The request cannot be right; it was not sent. The reason names the argument and what to write instead."""

    permanent_by_default = True


class NotConfiguredError(SendError):
    """The account has no credentials or no URL for this provider."""

    permanent_by_default = True


class UnauthorizedError(SendError):
    """The provider does not accept the credentials, or not from this address."""

    permanent_by_default = True


class NoCreditError(SendError):
    """The account's credit does not suffice: somebody must top it up."""

    permanent_by_default = True


class RefusedError(SendError):
    """The provider refuses this request. `permanent` is None where its code leaves open why."""


class ThrottledError(SendError):
    """Too many requests for now."""

    permanent_by_default = False


class UnavailableError(SendError):
    """The provider cannot be reached, or says that it cannot work now."""

    permanent_by_default = False


class InDoubtError(SendError):
    """The request went out and no readable answer came: nobody here knows whether it was carried out.

    `ref` is what `ringback sends` knows it by, if it was made once by a key.
    """

    sent_by_default = "unknown"
    ref: str | None = None


class PartialError(SendError):
    """Of several receivers not all were accepted.

    `accepted` are the results of those that were, `refused` one error a receiver that was refused, `in_doubt` the
    receivers of whom the answer says nothing.
    """

    accepted: tuple[object, ...] = ()
    refused: Mapping[str, SendError] = {}
    in_doubt: tuple[str, ...] = ()


def _restored(kind: type[SendError], words: tuple[str, str, str], state: dict[str, object]) -> SendError:
    """Rebuild a pickled error: its constructor takes more than `args` holds."""
    error = kind(*words)
    vars(error).update(state)
    return error
