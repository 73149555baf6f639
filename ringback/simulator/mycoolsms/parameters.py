"""Parameters of a My-Cool-SMS request, from a query, a form or JSON alike, read and checked."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from ringback.schemas.address import country_of_number
from ringback.schemas.tables.calling_codes import COUNTRY_OF_CALLING_CODE
from ringback.simulator.mycoolsms.refusals import RefusedRequestError
from ringback.simulator.mycoolsms.texts import CountedText, detected, from_ucs2, is_gsm, is_notation

_LOOSE: Final = re.compile(r"[\s().\-/]+")
_NUMBER: Final = re.compile(r"(?:\+|00)?([1-9][0-9]{6,14})")
_SHORT_CODE: Final = re.compile(r"[0-9]{1,6}")
_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,11}")
_ZONED: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)")
_BLANK_FOR_PLUS: Final = re.compile(r"(:\d\d(?:\.\d+)?) (\d\d(?::?\d\d)?)$")
_BLANK: Final = re.compile(r"\s")
_GREATEST: Final = {"1": "US", "7": "RU", "39": "IT", "44": "GB", "47": "NO", "61": "AU", "358": "FI"}
_WHOLE: Final = re.compile(r"[0-9]{1,18}")
_YES: Final = ("true", "1")
_NO: Final = ("false", "0")


class RequestParameters:
    """What a request says; a value is text, or whatever JSON has."""

    def __init__(self, values: Mapping[str, object], *, is_json: bool) -> None:
        self._values = values
        self.is_json = is_json

    def value(self, name: str) -> object:
        """Return a value as it came; None where there is none."""
        return self._values.get(name)

    def text(self, name: str) -> str | None:
        """Return a value as text; None where it is missing, null or no text and no number."""
        value = self._values.get(name)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        return value if isinstance(value, str) else None

    def needed(self, name: str) -> str:
        """Return a mandatory parameter as text. Refuses with 103 where it is not there."""
        text = self.text(name)
        if text is None:
            raise RefusedRequestError(103, f"Mandatory parameter missing: {name}")
        return text

    def flag(self, name: str) -> bool | None:
        """Return a boolean, which may be written as text; None where it is not set, null or anything else."""
        text = (self.text(name) or "").strip().lower()
        return True if text in _YES else False if text in _NO else None

    def whole(self, name: str, default: int, code: int) -> int:
        """Return a number from zero. Refuses with the code."""
        text = self.text(name)
        if text is None or not text.strip():
            return default
        if not _WHOLE.fullmatch(text.strip()):
            raise RefusedRequestError(code)
        return int(text)

    def number(self, name: str, code: int = 210) -> str:
        """Return a mandatory phone number as `+digits`. Refuses with the code."""
        normalized = msisdn(self.needed(name))
        if normalized is None:
            raise RefusedRequestError(code)
        return normalized

    def message(self) -> CountedText:
        """Return the text of an SMS, by the `unicode` parameter. Refuses with 211 to 215."""
        message = self.needed("message")
        if not message:
            raise RefusedRequestError(211)
        match self.flag("unicode"):
            case True:
                if not is_notation(message):
                    raise RefusedRequestError(213)
                text = CountedText(from_ucs2(message), unicode=True)
            case False:
                if is_notation(message):
                    raise RefusedRequestError(214)
                if not is_gsm(message):
                    raise RefusedRequestError(215)
                text = CountedText(message, unicode=False)
            case _:
                text = detected(message)
        if text.is_too_long:
            raise RefusedRequestError(212)
        return text

    def sender(self, default: str) -> str:
        """Return the sender id. Refuses with 216, 217."""
        sender = (self.text("senderid") or "").strip()
        if not sender:
            return default
        if _SHORT_CODE.fullmatch(sender):
            raise RefusedRequestError(217)
        if number := _NUMBER.fullmatch(sender):
            return f"+{number[1]}"
        if not _NAME.fullmatch(sender):
            raise RefusedRequestError(216)
        return sender

    def scheduled(self) -> datetime | None:
        """Return the time to send at. Refuses with 219."""
        text = (self.text("scheduletime") or "").strip()
        if not text:
            return None
        # a form's "+08" that nobody escaped comes as a blank
        text = _BLANK_FOR_PLUS.sub(r"\1+\2", text)
        try:
            if _ZONED.fullmatch(text):
                return datetime.fromisoformat(text)
        except ValueError:
            pass
        raise RefusedRequestError(219)

    def callback_url(self) -> str | None:
        """Return the callback URL. Refuses with 218."""
        url = (self.text("callbackurl") or "").strip()
        if not url:
            return None
        try:
            parts = urlsplit(url)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known or _BLANK.search(url):
            raise RefusedRequestError(218)
        return url


def msisdn(text: str) -> str | None:
    """Return a number in loose format as `+digits`; None where it is none."""
    found = _NUMBER.fullmatch(_LOOSE.sub("", text))
    return f"+{found[1]}" if found else None


def country_of(number: str) -> str | None:
    """Return the country of `+digits`, by its calling code; of several that share one, the greatest."""
    digits = number.removeprefix("+")
    return country_of_number(digits) or _GREATEST.get(_shared(digits))


def prefix_of(number: str) -> str:
    """Return the prefix of the country: `+49`."""
    digits = number.removeprefix("+")
    known = (digits[:length] for length in (1, 2, 3) if digits[:length] in COUNTRY_OF_CALLING_CODE)
    return f"+{next(known, '') or _shared(digits) or digits[:3]}"


def _shared(digits: str) -> str:
    return next((code for code in _GREATEST if digits.startswith(code)), "")
