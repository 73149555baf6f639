"""Asking: one request as Mocean reads it, its credentials, and what a number or a plan makes of it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from ringback.simulator.magic_numbers import Answering, Outcome
from ringback.simulator.world import World

_NUMBER: Final = re.compile(r"[1-9][0-9]{6,14}")
_WHOLE: Final = re.compile(r"[0-9]{1,10}")
_BEARER: Final = "bearer "


class MoceanRefusalError(Exception):
    """A request that Mocean refuses, by its code."""

    def __init__(self, code: int, hint: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says, from query, form or JSON alike; `planned` is what was planned for it."""

    fields: Mapping[str, object] = field(repr=False)
    has_token: bool
    is_json: bool
    planned: Outcome | None = None

    def text(self, name: str) -> str:
        """Return a parameter without blanks around it; empty where it is missing."""
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        return str(value).strip()

    @property
    def wants_json(self) -> bool:
        """Whether the answer is to be JSON; XML is the default."""
        return self.text("mocean-resp-format").lower() == "json"

    @property
    def is_authorized(self) -> bool:
        """Whether there are credentials, of any value: key and secret, or a token."""
        return self.has_token or bool(self.text("mocean-api-key") and self.text("mocean-api-secret"))

    def number(self, name: str, *, missing: int, invalid: int) -> str:
        """Return the digits of a number. Refuses with one code or the other."""
        digits = re.sub(r"\D", "", self.text(name))
        if not self.text(name):
            raise MoceanRefusalError(missing)
        if not _NUMBER.fullmatch(digits):
            raise MoceanRefusalError(invalid)
        return digits

    def whole(self, name: str, least: int, most: int, default: int, code: int) -> int:
        """Return a whole number of a range. Refuses with the code."""
        text = self.text(name)
        if not text:
            return default
        if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
            raise MoceanRefusalError(code)
        return int(text)

    def url(self, name: str) -> str | None:
        """Return a URL; None where there is none."""
        return self.text(name) or None

    def outcome(self, world: World, operation: str, number: str, *, throttled: int) -> Outcome:
        """Return what becomes of it. Refuses where the number or the plan says so; `throttled`: the endpoint's code."""
        outcome = self.planned or world.outcomes.of_number(f"mocean {operation}", number)
        if outcome.answering is Answering.THROTTLE and not outcome.is_taken:
            raise MoceanRefusalError(throttled)
        if outcome.answering is Answering.CODE and not outcome.is_taken:
            raise MoceanRefusalError(outcome.code or 0)
        return outcome


async def read_asked(request: Request, planned: Outcome | None) -> Asked:
    """Read a request: the query, and a form or JSON, which a `curl -d` may declare as a form."""
    fields: dict[str, object] = dict(request.query_params)
    body = await request.body()
    is_json = body.lstrip().startswith(b"{")
    if is_json:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            fields |= value
        else:
            is_json = False
    else:
        fields |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    scheme = request.headers.get("Authorization", "")
    token = scheme[len(_BEARER) :].strip() if scheme.lower().startswith(_BEARER) else ""
    return Asked(fields, bool(token), is_json, planned)
