"""The request: one that was let in, from its bytes to its events.

What comes over HTTP is read with this, and so is what `ringback quarantine retry` was told to try again.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import JsonValue

from ringback.receiver.http.door import MAX_CONTEXT_BYTES, Query
from ringback.receiver.parsing.callbacks import Callback
from ringback.receiver.parsing.codings import CodingError, TooLargeError, UnreadCodingError, undone
from ringback.receiver.parsing.fields import Fields
from ringback.receiver.parsing.normalise import Normaliser, UnusableError
from ringback.receiver.parsing.parse import MAX_FIELDS, Parsed, UndecodableError, parse, rewritten
from ringback.schemas.censor import Censor
from ringback.schemas.events import Event

MAX_EVENTS_BYTES: Final = 5 * 1024 * 1024
"""What the events of a request may take, as JSON, all together: more than any text of 256 KiB becomes, which stands in
its event three times, and of which a control character is written with six bytes.
"""
_NO_TOKENS: Final = Censor()
# Bodies whose texts are read as they are written; nearly all are.
_AS_WRITTEN: Final = frozenset(
    kind + charset
    for kind in ("application/x-www-form-urlencoded", "application/json")
    for charset in ("", ";charset=utf-8", "; charset=utf-8")
) | {""}


class UnreadError(UnusableError):
    """A request whose Content-Encoding is not read."""


class CallbackRequest(NamedTuple):
    """A request to the path of a callback, headers and body as they were sent; `path` are the path's parameters.

    `max_body` limits the bytes of the body with its codings undone.
    """

    callback: Callback
    path: Mapping[str, str]
    query: Query
    account: str
    received: datetime
    content_type: str
    content_encoding: str
    body: bytes
    max_body: int
    censor: Censor = _NO_TOKENS

    def censored(self) -> "CallbackRequest":
        """Return it without tokens anywhere but in their own place, so that nothing made of it has one."""
        censor = self.censor
        body = censor.data(self.body)
        query = self.query.censored(censor) if self.query.fields or self.query.context else self.query
        path = {name: censor.text(value) for name, value in self.path.items()} if self.path else self.path
        if body is self.body and query is self.query and path is self.path:
            return self
        return self._replace(path=path, query=query, body=body)

    def opened(self) -> "CallbackRequest":
        """Return it decoded and censored."""
        return (self.decoded() if self.content_encoding else self).censored()

    def decoded(self) -> "CallbackRequest":
        """Return it with the codings of its body undone; as it is where they cannot be: `callbacks` says why."""
        flags = list(self.query.flags)
        try:
            body = undone(self.content_encoding, self.body, self.max_body, flags)
        except (CodingError, UnreadCodingError, TooLargeError):
            return self
        return self._replace(content_encoding="", body=body, query=replace(self.query, flags=flags))

    def callbacks(self) -> list[Parsed]:
        """Read the callbacks that the request holds.

        Raises UnusableError where it can be read in no way, UnreadError where only its Content-Encoding cannot, and
        TooLargeError.
        """
        if self.query.count > MAX_FIELDS:
            raise UnusableError(f"more than {MAX_FIELDS} parameters in the URL")
        if self.query.context and self.query.context_bytes > MAX_CONTEXT_BYTES:
            raise UnusableError(f"more than {MAX_CONTEXT_BYTES} bytes of ctx. parameters in the URL")
        try:
            body = self.body
            if self.content_encoding:
                body = undone(self.content_encoding, body, self.max_body, [])
            parsed = parse(self.content_type, body, self.query.fields, self.query.flags)
            if (self.content_type not in _AS_WRITTEN and self.content_type.lower() not in _AS_WRITTEN) or b"\0" in body:
                # What a charset or a transfer encoding spelled in another way can be seen only now.
                for one in parsed:
                    one.fields.raw = _censored(one.fields.raw, self.censor)
        except UnreadCodingError as error:
            raise UnreadError(str(error)) from None
        except (UndecodableError, CodingError) as error:
            raise UnusableError(str(error)) from None
        if self.callback.wants_answer and len(parsed) > 1:
            raise UnusableError("several callbacks, where one call wants one answer")
        return parsed

    def event(self, fields: Fields, normaliser: Normaliser) -> Event:
        """Make the event of one of the callbacks. Raises UnusableError."""
        fields.path = self.path
        return normaliser.event(self.callback, fields, self.account, self.query.context, self.received)


def _censored(fields: dict[str, JsonValue], censor: Censor) -> dict[str, JsonValue]:
    return {censor.text(name): rewritten(value, censor.text) for name, value in fields.items()}


def check_size(size: int) -> None:
    """Check what the events of a request take, in bytes of their JSON. Raises UnusableError where it is too much."""
    if size > MAX_EVENTS_BYTES:
        raise UnusableError(f"its events would take more than {MAX_EVENTS_BYTES} bytes")
