"""Mocean "Get Balance", "Get Pricing" and "Message Status"."""

from collections.abc import Iterable
from typing import Final

from ringback.simulator.mocean.asking import Asked, MoceanRefusalError
from ringback.simulator.mocean.replies import MoceanReply
from ringback.simulator.world import World

_NOT_FOUND: Final = 5
_PRICES: Final = {"sms": "0.0500", "number-lookup": "0.0050", "verify": "0.0600"}
_NETWORKS: Final = (
    ("Default", "Default", "Default", "Default"),
    ("Malaysia", "Maxis", "502", "12"),
    ("Malaysia", "Celcom", "502", "13,19"),
    ("Malaysia", "Digi", "502", "16"),
    ("Singapore", "SingTel", "525", "01"),
    ("Tanzania (United Republic of)", "Vodacom", "640", "04"),
)


async def balance(world: World, _: Asked) -> MoceanReply:
    """Answer with the account's credit."""
    return MoceanReply({"status": 0, "value": float(world.balance)})


async def pricing(_: World, asked: Asked) -> MoceanReply:
    """Answer with what a kind of request costs, by network."""
    kind = asked.text("mocean-type") or "sms"
    if kind not in _PRICES:
        raise MoceanRefusalError(72)
    if asked.text("mocean-delimiter") not in ("", ";", ":", "|"):
        raise MoceanRefusalError(51)
    mcc, mnc = asked.text("mocean-mcc"), asked.text("mocean-mnc")
    if (mnc and not mcc) or any(text and not text.isdigit() for text in (mcc, mnc)):
        raise MoceanRefusalError(46)
    rows = [_row(one, _PRICES[kind]) for one in _fitting(mcc, mnc)]
    if not rows:
        raise MoceanRefusalError(3)
    return MoceanReply({"status": 0, "destinations": rows})


def _fitting(mcc: str, mnc: str) -> Iterable[tuple[str, str, str, str]]:
    for network in _NETWORKS:
        if mcc and network[2] != mcc:
            continue
        if mnc and mnc not in network[3].split(","):
            continue
        yield network


def _row(network: tuple[str, str, str, str], price: str) -> dict[str, object]:
    country, operator, mcc, mnc = network
    return {"country": country, "operator": operator, "mcc": mcc, "mnc": mnc, "price": price, "currency": "USD"}


async def message_status(world: World, asked: Asked) -> MoceanReply:
    """Answer with what became of an SMS."""
    message_id = asked.text("mocean-msgid")
    if not message_id:
        raise MoceanRefusalError(25)
    message = next((one for one in world.messages if one.message_id == message_id), None)
    return MoceanReply(
        {
            "status": 0,
            "message_status": message.status if message else _NOT_FOUND,
            "msgid": message_id,
            "credit_deducted": "0.0500" if message else "0.0000",
        }
    )
