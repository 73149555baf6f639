"""My-Cool-SMS's client and the simulator, which share no code: each method of the one is answered by the other."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from ringback.clients import errors
from ringback.clients.mycoolsms.client import MyCoolSms
from ringback.schemas.event_data import Status
from ringback.simulator.mycoolsms.books import FIRST_LIST
from tests.support.simulated import Simulated, simulated

NUMBER = "+491234567890"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    with simulated(tmp_path_factory.mktemp("simulator")) as there:
        yield there


@pytest.fixture(scope="module")
def client(simulator: Simulated) -> Iterator[MyCoolSms]:
    with MyCoolSms(username="any", password="any", url=f"{simulator.url}/api-socket.php") as there:
        yield there


def test_each_method(client: MyCoolSms) -> None:
    sent = client.sms(to=NUMBER, from_="ACME", text="Hello.")
    assert (sent.parts, sent.charge, sent.country) == (1, Decimal("0.056"), "DE")
    assert client.balance().value == sent.balance
    assert client.report(sent.message_id).status in (Status.QUEUED, Status.SENT, Status.DELIVERED)
    assert len(client.reports([sent.message_id])) == 1
    assert len(client.recent_reports(limit=1)) == 1
    assert [one.sms.message_id for one in client.outbound().messages] == [sent.message_id]
    assert client.incoming().messages == ()
    assert client.lookup(NUMBER).charge == Decimal("0.01")
    assert client.normalize("001(712)736-3423").country == "US"
    client.add_subscriber(list_id=FIRST_LIST, number=NUMBER)
    client.update_subscriber(list_id=FIRST_LIST, number=NUMBER)
    mailing = client.mailing(list_id=FIRST_LIST, from_="ACME", text="Hello.")
    assert client.mailing_report(mailing.group_key).total == 1
    client.delete_subscriber(list_id=FIRST_LIST, number=NUMBER)
    with pytest.raises(errors.RefusedError):
        client.delete_subscriber(list_id=FIRST_LIST, number=NUMBER)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Have a nice day!", id="GSM"),
        pytest.param("€uro [x] {y} ~^|\\", id="extension"),
        pytest.param("12345678", id="looks like UCS2 notation"),
        pytest.param("CAFE", id="a word that does"),
        pytest.param("жук", id="Unicode"),
        pytest.param("👍🏽", id="beyond the first plane"),
        pytest.param("x" * 765, id="765 characters"),
        pytest.param("ж" * 335, id="335 characters"),
        pytest.param(" a+b & c=%20\n", id="what a form escapes"),
    ],
)
def test_a_text_arrives_as_it_was_written(client: MyCoolSms, simulator: Simulated, text: str) -> None:
    client.sms(to=NUMBER, from_="ACME", text=text)
    assert simulator.got(NUMBER)[-1]["content"]["text"] == text


@pytest.mark.parametrize(
    ("number", "error", "sent"),
    [
        pytest.param("99900000210", errors.RefusedError, "no", id="refused"),
        pytest.param("99900000101", errors.UnauthorizedError, "no", id="unauthorized"),
        pytest.param("99900000109", errors.NoCreditError, "no", id="no credit"),
        pytest.param("99905000000", errors.InDoubtError, "unknown", id="no answer"),
        pytest.param("99907000000", errors.InDoubtError, "unknown", id="502"),
        pytest.param("99910000000", errors.InDoubtError, "unknown", id="garbage"),
    ],
)
def test_errors_say_what_was_sent(client: MyCoolSms, number: str, error: type[errors.SendError], sent: str) -> None:
    with pytest.raises(error) as raised:
        client.sms(to=number, from_="ACME", text="Hello.")
    assert raised.value.sent == sent
    assert number not in str(raised.value)
