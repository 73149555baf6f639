"""What getOutboundSms proves of sends in doubt: rows in, what is accepted, not sent, or still in doubt out."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from ringback.clients.accounts import MyCoolSmsAccount
from ringback.clients.exchange import Call, ProviderAnswer, json_body
from ringback.clients.mycoolsms.reports import OutboundPage, outbound
from ringback.clients.transport import AsyncHttpTransport
from ringback.sender.proof import Proven, SendInDoubt, prove_by_list, proven, ref_in

CLAIMED = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
REF = "abcdefghijklmnop"
TO = "491234567890"
ACCOUNT = MyCoolSmsAccount("name", SecretStr("word"))
ASKED = 3


def row(ref: str | None, minutes: float, to: str = f"+{TO}", url: str | None = None) -> dict[str, Any]:
    """Return a row of an SMS that was accepted so long after the claim."""
    if ref is not None:
        url = f"https://r.example/webhooks/mycoolsms/delivery-report?token=t&ctx.send={ref}&ctx.order=42"
    at = (CLAIMED + timedelta(minutes=minutes)).isoformat()
    return {"smsid": f"id-of-{ref}", "number": to, "timestamp": at, "smscount": 2, "callbackurl": url,
            "status": "SMS_STATUS_QUEUED"}  # fmt: skip


def page(rows: Sequence[dict[str, Any]], total: int | None = None) -> OutboundPage:
    answer = {"success": True, "total": str(total or len(rows)), "fetched": len(rows), "messages": list(rows)}
    return outbound(ACCOUNT).result(ProviderAnswer(200, "application/json", json_body(answer)))


OTHERS = [row("bbbbbbbbbbbbbbbb", 1), row("cccccccccccccccc", -1), row("dddddddddddddddd", -30)]


@pytest.mark.parametrize(
    ("rows", "total", "age_min", "outcome"),
    [
        pytest.param([row(REF, 0.1)], 1, 0.5, "accepted", id="its row is there"),
        pytest.param([*OTHERS[:2], row(REF, 0.1)], 900, 0.5, "accepted", id="whatever else the list lacks"),
        pytest.param([], None, 2, "not sent", id="an empty list, two minutes later"),
        pytest.param([], None, 1.9, "in doubt", id="an empty list, too soon"),
        pytest.param(OTHERS[:2], 2, 5, "not sent", id="all that there are, without it"),
        pytest.param(OTHERS, 900, 5, "not sent", id="a list that reaches back before it"),
        pytest.param(OTHERS, 900, 1, "in doubt", id="such a list, too soon"),
        pytest.param([*OTHERS[:2], row("e" * 16, -5)], 900, 5, "in doubt", id="one that reaches back not far enough"),
        pytest.param(OTHERS[:2], 900, 5, "in doubt", id="a list that the provider has cut"),
        pytest.param([OTHERS[0], {**OTHERS[2], "timestamp": "?"}, OTHERS[1]][::-1], 900, 5, "in doubt",
                     id="in another order than was asked for"),
        pytest.param([*OTHERS[:2], {**OTHERS[2], "timestamp": None}], 900, 5, "in doubt", id="nobody knows since when"),
        pytest.param([row(None, 0.1)], 1, 5, "in doubt", id="one without a callback URL to the same number"),
        pytest.param([row(None, 0.1, url="https://elsewhere.example/?a=b")], 1, 5, "in doubt",
                     id="one with another's callback URL to the same number"),
        pytest.param([row(None, -30)], 1, 5, "not sent", id="such a one from long before"),
        pytest.param([row(None, 0.1, to="+491111111111")], 1, 5, "not sent", id="such a one to another number"),
        pytest.param([row("bbbbbbbbbbbbbbbb", 0.1)], 1, 5, "not sent", id="another send to the same number"),
    ],
)  # fmt: skip
def test_what_a_list_proves(rows: list[dict[str, Any]], total: int | None, age_min: float, outcome: str) -> None:
    found = proven(page(rows, total), ASKED, [SendInDoubt(REF, TO, CLAIMED)], CLAIMED + timedelta(minutes=age_min))
    accepted = [(one.ref, one.message_id, one.segments) for one in found.accepted]
    assert accepted == ([(REF, f"id-of-{REF}", 2)] if outcome == "accepted" else [])
    assert found.not_sent == ((REF,) if outcome == "not sent" else ())


@pytest.mark.parametrize(
    ("url", "ref"),
    [
        ("https://r.example/webhooks/mycoolsms/delivery-report?token=t&ctx.send=abc", "abc"),
        ("https://r.example/?ctx.order=1&ctx.send=abc&ctx.send=def", "abc"),
        ("https://r.example/?ctx%2Esend=abc", "abc"),
        ("https://r.example/?ctx.sender=abc", None),
        ("https://[r.example/?ctx.send=abc", None),
        ("", None),
        (None, None),
    ],
)
def test_the_ref_in_a_callback_url(url: str | None, ref: str | None) -> None:
    assert ref_in(url) == ref


def test_without_callback_urls_nobody_is_asked() -> None:
    """There is nothing to know a send by; that none is found would prove nothing."""

    class NobodyAsks(AsyncHttpTransport):
        async def exchange(self, call: Call[Any]) -> Any:
            raise AssertionError(call.request.operation)

    doubts = [SendInDoubt(REF, TO, CLAIMED)]
    found = asyncio.run(prove_by_list(ACCOUNT, NobodyAsks(), doubts, CLAIMED + timedelta(hours=1)))
    assert found == Proven()
