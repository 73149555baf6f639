"""Mocean "Verify API": codes that are sent, checked, sent again."""

from datetime import timedelta
from typing import Final

from ringback.simulator.magic_numbers import Outcome
from ringback.simulator.mocean.asking import Asked, MoceanRefusalError
from ringback.simulator.mocean.replies import MoceanReply
from ringback.simulator.world import VERIFY_PRICE, ReceivedMessage, SimulatedVerification, World

MOST_WRONG: Final = 3
LONGEST_BRAND: Final = 18
"""Characters (*assumed*; the document has codes for it and no numbers), and of a sender."""
LONGEST_SENDER: Final = 15


async def request(world: World, asked: Asked) -> MoceanReply:
    """Begin a verification that is paid when it succeeds: one at a time for a number and brand."""
    number, brand = _checked(asked, 6)
    asked.whole("mocean-next-event-wait", 60, 900, 60, 14)
    if any(
        one.number == number and one.brand == brand and one.is_charged_by_conversion and not _is_over(world, one)
        for one in world.verifications.values()
    ):
        raise MoceanRefusalError(19)
    return _begun(world, asked, number, brand, default_length=6, by_conversion=True, reachable=False)


async def request_sms(world: World, asked: Asked) -> MoceanReply:
    """Begin a verification by SMS that is paid when it is sent."""
    number, brand = _checked(asked, 6)
    return _begun(world, asked, number, brand, default_length=4, by_conversion=False, reachable=True)


async def request_telegram(world: World, asked: Asked) -> MoceanReply:
    """Begin a verification by Telegram: `from` is a bot, `to` a chat id."""
    if not asked.text("mocean-from"):
        raise MoceanRefusalError(26)
    if not asked.text("mocean-to"):
        raise MoceanRefusalError(5)
    chat = asked.text("mocean-to")
    if not chat.lstrip("-").isdigit():
        raise MoceanRefusalError(6)
    return _begun(world, asked, chat, _brand(asked), default_length=4, by_conversion=False, reachable=False)


async def resend(world: World, asked: Asked) -> MoceanReply:
    """Send the same code by SMS again."""
    verification = _found(world, asked)
    if _is_over(world, verification):
        raise MoceanRefusalError(17)
    verification.resent += 1
    _send(world, asked, verification)
    return MoceanReply(
        {
            "reqid": verification.request_id,
            "status": 0,
            "to": verification.number,
            "resend_number": str(verification.resent),
        }
    )


async def check(world: World, asked: Asked) -> MoceanReply:
    """Check a code: three wrong ones end it."""
    verification = _found(world, asked)
    code = asked.text("mocean-code")
    if not code:
        raise MoceanRefusalError(8)
    if verification.wrong >= MOST_WRONG:
        raise MoceanRefusalError(15)
    if _is_over(world, verification):
        raise MoceanRefusalError(17)
    if code != verification.code:
        verification.wrong += 1
        raise MoceanRefusalError(15 if verification.wrong >= MOST_WRONG else 16)
    verification.is_over = True
    return MoceanReply({"reqid": verification.request_id, "status": 0})


def _checked(asked: Asked, invalid: int) -> tuple[str, str]:
    number = asked.number("mocean-to", missing=5, invalid=invalid)
    return number, _brand(asked)


def _brand(asked: Asked) -> str:
    brand = asked.text("mocean-brand")
    if not brand:
        raise MoceanRefusalError(4)
    if len(brand) > LONGEST_BRAND:
        raise MoceanRefusalError(9)
    if len(asked.text("mocean-from")) > LONGEST_SENDER:
        raise MoceanRefusalError(10)
    return brand


def _begun(
    world: World, asked: Asked, number: str, brand: str, *, default_length: int, by_conversion: bool, reachable: bool
) -> MoceanReply:
    if asked.text("mocean-code-length") not in ("", "4", "6"):
        raise MoceanRefusalError(11)
    length = int(asked.text("mocean-code-length") or default_length)
    validity = asked.whole("mocean-pin-validity", 60, 3600, 300, 13)
    outcome = asked.outcome(world, "verify", number, throttled=1)
    verification = SimulatedVerification(
        request_id=world.new_id(),
        number=number,
        brand=brand,
        code=world.new_code(length),
        expires=world.now() + timedelta(seconds=validity),
        is_charged_by_conversion=by_conversion,
    )
    fields: dict[str, object] = {"reqid": verification.request_id, "status": 0, "to": number}
    if reachable:
        fields["is_number_reachable"] = "unknown"
    if outcome.is_taken:
        if not world.pay(VERIFY_PRICE):
            raise MoceanRefusalError(18)
        world.verifications[verification.request_id] = verification
        _send(world, asked, verification, outcome)
    return MoceanReply(fields, 200, outcome)


def _send(world: World, asked: Asked, verification: SimulatedVerification, outcome: Outcome | None = None) -> None:
    if outcome is not None and not outcome.reports:
        return
    text = f"{verification.code} is your {verification.brand} code."
    world.messages.append(
        ReceivedMessage(
            f"cust{world.new_id()}",
            "sms",
            asked.text("mocean-from") or verification.brand,
            verification.number,
            {"type": "text", "text": text},
            world.now(),
            status=1,
        )
    )


def _found(world: World, asked: Asked) -> SimulatedVerification:
    request_id = asked.text("mocean-reqid")
    if not request_id:
        raise MoceanRefusalError(7)
    verification = world.verifications.get(request_id)
    if verification is None:
        raise MoceanRefusalError(17)
    return verification


def _is_over(world: World, verification: SimulatedVerification) -> bool:
    return verification.is_over or verification.wrong >= MOST_WRONG or world.now() >= verification.expires
