"""Mocean number lookup results (document: "Number Lookup API"). Forms. They are repeated for 36 hours."""

from typing import Final

from ringback.receiver.parsing.callbacks import Callbacks, Need, Normalised
from ringback.receiver.parsing.fields import Fields
from ringback.receiver.parsing.values import choice
from ringback.receiver.providers.mocean.parties import value
from ringback.schemas.carriers import PORTED, MobileCode, carrier, is_unknown_network
from ringback.schemas.event_data import Carrier, Error, LookupCompleted, LookupStatus, Ported
from ringback.schemas.tables.lookup_errors import LOOKUP_ERRORS

LOOKUP_CODE: Final = {"ok": 0} | {name.rstrip(".").lower(): code for code, (name, _) in LOOKUP_ERRORS.items()}

callbacks = Callbacks("mocean")


@callbacks.at("/number-lookup", method="PUT", needs=("status", Need(("msgid", "to"), addresses=("to",))))
def number_lookup(fields: Fields) -> Normalised:
    """Number Lookup API, "Delivery Result". Its MCC and MNC are numbers, so that they have lost their zeros."""
    lookup_id = fields.identifier("msgid")
    number = fields.address("to")
    error = lookup_error(fields)
    return Normalised(
        subject=lookup_id,
        identity=(lookup_id, value(number)) if lookup_id else None,
        data=LookupCompleted(
            lookup_id=lookup_id,
            number=number,
            status=LookupStatus.FAILED if error else LookupStatus.OK,
            current_carrier=network(fields.part("current_carrier")),
            original_carrier=network(fields.part("original_carrier")),
            ported=choice(fields, "ported", PORTED, Ported.UNKNOWN),
            error=error,
        ),
        party=number.value if number else None,
    )


def lookup_error(fields: Fields) -> Error | None:
    """Return a lookup's error; None for status 0."""
    word = (fields.word("status") or "").lower().rstrip(".")
    code = LOOKUP_CODE[word] if word in LOOKUP_CODE else fields.integer("status", "unknown:status")
    if code == 0:
        return None
    name, permanent = LOOKUP_ERRORS.get(code or 0, (None, None))
    return Error(code=code, name=name, description=fields.word("err_msg"), permanent=permanent)


def network(fields: Fields) -> Carrier | None:
    """Return a lookup's carrier; None for network code 0, the unknown one."""
    code = fields.word("network_code")
    if not fields.raw or is_unknown_network(code):
        return None
    return carrier(
        country=fields.word("country"),
        name=fields.word("name"),
        code=code,
        mcc=MobileCode(fields.word("mcc"), fields.integer("mcc")),
        mnc=MobileCode(fields.word("mnc"), fields.integer("mnc")),
    )
