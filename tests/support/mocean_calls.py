"""Mocean's calls as rows: an account, what a request says, answers, and what is asserted of an error."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import strategies as st
from pydantic import SecretStr

from ringback.clients.accounts import ApiKey, ApiToken, CallbackBase, MoceanAccount
from ringback.clients.errors import InvalidRequestError, SendError
from ringback.clients.exchange import FORM, Call, ProviderAnswer, Request
from ringback.schemas.tokens import Token

SIGNATURE = {"mocean-api-key": "KEY", "mocean-api-secret": "SECRET"}
FORMAT = {"mocean-resp-format": "json"}
ACCOUNT = MoceanAccount(ApiKey("KEY", SecretStr("SECRET")))
PUBLIC = MoceanAccount(
    ApiKey("KEY", SecretStr("SECRET")),
    callbacks=CallbackBase("https://us.example", Token(account="acme", secret=SecretStr("t0ken"))),
)
BEARER = MoceanAccount(ApiToken(SecretStr("TOKEN")))
URL = "https://rest.moceanapi.com/rest/2"

# Of a body that is a documented answer none of these may change anything; the first are what the document names.
HTTP_STATUSES = [202, 200, 400, 401, 403, 404, 429, 500, 503]


def posted(request: Request, path: str) -> dict[str, str]:
    """Return the form of a request but for what each has: the credentials and the format."""
    assert (request.method, request.url, request.query, request.headers) == (
        "POST",
        URL + path,
        {},
        {"Content-Type": FORM},
    )
    pairs = parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    fields = dict(pairs)
    assert len(fields) == len(pairs)
    return _without_common(fields)


def queried(request: Request, path: str) -> dict[str, str]:
    """Return the query of a request but for what each has: the credentials and the format."""
    assert (request.method, request.url, request.body, request.headers) == ("GET", URL + path, b"", {})
    return _without_common(dict(request.query))


def _without_common(fields: dict[str, str]) -> dict[str, str]:
    common = {name: fields.pop(name) for name in [*SIGNATURE, *FORMAT]}
    assert common == SIGNATURE | FORMAT
    return fields


def answer(body: object, status: int = 202) -> ProviderAnswer:
    """Return an answer: an object as JSON, a text as it is."""
    if isinstance(body, bytes):
        return ProviderAnswer(status, body=body)
    text = body if isinstance(body, str) else json.dumps(body)
    return ProviderAnswer(status, body=text.encode())


def error_of(call: Call[Any], given: ProviderAnswer) -> SendError:
    """Return the error that an answer is."""
    with pytest.raises(SendError) as caught:
        call.result(given)
    _assert_discreet(caught.value)
    return caught.value


def invalid_by(call: Any, *arguments: object, **named: object) -> str:
    """Return the words of the error that arguments make."""
    with pytest.raises(InvalidRequestError) as caught:
        call(*arguments, **named)
    assert (caught.value.sent, caught.value.permanent, caught.value.provider) == ("no", True, "mocean")
    _assert_discreet(caught.value)
    return caught.value.reason


def told(error: SendError) -> dict[str, object]:
    """Return what an error says, but for its words and `raw`."""
    return {
        "kind": type(error).__name__,
        "operation": error.operation,
        "code": error.code,
        "sent": error.sent,
        "permanent": error.permanent,
    }


def _assert_discreet(error: SendError) -> None:
    for words in (str(error), repr(error)):
        words = words.replace("such as +60123456789", "")  # what to write
        for secret in ("SECRET", "KEY", "TOKEN", "t0ken", "60123456", "60198765", "private words"):
            assert secret not in words


WORDS = ["0", "1", "Default", "13,19", "ported", "+60123456789", "60198765432", "50218", "\ud800", "1e999999"]
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, 100),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(WORDS),
)
NAMES = [
    "status",
    "err_msg",
    "messages",
    "receiver",
    "msgid",
    "value",
    "destinations",
    "country",
    "operator",
    "mcc",
    "mnc",
    "price",
    "currency",
    "message_status",
    "credit_deducted",
    "to",
    "current_carrier",
    "original_carrier",
    "name",
    "network_code",
    "ported",
]
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8),
    max_leaves=24,
)


def _xml(value: object) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(one)}</{name}>" for name, one in value.items())
    if isinstance(value, list):
        return "".join(f"<message>{_xml(one)}</message><destination>{_xml(one)}</destination>" for one in value)
    return str(value).replace("&", "&amp;").replace("<", "&lt;")


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of these fields, mostly with a value of their kind."""
    return st.fixed_dictionaries({}, optional={name: value | _SCALARS for name, value in fields.items()})


_CODE = st.sampled_from([0, "0", 0, 1, 2, "28", 32, 45, 999])
_NUMBER = st.sampled_from(["60123456789", 60198765432, "+60123456780"])
_DIGITS = st.integers(0, 1000) | st.integers(0, 1000).map(str)
_CARRIER = _some(country=st.just("MY"), name=st.just("U"), network_code=_DIGITS, mcc=_DIGITS, mnc=_DIGITS)
_PRICE = _some(country=st.just("A+B"), operator=st.just("X"), mcc=_DIGITS, mnc=_DIGITS, currency=st.just("MYR"))
_LIKELY = _some(
    status=_CODE,
    err_msg=st.just("about 60123456789"),
    messages=st.lists(_some(status=_CODE, receiver=_NUMBER, msgid=st.just("m")), max_size=4),
    msgid=st.just("m"),
    value=_DIGITS,
    destinations=st.lists(st.builds(lambda row, price: row | {"price": price}, _PRICE, _DIGITS), max_size=3),
    message_status=st.integers(0, 6),
    credit_deducted=_DIGITS,
    to=_NUMBER,
    current_carrier=_CARRIER,
    original_carrier=_CARRIER,
    ported=st.just("ported"),
)


def _bodies() -> st.SearchStrategy[bytes]:
    objects = st.dictionaries(st.sampled_from(NAMES), _VALUES, max_size=8)
    either = _LIKELY | _LIKELY.map(lambda fields: {**fields, "status": 0}) | objects
    return st.one_of(
        st.binary(max_size=64),
        _VALUES.map(lambda value: json.dumps(value).encode()),
        either.map(lambda value: json.dumps(value).encode()),
        either.map(lambda value: json.dumps(value)[:-1].encode()),
        either.map(lambda value: f"<result>{_xml(value)}</result>".encode("utf-8", "replace")),
    )


ANY_ANSWER = st.builds(ProviderAnswer, status=st.sampled_from(HTTP_STATUSES) | st.integers(100, 599), body=_bodies())
"""Any bytes and any HTTP status: noise, and objects with the fields of the documents."""


def check_outcome(call: Call[Any], given: ProviderAnswer) -> None:
    """Assert that an answer is a result or a SendError, and that a query's is never in doubt."""
    outcome = _outcome(call, given)
    if isinstance(outcome, SendError):
        _assert_discreet(outcome)
        assert outcome.sent == "no" or (outcome.sent == "unknown" and call.request.has_effect)
    assert repr(outcome)


def _outcome(call: Call[Any], given: ProviderAnswer) -> object:
    try:
        return call.result(given)
    except SendError as error:
        return error
