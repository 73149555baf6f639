"""Reply: what an endpoint of Mocean makes of a request that it accepts."""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from ringback.simulator.magic_numbers import USUAL, Outcome


@dataclass(frozen=True, slots=True)
class MoceanReply:
    """The fields of an answer, or a whole answer; and what lets its callbacks follow, awaited before it is sent."""

    fields: Mapping[str, object] = field(default_factory=dict)
    status: int = 200
    outcome: Outcome = USUAL
    follows: tuple[Coroutine[Any, Any, None], ...] = ()
    response: Response | None = None
