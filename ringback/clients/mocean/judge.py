"""Judge: whether Mocean's answer is a result, by its body's `status`; the HTTP status alone decides nothing."""

from typing import Final

from ringback.clients.bodies import AnswerFields, UnreadableAnswerError, read_fields
from ringback.clients.codes import Codes, refused
from ringback.clients.errors import SendError, Sent
from ringback.clients.exchange import ProviderAnswer, Request

_LARGEST_CODE: Final = 9999


def accepted(request: Request, answer: ProviderAnswer, codes: Codes) -> AnswerFields:
    """Return an answer whose `status` is 0. Raises SendError by its code, UnreadableAnswerError where it has none."""
    fields = read_fields(answer.body)
    code = needed_code(fields)
    if code != 0:
        raise refusal(request, answer, codes, code, fields)
    return fields


def code_of(fields: AnswerFields) -> int | None:
    """Return an answer's `status`; None where it is no code, such as a phone number: errors show their codes."""
    code = fields.integer("status")
    return code if code is not None and 0 <= code <= _LARGEST_CODE else None


def needed_code(fields: AnswerFields) -> int:
    """Return an answer's `status`. Raises UnreadableAnswerError."""
    code = code_of(fields)
    if code is None:
        raise UnreadableAnswerError("the answer has no status")
    return code


def refusal(
    request: Request, answer: ProviderAnswer, codes: Codes, code: int, fields: AnswerFields, *, sent: Sent = "no"
) -> SendError:
    """Return the error of a code; an undocumented one counts as refused, for a reason that is not known.

    That nothing was sent is documented for code 1 alone, and *assumed* of the others where there is one receiver.
    """
    words = ": ".join(filter(None, (fields.text("err_msg"), fields.text("hint"))))
    return refused(request, answer, codes, code, description=words or None, raw=fields.raw, sent=sent)
