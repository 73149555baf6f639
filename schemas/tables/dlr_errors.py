"""Error codes of Mocean's SMS delivery reports (document: "Delivery Report"). The texts are the document's own.

`permanent` is our judgement, the document has none. True: the same message to the same number will fail again until
someone changes something (the number, the sender, the text, the account). False: time alone may mend it. None: the text
does not say, or, as with 96, the message may have arrived after all.
"""

from typing import Final

from ringback.schemas.event_data import Error

_ROWS: Final[tuple[tuple[int, str, bool | None], ...]] = (
    (0, "No error.", None),
    (1, "Absent subscriber.", False),
    (2, "Handset memory capacity exceeded. Handset has run out of free memory to store new message.", False),
    (3, "Equipment protocol error.", None),
    (4, "Equipment not equipped with short-message capability.", True),
    (5, "Unknown subscriber. The IMSI is unknown in the HLR.", True),
    (6, "Illegal subscriber. The mobile station failed authentication.", True),
    (
        7,
        "Teleservice not provisioned. Mobile subscription identified by the MSISDN number does include the "
        "short message service.",
        True,
    ),
    (8, "Illegal equipment. IMEI check failed, i.e. the IMEI is either black listed or not white listed.", True),
    (9, "Call barred. Operator barred the MSISDN number.", True),
    (10, "Facility not supported. VLR in the PLMN does not support MT short message service.", None),
    (
        11,
        "Subscriber busy for MT short message. Mobile terminated short message transfer cannot be completed "
        "because: a. another MT SM transfer is going on and the delivery node does not support buffering. b. "
        "another MT SM transfer is going on and it is not possible to buffer the message for later delivery. "
        "c. the message was buffered but it is not possible to deliver the message before the expiry of the "
        "buffering time defined in GSM 03.40.",
        False,
    ),
    (12, "System failure. Task cannot be completed because of a problem in another entity.", False),
    (13, "Data missing. Necessary parameter is not present in the primitive.", None),
    (14, "Unexpected data value. Necessary data is badly formatted in the primitive.", None),
    (15, "Unidentified subscriber.", None),
    (16, "Absent subscriber. No paging response.", False),
    (17, "Absent subscriber. IMSI detached.", False),
    (18, "Absent subscriber. Roaming restriction.", False),
    (19, "Subscriber busy for USSD.", False),
    (47, "SMSC SS7 error.", False),
    (49, "SMS discarded. Unable to fulfill request.", None),
    (50, "SMS is rejected.", None),
    (51, "SMS malformed. SMS is not formed correctly. This error is specific to IP-based protocols like SMPP.", True),
    (52, "SMS expired.", False),
    (53, "Insufficient credit. The user has insufficient credit/not allowed to send to that destination.", True),
    (54, "Invalid destination. Receiver is not a valid number.", True),
    (55, "Unable to find outbound route for this SMS.", True),
    (56, "SMS buffered.", False),
    (57, "Timeout waiting for response from peer.", False),
    (58, "Throttling error. The user has exceeded allowed message limit.", False),
    (59, "SMS suspected spam message.", True),
    (60, "Invalid service keyword (premium SMS).", True),
    (61, "Subscriber blacklisted.", True),
    (62, "Subscriber not white listed.", True),
    (63, "Invalid sender length.", True),
    (65, "System down for maintenance.", False),
    (66, "Invalid data coding. This error is specific to SMPP protocol.", True),
    (67, "Invalid USSD session ID passed in.", True),
    (68, "SMS flooding detected.", False),
    (69, "Invalid sender ID.", True),
    (70, "Unable to fulfill request due to invalid credentials.", True),
    (71, "Subscriber opted out from receiving SMS.", True),
    (72, "Invalid MNC/MCC passed in.", True),
    (73, "Invalid MO ID (premium SMS).", True),
    (74, "SMS rejected. Error received from peer SMSC.", None),
    (75, "SMS rejected. Inappropriate SMS content.", True),
    (76, "Sender ID blacklisted.", True),
    (77, "Sender ID not white listed.", True),
    (78, "No pricing information found for pricing request.", True),
    (79, "Multiple charging packages found for pricing request.", True),
    (80, "Invalid message ID for message status request.", True),
    (81, "Charging failed.", None),
    (91, "Invalid schedule date.", True),
    (94, "URL blacklisted.", True),
    (95, "URL not white listed.", True),
    (96, "Message expired in system with no final status from carrier.", None),
    (100, "Source account blacklisted.", True),
    (101, "Destination account blacklisted.", True),
    (102, "Source account not white listed.", True),
    (103, "Destination account not white listed.", True),
    (121, "Invalid service.", True),
    (134, "Invalid type.", True),
    (137, "Subscriber and sender blacklisted.", True),
    (155, "Invalid receiver.", True),
    (159, "Invalid URL.", True),
    (160, "Traffic volume limit reached.", False),
    (255, "Unknown error.", None),
)

DLR_ERRORS: Final = {
    code: Error(code=code, name=text.partition(". ")[0].rstrip(".") + ".", description=text, permanent=permanent)
    for code, text, permanent in _ROWS
}
"""Errors by code, made once: they are frozen. The name is the first sentence of the description."""
