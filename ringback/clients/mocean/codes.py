"""Codes of Mocean's endpoints: the document's words, our reading. `1` means another thing in Verify than elsewhere."""

from typing import Final

from ringback.clients.codes import Code, Codes, Reading, table
from ringback.schemas.tables.lookup_errors import LOOKUP_ERRORS

SMS: Final = table(
    {
        1: ("Authorization failed. Invalid mocean-api-key or mocean-api-secret.", Reading.UNAUTHORIZED),
        2: (
            "Insufficient balance. Not enough credit in the account to send to at least one of the receivers.",
            Reading.NO_CREDIT,
        ),
        4: ("At least one of the destination numbers is not white listed.", Reading.REFUSED),
        5: ("At least one of the destination numbers is black listed.", Reading.REFUSED),
        6: ("No destination number specified.", Reading.REFUSED),
        8: ("Sender ID not found.", Reading.REFUSED),
        9: ("Invalid UDH field.", Reading.REFUSED),
        10: ("Invalid mclass field.", Reading.REFUSED),
        17: ("Invalid validity field.", Reading.REFUSED),
        19: ("Invalid character set or message body.", Reading.REFUSED),
        20: ("Insufficient headers for sending SMS.", Reading.REFUSED),
        23: ("Empty mocean-text.", Reading.REFUSED),
        24: ("Unknown error.", Reading.UNSAID),
        26: ("Invalid schedule format. (Hint: must have leading zero for time.)", Reading.REFUSED),
        27: (
            "Max number of receivers in a single request reached. Too many receivers in mocean-to field.",
            Reading.REFUSED,
        ),
        28: (
            "Invalid destination number. Receiver is invalid after stripping all non-numerics.",
            Reading.REFUSED,
        ),
        29: ("Message body is too long.", Reading.REFUSED),
        32: ("Message throttled.", Reading.THROTTLED),
        34: ("Unknown request.", Reading.REFUSED),
        37: ("Invalid sender length.", Reading.REFUSED),
        40: ("System down for maintenance.", Reading.UNAVAILABLE),
        43: ("SMS flooding detected.", Reading.THROTTLED),
        44: ("Invalid Sender ID.", Reading.REFUSED),
        45: ("System error, please try again.", Reading.UNAVAILABLE),
        48: ("At least one of the senders is black listed.", Reading.REFUSED),
        49: ("At least one of the senders is not white listed.", Reading.REFUSED),
        50: ("Inappropriate content detected.", Reading.REFUSED),
        65: ("Destination not found.", Reading.REFUSED),
        69: ("Message contains unsupported character.", Reading.REFUSED),
        70: ("Invalid service", Reading.REFUSED),
        73: ("Destination number and sender are blacklisted", Reading.REFUSED),
    }
)

CONVERSION: Final = table(
    {
        1: (
            "Authorization failed. Invalid mocean-api-key or mocean-api-secret or IP not whitelisted.",
            Reading.UNAUTHORIZED,
        ),
        24: ("Unknown error.", Reading.UNSAID),
        25: ("Invalid message id.", Reading.REFUSED),
        32: ("Message throttled.", Reading.THROTTLED),
        40: ("System down for maintenance.", Reading.UNAVAILABLE),
    }
)

BALANCE: Final = table(
    {
        1: ("Authorization failed. Invalid mocean-api-key or mocean-api-secret.", Reading.UNAUTHORIZED),
        24: ("Unknown error.", Reading.UNSAID),
        40: ("System down for maintenance.", Reading.UNAVAILABLE),
        45: ("System error, please try again.", Reading.UNAVAILABLE),
    }
)

PRICING: Final = table(
    {
        1: ("Authorization failed. Invalid mocean-api-key or mocean-api-secret.", Reading.UNAUTHORIZED),
        3: ("No rate found.", Reading.REFUSED),
        24: ("Unknown error.", Reading.UNSAID),
        32: ("Throttled.", Reading.THROTTLED),
        40: ("System down for maintenance.", Reading.UNAVAILABLE),
        45: ("System error, please try again.", Reading.UNAVAILABLE),
        46: ("Invalid MCC MNC.", Reading.REFUSED),
        51: ("Invalid delimiter.", Reading.REFUSED),
        52: ("Multiple charging packages.", Reading.REFUSED),
        72: ("Invalid Type.", Reading.REFUSED),
    }
)

MESSAGE_STATUS: Final = table(
    {
        1: ("Authorization failed. Invalid mocean-api-key or mocean-api-secret.", Reading.UNAUTHORIZED),
        24: ("Unknown error.", Reading.UNSAID),
        25: ("Invalid message ID.", Reading.REFUSED),
        32: ("Throttled.", Reading.THROTTLED),
        40: ("System down for maintenance", Reading.UNAVAILABLE),
        45: ("System error, please try again.", Reading.UNAVAILABLE),
    }
)

_LOOKUP_READINGS: Final = {
    1: Reading.UNAUTHORIZED,
    2: Reading.NO_CREDIT,
    24: Reading.UNSAID,
    32: Reading.THROTTLED,
    40: Reading.UNAVAILABLE,
    45: Reading.UNAVAILABLE,
}

LOOKUP: Final = table(
    {code: (text, _LOOKUP_READINGS.get(code, Reading.REFUSED)) for code, (text, _) in LOOKUP_ERRORS.items()}
)

