"""My-Cool-SMS's words for a message's status (document, "Status Reference"), in callbacks and in what is asked."""

from typing import Final

from ringback.schemas.event_data import Status

WORD: Final = {  # ours -> their word; UNKNOWN_ID is only named for polling, and says nothing of a message
    Status.QUEUED: "SMS_STATUS_QUEUED",
    Status.SENT: "SMS_STATUS_AT_CARRIER",  # some carriers never report further
    Status.DELAYED: "SMS_STATUS_DELIVERY_DELAYED",
    Status.DELIVERED: "SMS_STATUS_DELIVERED",
    Status.BOUNCED: "SMS_STATUS_BOUNCED",
    Status.EXPIRED: "SMS_STATUS_EXPIRED",
    Status.FAILED: "SMS_STATUS_ERROR",
}
STATUS: Final = {written: status for status, word in WORD.items() for written in (word, word.lower())}
FINAL: Final = frozenset({Status.DELIVERED, Status.BOUNCED, Status.EXPIRED, Status.FAILED})
