"""Mocean "Download Rich Media": GET /media/whatsapp, files of WhatsApp messages, by the id that an inbound one has."""

from typing import Final, NoReturn

from ringback.clients.accounts import MoceanAccount
from ringback.clients.arguments import Party, msisdn, needed
from ringback.clients.bodies import UnreadableAnswerError
from ringback.clients.download import Fetch
from ringback.clients.exchange import Call, ProviderAnswer, Request
from ringback.clients.mocean.codes import MEDIA

PROVIDER: Final = "mocean"


def media(account: MoceanAccount, media_id: str, *, from_: Party) -> Fetch:
    """Return a file that an end user sent, to `save` or `read`: 20 a minute and account, up to 100 MB each.

    `from_`: the WhatsApp number that it was sent to.
    """
    fields = {
        "mocean-from": msisdn(PROVIDER, "media", "from_", from_),
        "mocean-media-id": needed(PROVIDER, "media", "media_id", media_id),
    }
    request = account.get("media", "/media/whatsapp", fields, formatted=False)
    return Fetch(Call(request, lambda answer: _no_file(request, answer)), lambda answer: answer.status == 200)


def _no_file(request: Request, answer: ProviderAnswer) -> NoReturn:
    """Raise the error of an HTTP status; an undocumented one counts as everywhere."""
    known = MEDIA.get(answer.status)
    if known is None:
        raise UnreadableAnswerError("the answer is no file")
    raise known.reading.error(
        request.provider,
        request.operation,
        f"HTTP {answer.status}, {known.text}",
        name=known.text.partition(". ")[0].rstrip(".") + ".",
        http_status=answer.status,
        permanent=known.reading.permanent,
        retry_after=answer.retry_after,
        raw=answer.body,
    )
