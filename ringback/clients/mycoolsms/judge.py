"""Judge: whether My-Cool-SMS's answer is a result, by its body's `success` (document, "Error Responses")."""

from typing import Final

from ringback.clients.bodies import AnswerFields, UnreadableAnswerError, read_fields
from ringback.clients.codes import refused
from ringback.clients.errors import SendError, Sent
from ringback.clients.exchange import ProviderAnswer, Request
from ringback.clients.mycoolsms.codes import BY_FUNCTION, UNCERTAIN

PROVIDER: Final = "mycoolsms"


def succeeded(request: Request, answer: ProviderAnswer, *, several: bool = False) -> AnswerFields:
    """Return an answer whose `success` is true. Raises SendError by its code, UnreadableAnswerError if it says neither.

    `several`: the request has several receivers, so that not each error says that nothing was sent.
    """
    fields = read_fields(answer.body)
    success, code = fields.flag("success"), fields.integer("errorcode")
    # A refusal that names an SMS may be none.
    if success is None or (success and code) or (not success and code is None and "smsid" in fields):
        raise UnreadableAnswerError("the answer does not say whether the request succeeded")
    if not success:
        raise _refusal(request, answer, code, fields, several=several)
    return fields


def _refusal(
    request: Request, answer: ProviderAnswer, code: int | None, fields: AnswerFields, *, several: bool
) -> SendError:
    """Return the error of a code; an undocumented one, or none, counts as refused, for a reason that is not known."""
    codes = BY_FUNCTION[request.operation]
    sent: Sent = "unknown" if several and (code not in codes or code in UNCERTAIN) else "no"
    words = fields.text("errordescription") or fields.text("description")  # older clients read the latter
    return refused(request, answer, codes, code, description=words, raw=fields.raw, sent=sent)
