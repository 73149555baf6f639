"""Mocean's conversion: what the arguments send, and what each answer means."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from ringback.clients.exchange import ProviderAnswer
from ringback.clients.mocean.codes import CONVERSION
from ringback.clients.mocean.conversion import ConversionReported, report
from tests.support.mocean_calls import (
    ACCOUNT,
    ANY_ANSWER,
    HTTP_STATUSES,
    answer,
    check_outcome,
    error_of,
    invalid_by,
    posted,
    told,
)

CALL = report(ACCOUNT, "MSG_ID", delivered=True)


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        pytest.param({"delivered": False}, {"mocean-delivered": "false"}, id="the document's request"),
        pytest.param({"delivered": True}, {"mocean-delivered": "true"}, id="delivered"),
        pytest.param(
            {"delivered": True, "at": datetime(2007, 3, 2, 0, 55, 1, tzinfo=UTC)},
            {"mocean-delivered": "true", "mocean-timestamp": "2007-03-02 08:55:01"},
            id="at, in Malaysia's time",
        ),
    ],
)
def test_what_is_sent(arguments: dict[str, Any], form: dict[str, str]) -> None:
    request = report(ACCOUNT, "MSG_ID", **arguments).request
    assert posted(request, "/conversion") == {"mocean-msgid": "MSG_ID"} | form
    assert (request.operation, request.has_effect) == ("conversion", True)


@pytest.mark.parametrize(
    ("message_id", "at", "words"),
    [
        pytest.param("", None, "message_id: empty", id="no message id"),
        pytest.param(
            "m",
            datetime(2024, 1, 1),  # noqa: DTZ001
            "at: a time without a zone; write datetime(…, tzinfo=…)",
            id="naive",
        ),
    ],
)
def test_wrong_arguments(message_id: str, at: datetime | None, words: str) -> None:
    assert invalid_by(report, ACCOUNT, message_id, delivered=True, at=at) == words


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize(
    ("body", "raw"),
    [
        pytest.param({"status": 0}, {"status": 0}, id="the document's sample"),
        pytest.param({"status": "0"}, {"status": "0"}, id="a text"),
        pytest.param("<result><status>0</status></result>", {"status": "0"}, id="XML"),
    ],
)
def test_reported(body: object, raw: dict[str, object], status: int) -> None:
    assert CALL.result(answer(body, status)) == ConversionReported("MSG_ID", raw)


@pytest.mark.parametrize("status", HTTP_STATUSES)
@pytest.mark.parametrize("code", CONVERSION)
def test_every_code(code: int, status: int) -> None:
    known = CONVERSION[code]
    for body in ({"status": code, "err_msg": "no"}, f"<result><status>{code}</status><err_msg>no</err_msg></result>"):
        error = error_of(CALL, answer(body, status))
        assert told(error) == {
            "kind": known.reading.error.__name__,
            "operation": "conversion",
            "code": code,
            "sent": "no",
            "permanent": known.reading.permanent,
        }
        assert (error.reason, error.description) == (known.text, "no")


def test_the_samples_failure() -> None:
    error = error_of(CALL, answer({"status": 1, "err_msg": "Authorization failed"}))
    assert (type(error).__name__, error.description) == ("UnauthorizedError", "Authorization failed")


@pytest.mark.parametrize(
    ("status", "kind", "sent"),
    [
        (200, "InDoubtError", "unknown"),
        (400, "RefusedError", "no"),
        (401, "UnauthorizedError", "no"),
        (429, "ThrottledError", "no"),
        (500, "InDoubtError", "unknown"),
    ],
)
@pytest.mark.parametrize("body", ["", "OK", "{}", "[0]", '{"status": "x"}', '{"status": 0', "<html>Bad Gateway</html>"])
def test_unreadable(body: str, status: int, kind: str, sent: str) -> None:
    error = error_of(CALL, answer(body, status))
    assert (type(error).__name__, error.sent) == (kind, sent)


@given(given_answer=ANY_ANSWER)
def test_any_answer(given_answer: ProviderAnswer) -> None:
    check_outcome(CALL, given_answer)
