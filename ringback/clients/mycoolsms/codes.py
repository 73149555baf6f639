"""Codes of My-Cool-SMS's functions: the document's words, our reading. 101 to 109 may come of any of them.

No code says "try again", and none says that there were too many requests.
"""

from collections.abc import Mapping
from typing import Final

from ringback.clients.codes import Codes, Reading, table

_GENERIC: Final = {
    101: ("Login Failed. Wrong Username or Password.", Reading.UNAUTHORIZED),
    102: ("This account has not been activated yet.", Reading.UNAUTHORIZED),
    103: ("Mandatory parameter missing", Reading.REFUSED),
    104: (
        "Invalid Request. No GET, POST and raw JSON data found. If you are trying to send JSON, please check if it is "
        "properly encoded.",
        Reading.REFUSED,
    ),
    105: ("Unknown Function", Reading.REFUSED),
    106: ("Permission Denied", Reading.UNAUTHORIZED),
    107: ("Generic API Error", Reading.UNSAID),
    108: ("Invalid request structure", Reading.REFUSED),
    109: ("Not enough credits", Reading.NO_CREDIT),
}
_NUMBER: Final = {210: ("The number seems to be invalid", Reading.REFUSED)}
_LIST: Final = {220: ("The unique id is not associated with any of your mailing lists", Reading.REFUSED)}
_PAGING: Final = {
    234: ("The provided thresholdid is invalid", Reading.REFUSED),
    235: ("Invalid limit parameter", Reading.REFUSED),
    236: ("Invalid order parameter", Reading.REFUSED),
}
_SUBSCRIBER: Final = {
    **_LIST,  # assumed: the document has it for sendMailing and deleteSubscriber
    221: ("Input for {field} is too long.", Reading.REFUSED),
}

BY_FUNCTION: Final[Mapping[str, Codes]] = {
    function: table({**_GENERIC, **own})
    for function, own in {
        "sendSms": {
            **_NUMBER,
            211: ("The message parameter is empty", Reading.REFUSED),
            212: ("The message parameter is too long", Reading.REFUSED),
            213: (
                "The unicode parameter is set to force Unicode but the message parameter was not submitted in UCS2 "
                "notation.",
                Reading.REFUSED,
            ),
            214: (
                "The unicode parameter is set to force GSM but the message parameter was submitted with UCS2 notation",
                Reading.REFUSED,
            ),
            215: (
                "The unicode parameter is set to force GSM but the message parameter contains characters outside the "
                "GSM7 alphabet",
                Reading.REFUSED,
            ),
            216: (
                "The input for Sender ID is invalid. You may use a phone number or an alphanumeric text with up to "
                "eleven characters (A-Z, a-z, 0-9 and the dash symbol).",
                Reading.REFUSED,
            ),
            217: ("Shortcode Sender IDs are not permitted", Reading.REFUSED),
            218: ("The callbackurl parameter seems to be invalid", Reading.REFUSED),
            219: (
                'The schedule time seems invalid. Use ATOM format and timezone, i.e.: "2011-04-17T17:59:36.67+08" or '
                '"2011-04-17 17:59:36-02"',
                Reading.REFUSED,
            ),
        },
        "getIncomingSms": {
            232: ("The number seems to be invalid", Reading.REFUSED),
            233: (
                "The virtual number is either invalid or not registered with this user account. Please contact "
                "service@my-cool-sms.com for assistance.",
                Reading.REFUSED,
            ),
            **_PAGING,
            242: ("No virtual numbers found.", Reading.REFUSED),
        },
        "getBalance": {},
        "getDeliveryReport": {
            223: ("Unknown SMS ID", Reading.REFUSED),
            224: ("Unknown Group Key", Reading.REFUSED),
        },
        "getDeliveryReports": {
            240: (
                'The input for the "ids" parameter seems invalid. Please make sure to provide an array with valid sms '
                "ids.",
                Reading.REFUSED,
            ),
            241: ("The maximum number of delivery reports per request is 100.", Reading.REFUSED),
        },
        "getRecentReports": {225: ("Invalid limit parameter", Reading.REFUSED)},
        "getOutboundSms": _PAGING,
        "sendMailing": _LIST,
        "addSubscriber": _SUBSCRIBER,
        "updateSubscriber": _SUBSCRIBER,
        "deleteSubscriber": {
            **_LIST,
            222: ("There is no subscriber with that phone number on this mailing list", Reading.REFUSED),
        },
        "doHlrLookup": {**_NUMBER, 226: ("HLR lookup failed. No charge applies.", Reading.UNSAID)},
        "toUCS2": {},
        "fromUCS2": {201: ("Invalid UCS2 Input", Reading.REFUSED)},
        "normalizeNumber": {237: ("The number could not be normalized.", Reading.REFUSED)},
    }.items()
}
"""A table for each function, toUCS2 and fromUCS2 too, which are done here and never asked."""

UNCERTAIN: Final = frozenset({107, 109})
"""Of a mailing these leave open whether some of its subscribers were texted: the document promises nothing."""
