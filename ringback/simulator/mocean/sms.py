"""Mocean "Send an SMS" and "Conversion API"."""

import re
from collections.abc import Coroutine, Mapping
from datetime import datetime
from typing import Any, Final

from ringback.simulator.following import DLR, FollowingStep, dlr, dlr_course
from ringback.simulator.magic_numbers import USUAL, Outcome, Reported
from ringback.simulator.mocean.asking import Asked, MoceanRefusalError
from ringback.simulator.mocean.err_msgs import SMS
from ringback.simulator.mocean.replies import MoceanReply
from ringback.simulator.world import SMS_PRICE, ReceivedMessage, World
from ringback.wire.samples import MOCEAN_ZONE

MOST_RECEIVERS: Final = 500
LONGEST: Final = 1530
"""Characters: ten parts (*assumed*; the document has a code for it and no number)."""
LONGEST_SENDER: Final = 15

_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_SCHEDULE: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_NUMBER: Final = re.compile(r"[1-9][0-9]{6,14}")
_THROTTLED: Final = 32
_FINAL: Final[Mapping[Reported, int]] = {"delivered": 1, "failed": 2, "expired": 3}


async def send(world: World, asked: Asked) -> MoceanReply:
    """Accept an SMS for each of its receivers; one alone that is refused makes the element's code."""
    receivers = [one for one in re.split(r"[\s,]+", asked.text("mocean-to")) if one]
    _check(asked, receivers)
    elements: list[dict[str, object]] = []
    follows: list[Coroutine[Any, Any, None]] = []
    outcome: Outcome | None = None
    for receiver in receivers:
        try:
            chosen, element, after = _one(world, asked, receiver)
        except MoceanRefusalError as refused:
            # The document's failed element names no receiver.
            elements.append({"status": refused.code, "err_msg": SMS.get(refused.code, "Unknown error")})
            continue
        outcome = outcome or chosen
        elements.append(element)
        follows += after
    return MoceanReply({"messages": elements}, 202, outcome or USUAL, tuple(follows))


def _check(asked: Asked, receivers: list[str]) -> None:
    text = asked.fields.get("mocean-text")
    is_binary = bool(asked.text("mocean-udh")) or asked.text("mocean-coding") == "2"
    checks = (
        (not receivers, 6),
        (len(receivers) > MOST_RECEIVERS, 27),
        (not asked.text("mocean-from"), 44),
        (len(asked.text("mocean-from")) > LONGEST_SENDER, 37),
        (not isinstance(text, str) or not text, 23),
        (isinstance(text, str) and len(text) > LONGEST, 29),
        (is_binary and not _HEX.fullmatch(str(text)), 19),
        (bool(asked.text("mocean-udh")) and not _HEX.fullmatch(asked.text("mocean-udh")), 9),
        (asked.text("mocean-mclass") not in ("", "0", "1", "2", "3"), 10),
        (asked.text("mocean-coding") not in ("", "1", "2", "3"), 19),
        (
            asked.text("mocean-charset").upper() not in ("", "ISO-8859-1", "ISO-8859-7", "UTF-8", "WINDOWS-1252"),
            19,
        ),
    )
    for wrong, code in checks:
        if wrong:
            raise MoceanRefusalError(code)
    asked.whole("mocean-validity", 1, 10**9, 0, 17)
    _scheduled(asked.text("mocean-schedule"))


def _scheduled(text: str) -> datetime | None:
    """Return when an SMS is to go out, which is written in Malaysia's time; None for at once."""
    if not text:
        return None
    if _SCHEDULE.fullmatch(text):
        try:
            return datetime.fromisoformat(text).replace(tzinfo=MOCEAN_ZONE)
        except ValueError:
            pass
    raise MoceanRefusalError(26)


def _one(
    world: World, asked: Asked, receiver: str
) -> tuple[Outcome, dict[str, object], list[Coroutine[Any, Any, None]]]:
    number = re.sub(r"\D", "", receiver)
    if not _NUMBER.fullmatch(number):
        raise MoceanRefusalError(28)
    outcome = asked.outcome(world, "sms", number, throttled=_THROTTLED)
    message_id = f"cust{world.new_id()}"
    element: dict[str, object] = {"status": 0, "receiver": number, "msgid": message_id}
    if not outcome.is_taken:
        return outcome, element, []
    if not world.pay(SMS_PRICE):
        raise MoceanRefusalError(2)
    sender = asked.text("mocean-from")
    message = ReceivedMessage(
        message_id, "sms", sender, number, {"type": "text", "text": str(asked.fields["mocean-text"])}, world.now()
    )
    world.messages.append(message)
    return outcome, element, [_reports(world, message, asked, outcome)]


async def _reports(world: World, message: ReceivedMessage, asked: Asked, outcome: Outcome) -> None:
    """Send the delivery reports, where both mask and URL ask for them."""
    url = asked.url("mocean-dlr-url") if asked.text("mocean-dlr-mask") == "1" else None
    code = outcome.code or 0

    def step(reported: Reported) -> FollowingStep:
        wire = dlr(
            message.message_id, message.recipient, message.sender, reported, code if reported != "delivered" else 0
        )
        return FollowingStep(wire, lambda: _note(message, reported))

    steps = [step(one) for one in dlr_course(outcome)]
    scheduled = _scheduled(asked.text("mocean-schedule"))
    after = max((scheduled - world.now()).total_seconds(), 0.0) if scheduled else 0.0
    await world.follower.follow(DLR, message.message_id, url, steps, at_once=outcome.reports_first, after=after)


def _note(message: ReceivedMessage, reported: Reported) -> None:
    message.status = _FINAL[reported]


async def convert(world: World, asked: Asked) -> MoceanReply:
    """Take note of whether a message has led to something."""
    message = next((one for one in world.messages if one.message_id == asked.text("mocean-msgid")), None)
    if message is None:
        raise MoceanRefusalError(25)
    delivered = asked.text("mocean-delivered").lower()
    if delivered not in ("true", "false"):
        raise MoceanRefusalError(24)
    message.conversion = delivered == "true"
    return MoceanReply({"status": 0})
