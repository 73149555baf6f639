"""Codes: every code of a document's table is in ours, in the document's words, and no other is.

Below is each endpoint's table as its document has it, a line a code, with our reading between: `auth` the credentials,
`credit` a top-up, `refused` the request, `unsaid` nobody knows, `throttled` too much for now, `down` not now. Of the
words only notes and examples are left out ("NOTE: When this error is encountered, …").
"""

from typing import Final

import pytest

from ringback.clients.codes import Code, Codes, Reading
from ringback.clients.errors import (
    NoCreditError,
    RefusedError,
    SendError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
)
from ringback.clients.mocean import codes as mocean

READINGS: Final = {
    "auth": Reading.UNAUTHORIZED,
    "credit": Reading.NO_CREDIT,
    "refused": Reading.REFUSED,
    "unsaid": Reading.UNSAID,
    "throttled": Reading.THROTTLED,
    "down": Reading.UNAVAILABLE,
}

MOCEAN: Final = {
    "SMS": """
        1 auth Authorization failed. Invalid mocean-api-key or mocean-api-secret.
        2 credit Insufficient balance. Not enough credit in the account to send to at least one of the receivers.
        4 refused At least one of the destination numbers is not white listed.
        5 refused At least one of the destination numbers is black listed.
        6 refused No destination number specified.
        8 refused Sender ID not found.
        9 refused Invalid UDH field.
        10 refused Invalid mclass field.
        17 refused Invalid validity field.
        19 refused Invalid character set or message body.
        20 refused Insufficient headers for sending SMS.
        23 refused Empty mocean-text.
        24 unsaid Unknown error.
        26 refused Invalid schedule format. (Hint: must have leading zero for time.)
        27 refused Max number of receivers in a single request reached. Too many receivers in mocean-to field.
        28 refused Invalid destination number. Receiver is invalid after stripping all non-numerics.
        29 refused Message body is too long.
        32 throttled Message throttled.
        34 refused Unknown request.
        37 refused Invalid sender length.
        40 down System down for maintenance.
        43 throttled SMS flooding detected.
        44 refused Invalid Sender ID.
        45 down System error, please try again.
        48 refused At least one of the senders is black listed.
        49 refused At least one of the senders is not white listed.
        50 refused Inappropriate content detected.
        65 refused Destination not found.
        69 refused Message contains unsupported character.
        70 refused Invalid service
        73 refused Destination number and sender are blacklisted
    """,
    "CONVERSION": """
        1 auth Authorization failed. Invalid mocean-api-key or mocean-api-secret or IP not whitelisted.
        24 unsaid Unknown error.
        25 refused Invalid message id.
        32 throttled Message throttled.
        40 down System down for maintenance.
    """,
    "BALANCE": """
        1 auth Authorization failed. Invalid mocean-api-key or mocean-api-secret.
        24 unsaid Unknown error.
        40 down System down for maintenance.
        45 down System error, please try again.
    """,
    "PRICING": """
        1 auth Authorization failed. Invalid mocean-api-key or mocean-api-secret.
        3 refused No rate found.
        24 unsaid Unknown error.
        32 throttled Throttled.
        40 down System down for maintenance.
        45 down System error, please try again.
        46 refused Invalid MCC MNC.
        51 refused Invalid delimiter.
        52 refused Multiple charging packages.
        72 refused Invalid Type.
    """,
    "MESSAGE_STATUS": """
        1 auth Authorization failed. Invalid mocean-api-key or mocean-api-secret.
        24 unsaid Unknown error.
        25 refused Invalid message ID.
        32 throttled Throttled.
        40 down System down for maintenance
        45 down System error, please try again.
    """,
    "LOOKUP": """
        1 auth Authorization failed. Invalid mocean-api-key or mocean-api-secret or IP not whitelisted.
        2 credit Insufficient balance.
        6 refused No phone number specified.
        24 unsaid Unknown error.
        28 refused Invalid phone number.
        32 throttled Throttled error.
        34 refused Invalid request received.
        40 down System down for maintenance.
        45 down System error, please try again.
        65 refused Route not found.
        70 refused Invalid service - Request made is not a service enabled on your account.
    """,
}


def documented(table: str) -> Codes:
    rows = (line.split(maxsplit=2) for line in table.strip().splitlines())
    return {int(code): Code(words, READINGS[reading]) for code, reading, words in rows}


@pytest.mark.parametrize("endpoint", MOCEAN)
def test_codes_of_mocean(endpoint: str) -> None:
    ours: Codes = getattr(mocean, endpoint)
    assert ours == documented(MOCEAN[endpoint])


@pytest.mark.parametrize(
    ("reading", "error", "permanent"),
    [
        ("auth", UnauthorizedError, True),
        ("credit", NoCreditError, True),
        ("refused", RefusedError, True),
        ("unsaid", RefusedError, None),
        ("throttled", ThrottledError, False),
        ("down", UnavailableError, False),
    ],
)
def test_readings(reading: str, error: type[SendError], permanent: bool | None) -> None:
    assert (READINGS[reading].error, READINGS[reading].permanent) == (error, permanent)


def test_no_reading_is_missing() -> None:
    assert set(READINGS.values()) == set(Reading)
