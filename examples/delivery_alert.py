"""An alert for messages that did not arrive, asynchronous, with a retry schedule; and a text by the other provider."""

from ringback import Context, MessageStatusEvent, on


@on("message.status", status=["failed", "bounced", "expired"], advanced=True, retry=[5, 60, 900], timeout=10)
async def alert(event: MessageStatusEvent, ctx: Context) -> None:
    """Say which message failed, why, and whether trying again is pointless. Post it to your chat instead."""
    error = event.data.error
    ctx.log.warning(
        "delivery_alert",
        message_id=event.data.message_id,
        status=event.data.status.value,
        why=error.name if error else None,
        permanent=error.permanent if error else None,
        order=event.data.context.get("order"),
    )


@on("message.status", status=["failed", "bounced", "expired"], advanced=True)
async def fall_back(event: MessageStatusEvent, ctx: Context) -> None:
    """Text whom Mocean did not reach by My-Cool-SMS. A report of that one has its name, so it ends there."""
    order, phone = event.data.context.get("order"), event.data.recipient
    if event.provider == "mocean" and order and phone is not None:
        text = f"There is news about your order {order}. Please call us on +60 3 1234 5678."
        ctx.send.sms(to=phone, text=text, provider="mycoolsms", context={"order": order})
