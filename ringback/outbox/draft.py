"""Draft: one SMS, WhatsApp message or call that is to go out, as it is kept in the outbox.

It names no URL and no credentials: those are of the process that sends it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from json.encoder import encode_basestring_ascii as _quoted
from typing import Final, Literal, get_args

from pydantic import JsonValue

from ringback.schemas.provider_names import PROVIDERS, Provider

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"

Kind = Literal["sms", "whatsapp", "call", "direct"]
"""`direct`: a call that a handler makes itself, once (ringback.outbox.slots); no sender sees it."""
InDoubt = Literal["hold", "again"]
"""What becomes of a send whose fate is unknown: `hold` never repeats it, `again` sends it until an answer comes."""


@dataclass(slots=True)
class Draft:
    """One SMS, WhatsApp message or call that is to go out. Nobody changes one; to freeze it would cost as much again.

    `to` and `from_` as the provider takes them; without `from_` the account's own sender is used. `body`: what it says
    (`text`, `content` or `commands`), and when it is to be sent (`schedule`). `expires_at`: seconds of UNIX time after
    which it is of no use. `handler` and `cause`: who asked for it, and the id of the event that it handled.
    """

    kind: Kind
    provider: Provider
    account: str
    to: str = field(repr=False)
    body: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)
    from_: str | None = field(default=None, repr=False)
    context: Mapping[str, str] = field(default_factory=dict, repr=False)
    expires_at: float | None = None
    in_doubt: InDoubt = "hold"
    handler: str | None = None
    cause: str | None = None

    @property
    def line(self) -> str:
        """What names its line: the sends to one recipient go out one by one, in their order."""
        return f"{self.provider}:{self.account}:{self.to}"

    def dump(self) -> str:
        """Return the JSON in which it waits. By hand, which is several times faster: most drafts are one text."""
        body, quoted = self.body, _quoted
        text = body.get("text") if len(body) == 1 else None
        said = f'{{"text":{quoted(text)}}}' if isinstance(text, str) else json.dumps(body, separators=(",", ":"))
        from_ = "" if self.from_ is None else f',"from_":{quoted(self.from_)}'
        context = f',"context":{json.dumps(dict(self.context))}' if self.context else ""
        expires = "" if self.expires_at is None else f',"expires_at":{self.expires_at!r}'
        handler = "" if self.handler is None else f',"handler":{quoted(self.handler)}'
        cause = "" if self.cause is None else f',"cause":{quoted(self.cause)}'
        return (
            f'{{"kind":"{self.kind}","provider":"{self.provider}","account":{quoted(self.account)},"to":"{self.to}",'
            f'"body":{said},"in_doubt":"{self.in_doubt}"{from_}{context}{expires}{handler}{cause}}}'
        )

    @classmethod
    def load(cls, stored: bytes | str) -> "Draft":
        """Read what `dump` gave. Raises ValueError for what this version does not know."""
        said = json.loads(stored)
        if (
            not isinstance(said, dict)
            or said.get("kind") not in get_args(Kind)
            or said.get("provider") not in PROVIDERS
        ):
            raise ValueError("a send of a kind that this version does not know")
        try:
            return cls(**{name: value for name, value in said.items() if name in _NAMES})
        except TypeError:
            raise ValueError("a send that lacks what this version needs") from None


# Two letters of base32 (RFC 4648) at once: the standard library's own takes ten times as long.
_PAIRS: Final = [one + other for one in _LETTERS for other in _LETTERS]
_SHIFTS: Final = range(70, -1, -10)
_NAMES: Final = tuple(one.name for one in fields(Draft))


@dataclass(slots=True)
class Sending:
    """What somebody has asked to be sent. `message.sent` and the reports that follow name its `ref`."""

    ref: str
    provider: str
    account: str
    to: str = field(repr=False)


def ref_of(*named: str) -> str:
    """Return the ref of a send: 16 letters and digits, the same for the same names."""
    number = int.from_bytes(blake2b("\0".join(named).encode(), digest_size=10).digest())
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])
