"""The clients' canary: credentials, a callback's token, texts and numbers go through every request and every way of
failing, and are in no log at any level, no error, no repr and no traceback.

`raw` and `description` of an error hold the provider's own words: that is what they are for.
"""

import asyncio
import logging
import socket
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from ringback import AsyncMocean, AsyncMyCoolSms, Mocean, MyCoolSms, mc, wa
from ringback.clients.accounts import CallbackBase
from ringback.clients.errors import SendError
from ringback.schemas.tokens import Token
from tests.support.misbehaving import Manner, answers, hangs, misbehaving, resets, says

KEY, SECRET, TOKEN, USER, PASSWORD = (
    f"canary-{name}-0123456789" for name in ("key", "secret", "token", "user", "pass")
)
NAME, CODE = "Kwyjibo", "987654"
CALLBACK = "canary-callback-token-0123456789"
NUMBER, OTHER, TEXT = "60198765432", "60187654321", "Kwyjibo ate my homework"
PRIVATE = (KEY, SECRET, TOKEN, USER, PASSWORD, CALLBACK, NUMBER[-6:], OTHER[-6:], NAME, CODE)

Do = Callable[[Any], object]

MOCEAN: dict[str, Do] = {
    "sms": lambda m: m.sms(to=NUMBER, from_=OTHER, text=TEXT, context={"order": "42"}),
    "flash": lambda m: m.flash(to=NUMBER, from_=OTHER, text=TEXT),
    "binary": lambda m: m.binary(to=NUMBER, from_=OTHER, data=TEXT.encode()),
    "sms_many": lambda m: m.sms_many(to=[NUMBER, OTHER], from_=OTHER, text=TEXT),
    "conversion": lambda m: m.conversion("m1", delivered=True),
    "balance": lambda m: m.balance(),
    "pricing": lambda m: m.pricing(mcc="502"),
    "message_status": lambda m: m.message_status("m1"),
    "lookup": lambda m: m.lookup(NUMBER),
    "lookup_later": lambda m: m.lookup_later(NUMBER),
    "whatsapp": lambda m: m.whatsapp(to=NUMBER, from_=OTHER, content=wa.text(TEXT)),
    "call": lambda m: m.call(to=NUMBER, from_=OTHER, commands=[mc.say(TEXT), mc.collect(step="menu", max=1)]),
    "hangup": lambda m: m.hangup("c1"),
    "verify.request": lambda m: m.verify.request(to=NUMBER, brand=NAME),
    "verify.sms": lambda m: m.verify.sms(to=NUMBER, brand=NAME),
    "verify.telegram": lambda m: m.verify.telegram(to=NUMBER, from_="bot", brand=NAME),
    "verify.resend": lambda m: m.verify.resend("r1"),
    "verify.check": lambda m: m.verify.check("r1", CODE),
    "recording": lambda m: m.recording("c1").read(),
    "media": lambda m: m.media("m1", from_=OTHER).read(),
}
COOL: dict[str, Do] = {
    "sms": lambda c: c.sms(to=NUMBER, from_=OTHER, text=TEXT, context={"order": "42"}),
    "incoming": lambda c: c.incoming(),
    "balance": lambda c: c.balance(),
    "report": lambda c: c.report("s1"),
    "mailing_report": lambda c: c.mailing_report("g1"),
    "reports": lambda c: c.reports(["s1"]),
    "recent_reports": lambda c: c.recent_reports(limit=5),
    "outbound": lambda c: c.outbound(),
    "mailing": lambda c: c.mailing(list_id="u1", text=TEXT),
    "add_subscriber": lambda c: c.add_subscriber(list_id="u1", number=NUMBER, first_name=NAME),
    "update_subscriber": lambda c: c.update_subscriber(list_id="u1", number=NUMBER, first_name=NAME),
    "delete_subscriber": lambda c: c.delete_subscriber(list_id="u1", number=NUMBER),
    "lookup": lambda c: c.lookup(NUMBER),
    "normalize": lambda c: c.normalize(NUMBER),
}


def echoes(connection: socket.socket, _: threading.Event) -> None:
    """Answer with an error that repeats what was asked, as careless gateways do."""
    words = f"{NUMBER} {TEXT} {SECRET} {PASSWORD}"
    body = (
        f'{{"status":2,"err_msg":"{words}","success":false,"errorcode":109,"errordescription":"{words}",'
        f'"description":"{words}"}}'
    ).encode()
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )


HANGS = "hangs"
LONG_S, SHORT_S = 20.0, 0.2

