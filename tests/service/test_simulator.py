"""The simulator as a process, and Ringback as a process: what is sent there comes back here as events."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ringback.simulator.served import AnswersAsTold, answering
from tests.support.service import RINGBACK, TOKEN, Service, free_port, process, wait_for
from tests.support.simulated import Simulated, simulated


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    with simulated(tmp_path_factory.mktemp("simulator")) as there:
        yield there


def callback_url(service: Service, name: str, order: str) -> str:
    return f"http://127.0.0.1:{service.port}/webhooks/{name}?token={TOKEN}&ctx.order={order}"


def events_of(service: Service, order: str, number: int = 1) -> list[dict[str, Any]]:
    """Wait for the events with this context, in the order in which they came."""

    def found() -> list[dict[str, Any]]:
        events = [one for one in service.events() if one["data"]["context"].get("order") == order]
        return events if len(events) >= number else []

    return wait_for(found, f"{number} events of order {order}")


def test_an_sms_and_its_report(service: Service, simulator: Simulated) -> None:
    answer = simulator.sms("60123456701", callback_url(service, "mocean/delivery-report", "sms-1"))
    [sent] = answer["messages"]
    [event] = events_of(service, "sms-1")
    assert event["type"] == "message.status"
    data = event["data"]
    assert (data["status"], data["message_id"], data["recipient"]["value"]) == (
        "delivered",
        sent["msgid"],
        "+60123456701",
    )
    assert [one["content"]["text"] for one in simulator.got("+60 12-345 6701")] == ["Hello"]
    [callback] = simulator.await_callbacks(sent["msgid"], 1)
    assert [one["status"] for one in callback["tries"]] == [200]
    assert TOKEN not in json.dumps(callback)


def test_a_page_that_leads_a_browser_here_reads_nothing(simulator: Simulated) -> None:
    for host, status in (("evil.example", 421), ("localhost:8010", 200), ("127.0.0.1", 200)):
        assert simulator.http.get("/_sim/messages", headers={"Host": host}).status_code == status


def test_a_whatsapp_message_and_its_reports(service: Service, simulator: Simulated) -> None:
    url = callback_url(service, "mocean/whatsapp-delivery-status", "whatsapp-1")
    answer = simulator.whatsapp("60123456702", url)
    events = events_of(service, "whatsapp-1", 3)
    assert [one["data"]["status"] for one in events] == ["sent", "delivered", "read"]
    assert {one["data"]["message_id"] for one in events} == {answer["message_id"]}


def test_a_lookup_and_its_result(service: Service, simulator: Simulated) -> None:
    url = callback_url(service, "mocean/number-lookup", "lookup-1")
    answer = simulator.mocean("nl", to="60123456703", nl_url=url)
    [event] = events_of(service, "lookup-1")
    assert (event["type"], event["data"]["lookup_id"]) == ("lookup.completed", answer["msgid"])


def test_my_cool_sms_and_its_reports(service: Service, simulator: Simulated) -> None:
    url = callback_url(service, "mycoolsms/delivery-report", "cool-1")
    sent = simulator.cool("sendSms", number="+491234567890", message="Hello", callbackurl=url)
    events = events_of(service, "cool-1", 2)
    assert [one["data"]["status"] for one in events] == ["sent", "delivered"]
    assert {one["data"]["message_id"] for one in events} == {sent["smsid"]}
    assert simulator.cool("getDeliveryReport", id=sent["smsid"])["status"] == "SMS_STATUS_DELIVERED"
    [row] = [one for one in simulator.cool("getOutboundSms")["messages"] if one["smsid"] == sent["smsid"]]
    assert row["callbackurl"] == url


def test_repeated_until_the_receiver_is_there(simulator: Simulated) -> None:
    port = free_port()
    [sent] = simulator.sms("60123456704", f"http://127.0.0.1:{port}/hook?ctx.order=1")["messages"]
    wait_for(lambda: [one for one in simulator.callbacks(sent["msgid"]) if one["tries"]], "the first attempt")
    told = AnswersAsTold(503)
    with answering(told, port):
        [callback] = simulator.await_callbacks(sent["msgid"], 1)
    tried = [one["status"] or one["error"] for one in callback["tries"]]
    assert tried[0] == "ConnectError"
    assert tried[-2:] == [503, 200]
    assert told.got.qsize() == 2


@pytest.mark.parametrize(
    ("number", "statuses"),
    [
        pytest.param("99901000005", ["2"], id="failed"),
        pytest.param("99902000000", ["3"], id="expired"),
        pytest.param("99904000000", ["1"], id="before the answer"),
        pytest.param("99905000000", ["1"], id="no answer"),
        pytest.param("99906000000", ["1"], id="hangs"),
        pytest.param("99909000000", ["1", "3", "1"], id="out of order"),
        pytest.param("99910000000", ["1"], id="garbage"),
    ],
)
def test_numbers_choose_reports(simulator: Simulated, number: str, statuses: list[str]) -> None:
    told = AnswersAsTold()
    with answering(told) as url:
        before = 0
        try:
            answer = simulator.sms(number, url)
            before = told.got.qsize()
            assert answer["messages"][0]["status"] == 0
        except httpx.RemoteProtocolError:
            assert number.startswith("99905")
        except httpx.ReadTimeout:
            assert number.startswith("99906")
        except ValueError:
            assert number.startswith("99910")
        got = [told.got.get(timeout=10)[2].decode() for _ in statuses]
    assert [one.partition("mocean-dlr-status=")[2][0] for one in got] == statuses
    assert (before == 1) == number.startswith("99904")
    assert [one["to"] for one in simulator.got(number)] == [number]
    if number.startswith("99901"):
        assert "mocean-error-code=5" in got[0]


def test_numbers_choose_refusals(simulator: Simulated) -> None:
    told = AnswersAsTold()
    with answering(told) as url:
        assert simulator.sms("99900000028", url)["messages"][0]["status"] == 28
        assert [simulator.sms("99908000000", url)["messages"][0]["status"] for _ in range(2)] == [32, 0]
        with pytest.raises(ValueError, match="Expecting value"):
            simulator.sms("99907000000", url)
        assert simulator.sms("99903000000", url)["messages"][0]["status"] == 0
        assert simulator.cool("sendSms", number="99900000210", message="x")["errorcode"] == 210
        with pytest.raises(httpx.RemoteProtocolError):
            simulator.cool("sendSms", number="99905000000", message="x")
        told.got.get(timeout=10)  # that of the second that was throttled once
    assert (simulator.got("99900000028"), simulator.got("99907000000")) == ([], [])
    assert len(simulator.got("99908000000")) == len(simulator.got("99903000000")) == 1
    assert told.got.empty()


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("--from", "60123456789"), id="Mocean"),
        pytest.param(("--channel", "whatsapp", "--names-sender"), id="WhatsApp"),
        pytest.param(("--provider", "mycoolsms", "--to", "440987654321"), id="My-Cool-SMS"),
    ],
)
def test_a_phone_writes(service: Service, simulator: Simulated, words: tuple[str, ...]) -> None:
    text = f"HELP жук {' '.join(words)}"
    answer = simulator.command("text", text, *words, **service.settings)
    assert answer["state"] == "accepted"
    found = wait_for(
        lambda: [one for one in service.events() if one["data"].get("text") == text], "the event of what was written"
    )
    assert (len(found), found[0]["type"], found[0]["account"]) == (1, "message.received", "acme")
    assert found[0]["data"]["sender"]["value"] == "+60123456789"


def test_what_a_phone_wrote_is_listed(service: Service, simulator: Simulated) -> None:
    simulator.command("text", "listed", "--provider", "mycoolsms", "--to", "449999", **service.settings)
    simulator.command("text", "listed", "--provider", "mycoolsms", "--to", "449999999999", **service.settings)
    page = simulator.cool("getIncomingSms", virtualnumber="+449999999999")
    assert [one["body"] for one in page["messages"]] == ["listed"]


def test_a_dialled_call_presses_digits(service: Service, simulator: Simulated) -> None:
    simulator.control("digits", to="60123456705", digits=["7"])
    collect = callback_url(service, "mocean/voice/collect/menu", "call-1")
    commands = [
        {"action": "say", "language": "en-GB", "text": "Press a key."},
        {"action": "collect", "event-url": collect, "min": 1, "max": 1, "timeout": 5000, "terminators": "#"},
    ]
    status = callback_url(service, "mocean/voice/status", "call-1")
    answer = simulator.mocean("voice/dial", to="60123456705", command=json.dumps(commands), event_url=status)
    [made] = answer["calls"]
    events = events_of(service, "call-1", 3)
    by_type = [(one["type"], one["data"].get("status") or one["data"].get("digits")) for one in events]
    assert by_type == [("call.status", "answered"), ("call.input", "7"), ("call.status", "hangup")]
    assert {one["data"]["call_id"] for one in events} == {made["call_uuid"]}
    [call] = [one for one in simulator.http.get("/_sim/calls").json()["calls"] if one["call_uuid"] == made["call_uuid"]]
    assert (call["state"], call["pressed"], call["problem"]) == ("ended", ["7"], None)
    assert call["heard"][-1] == "dial 60123456789"


def test_a_call_is_hung_up(tmp_path: Path) -> None:
    told = AnswersAsTold()
    commands = json.dumps([{"action": "say", "language": "en-GB", "text": "Hello."}])
    with simulated(tmp_path, "--delay", "1h") as slow, answering(told) as url:
        [made] = slow.mocean("voice/dial", to="60123456706", command=commands, event_url=url)["calls"]
        assert slow.mocean("voice/hangup", call_uuid=made["call_uuid"])["status"] == 0
        assert told.got.get(timeout=10)[2].decode().endswith("mocean-status=HANGUP")
        assert slow.mocean("voice/hangup", call_uuid=made["call_uuid"])["status"] == 7


def test_a_phone_calls(service: Service, simulator: Simulated) -> None:
    answer = simulator.command("call", "--digits", "1", **service.settings)
    assert [turn["heard"][0] for turn in answer["turns"]][-1] == "dial 60123456789"
    assert [turn["digits"] for turn in answer["turns"]] == [None, "1"]


def test_planned_faults(simulator: Simulated) -> None:
    simulator.command("fail", "sms", "45")
    simulator.command("fail", "balance", "close")
    simulator.command("fail", "getBalance", "502", "-n", "2")
    assert [one["left"] for one in simulator.command("fail")] == [1, 1, 2]
    assert simulator.sms("60123456707", "http://127.0.0.1:1/")["messages"][0]["status"] == 45
    with pytest.raises(httpx.RemoteProtocolError):
        simulator.http.get("/rest/2/account/balance", params={"mocean-api-key": "k", "mocean-api-secret": "s"})
    login = {"username": "a", "password": "b", "function": "getBalance"}
    statuses = [simulator.http.get("/api-socket.php", params=login).status_code for _ in range(3)]
    assert statuses == [502, 502, 200]
    assert simulator.command("fail") == []


@pytest.mark.parametrize("taken", [pytest.param(True, id="taken"), pytest.param(False, id="not taken")])
@pytest.mark.parametrize(
    ("fault", "mocean", "cool"),
    [pytest.param("45", 45, 45, id="a code"), pytest.param("throttle", 32, 107, id="throttled")],
)
def test_refused_and_yet_done(simulator: Simulated, fault: str, mocean: int, cool: int, taken: bool) -> None:
    phone = f"6012345671{taken:d}"
    before = len(simulator.got(phone))
    for operation in ("sms", "sendSms"):
        simulator.command("fail", operation, fault, *(["--taken"] if taken else []))
    assert simulator.sms(phone, "http://127.0.0.1:1/")["messages"][0]["status"] == mocean
    assert simulator.cool("sendSms", number=phone, message="x")["errorcode"] == cool
    assert len(simulator.got(phone)) - before == (2 if taken else 0)


def test_the_inbox_is_followed_and_reset(simulator: Simulated) -> None:
    simulator.cool("sendSms", number="+491234567891", message="one [bold]line\nmore")
    [message] = simulator.command("inbox", "491234567891")
    assert message["content"]["text"] == "one [bold]line\nmore"
    assert simulator.control("reset") == {}
    assert simulator.command("inbox") == []
    assert simulator.cool("getOutboundSms")["total"] == "0"


@pytest.mark.parametrize(
    ("order", "says"),
    [
        pytest.param({"url": "http://127.0.0.1:1/"}, "text", id="something is missing"),
        pytest.param({"url": "x", "text": "x", "colour": "red"}, "colour", id="something unknown"),
        pytest.param(
            {"url": "x", "text": "x", "provider": "mycoolsms", "channel": "whatsapp"}, "whatsapp", id="no such channel"
        ),
    ],
)
def test_orders_are_checked(simulator: Simulated, order: dict[str, object], says: str) -> None:
    response = simulator.http.post("/_sim/receive", json=order)
    assert response.status_code == 400
    assert says in response.json()["error"]


def test_no_page_of_another_site_gives_orders(simulator: Simulated) -> None:
    response = simulator.http.post("/_sim/faults", content=b'{"operation":"*","fault":"hang"}')
    assert response.status_code == 400
    assert simulator.http.post("/_sim/reset").status_code == 400
    assert simulator.http.get("/_sim/faults").json() == {"faults": []}


def test_a_seed_makes_the_same_ids(tmp_path: Path) -> None:
    made = []
    for _ in range(2):
        with simulated(tmp_path, "--seed", "7") as there:
            made.append(there.sms("60123456789", "http://127.0.0.1:1/")["messages"][0]["msgid"])
    assert made[0] == made[1]


def test_a_credit_is_of_both_providers(tmp_path: Path) -> None:
    with simulated(tmp_path, "--credit", "3000") as there:
        query = {"mocean-api-key": "key", "mocean-api-secret": "secret", "mocean-resp-format": "json"}
        assert there.http.get("/rest/2/account/balance", params=query).json()["value"] == 3000
        assert there.cool("getBalance")["balance"] == 3000


@pytest.mark.parametrize(
    ("number", "statuses"),
    [
        pytest.param("60123456708", ["ANSWERED", "HANGUP"], id="as usual"),
        pytest.param("99901000000", ["BUSY"], id="fails"),
        pytest.param("99902000000", ["NO_ANSWER"], id="expires"),
        pytest.param("99904000000", ["ANSWERED", "HANGUP"], id="before the answer"),
        pytest.param("99909000000", ["ANSWERED", "ANSWERED", "HANGUP"], id="out of order"),
    ],
)
def test_calls_that_numbers_choose(simulator: Simulated, number: str, statuses: list[str]) -> None:
    told = AnswersAsTold()
    commands = json.dumps([{"action": "say", "language": "en-GB", "text": "Hello."}])
    with answering(told) as url:
        simulator.mocean("voice/dial", to=number, command=commands, event_url=url)
        before = told.got.qsize()
        got = [told.got.get(timeout=10)[2].decode() for _ in statuses]
    assert [one.partition("mocean-status=")[2] for one in got] == statuses
    assert before == 1 or not number.startswith("99904")


@pytest.mark.parametrize(
    ("order", "why"),
    [
        pytest.param({"operation": "smss", "fault": "hang"}, "no such operation; did you mean sms?", id="no operation"),
        pytest.param({"operation": "sms", "fault": "code", "code": 0}, "no fault; write hang", id="code 0"),
        pytest.param({"operation": "sms", "fault": "normal"}, "no fault; write hang", id="no fault"),
    ],
)
def test_faults_that_would_never_be(simulator: Simulated, order: dict[str, object], why: str) -> None:
    response = simulator.http.post("/_sim/faults", json=order)

    assert (response.status_code, response.json()["error"][: len(why)]) == (400, why)
    assert simulator.http.get("/_sim/faults").json() == {"faults": []}


def test_reports_go_also_to_the_real_receiver_that_comes_later(simulator: Simulated, redis_url: str) -> None:
    service = Service(redis_url, f"t{secrets.token_hex(4)}", free_port())
    url = f"http://127.0.0.1:{service.port}/webhooks/mocean/delivery-report?token={TOKEN}&ctx.order=42"
    [sent] = simulator.sms("60123456705", url)["messages"]
    wait_for(lambda: [one for one in simulator.callbacks(sent["msgid"]) if one["tries"]], "the first attempt")
    try:
        with process([*RINGBACK, "serve"], **service.settings):
            simulator.await_callbacks(sent["msgid"], 1)
            [event] = [one for one in service.events() if one["subject"] == sent["msgid"]]
    finally:
        service.close()

    assert (event["type"], event["data"]["status"], event["data"]["context"]) == (
        "message.status",
        "delivered",
        {"order": "42"},
    )


@pytest.mark.parametrize("url", ["http://xn--a/", "http://[::1/", "nowhere"])
def test_reports_to_what_is_no_url_are_noted_as_tried(simulator: Simulated, url: str) -> None:
    [sent] = simulator.sms("60123456706", url)["messages"]

    tries = wait_for(lambda: [one["tries"] for one in simulator.callbacks(sent["msgid"]) if one["tries"]], "an attempt")
    assert tries[0][0]["status"] is None
