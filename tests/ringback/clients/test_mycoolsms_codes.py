"""My-Cool-SMS's codes: each of the document is in its function's table, with the document's words."""

from typing import Final

import pytest

from ringback.clients.codes import Reading
from ringback.clients.mycoolsms.codes import BY_FUNCTION, UNCERTAIN

FUNCTIONS: Final = (
    "sendSms",
    "getIncomingSms",
    "getBalance",
    "getDeliveryReport",
    "getDeliveryReports",
    "getRecentReports",
    "getOutboundSms",
    "sendMailing",
    "addSubscriber",
    "updateSubscriber",
    "deleteSubscriber",
    "doHlrLookup",
    "toUCS2",
    "fromUCS2",
    "normalizeNumber",
)

GENERIC: Final = {
    101: "Login Failed. Wrong Username or Password.",
    102: "This account has not been activated yet.",
    103: "Mandatory parameter missing",
    104: (
        "Invalid Request. No GET, POST and raw JSON data found. If you are trying to send JSON, please check if it is "
        "properly encoded."
    ),
    105: "Unknown Function",
    106: "Permission Denied",
    107: "Generic API Error",
    108: "Invalid request structure",
    109: "Not enough credits",
}

OWN: Final = [
    ("sendSms", 210, "The number seems to be invalid"),
    ("sendSms", 211, "The message parameter is empty"),
    ("sendSms", 212, "The message parameter is too long"),
    (
        "sendSms",
        213,
        "The unicode parameter is set to force Unicode but the message parameter was not submitted in UCS2 notation.",
    ),
    (
        "sendSms",
        214,
        "The unicode parameter is set to force GSM but the message parameter was submitted with UCS2 notation",
    ),
    (
        "sendSms",
        215,
        "The unicode parameter is set to force GSM but the message parameter contains characters outside the GSM7 "
        "alphabet",
    ),
    (
        "sendSms",
        216,
        "The input for Sender ID is invalid. You may use a phone number or an alphanumeric text with up to eleven "
        "characters (A-Z, a-z, 0-9 and the dash symbol).",
    ),
    ("sendSms", 217, "Shortcode Sender IDs are not permitted"),
    ("sendSms", 218, "The callbackurl parameter seems to be invalid"),
    (
        "sendSms",
        219,
        'The schedule time seems invalid. Use ATOM format and timezone, i.e.: "2011-04-17T17:59:36.67+08" or '
        '"2011-04-17 17:59:36-02"',
    ),
    ("getIncomingSms", 232, "The number seems to be invalid"),
    (
        "getIncomingSms",
        233,
        "The virtual number is either invalid or not registered with this user account. Please contact "
        "service@my-cool-sms.com for assistance.",
    ),
    ("getIncomingSms", 234, "The provided thresholdid is invalid"),
    ("getIncomingSms", 235, "Invalid limit parameter"),
    ("getIncomingSms", 236, "Invalid order parameter"),
    ("getIncomingSms", 242, "No virtual numbers found."),
    ("getDeliveryReport", 223, "Unknown SMS ID"),
    ("getDeliveryReport", 224, "Unknown Group Key"),
    (
        "getDeliveryReports",
        240,
        'The input for the "ids" parameter seems invalid. Please make sure to provide an array with valid sms ids.',
    ),
    ("getDeliveryReports", 241, "The maximum number of delivery reports per request is 100."),
    ("getRecentReports", 225, "Invalid limit parameter"),
    ("getOutboundSms", 234, "The provided thresholdid is invalid"),
    ("getOutboundSms", 235, "Invalid limit parameter"),
    ("getOutboundSms", 236, "Invalid order parameter"),
    ("sendMailing", 220, "The unique id is not associated with any of your mailing lists"),
    ("addSubscriber", 221, "Input for {field} is too long."),
    ("updateSubscriber", 221, "Input for {field} is too long."),
    ("deleteSubscriber", 220, "The unique id is not associated with any of your mailing lists"),
    ("deleteSubscriber", 222, "There is no subscriber with that phone number on this mailing list"),
    ("doHlrLookup", 210, "The number seems to be invalid"),
    ("doHlrLookup", 226, "HLR lookup failed. No charge applies."),
    ("fromUCS2", 201, "Invalid UCS2 Input"),
    ("normalizeNumber", 237, "The number could not be normalized."),
]
DOCUMENTED: Final = [
    *[(function, code, words) for function in FUNCTIONS for code, words in GENERIC.items()],
    *OWN,
]
ASSUMED: Final = {("addSubscriber", 220), ("updateSubscriber", 220)}


@pytest.mark.parametrize(("function", "code", "words"), DOCUMENTED, ids=[f"{row[0]} {row[1]}" for row in DOCUMENTED])
def test_each_code_of_the_document_is_in_its_table(function: str, code: int, words: str) -> None:
    assert BY_FUNCTION[function][code].text == words


def test_no_table_has_a_code_that_the_document_does_not_have() -> None:
    tables = {(function, code) for function, codes in BY_FUNCTION.items() for code in codes}
    assert tables - {(function, code) for function, code, _ in DOCUMENTED} == ASSUMED


@pytest.mark.parametrize(
    ("code", "reading"),
    [
        pytest.param(101, Reading.UNAUTHORIZED, id="login"),
        pytest.param(102, Reading.UNAUTHORIZED, id="not activated"),
        pytest.param(106, Reading.UNAUTHORIZED, id="permission"),
        pytest.param(107, Reading.UNSAID, id="generic"),
        pytest.param(109, Reading.NO_CREDIT, id="credits"),
        pytest.param(226, Reading.UNSAID, id="a lookup that failed"),
    ],
)
def test_readings_that_are_not_a_plain_refusal(code: int, reading: Reading) -> None:
    assert BY_FUNCTION["doHlrLookup"][code].reading is reading


def test_all_others_are_plain_refusals() -> None:
    others = {
        code.reading
        for codes in BY_FUNCTION.values()
        for number, code in codes.items()
        if number not in (101, 102, 106, 107, 109, 226)
    }
    assert others == {Reading.REFUSED}


def test_uncertain_codes_are_generic_ones() -> None:
    assert GENERIC.keys() >= UNCERTAIN
