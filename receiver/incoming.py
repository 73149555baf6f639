"""Incoming: a request that was let in, from its bytes to its events.

The endpoint reads what comes over HTTP with this, and `ringback quarantine retry` what was kept of it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from starlette.routing import compile_path

from receiver.callbacks import Callback
from receiver.door import Query
from receiver.fields import Fields
from receiver.normalise import Normaliser, UnusableError
from receiver.parse import MAX_FIELDS, Parsed, UndecodableError, parse
from receiver.providers import CALLBACKS
from schemas.censor import Censor
from schemas.events import Event

ROOT: Final = "/webhooks/"


class Incoming(NamedTuple):
    """A request to the path of a callback. `content_type` is in lower case; `path` are the path's parameters."""

    callback: Callback
    path: Mapping[str, str]
    query: Query
    account: str
    received: datetime
    content_type: str
    body: bytes

    def censored(self, censor: Censor) -> "Incoming":
        """Return it without tokens anywhere but in their own place, so that nothing made of it has one."""
        body = censor.data(self.body)
        query = self.query.censored(censor) if self.query.fields or self.query.context else self.query
        path = {name: censor.text(value) for name, value in self.path.items()} if self.path else self.path
        if body is self.body and query is self.query and path is self.path:
            return self
        return self._replace(path=path, query=query, body=body)

    def callbacks(self) -> list[Parsed]:
        """Read the callbacks that the request holds. Raises UnusableError where it can be read in no way."""
        if self.query.count > MAX_FIELDS:
            raise UnusableError(f"more than {MAX_FIELDS} parameters in the URL")
        try:
            parsed = parse(self.content_type, self.body, self.query.fields, self.query.flags)
        except UndecodableError as error:
            raise UnusableError(str(error)) from None
        if self.callback.wants_answer and len(parsed) > 1:
            raise UnusableError("several callbacks, where one call wants one answer")
        return parsed

    def event(self, fields: Fields, normaliser: Normaliser) -> Event:
        """Make the event of one of the callbacks. Raises UnusableError."""
        fields.path = self.path
        return normaliser.event(self.callback, fields, self.account, self.query.context, self.received)


def callback_at(path: str) -> tuple[Callback, dict[str, str]] | None:
    """Give the callback that lives at a URL's path, and the path's parameters; None where none does."""
    for callback in CALLBACKS:
        pattern, _, _ = compile_path(ROOT + callback.name)
        if found := pattern.match(path):
            return callback, found.groupdict()
    return None
