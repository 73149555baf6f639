"""Incoming: a request that was let in, from its bytes to its events.

The endpoint reads what comes over HTTP with this, and `ringback quarantine retry` what was kept of it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from starlette.routing import compile_path

from receiver.callbacks import Callback
from receiver.door import MAX_CONTEXT_BYTES, Query
from receiver.fields import Fields
from receiver.normalise import Normaliser, UnusableError
from receiver.parse import MAX_FIELDS, Parsed, UndecodableError, parse
from receiver.providers import CALLBACKS
from schemas.events import Event

ROOT: Final = "/webhooks/"
MAX_EVENTS_BYTES: Final = 5 * 1024 * 1024
"""What the events of a request may take, as JSON, all together: more than any text of 256 KiB becomes, which stands in
its event three times, and of which a control character is written with six bytes.
"""


class Incoming(NamedTuple):
    """A request to the path of a callback. `content_type` is in lower case; `path` are the path's parameters."""

    callback: Callback
    path: Mapping[str, str]
    query: Query
    account: str
    received: datetime
    content_type: str
    body: bytes

    def callbacks(self) -> list[Parsed]:
        """Read the callbacks that the request holds. Raises UnusableError where it can be read in no way."""
        if self.query.count > MAX_FIELDS:
            raise UnusableError(f"more than {MAX_FIELDS} parameters in the URL")
        if self.query.context and self.query.context_bytes > MAX_CONTEXT_BYTES:
            raise UnusableError(f"more than {MAX_CONTEXT_BYTES} bytes of ctx. parameters in the URL")
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


def check_size(size: int) -> None:
    """Check what the events of a request take, in bytes of their JSON. Raises UnusableError where it is too much."""
    if size > MAX_EVENTS_BYTES:
        raise UnusableError(f"its events would take more than {MAX_EVENTS_BYTES} bytes")


def callback_at(path: str) -> tuple[Callback, dict[str, str]] | None:
    """Give the callback that lives at a URL's path, and the path's parameters; None where none does."""
    for callback in CALLBACKS:
        pattern, _, _ = compile_path(ROOT + callback.name)
        if found := pattern.match(path):
            return callback, found.groupdict()
    return None
