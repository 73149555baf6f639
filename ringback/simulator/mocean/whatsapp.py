"""Mocean "WhatsApp Send Message"."""

import re
from typing import Final

from ringback.simulator.following import WHATSAPP_STATUS, FollowingStep, whatsapp_course, whatsapp_status
from ringback.simulator.magic_numbers import Outcome
from ringback.simulator.mocean.asking import Asked, MoceanRefusalError
from ringback.simulator.mocean.contents import check_content
from ringback.simulator.mocean.replies import MoceanReply
from ringback.simulator.world import WHATSAPP_PRICE, ReceivedMessage, World

_UNDELIVERABLE: Final = 131026
THROTTLED: Final = 429
"""The HTTP status (*assumed*): the table has no code for too many requests."""


async def send(world: World, asked: Asked) -> MoceanReply:
    """Accept a message."""
    if not asked.is_json:
        raise MoceanRefusalError(34, "No JSON parameters found in the request body")
    sender = re.sub(r"\D", "", asked.text("mocean-from"))
    if not asked.text("mocean-from"):
        raise MoceanRefusalError(44, "Empty sender ID")
    number = asked.number("mocean-to", missing=6, invalid=6)
    content = asked.fields.get("mocean-content")
    if not isinstance(content, dict):
        raise MoceanRefusalError(93, "Content JSON object not found in the request body")
    check_content(content)
    outcome = asked.outcome(world, "whatsapp", number, throttled=THROTTLED)
    message_id = world.new_id()
    if not outcome.is_taken:
        return MoceanReply({"status": 0, "message_id": message_id}, 202, outcome)
    if not world.pay(WHATSAPP_PRICE):
        raise MoceanRefusalError(2)
    message = ReceivedMessage(message_id, "whatsapp", sender, number, content, world.now())
    world.messages.append(message)
    follows = (_reports(world, message, asked.url("mocean-event-url"), outcome),)
    return MoceanReply({"status": 0, "message_id": message_id}, 202, outcome, follows)


async def _reports(world: World, message: ReceivedMessage, url: str | None, outcome: Outcome) -> None:
    code = outcome.code or _UNDELIVERABLE
    course = whatsapp_course(outcome, is_reaction=message.content.get("type") == "reaction")
    steps = [
        FollowingStep(
            whatsapp_status(
                message.message_id, message.recipient, message.sender, one, code if one == "failed" else None
            )
        )
        for one in course
    ]
    await world.follower.follow(WHATSAPP_STATUS, message.message_id, url, steps, at_once=outcome.reports_first)
