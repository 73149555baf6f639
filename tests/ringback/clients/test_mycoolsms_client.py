"""My-Cool-SMS's clients on a server: each method asks its function, blocking and async; what fails shows no secret."""

import asyncio
import inspect
import json
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from ringback.clients.errors import InDoubtError, NotConfiguredError, RefusedError, SendError, UnavailableError
from ringback.clients.mycoolsms.client import AsyncMyCoolSms, MyCoolSms
from ringback.clients.operations import AsyncOperation, Operation
from tests.support.misbehaving import Misbehaving, answers, misbehaving, resets

USERNAME, PASSWORD, NUMBER, TEXT = "the-username-01", "the-password-02", "+491234567890", "Kwyjibo ate my homework"
ID: Final = "ce184cc0a6d1714d1ac763f4fe89f521"
FAILS: Final = b'{"success":false,"errorcode":107,"errordescription":"no"}'
METHODS: Final[list[tuple[str, dict[str, Any], str]]] = [
    ("sms", {"to": NUMBER, "text": TEXT, "from_": "Company"}, "sendSms"),
    ("incoming", {}, "getIncomingSms"),
    ("balance", {}, "getBalance"),
    ("report", {"message_id": ID}, "getDeliveryReport"),
    ("mailing_report", {"group_key": ID}, "getDeliveryReport"),
    ("reports", {"message_ids": [ID]}, "getDeliveryReports"),
    ("recent_reports", {"limit": 10}, "getRecentReports"),
    ("outbound", {}, "getOutboundSms"),
    ("mailing", {"list_id": "75F3FAB", "text": TEXT}, "sendMailing"),
    ("add_subscriber", {"list_id": "75F3FAB", "number": NUMBER}, "addSubscriber"),
    ("update_subscriber", {"list_id": "75F3FAB", "number": NUMBER}, "updateSubscriber"),
    ("delete_subscriber", {"list_id": "75F3FAB", "number": NUMBER}, "deleteSubscriber"),
    ("lookup", {"number": NUMBER}, "doHlrLookup"),
    ("normalize", {"number": NUMBER}, "normalizeNumber"),
]

Ask = Callable[[str, str, dict[str, Any]], object]


def blocking(url: str, method: str, arguments: dict[str, Any]) -> object:
    with MyCoolSms(username=USERNAME, password=PASSWORD, url=url, timeout=5) as client:
        return getattr(client, method)(**arguments)


def from_a_coroutine(url: str, method: str, arguments: dict[str, Any]) -> object:
    async def ask() -> object:
        async with AsyncMyCoolSms(username=USERNAME, password=PASSWORD, url=url, timeout=5) as client:
            return await getattr(client, method)(**arguments)

    return asyncio.run(ask())


both = pytest.mark.parametrize("ask", [blocking, from_a_coroutine])
each_method = pytest.mark.parametrize(("method", "arguments", "function"), METHODS, ids=[row[0] for row in METHODS])


@pytest.fixture
def refusing() -> Iterator[Misbehaving]:
    with misbehaving(answers("200 OK", FAILS)) as server:
        yield server


@both
@each_method
def test_each_method_asks_its_function(
    refusing: Misbehaving, ask: Ask, method: str, arguments: dict[str, Any], function: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        ask(refusing.url, method, arguments)
    (request,) = refusing.requests
    head, _, body = request.partition(b"\r\n\r\n")
    fields = json.loads(body)
    assert head.startswith(b"POST /rest/2 HTTP/1.1\r\n")
    assert (fields["username"], fields["password"], fields["function"]) == (USERNAME, PASSWORD, function)
    assert (caught.value.operation, caught.value.code) == (function, 107)


@both
@each_method
def test_a_broken_connection_is_in_doubt_only_where_something_may_have_happened(
    ask: Ask, method: str, arguments: dict[str, Any], function: str
) -> None:
    with misbehaving(resets) as server, pytest.raises(SendError) as caught:
        ask(server.url, method, arguments)
    error = caught.value
    has_effect = function.startswith(("send", "add", "update", "delete", "doHlr"))
    assert type(error) is (InDoubtError if has_effect else UnavailableError)
    assert error.sent == ("unknown" if has_effect else "no")
    assert len(server.requests) == 1
    told = "".join(traceback.format_exception(error)) + repr(error)
    assert not [one for one in (USERNAME, PASSWORD, "1234567890", "Kwyjibo") if one in told]


@both
def test_an_answer_becomes_a_result(ask: Ask) -> None:
    body = json.dumps({"success": True, "smsid": ID, "number": NUMBER, "smscount": 1, "charge": 0.112}).encode()
    with misbehaving(answers("200 OK", body)) as server:
        sent = ask(server.url, "sms", {"to": NUMBER, "text": TEXT})
    assert f"{sent}".startswith(f"SentSms(message_id='{ID}', sender_is_shown=None,")


@both
def test_ucs2_is_made_without_asking(refusing: Misbehaving, ask: Ask) -> None:
    client = MyCoolSms if ask is blocking else AsyncMyCoolSms
    made = client(username=USERNAME, password=PASSWORD, url=refusing.url)
    assert made.to_ucs2("繁体中文") == "7E414F534E2D6587"
    assert made.from_ucs2("7E414F534E2D6587") == "繁体中文"
    assert refusing.connections == 0


def test_both_clients_have_the_same_methods() -> None:
    def methods(client: type) -> dict[str, str | None]:
        return {
            name: value.__doc__
            for name, value in vars(client).items()
            if isinstance(value, Operation | AsyncOperation | staticmethod)
        }

    assert methods(MyCoolSms) == methods(AsyncMyCoolSms)
    assert methods(MyCoolSms).keys() == {row[0] for row in METHODS} | {"to_ucs2", "from_ucs2"}
    assert inspect.signature(MyCoolSms).parameters.keys() == inspect.signature(AsyncMyCoolSms).parameters.keys()


@pytest.mark.parametrize("client", [MyCoolSms, AsyncMyCoolSms])
@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param({}, id="none"),
        pytest.param({"username": USERNAME}, id="no password"),
        pytest.param({"password": PASSWORD}, id="no username"),
        pytest.param({"username": "", "password": PASSWORD}, id="an empty username"),
    ],
)
def test_no_credentials(client: type[MyCoolSms | AsyncMyCoolSms], credentials: dict[str, Any]) -> None:
    with pytest.raises(NotConfiguredError, match="no credentials; give username and password") as caught:
        client(**credentials)
    assert caught.value.sent == "no"