VOICE: Final = table(
    {
        1: ("Authorization failed. Invalid mocean-api-key or mocean-api-secret.", Reading.UNAUTHORIZED),
        2: (
            "Insufficient balance. Not enough credit in the account to call to any of the receivers.",
            Reading.NO_CREDIT,
        ),
        3: ("No rate found for destination number.", Reading.REFUSED),
        4: ("At least one of the destination numbers is not white listed.", Reading.REFUSED),
        5: ("At least one of the destination numbers is black listed.", Reading.REFUSED),
        6: ("No destination number specified.", Reading.REFUSED),
        7: ("Invalid call-uuid.", Reading.REFUSED),
        8: ("Too many receivers in 'to' field.", Reading.REFUSED),
        9: ("Invalid request.", Reading.REFUSED),
        10: ("System error, please try again.", Reading.UNAVAILABLE),
        11: ("Destination not found.", Reading.REFUSED),
        12: ("Missing Mocean Command (MC) input or parameter.", Reading.REFUSED),
        13: ("Mocean Command (MC) syntax error.", Reading.REFUSED),
        14: ("Unknown error.", Reading.UNSAID),
        15: ("System down for maintenance. Sorry for the inconvenience.", Reading.UNAVAILABLE),
    }
)
"""Of dialling; the document has no table for hanging up and for recordings, so the same is *assumed*."""

RECORDING: Final[Codes] = {**VOICE, 7: Code(VOICE[7].text, Reading.UNSAID)}
"""Code 7 may mean that the recording is not there yet (*assumed*)."""

MEDIA: Final = table(
    {
        400: ("Bad Request. Eg: Missing mandatory parameters.", Reading.REFUSED),
        401: (
            "Authorization failed. Invalid mocean-api-key or mocean-api-secret or IP not whitelisted.",
            Reading.UNAUTHORIZED,
        ),
        403: ("Sender not found.", Reading.REFUSED),
        404: ("Media not found.", Reading.REFUSED),
        406: ("Not Acceptable. Eg: Incorrect API URL.", Reading.REFUSED),
        429: ("Too many requests. Rate limit: 20 requests per minute (per account)", Reading.THROTTLED),
        500: ("Internal server error.", Reading.UNAVAILABLE),
    }
)
"""By HTTP status: these answers have no body."""

VERIFY: Final = table(
    {
        1: (
            "Throttled error. You are trying to send more than allowed requests per minute.",
            Reading.THROTTLED,
        ),
        2: ("Authorization failed. Invalid mocean-api-key or mocean-api-secret.", Reading.UNAUTHORIZED),
        3: ("System error, please try again.", Reading.UNAVAILABLE),
        4: ("Missing mandatory parameter: brand", Reading.REFUSED),
        5: ("Missing mandatory parameter: receiver", Reading.REFUSED),
        6: (
            "Invalid destination number. Receiver is invalid after stripping all non-numerics.",
            Reading.REFUSED,
        ),
        7: ("Missing mandatory parameter: request id", Reading.REFUSED),
        8: ("Missing mandatory parameter: pin code", Reading.REFUSED),
        9: ("Brand provided is too long.", Reading.REFUSED),
        10: ("Sender id provided is too long.", Reading.REFUSED),
        11: ("Code length provided is unsupported.", Reading.REFUSED),
        13: ("Pin validity provided is invalid, valid range is between 60 and 3600 seconds.", Reading.REFUSED),
        14: ("Next event wait is invalid, valid range is between 60 and 900 seconds.", Reading.REFUSED),
        15: ("Incorrect code was provided too many times. Maximum retry limit is 3.", Reading.REFUSED),
        16: ("The code inserted does not match the expected value.", Reading.REFUSED),
        17: ("Associated verify request not found.", Reading.REFUSED),
        18: ("Insufficient balance. Not enough credit in the account for verification.", Reading.NO_CREDIT),
        19: (
            "Concurrent verify request to the same number and brand are not allowed. Only applicable to "
            "pay-per-conversion API.",
            Reading.REFUSED,
        ),
        20: ("The request could not be routed.", Reading.REFUSED),
        21: ("System error, request could not be processed.", Reading.UNSAID),
        22: ("Unknown request.", Reading.REFUSED),
        23: (
            "Invalid service - your request makes use of a facility that is not enabled on your account.",
            Reading.REFUSED,
        ),
        26: ("Missing mandatory parameter: bot username.", Reading.REFUSED),
    }
)
"""Of all Verify requests. A check's 15 and 16 are results (`verify.check`), which no other request is answered with."""

WHATSAPP: Final = table(
    {
        1: (
            "Authorization failed. Invalid mocean-api-key or mocean-api-secret or IP not whitelisted.",
            Reading.UNAUTHORIZED,
        ),
        2: ("Insufficient balance.", Reading.NO_CREDIT),
        6: ("No destination number specified.", Reading.REFUSED),
        34: ("Invalid request received. Eg: No JSON parameters found in the request body.", Reading.REFUSED),
        44: ("Invalid sender ID. Eg: Empty sender ID.", Reading.REFUSED),
        72: ("Invalid type. Eg: Invalid content or interactive type.", Reading.REFUSED),
        78: (
            "Invalid bot or bot is not active. Eg: Incorrect WABA phone number for sender ID.",
            Reading.REFUSED,
        ),
        92: ("OTT content syntax error. Eg: Missing mandatory parameter in the content.", Reading.REFUSED),
        93: (
            "Missing OTT content input. Content JSON object not found in the request body.",
            Reading.REFUSED,
        ),
        94: (
            "OTT content parameters error. Eg: Missing mandatory parameter in the content’s parameter.",
            Reading.REFUSED,
        ),
    }
)
"""It has no code for throttling and none for a system error: only HTTP statuses say so."""
