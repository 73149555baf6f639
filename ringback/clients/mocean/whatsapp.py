"""Mocean "Send WhatsApp": POST /send-message/whatsapp, in JSON. What becomes of it comes to
`mocean/whatsapp-delivery-status`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ringback.clients.accounts import MoceanAccount
from ringback.clients.arguments import Party, callback_address, invalid, msisdn
from ringback.clients.bodies import AnswerFields
from ringback.clients.exchange import Call
from ringback.clients.mocean.codes import WHATSAPP
from ringback.clients.mocean.judge import accepted
from ringback.schemas.wa_contents import TextContent, WaContent, WaError, make_part

PROVIDER: Final = "mocean"
CALLBACK: Final = "mocean/whatsapp-delivery-status"


@dataclass(frozen=True, slots=True)
class WhatsAppSent:
    """A WhatsApp message that Mocean accepted. `message_id` is the one that its delivery reports name."""

    message_id: str
    recipient: str = field(repr=False)
    raw: Mapping[str, object] = field(repr=False)


def send(
    account: MoceanAccount,
    *,
    to: Party,
    from_: Party,
    content: WaContent | str,
    context: Mapping[str, str] | None = None,
    callback_url: str | None = None,
) -> Call[WhatsAppSent]:
    """Send a WhatsApp message: a text, or what `ringback.wa` makes.

    `from_`: the WhatsApp Business number that sends. Whoever has not written to it in the last 24 hours gets nothing
    but templates; anything else is accepted and fails later. `context` comes back with the delivery reports, which go
    to `callback_url` or, without one, to this service's.
    """
    operation = "whatsapp"
    number = msisdn(PROVIDER, operation, "to", to)
    fields: dict[str, object] = {
        "mocean-from": msisdn(PROVIDER, operation, "from_", from_),
        "mocean-to": number,
        "mocean-content": content_of(content).wire(),
    }
    url = callback_address(PROVIDER, operation, account, CALLBACK, context, callback_url)
    if url is not None:
        fields["mocean-event-url"] = url
    request = account.post_json(operation, "/send-message/whatsapp", fields)
    return Call(request, lambda answer: _sent(accepted(request, answer, WHATSAPP), number))


def content_of(content: object) -> WaContent:
    """Return a content, of a text too. Raises InvalidRequestError."""
    if isinstance(content, WaContent):
        return content
    if not isinstance(content, str):
        raise invalid(PROVIDER, "whatsapp", "content", "neither a text nor what wa makes; write wa.raw({…}) for a dict")
    try:
        return make_part(TextContent, "text", text=content)
    except WaError as error:
        reason = error.reason
    raise invalid(PROVIDER, "whatsapp", "content", reason)


def _sent(fields: AnswerFields, number: str) -> WhatsAppSent:
    return WhatsAppSent(fields.needed_text("message_id"), number, fields.raw)
