"""Outgoing: what one run of a handler asks to be sent. It is put into the outbox with the word that the run ended well.

Plain functions, for `def` and `async def` alike: nothing here waits for anything.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ringback.clients.arguments import Party, invalid
from ringback.outbox import drafting
from ringback.outbox.draft import Draft, InDoubt, Sending, ref_of
from ringback.outbox.queue import Intent
from ringback.schemas.address import Address, AddressKind
from ringback.schemas.event_data import Channel
from ringback.schemas.events import Event, MessageReceivedEvent
from ringback.schemas.provider_names import Provider
from ringback.schemas.wa_contents import WaContent

if TYPE_CHECKING:
    from ringback.clients.mocean.voice import Commands

DEFAULT_REPLY_TTL_S: Final = 3600.0


class RunIsOverError(RuntimeError):
    """Something was to be sent by a run that has ended: nobody would put it into the outbox."""


class Outgoing:
    """What a run asks to be sent, in order. `origin`: the names that its refs are digests of.

    `reply_ttl_s`: how long after the event a reply is of use. `addressee`: who a WhatsApp message without a sender is
    from, as far as that is known from the message of ours that it answers. `is_muted`: nothing is sent, as in a replay.
    """

    __slots__ = ("_asked", "_event", "_origin", "_reply_ttl_s", "addressee", "handler", "is_muted", "is_over")

    def __init__(
        self,
        event: Event,
        handler: str,
        origin: Sequence[str],
        *,
        reply_ttl_s: float = DEFAULT_REPLY_TTL_S,
        addressee: str | None = None,
        is_muted: bool = False,
    ) -> None:
        self._event = event
        self.handler = handler
        self._origin = origin
        self._reply_ttl_s = reply_ttl_s
        self.addressee = addressee
        self.is_muted = is_muted
        self.is_over = False
        self._asked: list[Intent] = []

    def close(self) -> list[Intent]:
        """Return what was asked for; from here on nothing can be."""
        self.is_over = True
        return [] if self.is_muted else self._asked

    def reply(
        self,
        content: str | WaContent,
        *,
        context: Mapping[str, str] | None = None,
        ttl: float | None = None,
        in_doubt: InDoubt = "hold",
        quote: bool = False,
    ) -> Sending:
        """Answer the message of the event, from the number that it was sent to, over the same channel and provider.

        `ttl`: for how many seconds from the event's time on it is of use; else RINGBACK_SEND_TTL. `quote`: show the
        message that is answered (WhatsApp: texts, media, reactions). Raises InvalidRequestError.
        """
        event = self._event
        if not isinstance(event, MessageReceivedEvent):
            raise invalid(
                event.provider, "reply", "event", f"{event.type} cannot be replied to; write ctx.send.sms(to=…, …)"
            )
        data = event.data
        sender, ours = data.sender, data.recipient
        to = sender if sender is not None else self.addressee
        if to is None:
            raise invalid(
                event.provider, "reply", "to",
                "the message names no sender (Mocean's WhatsApp callbacks have no `from`), and answers no message of "
                "ours; write ctx.send.whatsapp(to=…, …)",
            )  # fmt: skip
        if isinstance(to, Address) and to.kind is not AddressKind.E164:
            raise invalid(
                event.provider, "reply", "to",
                f"a {to.kind.value.replace('_', ' ')} sender cannot be replied to; leave it out with when=…",
            )  # fmt: skip
        expires_at = event.time.timestamp() + (self._reply_ttl_s if ttl is None else ttl)
        if data.channel is Channel.WHATSAPP:
            return self._ask(
                drafting.whatsapp(
                    event.account, to=to, from_=ours, context=context, expires_at=expires_at, in_doubt=in_doubt,
                    handler=self.handler, cause=event.id,
                    content=_quoting(content, data.message_id) if quote else content,
                )
            )  # fmt: skip
        if data.channel is not Channel.SMS:
            raise invalid(
                event.provider, "reply", "event",
                "only a newer Ringback knows what carried the message; leave it out with channel=…, or upgrade",
            )  # fmt: skip
        if not isinstance(content, str):
            raise invalid(event.provider, "reply", "content", "an SMS is answered by a text; write a str")
        return self._ask(
            drafting.sms(
                event.provider, event.account, to=to, from_=ours, text=content, context=context,
                expires_at=expires_at, in_doubt=in_doubt,
                handler=self.handler, cause=event.id,
            )
        )  # fmt: skip

    def sms(
        self,
        *,
        to: Party,
        text: str,
        from_: Party | None = None,
        provider: Provider | None = None,
        account: str | None = None,
        schedule: datetime | None = None,
        context: Mapping[str, str] | None = None,
        ttl: float | None = None,
        in_doubt: InDoubt = "hold",
    ) -> Sending:
        """Send an SMS. Without `from_` the account's `sms_from` sends, without `provider` the event's provider.

        `schedule`: an aware time at which the provider sends it. `ttl`: for how many seconds from the event's time on
        it is of use. `context` comes back with the delivery reports. `in_doubt`: what becomes of it where the
        provider's answer is lost: "hold" does not repeat it, "again" does. Raises InvalidRequestError.
        """
        return self._ask(
            drafting.sms(
                provider or self._event.provider, account or self._event.account, to=to, text=text, from_=from_,
                schedule=schedule, context=context, expires_at=self._expiry(ttl), in_doubt=in_doubt,
                handler=self.handler, cause=self._event.id,
            )
        )  # fmt: skip

    def whatsapp(
        self,
        *,
        to: Party,
        content: WaContent | str,
        from_: Party | None = None,
        account: str | None = None,
        context: Mapping[str, str] | None = None,
        ttl: float | None = None,
        in_doubt: InDoubt = "hold",
    ) -> Sending:
        """Send a WhatsApp message: a text, or what `ringback.wa` makes. Else as `sms`, with `whatsapp_from`."""
        return self._ask(
            drafting.whatsapp(
                account or self._event.account, to=to, content=content, from_=from_, context=context,
                expires_at=self._expiry(ttl), in_doubt=in_doubt,
                handler=self.handler, cause=self._event.id,
            )
        )  # fmt: skip

    def call(
        self,
        *,
        to: Party,
        commands: "Commands",
        from_: Party | None = None,
        account: str | None = None,
        context: Mapping[str, str] | None = None,
        ttl: float | None = None,
        in_doubt: InDoubt = "hold",
    ) -> Sending:
        """Call a number, and follow an MC once it is answered. Else as `sms`; `call.placed` says what became of it."""
        return self._ask(
            drafting.call(
                account or self._event.account, to=to, commands=commands, from_=from_, context=context,
                expires_at=self._expiry(ttl), in_doubt=in_doubt,
                handler=self.handler, cause=self._event.id,
            )
        )  # fmt: skip

    def _expiry(self, ttl: float | None) -> float | None:
        return None if ttl is None else self._event.time.timestamp() + ttl

    def _ask(self, draft: Draft) -> Sending:
        if self.is_over:
            raise RunIsOverError("the run of this handler has ended; ask for what is to be sent before it returns")
        ref = ref_of(*self._origin, str(len(self._asked)))
        self._asked.append(Intent.of(ref, draft))
        return Sending(ref, draft.provider, draft.account, draft.to)


def _quoting(content: str | WaContent, message_id: str | None) -> WaContent:
    """Return a content that shows the message that it answers. Raises InvalidRequestError where it cannot."""
    from ringback.clients.mocean.whatsapp import content_of

    made = content_of(content)
    if "reply_to" not in type(made).model_fields:
        raise invalid(
            "mocean",
            "reply",
            "quote",
            "the document lets texts, media and reactions alone show a message; leave it out",
        )
    if message_id is None:
        raise invalid("mocean", "reply", "quote", "the message has no id; leave it out")
    return made.model_copy(update={"reply_to": message_id})
