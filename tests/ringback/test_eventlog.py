"""The lines of `ringback tail`, `events ls` and of a service without handlers: what happened, no texts, no numbers."""

import pytest

from ringback.eventlog import log_event, summary
from ringback.schemas.event_data import Error, SendStatus
from ringback.schemas.events import EVENT_OF_DATA, Event, EventType
from ringback.schemas.send_events import placed_event, sent_event
from ringback.wire.samples import find
from ringback.workers.marks import Subscription, marks
from tests.support.sample_events import PLACED, RECEIVED, SENT, event_of

REF = "j7q2m5xwpz3kd4ta"
WITHOUT_ID = {"provider": "mocean", "account": "acme", "ref": REF, "at": RECEIVED, "to": "60123456789"}

LINES = [
    pytest.param(event_of(find("mocean/inbound-sms")), "sms text from …789 to …001", id="an SMS"),
    pytest.param(event_of(find("mocean/whatsapp-inbound-message")), "whatsapp text from someone to …678", id="WA"),
    pytest.param(event_of(find("mocean/delivery-report"), {"mocean-msgid": "cust1"}), "sms cust1 is delivered",
                 id="a report"),
    pytest.param(event_of(find("mocean/delivery-report"), {"mocean-msgid": "cust1", "mocean-dlr-status": "2",
                                                           "mocean-error-code": "1"}),
                 "sms cust1 is failed, Absent subscriber.", id="a failure"),
    pytest.param(event_of(find("mocean/number-lookup")), "…789: ok, U Mobile", id="a lookup"),
    pytest.param(event_of(find("mocean/voice/answer")), "…789 calls …678", id="a call"),
    pytest.param(event_of(find("mocean/voice/collect"), {"mocean-call-uuid": "c1", "mocean-digits": "12",
                                                         "step": "pin"}), "c1 pressed 2 digits at step pin",
                 id="digits"),
    pytest.param(event_of(find("mocean/voice/status"), {"mocean-call-uuid": "c1"}), "c1 is hangup",
                 id="the state of a call"),
    pytest.param(SENT, f"sms {SENT.subject} to …789 is accepted", id="a message that we sent"),
    pytest.param(PLACED, "call qk3vn6d2tz7rhb5m to …789 is refused, Insufficient balance.", id="a refused call"),
    pytest.param(sent_event(**WITHOUT_ID, channel="whatsapp", status=SendStatus.IN_DOUBT),  # type: ignore[arg-type]
                 f"whatsapp {REF} to …789 is in doubt", id="a message in doubt"),
    pytest.param(sent_event(**WITHOUT_ID, channel="sms", status=SendStatus.EXPIRED),  # type: ignore[arg-type]
                 f"sms {REF} to …789 is expired", id="a message that waited for too long"),
    pytest.param(sent_event(**WITHOUT_ID, channel="sms", status=SendStatus.REFUSED,  # type: ignore[arg-type]
                            error=Error(name="opted_out")), f"sms {REF} to …789 is refused, opted_out", id="opted out"),
    pytest.param(placed_event(**WITHOUT_ID, status=SendStatus.ACCEPTED, call_id="c1"),  # type: ignore[arg-type]
                 "call c1 to …789 is accepted", id="a call that we asked for"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "line"), LINES)
def test_the_line_of_an_event(event: Event, line: str) -> None:
    assert summary(event) == line


def test_each_type_has_a_line() -> None:
    shown = {type(row.values[0]) for row in LINES}
    assert shown == set(EVENT_OF_DATA.values())


def test_a_service_without_handlers_logs_events_of_sends_too() -> None:
    (mark,) = marks(log_event)
    assert isinstance(mark.wanted, Subscription)
    assert mark.wanted.types == frozenset(EventType)
