"""The visit: one request that was let in and is whole, and how it is kept where it can become no event.

ringback.receiver.storing makes events of it, and ringback.receiver.call answers it where someone waits on the phone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple
from urllib.parse import quote

from starlette.types import Scope

from ringback.logs.bounded import BoundedLog
from ringback.receiver.bounds.limiter import Limiter
from ringback.receiver.bounds.load import Load
from ringback.receiver.commit.committer import CommitError, Committer
from ringback.receiver.http.addresses import Addresses
from ringback.receiver.http.answers import Answer
from ringback.receiver.http.door import Door
from ringback.receiver.metrics import CallCounts, EventCounts, Refusals
from ringback.receiver.parsing.normalise import Normaliser, UnusableError
from ringback.receiver.parsing.request import CallbackRequest, UnreadError
from ringback.receiver.quarantine.keeping import BROKEN, Kept, Quarantine, without_secrets
from ringback.receiver.replies import Replies
from ringback.schemas.callback_parameters import without_secret
from ringback.schemas.censor import Censor

_OF_THE_WHOLE_BODY: Final = frozenset({b"content-type", b"content-encoding", b"content-length"})


@dataclass(frozen=True, slots=True)
class Receiver:
    """What every gate works with. One a process, made by the app."""

    addresses: Addresses
    limiter: Limiter
    door: Door
    censor: Censor
    load: Load
    refusals: Refusals
    lines: BoundedLog
    normaliser: Normaliser
    committer: Committer
    quarantine: Quarantine
    replies: Replies
    call_counts: CallCounts
    event_counts: EventCounts
    logs_each_event: bool
    max_body: int
    voice_deadline: timedelta
    voice_fallbacks: Mapping[str, list[dict[str, object]]]


class Visit(NamedTuple):
    """One request that was let in. `began`: when it was whole, by `time.monotonic`."""

    request: CallbackRequest
    receiver: Receiver
    scope: Scope
    began: float

    async def unusable(self, error: UnusableError, body: bytes) -> tuple[Answer, dict[str, str]]:
        """Quarantine a request and say what is wrong with it."""
        name = self.request.callback.name
        self.receiver.lines.warning(
            "callback.unusable", self.request.account, callback=name, field=error.field, reason=error.reason
        )
        self.receiver.event_counts.unusable(self.request.callback.provider, self.request.account)
        problem = {"detail": error.reason}
        if error.field:
            problem["field"] = error.field
        if error.belongs_to:
            problem["path"] = error.belongs_to
        if not await self._keep(error.reason, body):
            return Answer.NOT_STORED, {}
        return Answer.UNREAD_CODING if isinstance(error, UnreadError) else Answer.UNUSABLE, problem

    async def broken(self, body: bytes) -> tuple[Answer, dict[str, str]]:
        """Quarantine a request that an error of ours keeps from becoming an event: once that is fixed, it can."""
        self.receiver.event_counts.broken(self.request.callback.provider, self.request.account)
        await self._keep(BROKEN, body)
        return Answer.BROKEN, {}

    async def _keep(self, reason: str, body: bytes) -> bool:
        """Quarantine a request. Return whether it is kept."""
        try:
            await self.receiver.quarantine.keep(
                Kept(
                    account=self.request.account,
                    path=self._path(),
                    reason=reason,
                    method=self.scope["method"],
                    headers=self.receiver.censor.data(without_secrets(self._headers(body))),
                    body=body,
                    received=self.request.received,
                )
            )
        except CommitError:
            self.receiver.lines.warning("quarantine.failed", callback=self.request.callback.name)
            return False
        except Exception:  # noqa: BLE001 - logged
            self.receiver.lines.exception("quarantine.failed", callback=self.request.callback.name)
            return False
        return True

    def _headers(self, body: bytes) -> list[tuple[bytes, bytes]]:
        """Return the headers that go with a body: the request's, or of an array's element what it alone would have."""
        headers: list[tuple[bytes, bytes]] = self.scope["headers"]
        if body is not self.request.body:
            others = [header for header in headers if header[0] not in _OF_THE_WHOLE_BODY]
            return [*others, (b"content-type", b"application/json")]
        if self.request.content_encoding:
            return headers
        return [header for header in headers if header[0] != b"content-encoding"]  # it is undone, if there was one

    def _path(self) -> str:
        """Return the path and the query as sent, less the secret and all other places of a token."""
        path = quote(self.scope["path"])
        parameters = without_secret(self.scope["query_string"])
        return self.receiver.censor.text(f"{path}?{parameters}" if parameters else path)
