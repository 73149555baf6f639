"""Replies: what a voice worker sends to the receiver that a call waits in, on that process's list."""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue

REPLY_TTL_S: Final = 60
"""How long a list of replies outlives its last one: its receiver may be gone."""


class Failure(StrEnum):
    """Why a worker has no answer to a call."""

    NO_HANDLER = "no_handler"
    HANDLER_RAISED = "handler_raised"
    HANDLER_TIMEOUT = "handler_timeout"
    INVALID_MC = "invalid_mc"


class Reply(BaseModel):
    """The answer to a call, which is named by its event's id: the MC as the wire has it, or why there is none."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    call: str
    mc: list[JsonValue] | None = None
    failure: Failure | None = None
