"""Outgoing: what a handler may not reply to."""

import json

import pytest

from ringback.clients.errors import InvalidRequestError
from ringback.schemas.events import read_event
from ringback.schemas.parts import to_document
from ringback.wire.samples import find
from ringback.workers.sending.outgoing import Outgoing
from tests.support.sample_events import event_of


def test_there_is_no_reply_over_a_channel_that_only_a_newer_version_knows() -> None:
    document = to_document(event_of(find("mocean/inbound-sms")))
    document["data"]["channel"] = "rcs"
    event = read_event(json.dumps(document))
    with pytest.raises(InvalidRequestError, match="only a newer Ringback knows what carried the message"):
        Outgoing(event, "greet", (event.id, "greet")).reply("Hi")