MANNERS: dict[str, Manner] = {
    "echoes in an error": echoes,
    "echoes in a page": answers("500 Internal Server Error", f"<html>{NUMBER} {TEXT} {SECRET} {PASSWORD}".encode()),
    "closes": says(b""),
    "resets": resets,
    HANGS: hangs,
    "garbage": says(f"{NUMBER} {SECRET} {PASSWORD}\r\n\r\n".encode()),
    "redirects": answers("302 Found", b"", f"Location: /?{NUMBER}"),
    "429": answers("429 Too Many Requests"),
    "success": answers(
        "200 OK",
        f'{{"success":true,"status":0,"value":1,"balance":1,"number":"+{NUMBER}","to":"{NUMBER}","receiver":"{NUMBER}",'
        f'"body":"{TEXT}","smsid":"s1","message_id":"m1","msgid":"m1","message_status":1,"reqid":"r1",'
        f'"call_uuid":"c1","session_uuid":"s1","messages":[{{"status":0,"receiver":"{NUMBER}","msgid":"m1"}}],'
        f'"calls":[{{"status":0,"call_uuid":"c1","session_uuid":"s1"}}]}}'.encode(),
        "Content-Type: application/json",
    ),
}

callbacks = CallbackBase("https://hooks.example.com", Token(account="acme", secret=SecretStr(CALLBACK)))


def with_callbacks(client: Any) -> Any:
    """Return the client with a service of ours to call back to."""
    client.account = _replaced(client.account)
    return client


def _replaced(account: Any) -> Any:
    from dataclasses import replace

    return replace(account, callbacks=callbacks)


def blocking(provider: str, url: str, do: Do, timeout: float) -> str:
    client = (
        Mocean(api_key=KEY, api_secret=SECRET, url=url, timeout=timeout)
        if provider == "mocean"
        else MyCoolSms(username=USER, password=PASSWORD, url=url, timeout=timeout)
    )
    with with_callbacks(client):
        try:
            return repr(do(client)) + repr(client) + repr(client.account)
        except SendError as error:
            return told(error)


def with_token(_: str, url: str, do: Do, timeout: float) -> str:
    with with_callbacks(Mocean(api_token=TOKEN, url=url, timeout=timeout)) as client:
        try:
            return repr(do(client)) + repr(client.account)
        except SendError as error:
            return told(error)


def from_a_coroutine(provider: str, url: str, do: Do, timeout: float) -> str:
    async def doing() -> str:
        client = (
            AsyncMocean(api_key=KEY, api_secret=SECRET, url=url, timeout=timeout)
            if provider == "mocean"
            else AsyncMyCoolSms(username=USER, password=PASSWORD, url=url, timeout=timeout)
        )
        async with with_callbacks(client):
            try:
                asked: Any = do(client)
                return repr(await asked) + repr(client.account)
            except SendError as error:
                return told(error)

    return asyncio.run(doing())


def told(error: SendError) -> str:
    assert error.__context__ is None
    assert error.__cause__ is None
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


@pytest.mark.parametrize("manner", MANNERS, ids=str)
@pytest.mark.parametrize(
    ("way", "provider", "calls"),
    [
        pytest.param(blocking, "mocean", MOCEAN, id="Mocean"),
        pytest.param(with_token, "mocean", MOCEAN, id="Mocean with a token"),
        pytest.param(from_a_coroutine, "mocean", MOCEAN, id="AsyncMocean"),
        pytest.param(blocking, "mycoolsms", COOL, id="MyCoolSms"),
        pytest.param(from_a_coroutine, "mycoolsms", COOL, id="AsyncMyCoolSms"),
    ],
)
def test_nothing_private_is_told(
    way: Callable[[str, str, Do, float], str],
    provider: str,
    calls: dict[str, Do],
    manner: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in ("", "httpx", "httpcore", "httpcore.connection", "httpcore.http11"):
        caplog.set_level(logging.DEBUG, logger=name)
    with misbehaving(MANNERS[manner]) as server:
        for name, do in calls.items():
            before = len(server.requests)
            heard = (
                way(provider, server.url, do, SHORT_S if manner == HANGS else LONG_S)
                + caplog.text
                + "".join(capfd.readouterr())
            )
            # The request went out, as was meant; on a busy machine not always within so short a time.
            assert len(server.requests) > before or manner == HANGS, name
            assert [one for one in PRIVATE if one in heard] == [], name


def test_every_request_of_the_clients_is_tried() -> None:
    for client, calls in ((Mocean, MOCEAN), (MyCoolSms, COOL)):
        offered = {
            name
            for name, value in vars(client).items()
            if not name.startswith("_")
            and (callable(getattr(value, "__get__", None)) and not isinstance(value, staticmethod))
        }
        assert offered - {name.partition(".")[0] for name in calls} == set()
