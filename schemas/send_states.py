"""States of a send, from when it was asked for until its fate is known: what a listing has to know of the outbox."""

from enum import StrEnum


class SendState(StrEnum):
    """Where a send is. From `claimed` on a request may have gone out; `dropped` by hand."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    EXPIRED = "expired"
    DROPPED = "dropped"
