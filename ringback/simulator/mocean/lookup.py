"""Mocean "Number Lookup API": the result in the answer or, with a URL, in a callback."""

from ringback.simulator.following import LOOKUP, FollowingStep, lookup_result
from ringback.simulator.magic_numbers import Outcome
from ringback.simulator.mocean.asking import Asked, MoceanRefusalError
from ringback.simulator.mocean.err_msgs import LOOKUP as ERR_MSGS
from ringback.simulator.mocean.replies import MoceanReply
from ringback.simulator.world import LOOKUP_PRICE, World


async def look_up(world: World, asked: Asked) -> MoceanReply:
    """Look a number up."""
    number = asked.number("mocean-to", missing=6, invalid=28)
    outcome = asked.outcome(world, "lookup", number, throttled=32)
    lookup_id = f"test{world.new_id()}.0002"
    fields: dict[str, object] = {"status": 0, "msgid": lookup_id, "to": number}
    url = asked.url("mocean-nl-url")
    if outcome.is_taken and not world.pay(LOOKUP_PRICE):
        raise MoceanRefusalError(2)
    failed = outcome.reports[:1] == ("failed",)
    if url is not None:
        follows = (_result(world, lookup_id, number, url, outcome),) if outcome.is_taken else ()
        return MoceanReply(fields, 200, outcome, follows)
    if failed:
        raise MoceanRefusalError(outcome.code or 65)
    carrier = {"country": "MY", "name": "Maxis Mobile", "network_code": "50212", "mcc": "502", "mnc": "12"}
    return MoceanReply(
        {**fields, "current_carrier": carrier, "original_carrier": carrier, "ported": "not_ported"}, 200, outcome
    )


async def _result(world: World, lookup_id: str, number: str, url: str, outcome: Outcome) -> None:
    if not outcome.reports:
        return
    code = (outcome.code or 65) if outcome.reports[0] == "failed" else 0
    wire = lookup_result(lookup_id, number, code, ERR_MSGS.get(code))
    count = len(outcome.reports)
    await world.follower.follow(LOOKUP, lookup_id, url, [FollowingStep(wire)] * count, at_once=outcome.reports_first)
