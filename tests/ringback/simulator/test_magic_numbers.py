"""What becomes of a request, by its number and by plan."""

import pytest

from ringback.simulator.following import AT_CARRIER, cool_course, dlr_course, whatsapp_course
from ringback.simulator.magic_numbers import USUAL, Answering, Outcome, Outcomes, PlannedFault


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        pytest.param("60123456789", USUAL, id="anybody's"),
        pytest.param("99999000000", USUAL, id="reserved, with no meaning"),
        pytest.param("99900000028", Outcome(Answering.CODE, is_taken=False, code=28, reports=()), id="refused with 28"),
        pytest.param("+999 000 00 001", Outcome(Answering.CODE, is_taken=False, code=1, reports=()), id="spelt"),
        pytest.param("999000000281", USUAL, id="a digit too many for a refusal"),
        pytest.param("99900000000", USUAL, id="no code"),
        pytest.param("999", USUAL, id="nothing after it"),
        pytest.param("99901000052", Outcome(code=52, reports=("failed",)), id="fails with 52"),
        pytest.param("99902000000", Outcome(reports=("expired",)), id="expires"),
        pytest.param("99903000000", Outcome(reports=()), id="no report"),
        pytest.param("99904000000", Outcome(reports_first=True), id="report before the answer"),
        pytest.param("99905000000", Outcome(Answering.CLOSE), id="taken, no answer"),
        pytest.param("99906000000", Outcome(Answering.HANG), id="hangs"),
        pytest.param("99907000000", Outcome(Answering.BAD_GATEWAY, is_taken=False), id="502"),
        pytest.param("99908000000", Outcome(Answering.THROTTLE, is_taken=False), id="throttled"),
        pytest.param("99909000000", Outcome(reports=("delivered",) * 3, out_of_order=True), id="out of order"),
        pytest.param("99910000000", Outcome(Answering.GARBAGE), id="garbage"),
    ],
)
def test_numbers_choose(number: str, outcome: Outcome) -> None:
    assert Outcomes().of_number("sms", number) == outcome


def test_throttled_once_an_operation() -> None:
    outcomes = Outcomes()
    asked = [("sms", "99908000000"), ("sms", "99908000000"), ("sms", "99908000001"), ("nl", "99908000000")]
    answers = [outcomes.of_number(*one).answering for one in asked]
    assert answers == [Answering.THROTTLE, Answering.NORMAL, Answering.THROTTLE, Answering.THROTTLE]


def test_plans_are_used_up_in_order() -> None:
    outcomes = Outcomes()
    outcomes.plan(PlannedFault("sms", Answering.HANG, left=2))
    outcomes.plan(PlannedFault("*", Answering.CODE, code=45))
    kinds = [found.answering if (found := outcomes.planned(one)) else None for one in ("sms", "nl", "sms", "sms")]
    assert kinds == [Answering.HANG, Answering.CODE, Answering.HANG, None]


@pytest.mark.parametrize(
    ("number", "sms", "whatsapp", "cool"),
    [
        pytest.param(
            "60123456789",
            ("delivered",),
            ("sent", "delivered", "read"),
            (AT_CARRIER, "SMS_STATUS_DELIVERED"),
            id="as usual",
        ),
        pytest.param("99901000005", ("failed",), ("sent", "failed"), (AT_CARRIER, "SMS_STATUS_ERROR"), id="failed"),
        pytest.param("99902000000", ("expired",), ("sent", "failed"), (AT_CARRIER, "SMS_STATUS_EXPIRED"), id="expired"),
        pytest.param("99903000000", (), (), (), id="no report"),
        pytest.param(
            "99909000000",
            ("delivered", "expired", "delivered"),
            ("read", "sent", "delivered"),
            ("SMS_STATUS_DELIVERED", "SMS_STATUS_QUEUED", AT_CARRIER),
            id="out of order",
        ),
    ],
)
def test_courses(number: str, sms: tuple[str, ...], whatsapp: tuple[str, ...], cool: tuple[str, ...]) -> None:
    outcome = Outcomes().of_number("sms", number)
    assert (dlr_course(outcome), whatsapp_course(outcome), cool_course(outcome)) == (sms, whatsapp, cool)


def test_a_reaction_is_not_read() -> None:
    assert whatsapp_course(USUAL, is_reaction=True) == ("sent", "delivered")
