"""Error codes of Mocean's number lookup (document: "Number Lookup API"). The texts are the document's own.

`permanent` is our judgement, as in `dlr_errors`: the document has none.
"""

from typing import Final

LOOKUP_ERRORS: Final[dict[int, tuple[str, bool | None]]] = {  # code: text, permanent
    1: ("Authorization failed. Invalid mocean-api-key or mocean-api-secret or IP not whitelisted.", True),
    2: ("Insufficient balance.", True),
    6: ("No phone number specified.", True),
    24: ("Unknown error.", None),
    28: ("Invalid phone number.", True),
    32: ("Throttled error.", False),
    34: ("Invalid request received.", True),
    40: ("System down for maintenance.", False),
    45: ("System error, please try again.", False),
    65: ("Route not found.", True),
    70: ("Invalid service - Request made is not a service enabled on your account.", True),
}
