"""An alert for messages that did not arrive, asynchronous, with its own retry schedule."""

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
