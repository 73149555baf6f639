"""Context: what a handler may know beside the event, and which run of a handler a log line comes from."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

from ringback.outbox.draft import Sending
from ringback.schemas.events import Event
from ringback.workers.sending.outgoing import Outgoing

if TYPE_CHECKING:
    from ringback.outbox.draft import InDoubt
    from ringback.outbox.record import SendRecord
    from ringback.schemas.wa_contents import WaContent
    from ringback.workers.sending.direct import AsyncDirectMocean, AsyncDirectMyCoolSms, DirectMocean, DirectMyCoolSms


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may know beside the event.

    `attempt` counts from 1. `idempotency_key` is the same for each attempt of this handler on this event: hand it on
    to services that take one. `advanced`: whether a status moved its message forward; None for other events. `replay`:
    whether someone asked for this run by `ringback replay`; the key is that of the first delivery. `begun_as`: what the
    handler was called at its first attempt, if it has another name now. `state`: what `@lifespan` has yielded in this
    process. `send`: what this run asks to be sent, if it ends well: `ctx.send.sms(…)`, `.whatsapp(…)`, `.call(…)`.
    `account`: the event's; `mocean` and its kin call that account's providers at once.
    """

    handler: str
    event_id: str
    attempt: int
    advanced: bool | None
    replay: bool = False
    begun_as: str | None = None
    state: Any = None
    outgoing: Outgoing | None = field(default=None, repr=False)
    account: str | None = None

    @property
    def send(self) -> Outgoing:
        """What this run asks to be sent. Raises RuntimeError where nothing is (a context that a test has made)."""
        if self.outgoing is None:
            raise RuntimeError("this context belongs to no run of a worker, so nothing can be sent")
        return self.outgoing

    def reply(
        self,
        content: "str | WaContent",
        *,
        context: Mapping[str, str] | None = None,
        ttl: float | None = None,
        in_doubt: "InDoubt" = "hold",
        quote: bool = False,
    ) -> Sending:
        """Answer the message of the event, from the number that it was sent to, over the same channel and provider.

        It goes out if this run ends well, and once. `context` comes back with the delivery reports, as
        `event.data.context`. `ttl`: for how many seconds from the event's time on it is of use; else RINGBACK_SEND_TTL.
        `in_doubt`: what becomes of it where the provider's answer is lost: "hold" does not repeat it, "again" does.
        `quote`: show the message that is answered (WhatsApp). Raises InvalidRequestError where it cannot be sent.
        """
        return self.send.reply(content, context=context, ttl=ttl, in_doubt=in_doubt, quote=quote)

    def sending(self, event: Event) -> "SendRecord | None":
        """Return the send that a report belongs to, by its context or its message id; None where it is none of ours.

        It asks Redis, for less than a millisecond.
        """
        from ringback.workers.runtime import runtime
        from ringback.workers.sending.correlation import sending_of

        run = runtime.get()
        return sending_of(run.redis, run.keys, event)

    @property
    def mocean(self) -> "DirectMocean":
        """Mocean's API, called at once from a sync handler: `ctx.mocean.verify.check(…)`, typed as `Mocean`.

        Each attempt calls again; `ctx.mocean(key="otp").sms(…)` calls once for this event, handler and key. Raises
        NotConfiguredError without credentials, InvalidRequestError in an async handler.
        """
        from ringback.workers.sending import direct  # here: what calls nobody does not load the clients

        return direct.mocean(self)

    @property
    def mycoolsms(self) -> "DirectMyCoolSms":
        """My-Cool-SMS's API, called at once from a sync handler; else as `mocean`."""
        from ringback.workers.sending import direct

        return direct.mycoolsms(self)

    @property
    def async_mocean(self) -> "AsyncDirectMocean":
        """Mocean's API, called at once from an async handler: `await ctx.async_mocean.verify.check(…)`.

        Else as `mocean`. Raises InvalidRequestError in a sync handler.
        """
        from ringback.workers.sending import direct

        return direct.async_mocean(self)

    @property
    def async_mycoolsms(self) -> "AsyncDirectMyCoolSms":
        """My-Cool-SMS's API, called at once from an async handler; else as `async_mocean`."""
        from ringback.workers.sending import direct

        return direct.async_mycoolsms(self)

    @property
    def idempotency_key(self) -> str:
        """What names this handler's work on this event."""
        return f"{self.event_id}:{self.begun_as or self.handler}"

    @property
    def log(self) -> structlog.typing.FilteringBoundLogger:
        """A logger that knows the event, the handler and the attempt."""
        bound: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(
            event_id=self.event_id, handler=self.handler, attempt=self.attempt
        )
        return bound


class AtWork(Protocol):
    """Something that is at work for a handler, and knows its context."""

    @property
    def context(self) -> Context:
        """What its handler may know."""


running: Final[ContextVar[AtWork | None]] = ContextVar("running", default=None)


def at_work() -> Mapping[str, object]:
    """Return what names the run that this is called in, for log lines; nothing outside of one.

    A handler's own lines, and those of what it calls, are asked for it; to bind it anew for each run would cost ten
    times as much.
    """
    run = running.get()
    if run is None:
        return {}
    context = run.context
    return {"event_id": context.event_id, "handler": context.handler, "attempt": context.attempt}
