"""Normalise: from a callback's fields to an event. Around the providers' mapping: id, time, envelope, raw, context."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from ringback.receiver.parsing.callbacks import Callback, Normalised
from ringback.receiver.parsing.fields import Fields
from ringback.receiver.providers import CALLBACKS
from ringback.schemas.event_ids import digest_of
from ringback.schemas.events import EVENT_OF_DATA, Event


class UnusableError(Exception):
    """A callback that can become no event: what is wrong, which field, and which path it belongs to if another."""

    def __init__(self, reason: str, field: str | None = None, belongs_to: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.belongs_to = belongs_to


@dataclass(frozen=True, slots=True)
class Normaliser:
    """Makes events. `zone` is that of provider times without one."""

    zone: ZoneInfo

    def event(
        self, callback: Callback, fields: Fields, account: str, context: Mapping[str, str], received: datetime
    ) -> Event:
        """Make the event of a callback.

        Raises UnusableError where a mandatory field is missing; it names the right path if the callback is another's.
        """
        if missing := callback.missing(fields):
            if owner := owner_of(fields):
                path = f"/webhooks/{owner.name}"
                raise UnusableError(f"this is a callback for {path}", str(missing), path)
            what = "holds no text" if missing.is_there(fields) else "is missing"
            raise UnusableError(f"{missing} {what}", str(missing))
        draft = callback.normalise(fields)
        event_id = digest(callback, account, draft)
        make: Callable[..., Event] = EVENT_OF_DATA[type(draft.data)]
        return make(
            id=event_id,
            source=f"/{callback.provider}/{account}",
            subject=draft.subject,
            time=self._utc(draft.time) if draft.time else received,
            provider=callback.provider,
            account=account,
            receivedat=received,
            partitionkey=draft.party or draft.subject or event_id,
            data=replace(draft.data, context=dict(context), raw=fields.raw, flags=tuple(fields.flags)),
        )

    def _utc(self, time: datetime) -> datetime:
        return (time if time.tzinfo else time.replace(tzinfo=self.zone)).astimezone(UTC)


def digest(callback: Callback, account: str, draft: Normalised) -> str:
    """Give an event's id: the same for a provider's repeat, another for another account (contract, section 2)."""
    if draft.identity is None:
        return secrets.token_hex(16)
    kind = callback.path.partition("{")[0]
    return digest_of((callback.provider, account, kind, *draft.identity))


def owner_of(fields: Fields) -> Callback | None:
    """Give the callback whose fields these are, None where no one or more than one would take them.

    Of several that take them those count whose marks they have too.
    """
    takers = [callback for callback in CALLBACKS if "{" not in callback.path and callback.missing(fields) is None]
    marked = [callback for callback in takers if callback.is_marked(fields)]
    likely = marked or [callback for callback in takers if not callback.marks]
    return likely[0] if len(likely) == 1 else None
