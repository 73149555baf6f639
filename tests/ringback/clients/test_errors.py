"""Errors: what they say, what they never say, and that they survive a process boundary."""

import pickle

import pytest

from ringback.clients import errors
from ringback.clients.errors import InvalidRequestError, NoCreditError, SendError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SendError)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_is_the_same_after_pickling(kind: type[SendError]) -> None:
    error = kind("mocean", "sms", "Insufficient balance.", sent="unknown", code=2, http_status=200, raw={"status": 2})

    again = pickle.loads(pickle.dumps(error))  # noqa: S301

    assert type(again) is kind
    assert vars(again) == vars(error)
    assert str(again) == str(error)


def test_an_error_says_what_where_and_whether_anything_was_sent() -> None:
    error = NoCreditError(
        "mocean", "sms", "Insufficient balance.", code=2, description="no credit for 60123456789", raw={"to": "60123"}
    )

    assert str(error) == "mocean sms: code 2: Insufficient balance. (nothing was sent)"
    assert repr(error) == f"<NoCreditError {error}>"
    assert error.permanent is True


def test_what_is_in_doubt_says_so() -> None:
    error = errors.InDoubtError("mycoolsms", "sendSms", "no answer (ReadTimeout)", sent="unknown")

    assert str(error) == "mycoolsms sendSms: no answer (ReadTimeout) (it may have been sent)"
    assert error.permanent is None


def test_a_wrong_argument_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="to: empty"):
        raise InvalidRequestError("mocean", "sms", "to: empty")
