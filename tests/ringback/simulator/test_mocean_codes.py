"""The simulator's codes and the clients' tables, written apart from the same document, have the same codes."""

from collections.abc import Set

import pytest

from ringback.clients.mocean import codes
from ringback.simulator.mocean import err_msgs


@pytest.mark.parametrize(
    ("simulated", "read"),
    [
        pytest.param(err_msgs.SMS.keys(), codes.SMS.keys(), id="sms"),
        pytest.param(err_msgs.CONVERSION.keys(), codes.CONVERSION.keys(), id="conversion"),
        pytest.param(err_msgs.VOICE.keys(), codes.VOICE.keys(), id="voice"),
        pytest.param(err_msgs.VERIFY.keys(), codes.VERIFY.keys(), id="verify"),
        pytest.param(err_msgs.LOOKUP.keys(), codes.LOOKUP.keys(), id="lookup"),
        pytest.param(err_msgs.WHATSAPP.keys(), codes.WHATSAPP.keys(), id="whatsapp"),
        pytest.param(
            err_msgs.QUERY.keys(), {*codes.BALANCE, *codes.PRICING, *codes.MESSAGE_STATUS}, id="queries, one table"
        ),
    ],
)
def test_the_same_codes(simulated: Set[int], read: Set[int]) -> None:
    assert set(simulated) == set(read)
