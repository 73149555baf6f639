"""My-Cool-SMS's errors by code, in the document's words ("Function Specific API Errors", "Generic Error Codes")."""

from typing import Final

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
SPECIFIC: Final = {
    201: "Invalid UCS2 Input",
    210: "The number seems to be invalid",
    211: "The message parameter is empty",
    212: "The message parameter is too long",
    213: (
        "The unicode parameter is set to force Unicode but the message parameter was not submitted in UCS2 notation."
    ),
    214: "The unicode parameter is set to force GSM but the message parameter was submitted with UCS2 notation",
    215: (
        "The unicode parameter is set to force GSM but the message parameter contains characters outside the GSM7 "
        "alphabet"
    ),
    216: (
        "The input for Sender ID is invalid. You may use a phone number or an alphanumeric text with up to eleven "
        "characters (A-Z, a-z, 0-9 and the dash symbol)."
    ),
    217: "Shortcode Sender IDs are not permitted",
    218: "The callbackurl parameter seems to be invalid",
    219: (
        'The schedule time seems invalid. Use ATOM format and timezone, i.e.: "2011-04-17T17:59:36.67+08" or '
        '"2011-04-17 17:59:36-02"'
    ),
    220: "The unique id is not associated with any of your mailing lists",
    221: "Input for {field} is too long.",
    222: "There is no subscriber with that phone number on this mailing list",
    223: "Unknown SMS ID",
    224: "Unknown Group Key",
    225: "Invalid limit parameter",
    226: "HLR lookup failed. No charge applies.",
    232: "The number seems to be invalid",
    233: (
        "The virtual number is either invalid or not registered with this user account. Please contact "
        "service@my-cool-sms.com for assistance."
    ),
    234: "The provided thresholdid is invalid",
    235: "Invalid limit parameter",
    236: "Invalid order parameter",
    237: "The number could not be normalized.",
    240: 'The input for the "ids" parameter seems invalid. Please make sure to provide an array with valid sms ids.',
    241: "The maximum number of delivery reports per request is 100.",
    242: "No virtual numbers found.",
}
CODES: Final = GENERIC | SPECIFIC


class RefusedRequestError(Exception):
    """A request that is refused with a code of the document."""

    def __init__(self, code: int, description: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.description = description or CODES.get(code, "")

    @property
    def answer(self) -> dict[str, object]:
        """The answer as the document shows it."""
        return {"success": False, "errorcode": self.code, "errordescription": self.description}
