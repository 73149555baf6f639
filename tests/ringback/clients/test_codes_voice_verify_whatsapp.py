"""The document's codes of the endpoints for voice, Verify, WhatsApp and media: each is in its table, in its words."""

from typing import Final

import pytest

from ringback.clients.codes import Codes
from ringback.clients.mocean.codes import MEDIA, RECORDING, VERIFY, VOICE, WHATSAPP

VOICE_CODES: Final = {
    0: "OK. No error encountered.",
    1: "Authorization failed. Invalid mocean-api-key or mocean-api-secret.",
    2: "Insufficient balance. Not enough credit in the account to call to any of the receivers.",
    3: "No rate found for destination number.",
    4: "At least one of the destination numbers is not white listed.",
    5: "At least one of the destination numbers is black listed.",
    6: "No destination number specified.",
    7: "Invalid call-uuid.",
    8: "Too many receivers in 'to' field.",
    9: "Invalid request.",
    10: "System error, please try again.",
    11: "Destination not found.",
    12: "Missing Mocean Command (MC) input or parameter.",
    13: "Mocean Command (MC) syntax error.",
    14: "Unknown error.",
    15: "System down for maintenance. Sorry for the inconvenience.",
}
VERIFY_CODES: Final = {
    0: "OK. No error encountered.",
    1: "Throttled error. You are trying to send more than allowed requests per minute.",
    2: "Authorization failed. Invalid mocean-api-key or mocean-api-secret.",
    3: "System error, please try again.",
    4: "Missing mandatory parameter: brand",
    5: "Missing mandatory parameter: receiver",
    6: "Invalid destination number. Receiver is invalid after stripping all non-numerics.",
    7: "Missing mandatory parameter: request id",
    8: "Missing mandatory parameter: pin code",
    9: "Brand provided is too long.",
    10: "Sender id provided is too long.",
    11: "Code length provided is unsupported.",
    13: "Pin validity provided is invalid, valid range is between 60 and 3600 seconds.",
    14: "Next event wait is invalid, valid range is between 60 and 900 seconds.",
    15: "Incorrect code was provided too many times. Maximum retry limit is 3.",
    16: "The code inserted does not match the expected value.",
    17: "Associated verify request not found.",
    18: "Insufficient balance. Not enough credit in the account for verification.",
    19: "Concurrent verify request to the same number and brand are not allowed. "
    "Only applicable to pay-per-conversion API.",
    20: "The request could not be routed.",
    21: "System error, request could not be processed.",
    22: "Unknown request.",
    23: "Invalid service - your request makes use of a facility that is not enabled on your account.",
    26: "Missing mandatory parameter: bot username.",
}
WHATSAPP_CODES: Final = {
    0: "OK. No error encountered.",
    1: "Authorization failed. Invalid mocean-api-key or mocean-api-secret or IP not whitelisted.",
    2: "Insufficient balance.",
    6: "No destination number specified.",
    34: "Invalid request received. Eg: No JSON parameters found in the request body.",
    44: "Invalid sender ID. Eg: Empty sender ID.",
    72: "Invalid type. Eg: Invalid content or interactive type.",
    78: "Invalid bot or bot is not active. Eg: Incorrect WABA phone number for sender ID.",
    92: "OTT content syntax error. Eg: Missing mandatory parameter in the content.",
    93: "Missing OTT content input. Content JSON object not found in the request body.",
    94: "OTT content parameters error. Eg: Missing mandatory parameter in the content’s parameter.",
}
MEDIA_STATUSES: Final = {
    200: "OK. Media successfully downloaded.",
    400: "Bad Request. Eg: Missing mandatory parameters.",
    401: "Authorization failed. Invalid mocean-api-key or mocean-api-secret or IP not whitelisted.",
    403: "Sender not found.",
    404: "Media not found.",
    406: "Not Acceptable. Eg: Incorrect API URL.",
    429: "Too many requests. Rate limit: 20 requests per minute (per account)",
    500: "Internal server error.",
}

NOT_ERRORS: Final = {0, 200}


@pytest.mark.parametrize(
    ("table", "document"),
    [
        pytest.param(VOICE, VOICE_CODES, id="voice"),
        pytest.param(RECORDING, VOICE_CODES, id="recording"),
        pytest.param(VERIFY, VERIFY_CODES, id="verify"),
        pytest.param(WHATSAPP, WHATSAPP_CODES, id="whatsapp"),
        pytest.param(MEDIA, MEDIA_STATUSES, id="media"),
    ],
)
def test_each_code_of_the_document_is_in_its_table_in_its_words(table: Codes, document: dict[int, str]) -> None:
    assert {code: known.text for code, known in table.items()} == {
        code: words for code, words in document.items() if code not in NOT_ERRORS
    }
